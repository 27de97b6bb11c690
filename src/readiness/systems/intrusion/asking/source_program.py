"""Attacks, or knocks at doors, from addresses of the machine that it runs on.

This file is sent over SSH to the source of the planted attack, where a bare `python3 -I -` runs it:
it imports the standard library only, and writes nothing. The gate uses its `knock` itself.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SERVED, REFUSED, SILENT, CLOSED = "served", "refused", "silent", "closed"
FORBIDDEN = "forbidden"  # an HTTP status by which a server keeps somebody out
UNSENT = "unsent"  # nothing left this machine: it says nothing about the other one
PATIENCE = 2.0  # seconds for one connection, and for its first octets
PAUSE = 0.3  # seconds between two attempts from one address
MOST_READ = 512
KEPT_OUT = (403, 429)
AT_ONCE = 32
LOGIN_LIMIT = 6.0
GHOST = ("-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no")
FORGETS = ("-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=3")
NO_KEYS = ("-o", "IdentityAgent=none", "-o", "IdentityFile=none", "-o", "IdentitiesOnly=yes")


def knock(source: str, address: str, port: int, speaks: str, path: str = "/") -> str:
    """What became of one connection from that address of ours; an empty one leaves it open."""
    try:
        return _spoken(source, address, port, speaks, path)
    except ConnectionRefusedError:
        return REFUSED
    except TimeoutError:
        return SILENT
    except (ConnectionError, ssl.SSLError, EOFError):
        return CLOSED
    except OSError as error:
        # A router, or the machine itself, may refuse by any ICMP message.
        return REFUSED if error.errno in (101, 111, 113, 13) and _is_ours(source) else UNSENT


def _is_ours(source: str) -> bool:
    """Whether this machine has the address."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        try:
            one.bind((source, 0))
        except OSError:
            return False
    return True


def _spoken(source: str, address: str, port: int, speaks: str, path: str) -> str:
    end = time.monotonic() + 2 * PATIENCE
    bound = (source, 0) if source else None
    with socket.create_connection((address, port), PATIENCE, source_address=bound) as plain:
        if speaks == "ssh":
            return SERVED if _read(plain, end, b"\n").startswith(b"SSH-") else CLOSED
        if speaks == "http":
            return _http(plain, address, path, end)
        # Who it is does not matter here: the question is whether anybody answers.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as wrapped:
            return _http(wrapped, address, path, end)


def _http(one: socket.socket, address: str, path: str, end: float) -> str:
    host = f"[{address}]" if ":" in address else address
    asked = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    one.sendall(asked.encode())
    words = _read(one, end, b"\r\n").split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():  # noqa: PLR2004
        return CLOSED
    return FORBIDDEN if int(words[1]) in KEPT_OUT else SERVED


def _read(one: socket.socket, end: float, until: bytes) -> bytes:
    found = b""
    while until not in found and len(found) < MOST_READ:
        one.settimeout(max(end - time.monotonic(), 0.01))
        piece = one.recv(MOST_READ)
        if not piece:
            break
        found += piece
    return found


def log_in(source: str, address: str, port: int, user: str) -> str:
    """Try to log in as somebody who is not there, without any key; refused is `served`."""
    words = ["ssh", *GHOST, *FORGETS, *NO_KEYS, "-b", source, "-p", str(port)]
    before = knock(source, address, port, "ssh")
    if before != SERVED:
        return before
    try:
        ended = subprocess.run(
            [*words, f"{user}@{address}", "true"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=LOGIN_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return SILENT
    if ended.returncode == 0:
        raise ValueError(f"{user} could log in at {address}")
    return SERVED if b"Permission denied" in ended.stderr else CLOSED


def attack(given: dict[str, Any], source: str, address: str) -> dict[str, Any]:
    """Attack one address from one of ours until it is blocked, or often enough."""
    served, last = 0, UNSENT
    for number in range(given["most"]):
        if number:
            time.sleep(PAUSE)
        if given["kind"] == "ssh-logins":
            last = log_in(source, address, given["port"], given["user"])
        else:
            paths = given["paths"]
            path = paths[number % len(paths)]
            last = knock(source, address, given["port"], given["speaks"], path)
        if last != SERVED:
            break
        served += 1
    return {"source": source, "address": address, "served": served, "last": last}


def main(asked: str) -> None:
    """Do what is asked, and print what became of it."""
    given = json.loads(asked)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        if "attack" in given:
            done = pool.map(lambda pair: attack(given["attack"], *pair), given["pairs"])
            found: dict[str, Any] = {"attacks": list(done)}
        else:
            states = pool.map(lambda door: knock(*door), given["doors"])
            found = {"doors": list(states)}
    sys.stdout.write(json.dumps({**found, "uid": os.getuid()}))
