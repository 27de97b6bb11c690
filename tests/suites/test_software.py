"""What runs on machines: readings and checks, green, red and unknown without a lab."""

import re
import runpy
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotUnderstood
from readiness.probes.commands import is_allowed
from readiness.systems.hardening import software_questions as questions
from readiness.systems.hardening.declared import Hardening
from readiness.systems.hardening.declared.software import (
    AcceptedHole,
    Alike,
    Changed,
    Difference,
    ExceptedService,
    HeldService,
    Integrity,
    KnownHoles,
    Services,
)
from readiness.systems.hardening.reading import alike, feed, services, software, versions

SUITES = Path(__file__).parents[2] / "suites"
SERVICES = runpy.run_path(str(SUITES / "hardening/test_services.py"))
PACKAGES = runpy.run_path(str(SUITES / "hardening/test_packages.py"))
ALIKE = runpy.run_path(str(SUITES / "hosts/test_alike.py"))
RUN = SERVICES["test_services_run_with_few_rights"]
HOLES, BROUGHT = PACKAGES["test_no_known_holes"], PACKAGES["test_programs_are_as_brought"]
MACHINE = SimpleNamespace(name="app1", ssh=True)
FEED = (
    "VERSION 1\nCVE-2026-1,,a\nTEMP-2,,b\n\nopenssl,0,SHRF,3.0.11-1~deb12u2,3.0.9-9\n"
    "report,1,BL  ,,\n\nopenssl,libssl3\n"
)


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def put(check: Any, reading: Any, **said: Any) -> None:
    """Put a reading to a check, under a site that says this of hardening."""
    site = SimpleNamespace(hardening=Hardening(**said))
    check(MACHINE, site, lambda *_: Found(reading, "app1", 0))


def unit(**more: Any) -> services.Unit:
    """A service of the site's own that runs as its unit says."""
    known: Any = {
        "id": "portal.service", "user": "portal", "own": True, "changed_on_disk": False,
        "no_new_privileges": True, "pid": 7, "runs_as": "portal", "gains_nothing": True,
        "capabilities": 0, "files": ("/etc/systemd/system/portal.service",),
    }  # fmt: skip
    return services.Unit(**known | more)


def running(*units: services.Unit, writable: tuple[services.Writable, ...] = ()) -> Any:
    """A machine with these services."""
    return services.Services(units, writable, 3)


HELD = HeldService(unit="portal", user="portal", no_new_privileges=True, capabilities="none")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"runs_as": "root"}, "run as root to be none, found portal.service runs as root"),
        ({"user": "root"}, "is started as to be portal, found root"),
        ({"runs_as": "nobody"}, "another user than their unit says to be none, found portal"),
        ({"changed_on_disk": True}, "changed since systemd read it to be no, found yes"),
        ({"gains_nothing": False}, "process of portal.service can gain no rights to be yes"),
        ({"no_new_privileges": False}, "will gain no rights when started to be yes"),
        ({"capabilities": 0x400}, "in effect of portal.service to be 0x0, found 0x400"),
    ],
)
def test_a_service_is_held_now_and_from_its_next_start_on(
    reasons: list[str], more: dict[str, Any], reason: str
) -> None:
    """Process and unit are judged apart, and the reason says which of them is wrong."""
    put(RUN, running(unit()), services=Services(held=(HELD,)))
    with pytest.raises(AssertionError):
        put(RUN, running(unit(**more)), services=Services(held=(HELD,)))
    assert reason in reasons[-1]


def test_what_is_meant_to_be_root_s_is_green(reasons: list[str]) -> None:
    """A package's service, an excepted one, and one whose program gives its rights away."""
    agent = ExceptedService(unit="portal", rule="runs-as-root", reason="It mounts.")
    put(RUN, running(unit(user="", runs_as="root")), services=Services(excepted=(agent,)))
    assert "excepted: portal runs-as-root: It mounts." in reasons[0]
    put(RUN, running(unit(own=False, user="", runs_as="root")), services=Services())
    put(RUN, running(unit(user="", runs_as="www-data")), services=Services())


def test_what_others_may_write_of_root_s_is_red(reasons: list[str]) -> None:
    """The reason names who, what and whose; an ordinary user's service is nobody else's affair."""
    wrong = services.Writable("cron.service", "/opt/hooks", "group deploy (anna)")
    with pytest.raises(AssertionError):
        put(RUN, running(unit(), writable=(wrong,)), services=Services())
    assert "group deploy (anna) may write /opt/hooks, which cron.service" in reasons[-1]


@pytest.mark.parametrize(
    ("owner", "group", "mode", "folder", "by"),
    [
        ("root", "root", 0o755, True, ""),
        ("root", "staff", 0o2775, True, ""),
        ("root", "deploy", 0o775, True, "group deploy (anna)"),
        ("root", "root", 0o1777, True, ""),
        ("root", "root", 0o777, True, "everybody"),
        ("anna", "root", 0o755, False, "anna"),
    ],
)
def test_who_may_write(owner: str, group: str, mode: int, folder: bool, by: str) -> None:  # noqa: FBT001
    """A group that nobody is in writes nothing, and a sticky folder is its owners'."""
    members = services.read_members(
        "staff:x:50:\ndeploy:x:900:anna\nroot:x:0:\n", "anna:x:1000:1000::/home/anna:/bin/sh\n"
    )
    assert services.Rights("/x", owner, group, mode, folder).writers(members) == by


def test_services_are_read_as_systemd_shows_them() -> None:
    """Paths of units, drop-ins, programs and their arguments; a process with its rights."""
    said = (
        "MainPID=7\nId=a.service\nLoadState=loaded\nUser=\n"
        "FragmentPath=/etc/systemd/system/a.service\n"
        "DropInPaths=/run/systemd/system/a.service.d/x.conf\n"
        "NeedDaemonReload=no\nNoNewPrivileges=no\n"
        "ExecStart={ path=/usr/bin/python3 ; argv[]=/usr/bin/python3 /opt/a/run.py ; "
        "ignore_errors=no }\n"
    )
    (shown,) = services.read_units(said, "app1")
    lines = ("Uid:\t0\t33\t0\t0", "NoNewPrivs:\t1", "CapEff:\tff")
    kernel = "".join(f"/proc/7/status:{one}\n" for one in lines)
    found = services.unit(shown, services.read_processes(kernel)[7], {33: "www-data"})
    assert (found.runs_as, found.gains_nothing, found.capabilities) == ("www-data", True, 255)
    assert {"/opt/a/run.py", "/run/systemd/system/a.service.d/x.conf"} <= set(found.files)
    with pytest.raises(NotUnderstood, match="shows no service"):
        services.read_units("System has not been booted", "app1")


def scanned(**more: Any) -> software.Software:
    """A machine without holes, by a list of today."""
    known: Any = {
        "packages": 200, "programs": 9, "stale": (), "holes": (), "known": 5,
        "newest_year": 2999, "fetched": 60.0,
    }  # fmt: skip
    return software.Software(**known | more)


SAID = KnownHoles.model_validate({"feed": "file:x", "age": "1 d"})


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"fetched": 1e6}, "seconds since the list was fetched at most 86400"),
        ({"newest_year": 2019}, "year of the newest hole on the list at least"),
        ({"programs": 0}, "processes whose programs were seen at least 1, found 0"),
        ({"stale": (software.Stale("sshd", "/usr/sbin/sshd"),)}, "sshd runs /usr/sbin/sshd, which"),
        (
            {"holes": (software.Holed("CVE-2026-1", "openssl", "1", "2"),)},
            "found openssl 1 has CVE-2026-1, mended in 2",
        ),
    ],
)
def test_holes_old_lists_and_what_runs_on_are_red(
    reasons: list[str], more: dict[str, Any], reason: str
) -> None:
    """Each alone, under a list that is otherwise right."""
    put(HOLES, scanned(), known_holes=SAID)
    with pytest.raises(AssertionError):
        put(HOLES, scanned(**more), known_holes=SAID)
    assert reason in reasons[-1]


def test_a_hole_is_accepted_until_its_day(reasons: list[str]) -> None:
    """The reason stands in the green case; the day after it is red. Unmended ones are told."""
    hole = software.Holed("CVE-2026-1", "openssl", "1", "2")
    for year, holds in ((2999, True), (2001, False)):
        day = date(year, 1, 1)
        accepted = AcceptedHole(bug="CVE-2026-1", until=day, reason="By hand only.")
        said = SAID.model_copy(update={"accepted": (accepted,)})
        if holds:
            put(HOLES, scanned(holes=(hole,)), known_holes=said)
            assert any("accepted: CVE-2026-1 until 2999-01-01: By hand only." in r for r in reasons)
        else:
            with pytest.raises(AssertionError):
                put(HOLES, scanned(holes=(hole,)), known_holes=said)
    unmended = software.Holed("TEMP-2", "report", "1", "")
    put(HOLES, scanned(holes=(unmended,)), known_holes=SAID)
    counted = SAID.model_copy(update={"without_fix": "counted"})
    with pytest.raises(AssertionError):
        put(HOLES, scanned(holes=(unmended,)), known_holes=counted)


def test_a_list_is_read_as_debsecan_reads_it() -> None:
    """By source or binary package, until a version, but for those that are mended besides."""
    for content in (FEED.encode(), zlib.compress(FEED.encode())):
        known = feed.read_feed(content)
        assert (len(known.holes), known.newest_year) == (2, 2026)
    package = software.Package
    has = known.found(
        [
            package("libssl3:amd64", "3.0.11-1~deb12u1", "openssl", "3.0.11-1~deb12u1"),
            package("openssl", "3.0.9-9", "openssl", "3.0.9-9"),
            package("openssl", "3.0.11-1~deb12u2", "openssl", "3.0.11-1~deb12u2"),
            package("report", "9", "report", "9"),
        ]
    )
    assert [(hole.bug, one.name) for hole, one in has] == [
        ("CVE-2026-1", "libssl3:amd64"), ("TEMP-2", "report"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        FEED.encode()[:60],
        zlib.compress(FEED.encode())[:30],
        b"VERSION 1\na,,b\n\nx\n",
    ],
)
def test_what_is_no_list_is_refused(content: bytes) -> None:
    """A page of a proxy and half a list are none: neither says that nothing is known."""
    with pytest.raises(ValueError, match=r"it |is about"):
        feed.read_feed(content)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0~rc1", "1.0"), ("1.0", "1.0-1"), ("1.0-1", "1.0-1+b1"), ("9", "10"), ("2", "1:1"),
        ("1.0-1~deb12u1", "1.0-1"), ("1.0a", "1.0+"), ("1.2-1", "1.10-1"), ("1.0", "1.0.1"),
    ],
)  # fmt: skip
def test_versions_compare_as_dpkg_has_it(one: str, other: str) -> None:
    """Each pair was asked of `dpkg --compare-versions` as well."""
    assert versions.older(one, other)
    assert not versions.older(other, one)
    assert not versions.older(one, one)


def test_what_runs_deleted_is_told_from_what_has_no_file() -> None:
    """Shared memory and files of a moment are no library."""
    said = (
        "p1\ncsshd\nftxt\nn/usr/sbin/sshd\nfDEL\nn/usr/lib/x86_64-linux-gnu/libz.so.1\n"
        "p2\ncnginx\nftxt\nn/usr/sbin/nginx (deleted)\nfDEL\nn/dev/zero\nfDEL\nn/memfd:x\n"
    )
    programs, stale = software.read_mapped(said)
    assert programs == 2
    assert [str(one) for one in stale] == [
        "nginx runs /usr/sbin/nginx, which is gone",
        "sshd runs /usr/lib/x86_64-linux-gnu/libz.so.1, which is gone",
    ]


def test_what_dpkg_verifies_is_read_by_what_runs() -> None:
    """Papers and configuration may be missing; a program that nobody could read is unknown."""
    changed, unread, papers = software.read_verified(
        "??5??????   /usr/bin/ldd\n??5?????? c /etc/x.conf\nmissing     /usr/share/doc/a\n"
        "missing     /usr/sbin/a\nmissing     /usr/lib/b (Permission denied)\n"
    )
    assert changed == (
        "/usr/bin/ldd is another one than its package brought",
        "/usr/sbin/a is missing",
    )
    assert (unread, papers) == (("/usr/lib/b",), 2)
    assert software.ended("a\nended 0\n", "x", with_=(0,)) == "a\n"
    with pytest.raises(NotUnderstood, match="no status"):
        software.ended("a\n", "x", with_=(0,))


def test_digests_are_compared_with_those_of_the_same_version() -> None:
    """Another version is unknown, another digest of the same is red, a list that is gone too."""
    kept = software.Kept({"a": "1", "b": "1", "c": "1"}, {"a": "0", "b": "0", "c": "0"})
    found = kept.against({"a": "1", "b": "2", "c": "1", "d": "1"}, {"a": "0", "b": "9"})
    assert found == (1, ("c",), ("b 2", "d 1"))
    for said in ("", "a b c", "a 1"):
        with pytest.raises(ValueError, match=r"versions and|is neither"):
            software.read_kept(said)


def brought(**more: Any) -> software.Brought:
    """A machine that is as it was kept."""
    known: Any = {
        "compared": 200, "rebuilt": (), "not_kept": (), "changed": (), "unread": (), "papers": 5,
    }  # fmt: skip
    return software.Brought(**known | more)


KEPT = Integrity(digests="file:x")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"rebuilt": ("a",)}, "digests were made anew to be none, found a"),
        ({"changed": ("/usr/bin/x is missing",)}, "found /usr/bin/x is missing"),
        ({"unread": ("/usr/bin/x",)}, "could be read, but not /usr/bin/x"),
        ({"not_kept": ("a 2",)}, "kept of all packages, but not of a 2"),
        ({"compared": 0}, "as they were kept at least 1, found 0"),
    ],
)
def test_what_packages_brought_is_judged(
    reasons: list[str], more: dict[str, Any], reason: str
) -> None:
    """What could not be compared is no green either."""
    put(BROUGHT, brought(), integrity=KEPT)
    with pytest.raises((AssertionError, Exception)):
        put(BROUGHT, brought(**more), integrity=KEPT)
    assert reason in reasons[-1]


def test_a_program_that_was_changed_on_purpose_is_green() -> None:
    """By its path, with a reason."""
    meant = Changed(path="/usr/bin/x", reason="A site's own wrapper.")
    said = KEPT.model_copy(update={"changed": (meant,)})
    put(BROUGHT, brought(changed=("/usr/bin/x is missing",)), integrity=said)


def roles(*differences: Difference, **aspects: Any) -> None:
    """Compare two machines of a role whose second one has these aspects."""
    first = alike.Likeness({"packages": {"a": "1"}, "kernel": {"release": "6.1"}})
    second = alike.Likeness(dict(first.aspects) | aspects)
    machines = [SimpleNamespace(name=one, role="app", ssh=True) for one in ("app1", "app2")]
    seen = {"app1": first, "app2": second}
    site = SimpleNamespace(
        name="site", machines=machines, hardening=Hardening(alike=Alike(differences=differences)),
        machine=lambda name: next(one for one in machines if one.name == name),
    )  # fmt: skip
    ALIKE["test_machines_of_a_role_are_alike"](
        site, lambda _, one: Found(seen[one.name], one.name, 0)
    )


def test_machines_of_a_role_are_compared(reasons: list[str]) -> None:
    """The odd one out is named; what is declared to differ is not, and its reason is told."""
    roles()
    with pytest.raises(AssertionError):
        roles(packages={"a": "1", "b": "2"})
    assert "app: packages: b is absent on app1, 2 on app2" in reasons[-1]
    meant = Difference(role="app", of="packages", named="b", reason="A trial.")
    roles(meant, packages={"a": "1", "b": "2"})
    assert "packages of app: A trial." in reasons[-1]


def test_of_three_machines_the_odd_one_is_told() -> None:
    """What most of them have is told once."""
    of = {
        name: alike.Likeness({"kernel": {"release": one}})
        for name, one in zip("abc", "112", strict=True)
    }
    assert [str(one) for one in alike.odd_ones(of)] == [
        "kernel: release is 2 on c (1 on the others)"
    ]


def test_what_is_asked_is_on_the_list() -> None:
    """And nothing that only begins like it."""
    asked = [
        questions.SERVICES, questions.PACKAGES, questions.DIGESTS, questions.VERIFIED,
        questions.MAPPED, questions.UNITS, questions.rights(["/opt/a b"[:6]]),
        questions.processes([1, 22]),
    ]  # fmt: skip
    for one in asked:
        assert is_allowed(one), one
        assert not is_allowed(f"{one}; id")
    assert not questions.fits("/opt/$(id)")
    assert re.search("sudo -n /usr/bin/dpkg --verify;", questions.VERIFIED)
