"""Reads the folders of attestations and waivers: bounded, links not followed, no malformed file.

Whether they count is not said here: whoever judges says that, at the moment that he judges at.
"""

import codecs
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from readiness.attesting import sshsig
from readiness.attesting.body import Body, Paper, Seen
from readiness.attesting.sshsig import Signature
from readiness.attesting.waiver import Waiver
from readiness.evidence.record import RecordWriter
from readiness.evidence.redact import Described, Redactor
from readiness.model.errors import UsageError
from readiness.model.words import Json
from readiness.site import behind
from readiness.site.policy import Policy
from readiness.site.text_file import bounded_text
from readiness.site.written import place_of

BODY: Final = ".json"
SIGNATURE: Final = ".json.sig"
APPROVAL: Final = ".json.approved.sig"
MOST_BYTES: Final = 256 * 1024
MOST_FILES: Final = 500
# A report with its pictures; whoever has seen more signs a list of its digests. Every run reads all
# of it, a gigabyte in two or three seconds.
MOST_OF_SEEN: Final = 1024**3
MOST_TOGETHER: Final = 4 * 1024**3
CHUNK: Final = 1024 * 1024
P = TypeVar("P", bound=Paper)
CHANGED: Final = "was changed"


@dataclass(frozen=True)
class Filed:
    """One signed file as it lies in its folder."""

    path: Path
    body: Paper
    signature: Signature | None
    approval: Signature | None

    def told(self) -> Json:
        """As the record has it, with what became of the files that were seen."""
        folder = self.path.parent
        return {
            "file": self.path.name,
            "body": self.body.data(),
            "signature": _told(self.signature),
            "approval": _told(self.approval),
            "changed": [
                f"{one.path} {what}" for one in self.body.files if (what := changed(folder, one))
            ],
        }


def folder_of(policy: Policy) -> Path | None:
    """Where the policy says that attestations lie; None when it asks for none."""
    return _beside(policy, policy.attestations.folder) if policy.attestations else None


def waivers_of(policy: Policy) -> Path | None:
    """Where the policy says that waivers lie; None when it allows none."""
    return _beside(policy, policy.waivers.folder) if policy.waivers else None


def _beside(policy: Policy, reference: str) -> Path:
    return behind.path(reference, policy.file.absolute().parent if policy.file else Path.cwd())


def gather(policy: Policy, redactor: Redactor) -> tuple[Json, ...]:
    """Every attestation as the record will have it.

    Raises:
        UsageError: a file in the folder is none, or says what the record would hide.
    """
    folder = folder_of(policy)
    found = list(read(folder, Body)) if folder else []
    seen = {one.path: one.size for each in found for one in each.body.files}
    if folder and sum(seen.values()) > MOST_TOGETHER:
        problem = "what was seen is too big together"
        raise UsageError(problem, str(folder), expected=f"at most {MOST_TOGETHER} bytes")
    return tuple(_shown_whole(one, redactor) for one in found)


def gather_waivers(policy: Policy, redactor: Redactor) -> tuple[Json, ...]:
    """Every waiver as the record will have it.

    Raises:
        UsageError: a file in the folder is none, or says what the record would hide.
    """
    folder = waivers_of(policy)
    found = read(folder, Waiver) if folder else ()
    return tuple(_shown_whole(one, redactor) for one in found)


def read(folder: Path, form: type[Paper]) -> Iterator[Filed]:
    """Every signed file of a folder, by name.

    Raises:
        UsageError: it is no folder, has too many files, or one is malformed.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise UsageError(
            f"can't be read ({error.strerror})",
            str(folder),
            key=f"{form.called}s.folder",
            expected="a folder, which may be empty",
        ) from None
    if len(names) > MOST_FILES:
        raise UsageError("has too many files", str(folder), expected=f"at most {MOST_FILES}")
    for name in names:
        if name.endswith(BODY):
            yield read_one(folder / name, form)


def read_one(path: Path, form: type[Paper]) -> Filed:
    """One signed file with its signatures.

    Raises:
        UsageError: says what is wrong, and where.
    """
    body = _body(path, form)
    beside = path.name.removesuffix(BODY)
    return Filed(
        path,
        body,
        _signature(path.with_name(beside + SIGNATURE), form.signed_as),
        _signature(path.with_name(beside + APPROVAL), form.approved_as),
    )


def _body(path: Path, form: type[P]) -> P:
    text = _text(path)
    try:
        body = form.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, place_of(first["loc"])))
        raise UsageError(
            f"is no {form.called}", str(path), _line(text, key), 1, key, first["msg"]
        ) from None
    if body.spelled() != text.encode():
        raise UsageError(
            "is not spelled as it was written", str(path), 1, 1, expected="not a byte changed"
        )
    return body


def _line(text: str, key: str) -> int:
    """The line on which the last key of a path stands first; 1 where it is missing."""
    last = next((part for part in reversed(key.split(".")) if not part.isdigit()), "")
    return text[: max(0, text.find(f'"{last}"'))].count("\n") + 1


def _signature(path: Path, namespace: str) -> Signature | None:
    if not path.is_symlink() and not path.exists():
        return None
    try:
        return sshsig.parse(_text(path), namespace)
    except ValueError as error:
        raise UsageError(
            "is no signature that counts here",
            str(path),
            1,
            1,
            expected=f"as `ssh-keygen -Y sign -n {namespace}` writes it",
            found=str(error),
        ) from None


def _text(path: Path) -> str:
    if problem := _no_file(path):
        raise UsageError(problem, str(path), expected="a file of its own")
    text = bounded_text(path, MOST_BYTES)
    if path.read_bytes().startswith(codecs.BOM_UTF8):
        raise UsageError("begins with a byte order mark", str(path), 1, 1, expected="UTF-8 without")
    return text


def _no_file(path: Path) -> str:
    """Why nothing is read there: a link, a pipe, a device; empty when it is a file."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return f"can't be read ({error.strerror})"
    return "" if stat.S_ISREG(mode) else "is no regular file"


def changed(folder: Path, seen: Seen) -> str:
    """What became of a file since it was seen; empty when it is as it was."""
    path = folder / seen.path
    if not path.is_symlink() and not path.exists():
        return "is missing"
    if problem := _no_file(path):
        return problem
    if path.stat().st_size != seen.size:
        return CHANGED
    try:
        return "" if digest(path) == seen.sha256 else CHANGED
    except OSError as error:
        return f"can't be read ({error.strerror})"


def digest(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        UsageError: it is bigger than what can be seen.
    """
    if path.stat().st_size > MOST_OF_SEEN:
        raise UsageError("is too big", str(path), expected=f"at most {MOST_OF_SEEN} bytes")
    found = hashlib.sha256()
    with path.open("rb") as stream:
        left = MOST_OF_SEEN
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            found.update(chunk)
    return found.hexdigest()


def _told(signature: Signature | None) -> Json | None:
    return {"key": signature.key, "value": signature.value} if signature else None


def write(writer: RecordWriter, told: Iterable[Json], pins: Mapping[str, str]) -> None:
    """Put what was gathered into the record, and which system it is held against."""
    writer.write("attestations-read", told=Described({"pins": dict(pins)}))
    for one in told:
        writer.write("attestation", told=Described(one))


def write_waivers(writer: RecordWriter, told: Iterable[Json], pins: Mapping[str, str]) -> None:
    """Put the waivers into the record, and which system they are held against."""
    writer.write("waivers-read", told=Described({"pins": dict(pins)}))
    for one in told:
        writer.write("waiver", told=Described(one))


def _shown_whole(one: Filed, redactor: Redactor) -> Json:
    """What the record has, if it can have it as it was signed.

    Raises:
        UsageError: a word of it would be hidden, and no signature would be right any more.
    """
    told = one.told()
    refuse_hidden(one.path, told, redactor)
    return told


def refuse_hidden(path: Path, told: Json, redactor: Redactor) -> None:
    """Refuse what the record would hide.

    Raises:
        UsageError: names the first key.
    """
    safe = redactor.value({"told": Described(told)})["told"]
    if json.dumps(safe) == json.dumps(told):
        return
    body, shown = told["body"], safe.get("body", {})
    hidden = [key for key in body if shown.get(key) != body[key]]
    raise UsageError(
        "would be hidden in the record, as it looks like a secret or like personal data",
        str(path),
        key=hidden[0] if hidden else "",
        expected="other words",
    )
