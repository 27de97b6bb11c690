"""What people signed, as the verdict's document has it."""

from pydantic import Field

from readiness.attesting.words import Statement
from readiness.render.part import Moment, Part


class Attested(Part):
    """What somebody signed that a clause rests on, and who approved it."""

    file: str
    subject: str
    signer: str
    approver: str = Field(description="Empty where the class needs no second signature.")
    seen: tuple[str, ...] = Field(description="Each file that was seen, with its SHA-256 begun.")
    signed: Moment
    until: Moment


def attested(one: Statement) -> Attested:
    """One attestation that counts."""
    return Attested(
        file=one.file,
        subject=one.subject,
        signer=one.signer,
        approver=one.approver,
        seen=one.seen,
        signed=one.signed,
        until=one.ends,
    )
