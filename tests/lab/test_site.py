"""The lab's site as its users meet it: TLS at every edge address, the portal, its database path."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.app.portal.passwords import account_password
from lab.home import current
from lab.inventory import VIP4, VIP6
from lab.machines import Lab
from lab.secrets import ACCOUNTS_KEY
from lab.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300), pytest.mark.flaky(reruns=1)]

NAMES = ("portal.lab.test", "edge1.lab.test", "edge2.lab.test")
FAMILIES = ("-4", "-6")
SECRETS = current().secrets
READY = "https://portal.lab.test/health/ready"

ASK_DATABASE = """
import json, sys, psycopg
with psycopg.connect(sys.argv[1], connect_timeout=5) as connection:
    print(json.dumps(connection.execute(sys.argv[2]).fetchone()))
"""


@pytest.fixture
def lab(healthy: Site) -> Lab:
    """The lab that is up."""
    return healthy.lab


@pytest.fixture
def curl(lab: Lab) -> Callable[..., str]:
    """Ask like a client on mon1 that trusts only the ACME root; returns what curl prints."""

    def ask(*arguments: str) -> str:
        common = ["curl", "-s", "--max-time", "10", "--cacert", str(SECRETS / "ca/acme-root.pem")]
        return _output(lab.look_from("mon1", [*common, *arguments]))

    return ask


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else f"{done.stdout} [exit {done.returncode}]"


def _status(curl: Callable[..., str], *arguments: str) -> str:
    return curl("-o", "/dev/null", "-w", "%{http_code}", *arguments)


def _until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", NAMES)
def test_every_edge_address_serves_over_the_acme_chain(
    curl: Callable[..., str], name: str, family: str
) -> None:
    """Virtual and own addresses, v4 and v6, answer 200 to a client with only the ACME root."""
    assert _status(curl, family, f"https://{name}/health/ready") == "200"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", NAMES)
def test_plain_http_leads_to_tls(curl: Callable[..., str], name: str, family: str) -> None:
    """Everything but ACME challenges is redirected, and TLS answers ask for HSTS."""
    answer = curl(
        family, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://{name}/x"
    )
    assert answer == f"301 https://{name}/x"
    headers = curl(family, "-D", "-", "-o", "/dev/null", f"https://{name}/health/ping").lower()
    assert "strict-transport-security: max-age=63072000" in headers
    challenge = f"http://{name}/.well-known/acme-challenge/none"
    assert _status(curl, family, challenge) in {"404", "503"}


def test_both_app_machines_serve(curl: Callable[..., str]) -> None:
    """The edge spreads requests over app1 and app2, and the answer says who gave it."""
    answers = [curl("-D", "-", "-o", "/dev/null", READY).lower() for _ in range(6)]
    served = {line for each in answers for line in each.splitlines() if "x-served-by" in line}
    assert served == {"x-served-by: app1", "x-served-by: app2"}


def _private(path: Path, text: str) -> str:
    """Put a secret into a file, so that none stands in a command line."""
    path.touch(mode=0o600)
    path.write_text(text)
    return f"@{path}"


def _log_in(
    curl: Callable[..., str], folder: Path, email: str, password: str
) -> tuple[str, dict[str, Any]]:
    body = _private(folder / "login.json", json.dumps({"email": email, "password": password}))
    answer = curl(
        *("-H", "Content-Type: application/json", "--data", body),
        *("-w", "\n%{http_code}", "https://portal.lab.test/auth/login"),
    )
    text, _, status = answer.rpartition("\n")
    return status, json.loads(text)


def test_a_student_sees_their_own_record_only(curl: Callable[..., str], tmp_path: Path) -> None:
    """Login, session, own profile 200, another's 403, logout, nothing afterwards."""
    email = "student00001@example.test"
    key = (SECRETS / ACCOUNTS_KEY).read_bytes().strip()
    status, body = _log_in(curl, tmp_path, email, account_password(key, email))
    assert status == "200"
    bearer = ("-H", _private(tmp_path / "bearer", f"Authorization: Bearer {body['token']}\n"))
    base = "https://portal.lab.test"
    session = json.loads(curl(*bearer, f"{base}/auth/session"))
    assert (session["email"], session["role"]) == (email, "STUDENT")
    own = f"{base}/api/profile/student/{session['user_id']}"
    assert json.loads(curl(*bearer, own))["email"] == email
    assert _status(curl, *bearer, f"{base}/api/profile/student/{session['user_id'] + 1}") == "403"
    assert _status(curl, own) == "401"
    assert _status(curl, *bearer, "-X", "POST", f"{base}/auth/logout") == "200"
    assert _status(curl, *bearer, f"{base}/auth/validate") == "401"


def test_five_guesss_lock_the_account(curl: Callable[..., str], tmp_path: Path) -> None:
    """The fifth wrong password is answered 423, whatever comes next."""
    email = "student00200@example.test"
    answers = [_log_in(curl, tmp_path, email, "wrong")[0] for _ in range(5)]
    assert answers[-1] == "423"
    assert set(answers) <= {"401", "423"}


@pytest.mark.parametrize("machine", ["app1", "app2"])
def test_the_pooler_leads_the_drills_role_to_the_primary(
    lab: Lab, machine: str, tmp_path: Path
) -> None:
    """readiness_touch logs in through PgBouncer from mon1 and stands on a writable primary."""
    password = (SECRETS / "pg/touch.password").read_text().strip()
    passfile = tmp_path / "pgpass"
    _private(passfile, f"*:*:*:*:{password}\n")
    conninfo = (
        f"host={machine}.lab.test port=6432 dbname=paws360 user=readiness_touch passfile={passfile}"
    )
    question = "SELECT pg_is_in_recovery(), current_user"
    argv = [sys.executable, "-c", ASK_DATABASE, conninfo, question]
    assert json.loads(_output(lab.look_from("mon1", argv))) == [False, "readiness_touch"]


def _holders(lab: Lab) -> list[str]:
    """The edges that carry both virtual addresses now."""
    found = []
    for name in ("edge1", "edge2"):
        carried = lab.check(name, ["ip", "-brief", "address", "show", "dev", "eth0"])
        if f"{VIP4}/32" in carried and f"{VIP6}/128" in carried:
            found.append(name)
    return found


def test_the_virtual_addresses_move_to_the_other_edge(lab: Lab, curl: Callable[..., str]) -> None:
    """Without HAProxy on their holder both addresses move, serve from there, and come back."""
    _until(lambda: _holders(lab) == ["edge1"], 30, "edge1 holding the virtual addresses")
    try:
        lab.check("edge1", ["systemctl", "stop", "haproxy.service"])
        _until(lambda: _holders(lab) == ["edge2"], 30, "edge2 holding the virtual addresses")
        assert [_status(curl, family, READY) for family in FAMILIES] == ["200", "200"]
    finally:
        lab.check("edge1", ["systemctl", "start", "haproxy.service"])
    _until(lambda: _holders(lab) == ["edge1"], 30, "edge1 holding the virtual addresses again")
    assert [_status(curl, family, READY) for family in FAMILIES] == ["200", "200"]


def _leader(lab: Lab) -> str | None:
    for name in ("db1", "db2", "db3"):
        argv = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "2"]
        if _output(lab.look_from("mon1", [*argv, f"https://{name}:8008/primary"])) == "200":
            return name
    return None


def _streaming(lab: Lab) -> int:
    argv = ["curl", "-sk", "--max-time", "2", "https://db1:8008/cluster"]
    try:
        members = json.loads(_output(lab.look_from("mon1", argv)))["members"]
    except ValueError:
        return 0
    return sum(member["state"] == "streaming" for member in members)


def test_the_portal_outlives_the_primary(lab: Lab, curl: Callable[..., str]) -> None:
    """When Patroni and PostgreSQL stop on the primary, the portal finds the new one by itself."""
    first = _leader(lab)
    assert first is not None
    assert _status(curl, READY) == "200"
    try:
        lab.check(first, ["systemctl", "stop", "patroni.service"])
        _until(lambda: _leader(lab) not in (None, first), 60, "a promotion")
        _until(lambda: _status(curl, READY) == "200", 30, "a ready portal")
    finally:
        lab.check(first, ["systemctl", "start", "patroni.service"])
    _until(lambda: _streaming(lab) == 2, 90, "two streaming standbys")
    assert _status(curl, READY) == "200"
