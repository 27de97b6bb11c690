"""Who may read and change what a central log keeps."""

from collections.abc import Callable

from readiness import (
    Ask,
    Found,
    NotUnderstood,
    Severity,
    Tier,
    Unreachable,
    check,
    derive,
    holds,
)
from readiness.drills.log_rights import LogRights
from readiness.drills.log_values import Searched
from readiness.systems.logs.declared import LOGS, NODE, LogNode, Logs, ports_of
from readiness.systems.logs.reading import DOOR

# 302 and its like send a browser to a page where one signs in.
# 404 and 405 serve nobody; a store that served strangers would answer `/`.
REFUSALS = [401, 403, 302, 303, 307, 404, 405]
# What a server that only speaks TLS may say to who does not: go away, or go there.
SENT_AWAY = [400, 301, 302, 307, 308, 426, 497]
OK, UNKNOWN, FORBIDDEN = 200, 401, 403

Rights = Callable[[LogNode], Found[LogRights]]
Search = Callable[[Logs, LogNode], Found[Searched]]


@check(
    "LOG-004",
    "Every address of a central log serves who has a login, over TLS, and nobody else",
    clauses=("obs.logging/access-restricted",),
    each=NODE,
    severity=Severity.CRITICAL,
    limit=60,
    risk="Whoever reaches the port reads what everybody did, and deletes what he did himself.",
    reads=(
        "GET / , _cat/indices, _search and _cluster/settings without a login, at each address",
        "GET _search with a wrong password, and with our own login, at each address",
        "GET _search with each login that such a store comes with, at each address",
        "GET / without TLS, at each address",
    ),
    rights="a user of the store that reads the declared indices",
    remedy="turn on the security of that node for every address, and the anonymous user off; look "
    "for a proxy in front that brings a login of its own",
)
def test_nobody_reads_without_a_login(log_node: LogNode, ask: Ask) -> None:
    """A stranger, a wrong password and a well-known login are refused at each address, v4 and v6.

    One that is known and may do nothing (403 where a wrong password is 401) is let in, too.
    """
    doors = [ask(DOOR, one) for one in ports_of(log_node)]
    opened = [one for one in doors if one.reading.is_open]
    if not opened:
        raise Unreachable(f"{log_node.id}: it is open at none of its addresses")
    for found in opened:
        door = found.reading
        spoken = door.in_the_clear
        if spoken is not None:
            assert holds(found.fact("status without TLS", spoken), "in", SENT_AWAY)
        for path, status in door.stranger.items():
            assert holds(found.fact(f"status of {path} to a stranger", status), "in", REFUSALS)
        asked = found.fact("requests of a stranger", len(door.stranger))
        assert holds(asked, ">=", 1)
        guess = found.fact("status to a wrong password", door.guess)
        assert holds(guess, "in", REFUSALS)
        refused = [one for one in REFUSALS if one != FORBIDDEN or door.guess != UNKNOWN]
        let_in = [user for user, status in door.known.items() if status not in refused]
        name = "users whose password everybody knows that are let in"
        assert holds(found.fact(name, let_in), "==", [])
        assert holds(found.fact("such users tried", len(door.known)), ">=", 1)
        assert holds(found.fact("status to our own login", door.reader), "==", OK)


@check(
    "LOG-007",
    "Who reads a central log can't change it, and who ships to it can't read or delete",
    clauses=("obs.logging/access-restricted",),
    each=NODE,
    declared=("log writer",),
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=60,
    risk="Whoever takes over one web server reads what all others said, and deletes his traces.",
    reads=(
        "PUT _create of an empty line under an id that is taken, as the one who reads",
        "DELETE of a line and of indices that nobody has, as the one who reads and who ships",
        "POST _search for no line, as the one who ships",
    ),
    rights="the reading user, and the login of the collectors",
    disturbs="Nothing: what is tried changes nothing where it is possible.",
    remedy="give the collectors a role that creates indices and adds lines, and readers one that "
    "reads",
)
def test_rights_are_apart(log_node: LogNode, log_rights: Rights) -> None:
    """Each attempt is refused to a login that is known."""
    found = log_rights(log_node)
    users = {"who reads": found.reading.reader, "who ships": found.reading.writer}
    for who, tried in users.items():
        known = [one for one in tried.values() if one != UNKNOWN]
        if not known:
            raise NotUnderstood(f"{log_node.id}: the login of {who} is refused: nothing was tried")
        for what, status in tried.items():
            assert holds(found.fact(f"status to {who}, to {what}", status), "==", FORBIDDEN)


@check(
    "LOG-008",
    "No line of a central log has a declared value of a synthetic person, in any encoding",
    clauses=("obs.logging/no-pii",),
    each=LOGS,
    declared=("log lines", "log canaries"),
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=180,
    risk="The log becomes an education record, read by everyone who mends a server.",
    reads=(
        "`logger` over SSH, a random value in every encoding",
        "_field_caps, and POST _search for lines that resemble a value, at each node",
        "POST _search for the newest lines of each index; no line's text is kept",
    ),
    rights="a system user on a machine that ships, without privileges, and the reading user",
    disturbs="Some ten lines of a random value, which stay until retention takes them.",
    remedy="find the program that writes it, have it write an id of the request instead, and "
    "delete what is there",
)
def test_no_line_has_a_persons_value(logs: Logs, searched_lines: Search) -> None:
    """What was written to be found is found in every encoding; what must not be there is not.

    Fields that no search sees, and lines that our login is not shown, may hold anything.
    """
    for node in logs.nodes:
        found = searched_lines(logs, node)
        blind = [name for name, many in found.reading.control.items() if not many]
        lacking = f" (not {', '.join(blind)})" if blind else ""
        sees = None if blind or not found.reading.control else "all"
        seen = derive(f"encodings that a search sees{lacking}", node.id, sees, found)
        there = [f"{name} in {many} lines" for name, many in found.reading.canaries.items() if many]
        assert holds(found.fact("values of a person", there), "==", [])
        assert holds(seen, "==", "all")
        asked = {name.partition(" ")[0] for name in found.reading.canaries}
        assert holds(found.fact("values looked for", len(asked)), "==", len(logs.store.never))
        unseen, hidden = found.reading.unseen, found.reading.hidden
        lacking = f" (not {', '.join(unseen)})" if unseen else ""
        fields = derive(f"fields that a search sees{lacking}", node.id, _all(len(unseen)), found)
        assert holds(fields, "==", "all")
        lacking = f" (not {hidden} of them)" if hidden else ""
        shown = derive(f"lines that our login is shown{lacking}", node.id, _all(hidden), found)
        assert holds(shown, "==", "all")


def _all(lacking: int) -> str | None:
    """All; unknown where something is lacking, since nobody can tell what that is."""
    return None if lacking else "all"
