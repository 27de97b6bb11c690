"""What roles say: read strictly, gathered in a fixed order, and refused in one line."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lab.errors import WrongRole
from lab.home import REPOSITORY
from lab.inventory import Machine, flows_of, in_order, machines_of
from lab.role_file import FOLDER, Flow, Role, load, load_all, without_site

BROKEN = {
    "enable = [": "not TOML: ",
    "enabel = []": "enabel: expected a known key (did you mean 'enable'?), found 'enabel'",
    "enable = true": "enable: expected a list, found True",
    "[files]\n'/etc/x' = 1": 'files."/etc/x": expected a text, found 1',
    "files = ['/etc/x']": "files: expected a table, found ['/etc/x']",
    "[site]\npackage = []": (
        "site.package: expected a known key (did you mean 'packages'?), found 'package'"
    ),
    "[site]\npackages = ['a,b']": (
        "site.packages[0]: expected the name of a Debian package, found 'a,b'"
    ),
    "[[site.archives]]\nartifact = 'x'\nsha256 = '0'\ninto = '/opt'": (
        "site.archives[0].artifact: expected the coordinates of a ZIP file"
    ),
    f"[[site.archives]]\nartifact = 'g:a:1:zip'\nsha256 = '{'0' * 64}'\ninto = 'opt'": (
        "site.archives[0].into: expected an absolute folder of the machine, found 'opt'"
    ),
    "[[site.archives]]\nartifact = 'g:a:1:zip'\nsha256 = '0'\ninto = '/opt'": (
        "site.archives[0].sha256: expected a SHA-256 in 64 hexadecimal digits, found '0'"
    ),
    "[site]\npasswords = ['../x']": "site.passwords[0]: expected a file below secrets, such as",
    "[site]\npasswords = ['/etc/x']": "site.passwords[0]: expected a file below secrets, such as",
    "[site]\npasswords = ['x']": "site.passwords[0]: expected a file below secrets, such as",
    "[site.machines]\nDB1 = {zone = 'data', number = 9}": (
        "site.machines.DB1: expected a machine's name: a letter, then at most 14 letters"
    ),
    "[site.machines]\ndb1 = {zone = 'data'}": (
        "site.machines.db1.number: expected a value, found none"
    ),
    "[site.machines]\ndb1 = {zone = 'data', number = '9'}": (
        "site.machines.db1.number: expected a whole number, found '9'"
    ),
    "[site.machines]\ndb1 = {zone = 'data', number = 255}": (
        "site.machines.db1.number: expected at most 254, found 255"
    ),
    "[site]\nof = 'Small'": "site.of: expected a site's name: a letter, then at most 14",
    "[site]\neverywhere = 'yes'": "site.everywhere: expected true or false, found 'yes'",
    "[site.zones]\nmain-campus = 1": "site.zones.main-campus: expected a zone's name: a letter",
    "[site.zones]\ncampus = 256": "site.zones.campus: expected at most 255, found 256",
    "[site]\nssh_keys = ['a/b']": "site.ssh_keys[0]: expected a key pair's name: a letter",
    "[site.machines]\ndb1 = {zone = 'data', number = 9, names = ['a.b']}": (
        "site.machines.db1.names[0]: expected a label of a host name"
    ),
    "[[site.flows]]\nform = 'app'\nto = 'db'\nports = [1]\nwhy = 'x'": (
        "site.flows[0].form: expected a known key (did you mean 'from'?), found 'form'"
    ),
    "[[site.flows]]\nfrom = 'app'\nto = 'db'\nports = []\nwhy = 'x'": (
        "site.flows[0].ports: expected at least one entry, found []"
    ),
    "[[site.flows]]\nfrom = 'app'\nto = 'db'\nports = [65536]\nwhy = 'x'": (
        "site.flows[0].ports[0]: expected at most 65535, found 65536"
    ),
    "[[site.flows]]\nfrom = 'app'\nto = 'db'\nports = [1]\nwhy = 'a \"b\"'": (
        "site.flows[0].why: expected a reason of at most 128 ASCII characters, without quotes"
    ),
    "[[site.flows]]\nfrom = 'app'\nto = 'db'\nports = [1]\nwhy = 'x'\nprotocol = 'icmp'": (
        "site.flows[0].protocol: expected 'tcp' or 'udp', found 'icmp'"
    ),
}
CACHE = "[site.machines]\ncache9 = {zone = 'data', number = 9}\n"
FLOW = "[[site.flows]]\nfrom = '{}'\nto = '{}'\nports = [1]\nwhy = 'x'\n"
# What is wrong with the second role only where there is a first.
TOGETHER = {
    "[site.machines]\nkeep1 = {zone = 'dta', number = 8}": (
        "site.machines.keep1.zone: expected a zone (did you mean 'data'?), found 'dta'"
    ),
    "[site.machines]\nkeep1 = {zone = 'data', number = 9}": (
        "site.machines.keep1.number: expected a free number in data, found 9 of cache9"
    ),
    "[site.machines]\nkeep1 = {zone = 'data', number = 1}": (
        "site.machines.keep1.number: expected a free number in data, found 1 of gw1"
    ),
    "[site.machines]\nkeep1 = {zone = 'edge', number = 100}": (
        "site.machines.keep1.number: expected a free number in edge, found 100 of the virtual"
    ),
    "[site.machines]\ncache9 = {zone = 'app', number = 9}": (
        "site.machines.cache9: expected each machine once, found 'cache9' twice"
    ),
    "[site.machines]\ngw1 = {zone = 'app', number = 9}": (
        "site.machines.gw1: expected each machine once, found 'gw1' twice"
    ),
    "[site]\nalso_on = ['cahe']": (
        "site.also_on[0]: expected a role (did you mean 'cache'?), found 'cahe'"
    ),
    "[site]\nalso_on = ['keep']": "site: expected `machines`, or `also_on` a role that has some",
    "": "site: expected `machines`, or `also_on` a role that has some, found neither",
    "[site]\nalso_on = ['cache']\n" + FLOW.format("chache", "db"): (
        "site.flows[0].from: expected '*', a zone or a role that a machine has (did you mean 'cache"
    ),
    "[site]\nalso_on = ['cache']\n" + FLOW.format("cache", "keeper"): (
        "site.flows[0].to: expected '*', a zone or a role that a machine has (did you mean 'keep'"
    ),
}

Written = Callable[[Mapping[str, str]], dict[str, Role]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes roles beside those that every site has, and reads them all."""

    def write(files: Mapping[str, str]) -> dict[str, Role]:
        for name, text in {"base": "", "gw": "", **files}.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "role.toml").write_text(text)
        return load_all(tmp_path)

    return write


def gathered(roles: dict[str, Role]) -> tuple[tuple[Machine, ...], tuple[Flow, ...]]:
    """Machines and flows, as the inventory gathers them."""
    machines = machines_of(roles)
    return machines, flows_of(in_order(roles, machines), machines)


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_role_file_is_refused(text: str, written: Written) -> None:
    """The error names file, key, what was expected and what was found, on one line."""
    with pytest.raises(WrongRole) as refused:
        written({"keep": text})
    said = str(refused.value)
    assert f"keep/role.toml: {BROKEN[text]}" in said
    assert "\n" not in said


@pytest.mark.parametrize("text", TOGETHER)
def test_roles_that_do_not_fit_together_are_refused(text: str, written: Written) -> None:
    """A site is made of all of them: numbers, names and ends of flows are looked at together."""
    with pytest.raises(WrongRole) as refused:
        gathered(written({"cache": CACHE, "keep": text}))
    assert f"keep/role.toml: {TOGETHER[text]}" in str(refused.value)


def test_a_role_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Whoever asks for one by name may misspell it."""
    with pytest.raises(WrongRole, match="no role is called 'absent'"):
        load("absent", tmp_path)


def test_a_folder_that_says_nothing_is_a_role_that_nobody_has(written: Written) -> None:
    """Files without a `role.toml` would be laid over nothing, and nobody would be told."""
    folder = next(iter(written({}).values())).folder.parent / "keep"
    (folder / "rootfs").mkdir(parents=True)
    assert gathered(load_all(folder.parent))
    (folder / "rootfs/a.conf").write_text("a = 1\n")
    with pytest.raises(WrongRole, match=r"keep/role\.toml: site: expected `machines`"):
        gathered(load_all(folder.parent))


def test_machines_come_by_zone_and_number_whoever_says_them(written: Written) -> None:
    """The router comes first; a later role's machine may stand before an earlier one's."""
    keep = "[site.machines]\nkeep2 = {zone = 'data', number = 10}\nkeep1 = {zone='app', number=4}\n"
    machines, _ = gathered(written({"cache": CACHE, "keep": keep}))
    assert [each.name for each in machines] == ["gw1", "keep1", "cache9", "keep2"]
    assert [str(machines[3].v4), str(machines[3].v6)] == ["198.18.3.10", "2001:2:0:3::10"]


def test_what_is_also_on_a_machine_comes_after_what_it_is_on(written: Written) -> None:
    """Later roles win where two lay one file, so the order is that of who builds on whom."""
    roles = written(
        {
            "cache": CACHE,
            "a": "[site]\nalso_on = ['z']",
            "z": "[site]\nalso_on = ['cache']",
            "m": "[site]\nalso_on = ['cache', 'a']",
            "every": "[site]\nalso_on = ['base']",
        }
    )
    machines, _ = gathered(roles)
    assert [each.roles for each in machines] == [
        ("base", "gw", "every"),
        ("base", "cache", "every", "m", "z", "a"),
    ]


def test_flows_come_in_the_order_of_machines_and_looks_at_a_system_last(written: Written) -> None:
    """A role that is shared, as operations' own, stands between."""
    ops = "[site.machines]\nmon1 = {zone = 'ops', number = 10}\n" + FLOW.format("ops", "*")
    keep = "[site.machines]\nkeep1 = {zone = 'app', number = 4}\n"
    keep += FLOW.format("ops", "keep") + FLOW.format("edge", "keep")
    _, flows = gathered(
        written({"cache": CACHE + FLOW.format("keep", "cache"), "keep": keep, "ops": ops})
    )
    assert [(one.source, one.destination) for one in flows] == [
        ("edge", "keep"),
        ("keep", "cache"),
        ("ops", "*"),
        ("ops", "keep"),
    ]


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*/role.toml")), ids=lambda path: path.parent.name
)
def test_what_the_site_has_for_a_role_can_be_left_out(path: Path) -> None:
    """Of each committed file; nothing else is missing then."""
    assert "[site" not in without_site(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[site]\npackages = []\n[files]\n'/a' = 'b'\n", "[files]\n'/a' = 'b'\n"),
        ("[files]\n'/a' = 'b'\n[[site.flows]]\nfrom = 'x'\n", "[files]\n'/a' = 'b'\n"),
        ("[site]\n[files]\n'/a' = 'b'\n[site.machines]\n", "[files]\n'/a' = 'b'\n"),
    ],
)
def test_what_is_laid_is_left_line_by_line(before: str, after: str, tmp_path: Path) -> None:
    """Wherever the tables of the site stand."""
    path = tmp_path / "role.toml"
    path.write_text(before)
    assert without_site(path) == after


@pytest.mark.parametrize(
    "text", ["site = {packages = []}\n", "site.packages = []\n", "[site]\npackages = [\n[],\n]\n"]
)
def test_a_site_that_stands_among_the_rest_is_refused(text: str, tmp_path: Path) -> None:
    """What is left out of a digest has to be known to the line."""
    path = tmp_path / "role.toml"
    path.write_text(text)
    with pytest.raises(WrongRole, match="site"):
        without_site(path)


def test_the_command_line_refuses_it_in_one_line(tmp_path: Path) -> None:
    """Machines are named while modules are imported, before any command is read."""
    # Links of a role lead into its machine, and nowhere here.
    shutil.copytree(REPOSITORY / "lab", tmp_path / "lab", symlinks=True)
    (tmp_path / "lab/roles/cache/role.toml").write_text("enabel = []\n")
    words = [sys.executable, "-m", "lab", "status"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (64, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("lab: ")
    assert line.endswith(
        "role.toml: enabel: expected a known key (did you mean 'enable'?), found 'enabel'"
    )
