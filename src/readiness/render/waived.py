"""What was accepted although it was seen to fail, as every report says it."""

from pydantic import Field

from readiness.judging.verdict import Use
from readiness.render import words
from readiness.render.part import Moment, Part


class Waiver(Part):
    """One waiver that the run read, and how often it was used."""

    file: str
    about: str = Field(description="The check or the clause that it accepts as red.")
    scope: str
    reason: str
    owner: str
    approver: str
    until: Moment
    used: int = Field(description="The red cases that it stands for; 0 where it has no effect.")
    cases: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    no_effect: str = Field(default="", description="Why it has none; empty where it has one.")


def waiver(use: Use) -> Waiver:
    """One waiver of the verdict."""
    body = use.given.body
    return Waiver(
        file=use.given.file,
        about=body.about,
        scope=body.scope,
        reason=body.reason,
        owner=body.signer,
        approver=use.given.approver,
        until=use.given.ends,
        used=len(use.cases),
        cases=use.cases,
        clauses=use.clauses,
        no_effect=use.why_not,
    )


def told(one: Waiver) -> str:
    """What a waiver does, in one sentence."""
    if one.no_effect:
        return f"a waiver has no effect: {one.no_effect}"
    cases = words.count(one.used, "red case")
    who = f"owned by {one.owner}, approved by {one.approver}, until {words.minute(one.until)}"
    return (
        f"red, and accepted: {', '.join(one.clauses)} ({cases} of {one.about} at {one.scope}), "
        f"{one.reason.rstrip('.')} ({who})"
    )
