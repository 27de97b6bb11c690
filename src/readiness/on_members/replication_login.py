"""Whether this member of a Patroni cluster could open new replication connections, tried now.

Runs on the member as the servers' own user, with no argument, and prints one JSON object. A standby
says how it connects (`primary_conninfo` of the running server); and every member tries each other
one as its Patroni would follow it, with what Patroni's configuration says. On a connection nothing
is asked but IDENTIFY_SYSTEM, which changes nothing. No secret is printed, and none is in an
argument: libpq reads them from a file in memory. Needs Python 3.9 and psql, and nothing of ours.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

FORMAT = 1  # of what is printed
LIMIT = 8  # seconds for one connection, or question
STARTED_IN = 20  # seconds for Patroni's Python to start, which takes seconds on a busy member
CONNECT_TIMEOUT = 4  # seconds for each address
LONGEST = 400  # characters of what libpq says
SERVICE = "readiness"
# Ours, so that nobody takes the connection for the standby's own.
NAMED = {"application_name": "readiness", "replication": "true"}
# What may come of Patroni's words for a login; each is libpq's word, too, but for the first.
LOGIN = (
    "username", "password", "sslmode", "sslkey", "sslcert", "sslpassword", "sslrootcert", "sslcrl",
    "sslcrldir", "sslnegotiation", "gssencmode", "channel_binding",
)  # fmt: skip
AT_ITS_START = 3  # words of a command: interpreter, an option of its own, script
FIELDS = 4  # of the answer to IDENTIFY_SYSTEM
# Patroni's own reading of its configuration, with what its environment overrides.
READ_CONFIGURATION = """
import json, sys
from patroni.config import Config
found = Config(sys.argv[1] if len(sys.argv) > 1 else None)
print(json.dumps({one: found.get(one) for one in ("name", "restapi", "postgresql")}, default=str))
"""
WHO = """SELECT json_build_object('standby', pg_is_in_recovery(),
  'conninfo', current_setting('primary_conninfo'))"""
_PAIR = re.compile(r"\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))")


class Unknown(Exception):
    """What stands in the way of trying; its words hold no secret."""


def main() -> None:
    """Try, and print what came of it."""
    try:
        found = tried()
    except Unknown as error:
        found = {"problem": str(error)}
    except Exception as error:  # noqa: BLE001 - its words may hold what was read
        found = {"problem": f"unexpected: {type(error).__name__}"}
    json.dump(found, sys.stdout)


def tried() -> dict[str, Any]:
    """Every connection that this member would have to open."""
    patroni = running()
    config = configuration(patroni)
    server = running_server(config)
    psql = program(config)
    who = ask(psql, server, WHO)
    wanted = []
    if who["standby"]:
        own = parsed(who["conninfo"])
        if not own or "service" in own:
            raise Unknown("the running standby's primary_conninfo is none that can be tried")
        wanted.append(("", own))
    login = replication_login(config)
    for member in others(config):
        to = {"host": str(member["host"]), "port": str(member.get("port") or 5432)}
        wanted.append((str(member["name"]), {**login, **to}))
    with ThreadPoolExecutor(max(len(wanted), 1)) as pool:
        attempts = list(pool.map(lambda one: attempt(psql, server, *one), wanted))
    return {"format": FORMAT, "standby": bool(who["standby"]), "attempts": attempts}


def running() -> dict[str, Any]:
    """The process of Patroni that runs as this user: interpreter, configuration, environment."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid != os.getuid():
                continue
            words = (folder / "cmdline").read_bytes().decode().split("\0")[:-1]
            script = next((n for n, one in enumerate(words) if is_patroni(words, n)), None)
            if script is None:
                continue
            files = [one for one in words[script + 1 :] if not one.startswith("-")]
            here = (folder / "cwd").readlink()
            return {
                "python": words[0] if script else shutil.which("python3"),
                "files": [str(Path(here, one)) for one in files[:1]],
                "environment": environment(folder),
            }
        except OSError:
            continue
    raise Unknown("no Patroni runs as this user")


def is_patroni(words: list[str], number: int) -> bool:
    """Whether that word is what makes the process Patroni: its script, or its module."""
    if number and words[number - 1] == "-m":
        return words[number] == "patroni"
    return number < AT_ITS_START and Path(words[number]).name in ("patroni", "patroni.py")


def environment(folder: Path) -> dict[str, str]:
    """The variables that a process was started with."""
    text = (folder / "environ").read_bytes().decode(errors="surrogateescape")
    return dict(one.split("=", 1) for one in text.split("\0") if "=" in one)


def configuration(patroni: dict[str, Any]) -> dict[str, Any]:
    """What Patroni's configuration says, as Patroni itself reads it."""
    try:
        done = subprocess.run(
            [patroni["python"], "-c", READ_CONFIGURATION, *patroni["files"]],
            env=patroni["environment"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=STARTED_IN, check=False, cwd="/",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Unknown(
            f"Patroni's Python did not start and read its configuration in {STARTED_IN} s"
        ) from None
    if done.returncode:
        raise Unknown("Patroni's configuration can't be read as Patroni reads it")
    return dict(json.loads(done.stdout))


def running_server(config: dict[str, Any]) -> dict[str, Any]:
    """Where the running server's socket is, and the environment that it connects with."""
    try:
        lines = Path(config["postgresql"]["data_dir"], "postmaster.pid").read_text().splitlines()
        variables = environment(Path("/proc", lines[0].strip()))
    except OSError as error:
        raise Unknown(f"the server does not run ({error.strerror})") from None
    superuser = config["postgresql"].get("authentication", {}).get("superuser") or {}
    given = translated(superuser)
    given.update(host=lines[4].strip() or "localhost", port=lines[3].strip(), dbname="postgres")
    return {"local": given, "environment": variables}


def program(config: dict[str, Any]) -> str:
    """The psql that belongs to the server."""
    beside = Path(config["postgresql"].get("bin_dir") or "/", "psql")
    found = str(beside) if beside.is_file() else shutil.which("psql")
    if not found:
        raise Unknown("there is no psql")
    return found


def replication_login(config: dict[str, Any]) -> dict[str, str]:
    """How Patroni would log in for replication."""
    found = translated(config["postgresql"].get("authentication", {}).get("replication") or {})
    if "user" not in found:
        raise Unknown("Patroni's configuration names no user for replication")
    return found


def translated(login: dict[str, Any]) -> dict[str, str]:
    """A login of Patroni's configuration in libpq's words."""
    names = {"username": "user"}
    return {names.get(one, one): str(login[one]) for one in LOGIN if login.get(one)}


def others(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The other members, as this member's Patroni lists them."""
    rest = config["restapi"]
    secure = bool(rest.get("certfile"))
    trust = None
    if secure:
        # Our own address, asked for names and addresses only.
        trust = ssl.create_default_context()
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
        password = rest.get("keyfile_password")
        trust.load_cert_chain(rest["certfile"], rest.get("keyfile"), password)
    place = re.sub(r"^[*]?:", "localhost:", str(rest.get("connect_address") or rest["listen"]))
    url = f"http{'s' * secure}://{place}/cluster"
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    try:
        with opener.open(url, timeout=LIMIT) as answer:
            members = json.load(answer)["members"]
    except OSError as error:
        what = f"this member's Patroni lists no members ({type(error).__name__})"
        raise Unknown(what) from None
    return [one for one in members if one["name"] != config["name"] and one.get("host")]


def parsed(conninfo: str) -> dict[str, str]:
    """The words of a connection string, in either of libpq's spellings."""
    if re.match(r"postgres(ql)?://", conninfo):
        return parsed_url(conninfo)
    found, at = {}, 0
    conninfo = conninfo.strip()
    while at < len(conninfo):
        match = _PAIR.match(conninfo, at)
        if not match:
            raise Unknown("the running server's primary_conninfo can't be read")
        value = match[3] if match[2] is None else match[2]
        found[match[1]] = re.sub(r"\\(.)", r"\1", value)
        at = match.end()
    return found


def parsed_url(text: str) -> dict[str, str]:
    """The words of a connection string that is spelt as a URL."""
    parts = urlsplit(text)
    user, _, places = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    hosts, ports = [], []
    for place in places.split(","):
        match = re.fullmatch(r"(\[[^]]*\]|[^:]*)(?::(\d*))?", place)
        if not match:
            raise Unknown("the running server's primary_conninfo can't be read")
        host, port = match.groups()
        hosts.append(unquote(host.strip("[]")))
        ports.append(port or "")
    found = {"user": unquote(name), "password": unquote(password), "host": ",".join(hosts)}
    found["port"] = ",".join(ports) if any(ports) else ""
    found["dbname"] = unquote(parts.path.lstrip("/"))
    found.update(parse_qsl(parts.query))
    return {key: value for key, value in found.items() if value}


def attempt(psql: str, server: dict[str, Any], to: str, words: dict[str, str]) -> dict[str, str]:
    """Open one replication connection and ask who answers; an empty `to` is the standby's own."""
    given = {"connect_timeout": str(CONNECT_TIMEOUT), "dbname": "replication", **words, **NAMED}
    code, out, complaint = connected(psql, server, given, "IDENTIFY_SYSTEM")
    answer = out.strip().split("|")
    found = {"to": to, "host": words.get("host") or words.get("hostaddr") or ""}
    found["user"] = words.get("user") or ""
    if code == 0 and len(answer) == FIELDS:
        return {**found, "system": answer[0], "refusal": ""}
    return {**found, "system": "", "refusal": complaint or "no answer"}


def ask(psql: str, server: dict[str, Any], question: str) -> dict[str, Any]:
    """A question to the running server over its socket, as Patroni's own superuser."""
    code, out, complaint = connected(psql, server, server["local"], question)
    if code:
        raise Unknown("the running server can't be asked over its socket: " + complaint)
    return dict(json.loads(out))


def connected(
    psql: str, server: dict[str, Any], words: dict[str, str], question: str
) -> tuple[int, str, str]:
    """What psql answers; libpq gets its words from a file that is in memory only."""
    if any("\n" in value or value != value.rstrip() for value in words.values()):
        # libpq takes a file line by line, and no blanks from the end of one.
        raise Unknown("a part of a connection string is none that a service file can hold")
    lines = [f"[{SERVICE}]", *(f"{name}={value}" for name, value in words.items())]
    file = os.memfd_create(SERVICE)
    try:
        os.write(file, ("\n".join(lines) + "\n").encode())
        os.lseek(file, 0, os.SEEK_SET)
        done = subprocess.run(
            [psql, "-XAtqw", "-d", "service=" + SERVICE, "-c", question],
            env={**server["environment"], "PGSERVICEFILE": f"/proc/self/fd/{file}"},
            pass_fds=[file], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=LIMIT, check=False, cwd="/",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 1, "", f"no answer in {LIMIT} s"
    finally:
        os.close(file)
    complaint = " ".join(done.stderr.decode(errors="replace").split())[:LONGEST]
    return done.returncode, done.stdout.decode(errors="replace"), complaint


if __name__ == "__main__":
    main()
