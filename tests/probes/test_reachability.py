"""What scans of a small site say against its declared matrix; each way of being unsure."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from readiness.evidence.claim import Found
from readiness.model.errors import NotRun, Unreachable
from readiness.site.environment import Environment
from readiness.systems.firewall.reading import Answers, Seen
from readiness.systems.firewall.reading.reachability import Compared, Reachability
from readiness.systems.firewall.reading.scan import Known, Scan, Towards
from readiness.systems.firewall.segmentation import Segmentation, Vantage
from readiness.systems.hosts.reading.network import Socket

WEB, DB, OUT = "192.0.2.10", "192.0.2.130", "198.51.100.9"
ADDRESSES = {"web": WEB, "db": DB, "out": OUT}
PORTS = (22, 443, 5432)
States = Mapping[tuple[str, str, int], tuple[str, ...]]


def site(closed: str = "dropped") -> Environment:
    """Users reach the web, the web its database, the database nobody."""
    return Environment.model_validate_json(
        f"""
{{"schema": 1, "name": "mini", "kind": "rehearsal", "zones": ["world", "front", "back"],
 "looks_from": "front",
 "machines": [
  {{"name": "web", "zone": "front", "role": "web", "addresses": ["{WEB}"], "listens": ["443/tcp"]}},
  {{"name": "db", "zone": "back", "role": "db", "addresses": ["{DB}"], "listens": ["5432/tcp"]}}],
 "firewall": {{
  "networks": {{"world": ["198.51.100.0/24"], "front": ["192.0.2.0/25"],
   "back": ["192.0.2.128/25"]}},
  "closed": "{closed}",
  "login": {{"user": "scanner"}}, "vantage_points": ["web", "db"],
  "outsiders": [{{"name": "out", "addresses": ["{OUT}"]}}],
  "flows": [
   {{"from": "world", "to": "web", "ports": [443], "why": "users"}},
   {{"from": "db", "to": "front", "ports": [443], "why": "a report"}},
   {{"from": "web", "to": "db", "ports": [5432], "why": "data"}},
   {{"from": "front", "to": "out", "ports": [443], "why": "payments"}}]}},
 "objectives": {{"availability": 99.9, "recovery_time": "30 min", "recovery_point": "5 min",
  "database_recovery_time": "60 s"}}}}
"""
    )


def scan(declared: Segmentation, vantage: Vantage, states: States, source: str = "") -> Scan:
    """What a vantage point finds: declared ports open, others filtered, but for what is given."""
    towards = []
    for target in declared.targets:
        if target.name == vantage.name:
            continue
        known_ports = declared.may_be_open(vantage, target)
        known = tuple(
            Known(port, states.get((vantage.name, target.name, port), ("open",) * 3))
            for port in sorted(known_ports)
        )
        others: dict[str, tuple[int, ...]] = {}
        for port in sorted(set(PORTS) - known_ports):
            (state,) = states.get((vantage.name, target.name, port), ("filtered",))
            others[state] = (*others.get(state, ()), port)
        from_there = source or ADDRESSES[vantage.name]
        towards.append(Towards(target.address, from_there, known, others))
    return Scan(10, 0.0, 1.0, tuple(towards))


def compared(
    pair: str,
    states: States | None = None,
    *,
    closed: str = "dropped",
    without: str = "",
    listening: Mapping[str, tuple[Socket, ...]] | None = None,
) -> Compared:
    """One pair of the small site under what was found."""
    declared = Segmentation(site(closed))
    scans = {
        one.name: scan(declared, one, states or {})
        for one in declared.vantages
        if one.name != without
    }
    pairs = {one.id: one for one in declared.pairs()}
    worked_out = Reachability(declared, scans, listening=listening)
    return worked_out.compare(pairs[pair], "v4")


def test_a_site_as_declared_has_no_findings_and_no_doubts() -> None:
    """Every pair: something asked, nothing found, nothing unsure."""
    for pair in Segmentation(site()).pairs():
        found = compared(pair.id)
        assert found.closed_asked
        said = [*found.opened, *found.blocked, *found.open_doubts, *found.closed_doubts]
        assert said == []


def test_the_inside_of_a_zone_with_one_machine_is_no_pair() -> None:
    """There is nobody whom it could be closed against."""
    assert {one.id for one in Segmentation(site()).pairs()} == {
        "world>front", "world>back", "front>world", "front>back", "back>world", "back>front",
    }  # fmt: skip


@pytest.mark.parametrize("state", ["open", "refused"])
def test_any_answer_of_an_undeclared_port_is_a_finding(state: str) -> None:
    """A refusal has passed the firewall too; the reason names everything."""
    found = compared("world>back", {("out", "db", 5432): (state,)})
    assert found.opened == [f"out ({OUT}) to db ({DB}) port 5432 over IPv4: {state}"]


def test_a_refusal_is_closed_where_that_is_declared() -> None:
    """A firewall that rejects is no hole; an open port still is."""
    assert not compared("world>back", {("out", "db", 22): ("refused",)}, closed="refused").opened
    assert compared("world>back", {("out", "db", 22): ("open",)}, closed="refused").opened


def test_a_declared_port_that_never_answers_is_blocked() -> None:
    """Silent in all three rounds: nobody banned us in between."""
    found = compared("front>back", {("web", "db", 5432): ("filtered",) * 3})
    assert found.blocked == [f"web ({WEB}) to db ({DB}) port 5432 over IPv4: filtered"]


def test_a_declared_port_where_nothing_listens_is_let_through() -> None:
    """The service is down, the firewall is not."""
    assert not compared("front>back", {("web", "db", 5432): ("refused",) * 3}).blocked


@pytest.mark.parametrize(
    ("address", "blocked"),
    [("0.0.0.0", 1), ("*", 1), (DB, 1), ("[::]", 0), ("127.0.0.1", 0)],  # noqa: S104 - what ss prints
)
def test_a_refusal_where_somebody_listens_came_from_the_way(address: str, blocked: int) -> None:
    """A rule that rejects answers like a closed port; what listens for that address tells."""
    found = compared(
        "front>back",
        {("web", "db", 5432): ("refused",) * 3},
        listening={"db": (Socket("tcp", address, 5432),)},
    )
    assert len(found.blocked) == blocked
    opened = {("out", "db", 5432): ("refused",)}
    listening = {"db": (Socket("tcp", address, 5432),)}
    assert compared("world>back", opened, listening=listening).opened


def test_a_vantage_point_that_loses_its_witness_shows_nothing() -> None:
    """Banned during the scan: unsure in both directions, and never closed."""
    found = compared("world>back", {("out", "web", 443): ("open", "filtered", "filtered")})
    assert "banned or cut off" in found.closed_doubts[0]
    found = compared("world>front", {("out", "web", 443): ("open", "open", "filtered")})
    assert found.open_doubts
    assert found.closed_doubts
    assert not found.blocked


def test_a_vantage_point_that_nothing_answers_shows_nothing_closed() -> None:
    """Banned before it began, or without a way: what is blocked is said, silence is no proof."""
    silent = {("out", "web", 443): ("filtered",) * 3}
    assert "silence says nothing" in compared("world>back", silent).closed_doubts[0]
    assert compared("world>front", silent).blocked


def test_an_address_that_answers_nobody_is_not_closed() -> None:
    """A dead machine is as silent as a protected one."""
    dead = {("web", "db", 5432): ("filtered",) * 3}
    doubts = compared("world>back", dead).closed_doubts
    assert doubts == [f"db ({DB}) answered nobody on any known port"]


def test_a_vantage_point_that_was_not_reached_is_said() -> None:
    """Without its scan nothing is known about its zone; the other zones are as before."""
    found = compared("world>back", without="out")
    assert found.open_doubts
    assert found.closed_doubts
    assert not compared("back>front", without="out").closed_doubts


def test_what_was_never_sent_was_not_stopped_by_the_other_side() -> None:
    """No route, a local filter, or too few ports of our own."""
    found = compared("world>back", {("out", "db", 22): ("unsent",)})
    assert "not sent" in found.closed_doubts[0]
    assert found.open_doubts


def test_a_source_that_is_not_declared_shows_nothing() -> None:
    """Behind an address translation the other side saw somebody else; without a route, nobody."""
    declared = Segmentation(site())
    pair = next(one for one in declared.pairs() if one.id == "world>back")
    for source, why in (("203.0.113.7", "not declared as its address"), ("198.51.100.77", "not")):
        scans = {one.name: scan(declared, one, {}) for one in declared.vantages}
        outside = next(one for one in declared.vantages if one.name == "out")
        scans["out"] = scan(declared, outside, {}, source=source)
        assert why in Reachability(declared, scans).compare(pair, "v4").closed_doubts[-1]


def test_the_other_family_has_its_own_answer() -> None:
    """Nobody has an IPv6 address here: nothing was asked, which is never green."""
    declared = Segmentation(site())
    scans = {one.name: scan(declared, one, {}) for one in declared.vantages}
    found = Reachability(declared, scans).compare(declared.pairs()[0], "v6")
    assert (found.open_asked, found.closed_asked) == (0, 0)


def seen(declared: Segmentation) -> Seen:
    """What everybody found on the small site, and what listens on its web server."""
    scans = {one.name: Found(scan(declared, one, {}), one.name, 1) for one in declared.vantages}
    sockets: tuple[Socket, ...] = (Socket("tcp", "*", 443),)
    listening = {"web": Found(sockets, "web", 2)}
    return Seen(declared, Answers(scans, {}), Answers(listening, {}))


def test_what_rests_on_the_same_readings_is_worked_out_once() -> None:
    """Every pair of zones asks for it, each with the declared matrix read anew."""
    declared = Segmentation(site())
    found = seen(declared)
    again = replace(found, declared=Segmentation(declared.site))
    assert again.reachability is found.reachability


@pytest.mark.parametrize(
    "otherwise",
    [
        lambda found: replace(found, scans=seen(found.declared).scans),
        lambda found: replace(found, listening=seen(found.declared).listening),
        lambda found: replace(found, listening=Answers({}, {})),
        lambda found: replace(found, scans=Answers(found.scans.found, {"x": Unreachable("late")})),
        lambda found: replace(found, declared=Segmentation(site())),
    ],
)
def test_what_was_read_again_is_worked_out_again(otherwise: Callable[[Seen], Seen]) -> None:
    """After a disturbance an equal answer is another; so are another reason and another site."""
    found = seen(Segmentation(site()))
    first = found.reachability
    assert otherwise(found).reachability is not first


def test_a_machine_whose_ports_nobody_knows_is_a_problem() -> None:
    """In the order of the file, whether it did not answer or is neither asked nor declared."""
    web, db = site().machines
    unknown = web.model_copy(update={"ssh": False, "listens": None})
    declared = Segmentation(site().model_copy(update={"machines": (unknown, db)}))
    found = replace(
        seen(declared), listening=Answers({}, {"db": Unreachable("db: no SSH login within 5 s")})
    )
    assert [type(one) for one in found.problems] == [NotRun, Unreachable]
    assert "web: neither SSH nor its listening ports are declared" in str(found.problems[0])
    assert not seen(Segmentation(site())).problems
