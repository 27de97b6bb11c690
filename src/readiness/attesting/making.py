"""Writes an attestation and its signatures; both appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from readiness.attesting import sshsig
from readiness.attesting.body import (
    APPROVED,
    MOST_SEEN,
    SIGNED,
    About,
    Body,
    Paper,
    Seen,
    pins_of,
)
from readiness.attesting.folder import (
    APPROVAL,
    BODY,
    SIGNATURE,
    Filed,
    digest,
    folder_of,
    read_one,
    refuse_hidden,
)
from readiness.attesting.signatures import end_of
from readiness.attesting.waiver import Waiver
from readiness.catalogue.clauses import PEOPLE, Clause, load_clauses
from readiness.evidence.redact import Redactor
from readiness.model.errors import StateError, UsageError
from readiness.site.environment import Environment
from readiness.site.policy import Policy
from readiness.site.signers import CLASSES, Attestations, Signer

KEPT: Final = "seen"
PURPOSES: Final = (SIGNED, APPROVED, Waiver.signed_as, Waiver.approved_as)


@dataclass(frozen=True)
class Wish:
    """What somebody vouches for. `subject` is the environment where the clause is about it."""

    clause: str
    subject: str
    says: str
    seen: tuple[Path, ...]
    since: date | None
    until: date
    keep: bool = False
    signer: str = ""
    """Who will sign by another tool, where no key is given."""


def attest(
    wish: Wish,
    environment: Environment,
    policy: Policy,
    key: Ed25519PrivateKey | None,
    at: datetime,
) -> Path:
    """Write what is wished, signed where a key is given; the file that it is in.

    Raises:
        UsageError: the clause, the signer, the environment or what was seen is not fit for it.
        StateError: it can't be written; nothing is left behind.
    """
    rules, folder = _rules(policy)
    clause = _human(wish.clause)
    signer = signer_of(rules, key) if key else named(rules, wish.signer)
    if not signer.covers(signer.may_sign, clause.kind, clause.id):
        raise not_allowed(policy, signer, "sign", clause.kind)
    body = _body(
        {
            "schema": 1,
            "clause": clause.id,
            "class": clause.kind,
            "subject": _subject(clause, wish, environment, rules),
            "says": wish.says or clause.text,
            "seen": _seen(wish, folder),
            "environment": _about(environment, clause),
            "signer": signer.name,
            "signed": at.replace(microsecond=0),
            "since": wish.since or at.astimezone(UTC).date(),
            "until": _until(wish, clause, rules, at),
        }
    )
    path = folder / f"{clause.id.replace('/', '.')}-{body.subject}-{at:%Y%m%dT%H%M%S}{BODY}"
    file(path, body, key)
    return path


def file(path: Path, body: Paper, key: Ed25519PrivateKey | None) -> None:
    """Write a body, with its first signature where a key is given.

    Raises:
        UsageError: it exists already, or says what the record would hide.
        StateError: it can't be written; nothing is left behind.
    """
    refuse_hidden(path, Filed(path, body, None, None).told(), Redactor())
    if path.exists():
        raise UsageError("exists already", str(path), expected=f"one {body.called} in a second")
    files = {path: body.spelled().decode()}
    if key is not None:
        made = sshsig.sign(body.spelled(), body.signed_as, key).armoured(body.signed_as)
        files = {path.with_name(path.name.removesuffix(BODY) + SIGNATURE): made} | files
    _write(files)


def approve(path: Path, policy: Policy, key: Ed25519PrivateKey, form: type[Paper] = Body) -> Path:
    """Add the second signature to a signed file; the file that it is in.

    Raises:
        UsageError: who approves may not, or it is no file of that form.
    """
    rules = rules_of(policy)
    one = read_one(path, form)
    approver = signer_of(rules, key)
    body = one.body
    if approver.name == body.signer:
        raise UsageError("is signed by who approves it", str(path), expected="somebody else")
    if not approver.covers(approver.may_approve, body.right, body.alone):
        raise not_allowed(policy, approver, "approve", body.right)
    signed = one.signature is not None and one.signature.made(body.spelled(), body.signed_as)
    if not signed:
        raise UsageError("is not signed as it is", str(path), expected="the first signature")
    target = path.with_name(path.name.removesuffix(BODY) + APPROVAL)
    made = sshsig.sign(body.spelled(), body.approved_as, key).armoured(body.approved_as)
    _write({target: made})
    return target


def _body(said: dict[str, object]) -> Body:
    try:
        return Body.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(first["msg"], key=f"--{first['loc'][0]}") from None


def allowed_signers(rules: Attestations) -> Iterable[str]:
    """The policy's signers as `ssh-keygen -Y verify -f` reads them."""
    for one in rules.signers:
        yield f'{one.name} namespaces="{",".join(PURPOSES)}" {sshsig.public_line(one.key)}'


def _rules(policy: Policy) -> tuple[Attestations, Path]:
    return rules_of(policy), folder_of(policy) or Path()


def rules_of(policy: Policy) -> Attestations:
    """Who may sign.

    Raises:
        UsageError: the policy names nobody.
    """
    if policy.attestations is None:
        raise UsageError(
            "names nobody whose signature counts",
            str(policy.file),
            key="attestations",
            expected="a folder and signers",
            found="nothing",
        )
    return policy.attestations


def _human(identity: str) -> Clause:
    """The clause, if only people can vouch for it."""
    clauses = {one.id: one for criterion in load_clauses() for one in criterion.clauses}
    clause = clauses.get(identity)
    if clause is None or clause.by != PEOPLE:
        human = ", ".join(one.id for one in clauses.values() if one.by == PEOPLE)
        problem = "no signature can prove it" if clause else "unknown clause"
        raise UsageError(problem, key="--clause", expected=f"one of {human}", found=identity)
    return clause


def signer_of(rules: Attestations, key: Ed25519PrivateKey) -> Signer:
    """Whose key of the policy it is.

    Raises:
        UsageError: it is nobody's.
    """
    public = sshsig.sign(b"", SIGNED, key).key
    signer = rules.signer(public)
    if signer is None:
        raise UsageError(
            "is a key that the policy does not name",
            key="--key",
            expected=f"a key of {', '.join(one.name for one in rules.signers)}",
            found=sshsig.public_line(public),
        )
    return signer


def named(rules: Attestations, name: str) -> Signer:
    """The signer who signs elsewhere."""
    names = [one.name for one in rules.signers]
    if name not in names:
        expected = f"--key file:PATH, or --as with one of {', '.join(names)}"
        raise UsageError("nobody signs it", key="--as", expected=expected, found=name or "nothing")
    return rules.signers[names.index(name)]


def not_allowed(policy: Policy, signer: Signer, what: str, kind: str) -> UsageError:
    """The refusal of a signer whom the policy does not allow it."""
    scopes = signer.may_sign if what == "sign" else signer.may_approve
    return UsageError(
        f"{signer.name} may not {what} it",
        str(policy.file),
        key=f"attestations.signers.may_{what}",
        expected=kind,
        found=", ".join(scopes) or "nothing",
    )


def _subject(clause: Clause, wish: Wish, environment: Environment, rules: Attestations) -> str:
    if clause.each == "environment":
        if wish.subject not in {"", environment.name}:
            raise UsageError("is about the environment", key="--for", found=wish.subject)
        return environment.name
    if wish.subject not in rules.people:
        raise UsageError(
            "is about a person of the policy",
            key="--for",
            expected=f"one of {', '.join(rules.people) or 'attestations.people, which is empty'}",
            found=wish.subject or "nobody",
        )
    return wish.subject


def _about(environment: Environment, clause: Clause) -> About:
    if CLASSES[clause.kind].per_release and not environment.release:
        raise UsageError(f"{clause.kind} is about a release", key="release", found="none")
    return system_of(environment)


def system_of(environment: Environment) -> About:
    """The system that something is signed about.

    Raises:
        UsageError: nobody pinned which one it is.
    """
    pins = pins_of(environment)
    if not pins:
        raise UsageError(
            "nobody pinned which system this is",
            key="identity",
            expected="what `readiness doctor --write-identity` writes",
        )
    return About(name=environment.name, release=environment.release, pins=pins)


def _seen(wish: Wish, folder: Path) -> tuple[Seen, ...]:
    if not 1 <= len(wish.seen) <= MOST_SEEN:
        raise UsageError(
            "says what exactly was seen", key="--seen", expected=f"1 to {MOST_SEEN} files"
        )
    return tuple(_one_seen(path, folder, keep=wish.keep) for path in wish.seen)


def _one_seen(path: Path, folder: Path, *, keep: bool) -> Seen:
    """A file by its digest; kept, it lies beside the attestations under its digest."""
    if path.is_symlink() or not path.is_file():
        raise UsageError("is no regular file", str(path), key="--seen", expected="a file")
    try:
        found, size = digest(path), path.stat().st_size
        if keep:
            kept = folder / KEPT / found[:16] / path.name
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, kept)
            path = kept
    except OSError as error:
        raise UsageError(f"can't be read or kept ({error.strerror})", str(path)) from None
    named = os.path.relpath(path.absolute(), folder)
    return Seen(path=named, size=size, sha256=found)


def _until(wish: Wish, clause: Clause, rules: Attestations, at: datetime) -> date:
    """The last day, if the class allows it."""
    today = at.astimezone(UTC).date()
    since = min(today, wish.since or today)
    longest = timedelta(seconds=rules.age_limit(clause.kind))
    last = since + longest
    if not today <= wish.until <= last:
        expected = f"from {today} to {last}, as {clause.kind} counts {longest.days} days"
        raise UsageError(
            "ends out of time", key="--until", expected=expected, found=str(wish.until)
        )
    if end_of(wish.until) <= at:
        raise UsageError("has ended already", key="--until", found=str(wish.until))
    return wish.until


def _write(files: dict[Path, str]) -> None:
    """Write several files, each in one step, the last one last: it is what is looked for."""
    drafts: Sequence[tuple[str, Path]] = ()
    try:
        for path, text in files.items():
            descriptor, draft = tempfile.mkstemp(prefix=".attest-", dir=path.parent)
            drafts = (*drafts, (draft, path))
            with os.fdopen(descriptor, "w") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(draft).chmod(0o644)
        for draft, path in drafts:
            Path(draft).replace(path)
    except OSError as error:
        for draft, _ in drafts:
            Path(draft).unlink(missing_ok=True)
        raise StateError(f"{next(iter(files)).parent}: {error.strerror}") from error
