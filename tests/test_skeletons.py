"""What `scripts/new` refuses and writes; in `test_papers` it is run as CONTRIBUTING prints it."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from readiness.model.errors import UsageError
from readiness.site.kinds import KINDS

ROOT = Path(__file__).resolve().parents[1]
CHECK = "check CACHE-999 --clause infra.cache/tls --each cache_node"
REFUSED = {
    "": "required: system|check|fault",
    "room x": "invalid choice: 'room'",
    "system Memcached": "expected a name of lower-case letters, digits and '_', found 'Memcached'",
    "system ../x": "expected a name of lower-case letters",
    "system import": "import is a word of Python",
    "system haproxy": "a token is called haproxy already",
    "system door": "a token is called door already",
    "system hosts": "src/readiness/systems/hosts is there already",
    "system token": "src/readiness/systems/token is there already",
    "system lease": "tests/test_lease.py is there already",
    "system machine": "an environment has something that is called machine already",
    "system cache": "a kind is called cache_node already",
    "check CACHE-7 --clause infra.cache/tls --each cache_node": "expected an id like CACHE-001",
    "check CACHE-007 --clause infra.cache/tls --each cache": "CACHE-007 is taken by suites/cache",
    "check CACHE-999 --clause infra.cache/tsl --each cache": "unknown clause infra.cache/tsl (did",
    "check CACHE-999 --clause infra.cache/tls --each machine": "is answered by CACHE-010, for `ca",
    "system memcached --instead-of cache": "unknown section cache (did you mean 'caches'?)",
    "check CACHE-999 --clause infra.cache/tls --each cache_nod": "(did you mean 'cache_node'?)",
    "check CACHE-999 --each cache": "required: --clause",
    f"{CHECK} --ask rediss": "unknown token rediss (did you mean 'redis'?)",
    f"{CHECK} --ask haproxy": "haproxy is asked about balancer_node, not cache_node",
    f"{CHECK} --file ../test_x.py": "expected suites/AREA/test_BEHAVIOUR.py",
    f"{CHECK} --severity high": "unrecognized arguments: --severity high",
    "fault Slow-disk --kind cache --reddens CACHE-001": "expected two or more words",
    "fault null --kind cache --reddens CACHE-001": "expected two or more words",
    "fault slow-disk --kind disk --reddens CACHE-001": "unknown kind disk; there are: audit,",
    "fault slow-disk --kind cache --reddens CACHE-999": "unknown check CACHE-999",
    "fault slow-disk --kind cache --new-kind --reddens CACHE-001": "rows/cache.yaml is there al",
    "fault slow-disk --kind ../x --new-kind --reddens CACHE-001": "expected a kind of lower-case",
    "fault slow-disk --kind cache": "required: --reddens",
    "fault no-memory-limit-on-one-node --kind web --reddens CACHE-001": "cache.yaml has a fault no",
    "fault standby-detached --kind cache --reddens CACHE-001": "standby_detached.py is there",
}


@pytest.fixture
def skeletons(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, which finds its neighbours beside itself."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("skeletons")


@pytest.mark.parametrize("words", REFUSED)
def test_bad_input_is_one_line_and_nothing_is_written(
    words: str,
    skeletons: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line says what is wrong, on standard error, and the exit code is that of wrong usage."""
    monkeypatch.setattr(sys, "argv", ["new", *words.split()])
    monkeypatch.setattr(skeletons, "written", lambda files: pytest.fail(f"wrote {files}"))
    assert skeletons.main() == 64
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("new: ")
    assert REFUSED[words] in line
    assert said.out == ""


def test_the_command_ends_with_that_code() -> None:
    """As a user starts it."""
    program = ROOT / "scripts/new"
    done = subprocess.run([program, "system", "redis"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "new: a token is called redis already\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_check_in_style(kind: str, skeletons: Any) -> None:
    """A new file names kind and subject, and passes ruff, or it would be refused."""
    ((path, text),) = skeletons.check(
        "NEW-001", ["sec.secrets/rotation-new-works"], kind, None, None
    ).items()
    assert path == ROOT / "suites/secrets/test_rotation_new_works.py"
    assert f"def test_rotation_new_works({kind}: " in text


def test_a_check_joins_those_of_its_clause(skeletons: Any) -> None:
    """Below the others, which stay; where its function's name is taken, it gets the id's number."""
    clause = "infra.cache/eviction-fits-sessions"
    ((path, text),) = skeletons.check("CACHE-999", [clause], "cache_node", "redis", None).items()
    assert path == ROOT / "suites/cache/test_storage.py"
    assert text.startswith(path.read_text())
    name = "test_eviction_fits_sessions_999"
    assert f"def {name}(cache_node: CacheNode, ask: Ask) -> None:" in text


def test_a_new_kind_is_a_new_table(skeletons: Any) -> None:
    """It begins as the others do; nothing else has to know of it."""
    made = skeletons.fault("slow-disk", "memcached", ["CACHE-001"], new_kind=True)
    ((path, text),) = made.items()
    assert path == ROOT / "lab/faults/rows/memcached.yaml"
    others = (ROOT / "lab/faults/rows/cache.yaml").read_text().splitlines()
    assert text.splitlines()[:3] == [others[0].replace("cache", "memcached"), "", "slow-disk:"]


def test_one_name_for_two_things_is_refused(skeletons: Any) -> None:
    """Else a check that was there would ask somebody else from now on."""
    text = '"""Two."""\n\nfrom a import NODE\nfrom b import NODE\n\nassert NODE\n'
    with pytest.raises(UsageError, match="F811 Redefinition of unused `NODE`"):
        skeletons._tidy(ROOT / "suites/cache/test_storage.py", text)
