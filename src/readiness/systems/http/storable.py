"""Whether a cache that several people share may keep an answer (RFC 9111, 3)."""

from collections.abc import Iterable
from typing import Final

_REFUSES: Final = frozenset({"no-store", "private"})
# RFC 9111, 3: by any of these a shared cache may keep even what was asked with Authorization.
_SHARED: Final = frozenset({"public", "s-maxage", "must-revalidate"})


def directives(headers: Iterable[tuple[str, str]], name: str = "cache-control") -> dict[str, str]:
    """The directives of a header that may come several times, in lower case (RFC 9111, 5.2)."""
    found: dict[str, str] = {}
    for header, value in headers:
        if header.lower() == name:
            for part in _parted(value):
                key, _, given = part.strip().partition("=")
                if key.strip():
                    found[key.strip().lower()] = given.strip().strip('"')
    return found


def written(said: dict[str, str]) -> tuple[str, ...]:
    """Directives as people write them, sorted: their order says nothing (RFC 9111, 5.2)."""
    return tuple(sorted(f"{name}={given}" if given else name for name, given in said.items()))


def _parted(value: str) -> list[str]:
    """At the commas that stand outside of quotes."""
    parts, quoted = [""], False
    for sign in value:
        quoted ^= sign == '"'
        if sign == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def storable(headers: Iterable[tuple[str, str]], *, by_authorization: bool) -> str:
    """Why a shared cache may keep an answer of status 200; empty where it may not.

    `private` with names of fields keeps only these out of a cache (RFC 9111, 5.2.2.7); a directive
    for caches of one kind (`CDN-Cache-Control`, RFC 9213) is obeyed instead of the general one.
    """
    kept = list(headers)
    targeted = directives(kept, "cdn-cache-control")
    for name, said in (("CDN-Cache-Control", targeted), ("Cache-Control", directives(kept))):
        if name == "CDN-Cache-Control" and not said:
            continue
        why = _why(name, said, by_authorization=by_authorization)
        if why:
            return why
    return ""


def _why(name: str, said: dict[str, str], *, by_authorization: bool) -> str:
    if any(one in said and not said[one] for one in _REFUSES):
        return ""
    if by_authorization and not _SHARED & said.keys():
        return ""
    return f"{name} says {', '.join(sorted(said))}" if said else f"no {name}"
