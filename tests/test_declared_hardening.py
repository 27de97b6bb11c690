"""The sections `hardening` and `headroom`: what is refused, where, and with which words."""

from pathlib import Path

import pytest

from readiness.model.errors import UsageError
from readiness.site.documents import load_environment
from readiness.systems.hardening.declared import hardening_of, headroom_of
from readiness.systems.hardening.rules import kernel_rules

LAB = Path(__file__).parents[1] / "environments/lab.yaml"


def environment(folder: Path, section: str) -> Path:
    """The lab's file with another section in place of its `hardening`."""
    text = LAB.read_text()
    start, end = text.index("hardening:\n"), text.index("\nobjectives:\n")
    path = folder / "environment.yaml"
    path.write_text(f"{text[:start]}{section}{text[end:]}")
    return path


@pytest.mark.parametrize(
    ("section", "refusal"),
    [
        (
            "hardening:\n  ssh_passwords: no",
            r"ssh_passwords: .*'allowed' or 'refused', found a text",
        ),
        ("hardening:\n  kernel: [{key: 'a b', least: 0, most: 1, reason: x}]", r"kernel\[0\]\.key"),
        (
            "hardening:\n  kernel: [{key: a.b, least: 2, most: 1, reason: x}]",
            r"most: .*expected at least 2, which is `least`, found 1",
        ),
        (
            "hardening:\n  excepted: [{rule: net.ipv4.nothing, reason: x}]",
            r"excepted\[0\]\.rule: .*a kernel setting of the table, or .*found 'net.ipv4.nothing'",
        ),
        ("hardening:\n  excepted: [{rule: set-uid, reason: x}]", "expected `path`.*found none"),
        (
            "hardening:\n  excepted: [{rule: uid-0, path: /etc/x, reason: x}]",
            "path: .*expected no `path`.*found /etc/x",
        ),
        ("hardening:\n  excepted: [{rule: uid-0}]", "reason: is missing"),
        ("hardening:\n  excepted: [{rule: uid-0, reason: x, machines: [x9]}]", "found 'x9'"),
        ("hardening:\n  excepted: [{rule: uid-0, reason: x, machines: [db1, db1]}]", "once"),
        ("hardening:\n  except: []", "hardening.except: unknown key"),
        ("headroom:\n  free: 100", "free: .*less than 100, found 100"),
        ("headroom:\n  inodes: 0", "inodes: .*found 0"),
        ("headroom:\n  excepted: [{point: srv, reason: x}]", r"excepted\[0\]\.point"),
        ("headroom:\n  excepted: [{point: /srv, reason: x, machines: [x9]}]", "found 'x9'"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(
    tmp_path: Path, section: str, refusal: str
) -> None:
    """One line with file, line, key, what was expected and what was found."""
    with pytest.raises(UsageError, match=rf"environment\.yaml:\d+:\d+: .*{refusal}"):
        load_environment(environment(tmp_path, f"{section}\n"))


def test_nothing_has_to_be_declared(tmp_path: Path) -> None:
    """A site that says nothing is held to the table, and passwords are its own affair."""
    site = load_environment(environment(tmp_path, ""))
    assert hardening_of(site).exceptions("db1") == ()
    assert hardening_of(site).ssh_passwords == "allowed"
    assert (headroom_of(site).free, headroom_of(site).inodes) == (10.0, 10.0)


def test_a_site_s_own_row_stands_in_place_of_the_table_s(tmp_path: Path) -> None:
    """It is about the machines that it names; what a kernel starts with stays known."""
    row = "{key: net.ipv4.tcp_syncookies, least: 2, most: 2, reason: Flooded., machines: [db1]}"
    site = load_environment(environment(tmp_path, f"hardening:\n  kernel:\n    - {row}\n"))
    own = {one.key: one for one in kernel_rules(hardening_of(site).rows("db1"))}
    others = {one.key: one for one in kernel_rules(hardening_of(site).rows("db2"))}
    key = "net.ipv4.tcp_syncookies"
    assert (own[key].wanted, own[key].default, others[key].wanted) == ("2", 1, "1 to 2")


SMALL = LAB.parent / "small.yaml"


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("age: 1 d", "age: 0 s", r"known_holes\.age: .*more than 0"),
        ("age: 1 d", "age: 1 d\n    accepted: [{bug: CVE-2026-1, reason: x}]", "until: is missing"),
        ("age: 1 d", "without_fix: never", r"without_fix: .*'told' or 'counted'"),
        ("alike: {}", "alike: {differences: [{role: x, of: units, reason: y}]}", "found 'x'"),
        (
            "alike: {}",
            "alike: {differences: [{role: dumps, of: units, named: '(', reason: y}]}",
            "a regular expression",
        ),
        ("unit: portal\n", "unit: portal\n        users: x\n", "users: unknown key"),
        ("capabilities: none", "capabilities: some", "'any' or 'none'"),
        ("machines: [solo]\n  #", "machines: [x9]\n  #", "found 'x9'"),
        (
            "    held:\n",
            "    held:\n      - {unit: portal, user: root}\n",
            "each service once.*found 'portal' twice",
        ),
        ("path: /etc/portal/accounts.key", "path: accounts.key", r"values\[0\]\.path"),
        ("{name: observe.password, machine", "{name: accounts.key, machine", "once"),
        ("values: [accounts.key], every", "values: [session.key], every", "found 'session.key'"),
        ("certificates: 398 d", "certificates: yes", r"ages\.certificates"),
        ("keys: {}", "keys: {shared: [{of: [solo, x9], reason: y}]}", "found 'x9'"),
        ("keys: {}", "keys: {published: [{digest: abc, source: y}]}", r"published\[0\]\.digest"),
        ("defaults: {}", "defaults: {own: [{system: redis, user: a}]}", "password: is missing"),
    ],
)
def test_what_runs_and_what_is_kept_is_refused_where_it_stands(
    tmp_path: Path, old: str, new: str, refusal: str
) -> None:
    """The small site's file with one thing that does not fit."""
    text = SMALL.read_text()
    assert old in text
    path = tmp_path / "environment.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError, match=rf"environment\.yaml:\d+:\d+: .*{refusal}"):
        load_environment(path)
