"""Writes a draft as an environment file: each value with what was found, nothing blessed silently.

What looks wrong is declared as it should be, so that it stays red until it is.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from readiness.drafting.database import Seen as Database
from readiness.drafting.draft import LISTENER, OPENAPI_FILE, Draft, Host
from readiness.drafting.web import FoundPage
from readiness.model.printable import one_line

_MOST: Final = 140  # characters of a comment that somebody else wrote
# What YAML takes for a text without quotes, and no reader for anything else.
_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9._/@:-]*[A-Za-z0-9_/]|/|[A-Za-z]")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
# 99 % of 30 days leave 7.2 h, of which the loss of the one machine may take four.
_OBJECTIVES: Final = (
    "objectives: {availability: 99, recovery_time: 4 h, recovery_point: 24 h, "
    "database_recovery_time: 4 h}"
)
_OTHER_SECTIONS: Final = (
    ("databases", "a PostgreSQL: `--postgres postgresql://USER@HOST/DATABASE` looks at one"),
    ("backups", "what restores it: docs/operations.md shows pgBackRest, pg_dump and others"),
    ("audit", "the trail of who read whose record"),
    ("balancers", "what spreads requests over several servers"),
    ("caches", "a Redis or Valkey"),
    ("load_tests", "how many users have to be served, and how fast"),
    ("firewall", "which machine may reach which"),
)


def environment_text(draft: Draft) -> str:
    """The whole file."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    yield f"# {draft.url} as it was seen on {draft.on}. Each `found` is a question to you: is it"
    yield "# meant to be so? What looked wrong is declared as it should be, and is red until it is."
    yield "schema: 1"
    yield f"name: {_word(draft.name)}"
    yield "kind: production  # or staging, rehearsal"
    yield "# What this system is told by; readiness doctor --env FILE --write-identity writes it."
    yield "identity: file:identity.json"
    yield from _ssh(draft)
    if draft.authority:
        yield f"authorities: {{site: {_word(f'file:{draft.authority}')}}}"
    yield "machines:"
    for host in draft.hosts:
        yield from _machine(draft, host)
    yield from _listener(draft)
    yield from _pages(draft)
    yield from _access(draft)
    yield from _databases(draft)
    yield from _absent(draft)
    yield "# What was promised: your figures, please."
    yield _OBJECTIVES


def _ssh(draft: Draft) -> Iterator[str]:
    logins = [one.seen.login for one in draft.hosts if one.seen]
    if not logins:
        yield "# ssh: {observe: {user: observer}}  # not given: nothing on a machine is looked at"
        return
    yield "# Keys, known hosts and jumps are those of `ssh`; `known_hosts` and `key` name others."
    yield f"ssh: {{observe: {{user: {_word(logins[0].user)}}}}}"


def _machine(draft: Draft, host: Host) -> Iterator[str]:
    front = host is draft.hosts[0]
    behind = draft.front.addresses if front else ()
    yield f"  - name: {_word(host.name)}"
    if host.role:
        yield f"    role: {_word(_identifier(host.role))}"
    if host.by_name:
        yield f"    host: {_word(host.host)}{_found(', '.join(behind)) if behind else ''}"
    else:
        yield f"    addresses: {_list(host.addresses or (host.host,))}"
    seen = host.seen
    if seen is None:
        if host.ssh_port:
            yield f"    ssh_port: {host.ssh_port}"
        yield (
            "    ssh: false  # --ssh USER@HOST looks at it"
            if _has_ssh(draft)
            else "    # ssh: not given"
        )
        return
    if seen.login.port:
        yield f"    ssh_port: {seen.login.port}"
    if seen.problem:
        yield f"    # not looked at: {one_line(seen.problem, _MOST)}"
        return
    yield f"    services: {_list(seen.services)}{_found('running')}"
    meant = seen.meant(*draft.ports_of(host))
    more = [one for one in seen.reached if one not in meant]
    left = f"open, too, and left out: {', '.join(more)}" if more else "these alone"
    yield f"    listens: {_list(meant)}{_found(left)}"


def _has_ssh(draft: Draft) -> bool:
    """Whether some machine is logged in to."""
    return any(one.seen for one in draft.hosts)


def _listener(draft: Draft) -> Iterator[str]:
    front = draft.front
    said = "trusted" if front.trusted else f"not trusted: {front.distrust}"
    yield "listeners:"
    yield f"  - {{name: {LISTENER}, protocol: https, port: {front.url.port},"
    path = f", path: {_word(front.url.path)}" if front.url.path != "/" else ""
    plain = f", plain_http: {{port: {front.plain_port}}}" if front.plain_port else ""
    # What clients are shown that ask for no name (SNI) is nobody's fault on a shared machine.
    yield (
        f"     machines: {_list((draft.hosts[0].name,))}, names: {_list((front.url.host,))}, "
        f"names_only: true{path}{plain},"
    )
    yield f"     authority: {'site' if draft.authority else 'system'}}}{_found(said)}"


def _pages(draft: Draft) -> Iterator[str]:
    if not draft.front.pages:
        why = draft.front.problem or "none answered"
        yield f"# pages: what users ask for; none was found: {one_line(why, _MOST)}"
        return
    yield "pages:"
    for one in draft.front.pages:
        yield f"  - {{{', '.join(_page(one))}}}{_found(f'HTTP {one.status}')}"


def _page(one: FoundPage) -> Iterator[str]:
    yield f"listener: {LISTENER}"
    yield f"path: {_word(one.path)}"
    yield f"expect: [{one.status if one.right else 200}]"
    if one.contains:
        yield f"contains: {_word(one.contains)}"


def _access(draft: Draft) -> Iterator[str]:
    front = draft.front
    if not front.openapi:
        yield f"# access: [{{listener: {LISTENER}, openapi: file:openapi.json, public: [/]}}]"
        yield "#   which routes there are and who may ask them; no document of them was found"
        return
    public = dict.fromkeys(one.path.partition("?")[0] for one in front.pages)
    yield "# Each route that is not public must refuse who does not sign in. `values: {id: 1001}`"
    yield "# says what to ask a parameter with (synthetic only); else it is what belongs to nobody."
    yield f"access:{_found(f'a document of the routes at {front.openapi_path}')}"
    yield f"  - {{listener: {LISTENER}, openapi: file:{OPENAPI_FILE}, public: {_list(public)}}}"


def _databases(draft: Draft) -> Iterator[str]:
    if not draft.databases:
        return
    yield "databases:"
    for one in draft.databases:
        yield from _database(draft, one)


def _database(draft: Draft, one: Database) -> Iterator[str]:
    where = one.location
    host = draft.host_of(where)
    if one.problem:
        yield f"  # not looked at: {one_line(one.problem, _MOST)}"
    if one.standbys:
        yield f"  # found: {one.standbys} standby servers; name each under `members`"
    if one.too_much:
        excess = one_line(", ".join(one.too_much[:5]), _MOST)
        yield f"  # found: {where.user} could do harm ({excess}), and is refused"
    members = _list((host.name if host else where.host,))
    # What promotes a standby by itself: nothing that was seen.
    yield (
        f"  - {{name: {_word(_identifier(where.name))}, database: {_word(where.name)}, "
        f"members: {members}, port: {where.port}, {one.way},"
    )
    user = f"user: {_word(where.user)}, password: {_word(draft.password)}"
    yield f"     automation: none, synchronous_standbys: 0, logins: {{observe: {{{user}}}}},"
    yield from _application(one)


def _application(one: Database) -> Iterator[str]:
    if not one.application:
        yield "     # roles that programs log in as (none was seen): application: [{user: NAME}]"
        yield "    }"
        return
    count = dict(one.sessions)
    users = ", ".join(f"{{user: {_word(name)}}}" for name in one.application)
    seen = ", ".join(
        f"{name} with {count[name]} sessions" if name in count else f"{name} owns tables"
        for name in one.application
    )
    yield f"     application: [{users}]}}{_found(seen)}"


def _absent(draft: Draft) -> Iterator[str]:
    has = {"databases"} if draft.databases else set()
    left = [(name, what) for name, what in _OTHER_SECTIONS if name not in has]
    yield "# Nothing of these was seen. What there is leaves this list and gets a section, as in"
    yield "# the example that `readiness init` writes without --url. Absent and required is red."
    yield from (f"#   {name}: {what}" for name, what in left)
    yield f"absent: {_list(name for name, _ in left)}"


def _identifier(text: str) -> str:
    """A name as this file's are written."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:63] or "database"


def _found(text: str) -> str:
    return f"  # found: {one_line(text, _MOST)}"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_word, texts))}]"


def _word(text: str) -> str:
    """A text as YAML reads it, and as nothing else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and ": " not in text:
        return text
    return json.dumps(text)
