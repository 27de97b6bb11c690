"""The host's Debian mirror, read from its apt sources: both formats, pure functions over text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

RELEASE = "bookworm"
SUITES = (RELEASE, f"{RELEASE}-updates", f"{RELEASE}-security")


@dataclass(frozen=True)
class Source:
    """One archive: where, which suite, and the keyring that signs it (empty: apt's default)."""

    uri: str
    suite: str
    signed_by: str = ""

    def line(self) -> str:
        """The entry in apt's one-line format."""
        option = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {option}{self.uri} {self.suite} main"


def read_deb822(text: str) -> list[Source]:
    """The archives with a ``main`` component in a ``.sources`` file."""
    found: list[Source] = []
    for stanza in _stanzas(text):
        if "deb" not in stanza.get("types", "").split() or stanza.get("enabled") == "no":
            continue
        if "main" in stanza.get("components", "").split():
            found += [
                Source(uri, suite, stanza.get("signed-by", ""))
                for uri in stanza.get("uris", "").split()
                for suite in stanza.get("suites", "").split()
            ]
    return found


def read_one_line(text: str) -> list[Source]:
    """The archives with a ``main`` component in a ``.list`` file."""
    found: list[Source] = []
    for line in text.splitlines():
        words = line.partition("#")[0].replace("[ ", "[").replace(" ]", "]").split()
        if not words or words[0] != "deb":
            continue
        options = ""
        if len(words) > 1 and words[1].startswith("["):
            end = next(i for i, word in enumerate(words) if word.endswith("]"))
            options = " ".join(words[1 : end + 1]).strip("[]")
            words = [words[0], *words[end + 1 :]]
        if "main" in words[3:]:
            found.append(Source(words[1], words[2], _signed_by(options)))
    return found


def choose(found: list[Source]) -> list[Source]:
    """The archives of the image's release; on another release's host its first mirror serves.

    Raises:
        LabError: the host has no Debian archive.
    """
    chosen = [source for source in found if source.suite in SUITES]
    if any(source.suite == RELEASE for source in chosen):
        return chosen
    if not found:
        raise LabError("the host's apt sources name no archive with a 'main' component")
    return [Source(found[0].uri, RELEASE, found[0].signed_by)]


def of_host(folder: Path = Path("/etc/apt")) -> list[Source]:
    """The archives to build the image from, as this host reaches them."""
    found: list[Source] = []
    parts = sorted((folder / "sources.list.d").glob("*"))
    for path in [folder / "sources.list", *parts]:
        if path.suffix == ".sources":
            found += read_deb822(path.read_text())
        elif path.suffix == ".list" and path.exists():
            found += read_one_line(path.read_text())
    return choose(found)


def _signed_by(options: str) -> str:
    for option in options.split():
        if option.startswith("signed-by="):
            return option.partition("=")[2]
    return ""


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    stanza: dict[str, str] = {}
    key = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                yield stanza
            stanza = {}
        elif line[0].isspace():
            stanza[key] += " " + line.strip()
        else:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            stanza[key] = value.strip()
