"""What the base install must do without the extra `run`: judge, report, export, verify."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stories import Story

from readiness.site.examples import write_examples

BLOCKED = ("pytest", "psycopg", "asyncssh", "requests", "testinfra", "_pytest")
WITHOUT_THE_EXTRA = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"not in the base install: {{name}}")

sys.meta_path.insert(0, Blocked())
from readiness.commands.cli import main
sys.argv[0] = "readiness"
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and a signing key."""
    made = tmp_path_factory.mktemp("base")
    (made / "run").mkdir()
    Story(made / "run").write()
    for words in (
        ("genpkey", "-algorithm", "ed25519", "-out", "a.key"),
        ("pkey", "-in", "a.key", "-pubout", "-out", "a.pub"),
    ):
        subprocess.run(["openssl", *words], cwd=made, check=True, umask=0o077)
    return made


@pytest.mark.parametrize("words", ["doctor", "gate", "drift", "recover"])
def test_what_needs_the_extra_says_how_to_get_it(folder: Path, words: str) -> None:
    """One line with the command that helps, exit 69, and no run was begun."""
    site = folder / "site"
    if not site.exists():
        write_examples(site)
    file = () if words == "recover" else ("--env", "site/environment.yaml")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA, words, *file],
        cwd=folder,
        env={**os.environ, "READINESS_STATE": str(folder / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 69, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("readiness: this command looks at live systems and needs ")
    assert line.endswith("pip install 'readiness[run]'")
    assert not (folder / "reports").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("judge run", "VERDICT="),
        ("report run", "REPORT="),
        ("export run --out bundle --key file:a.key", "BUNDLE=bundle"),
        ("verify bundle --trust a.pub", "BUNDLE=AS-SIGNED EXIT=0"),
        ("checks", "Every node redirects plain HTTP for good to the same page over HTTPS"),
        ("explain TLS-001", "TLS-001"),
    ],
)
def test_it_needs_nothing_of_the_extra(folder: Path, words: str, says: str) -> None:
    """No import of what looks at systems, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA, *words.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert says in done.stdout, done.stdout + done.stderr
