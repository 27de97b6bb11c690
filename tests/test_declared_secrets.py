"""The section `secrets` of an environment: what is refused, where, and with which words."""

from pathlib import Path

import pytest

from readiness.model.errors import UsageError
from readiness.site.documents import load_environment
from readiness.systems.secrets.declared import secrets_of

LAB = Path(__file__).parents[1] / "environments/lab.yaml"


def environment(folder: Path, section: str) -> Path:
    """The lab's file with another section."""
    text = LAB.read_text()
    start, end = text.index("secrets:\n"), text.index("\nobjectives:\n")
    path = folder / "environment.yaml"
    path.write_text(f"{text[:start]}{section}{text[end:]}")
    return path


@pytest.mark.parametrize(
    ("section", "refusal"),
    [
        ("kept_in:\n  - {path: /etc/x, owner: root, mode: '0644'}", "mode: .*others.*found 0644"),
        ("kept_in:\n  - {path: /etc/x, owner: root, mode: '9'}", "mode: .*such as '0640', found 9"),
        ("kept_in:\n  - {path: /etc/x, owner: root, mode: 0640}", "mode: .*expected a text"),
        ("kept_in:\n  - {path: etc/x, owner: root}", "path: .*expected the path .*found etc/x"),
        ("kept_in:\n  - {path: /etc/x}", r"kept_in\[0\]\.owner: is missing"),
        (
            "kept_in:\n  - {path: /etc/x, owner: a}\n  - {path: /etc/x, owner: a, machines: [db1]}",
            r"kept_in\[1\]\.path: .*each place once on a machine, found '/etc/x' twice on db1",
        ),
        ("files:\n  - {paths: ['/srv/x;id']}", r"paths\[0\]: .*expected a path .*found /srv/x;id"),
        ("files:\n  - {paths: ['/*/x']}", r"paths\[0\]: .*below a folder of its own, found /\*/x"),
        ("files:\n  - {paths: [/proc/1/environ]}", r"paths\[0\]: .*found /proc/1/environ"),
        ("files:\n  - {paths: [/srv/../etc/x]}", r"paths\[0\]: .*found /srv/\.\./etc/x"),
        ("files:\n  - {paths: [/srv/x], machines: [app9]}", "declared machine.*found 'app9'"),
        ("files:\n  - {paths: [/srv/x], machines: [db1, db1]}", "each machine once"),
        ("files:\n  - {paths: []}", "paths: .*at least 1 entry"),
        ("files:\n  - {paths: [/srv/x], user: 'a b'}", "user: .*expected a user name"),
        ("allowed:\n  - {reason: x}", "expected one of `path` and `unit`, found neither"),
        ("allowed:\n  - {path: /srv/x, unit: y, reason: x}", "`path` and `unit`, found both"),
        ("allowed:\n  - {path: /srv/x}", "reason: is missing"),
        ("file: []", "secrets.file: unknown key, did you mean 'files'"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(
    tmp_path: Path, section: str, refusal: str
) -> None:
    """One line with file, line, key, what was expected and what was found."""
    indented = "".join(f"  {line}\n" for line in section.splitlines())
    with pytest.raises(UsageError, match=rf"environment\.yaml:\d+:\d+: .*{refusal}"):
        load_environment(environment(tmp_path, f"secrets:\n{indented}"))


def test_a_machine_without_ssh_is_refused(tmp_path: Path) -> None:
    """Nothing could be looked at there."""
    path = environment(tmp_path, "secrets:\n  files:\n    - {paths: [/srv/x], machines: [gw1]}\n")
    path.write_text(
        path.read_text().replace("    role: gateway\n", "    role: gateway\n    ssh: false\n")
    )
    with pytest.raises(UsageError, match="a machine that is reached over SSH, found 'gw1'"):
        load_environment(path)


def test_nothing_has_to_be_declared(tmp_path: Path) -> None:
    """A site that says nothing is looked at all the same."""
    assert secrets_of(load_environment(environment(tmp_path, ""))).files == ()
    assert secrets_of(load_environment(environment(tmp_path, "secrets: {}\n"))).kept_in == ()
