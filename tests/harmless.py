"""Lines that say nothing about anybody: what a healthy site prints all day, with random figures."""

# ruff: noqa: S311 -- seeded, and nothing here is secret

import base64
import random
import uuid
from collections.abc import Iterator

TEMPLATES = [
    "{time}",
    "{time} UTC [{n}] LOG:  checkpoint complete: wrote {n} buffers (0.{n}%); sync={f} s",
    "{time} LOG:  connection authorized: user=app SSL enabled (cipher=TLS_AES_256_GCM_SHA384)",
    '{time} UTC [{n}] FATAL:  password authentication failed for user "app"',
    "{time} INFO: no action. I am ({host}), the leader with the lock",
    "{time} INFO: Lock owner: {host}; I am {host}",
    "May 01 12:00:0{d} {host} systemd[1]: Started PostgreSQL Cluster 15-main.",
    "May 01 12:00:0{d} {host} systemd[1]: postgresql@15-main.service: Deactivated successfully.",
    "sshd[{n}]: Accepted publickey for root from {v4} port {n} ssh2: ED25519 SHA256:{fingerprint}",
    "May 01 12:00:0{d} {host} sshd[{n}]: Failed password for invalid user admin from {v4} port {n}",
    "May 01 12:00:0{d} {host} sudo: pam_unix(sudo:session): session opened for user root(uid=0)",
    "May 01 12:00:0{d} {host} CRON[{n}]: pam_unix(cron:session): session closed for user root",
    "sha256:{sha}",
    "{sha}  reports/latest/record.jsonl",
    '{{"n": {n}, "at": "{time}", "kind": "observed", "prev": "{sha}"}}',
    '{{"name": "replay_lag", "subject": "{host}", "value": {f}, "digest": "{sha}"}}',
    "serial={serial} not after {time}",
    "SHA256 Fingerprint={serial}",
    "X509v3 Subject Key Identifier: {serial}",
    "issuer=C = US, O = Lab, CN = Lab Root CA, subject=CN = www.paws.test",
    "Database system identifier: {identifier}",
    "system_identifier | {identifier}",
    "lsn={lsn} flush_lsn={lsn} timeline={d} slot={host}",
    'START_REPLICATION SLOT "{host}" {lsn} TIMELINE {d}',
    'restored log file "{wal}" from archive',
    "{uuid}",
    "machine-id {hex32} boot-id {uuid}",
    "{v4} {v6} {v4}/24 {v6}/64",
    "listen on [{v6}]:443 and {v4}:8443",
    "bind *:5000 name write backend pg server {host} {v4}:5432 check port 8008",
    "PostgreSQL 15.{n} (Debian 15.{n}-1+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc 12.2.0-14",
    "patroni 4.1.{d}, etcd 3.4.{d}, redis 7.0.{n}, python 3.11.{d}",
    "tcp dport {{ 22, 5432, 8008 }} ip saddr {v4}/24 counter packets {n} bytes {n}{n} accept",
    'ct state established,related accept comment "replies"',
    "chain forward {{ type filter hook forward priority filter; policy drop; }}",
    "add rule inet filter input tcp dport 5432 ip6 saddr {v6}/64 accept",
    "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() FROM pg_stat_replication WHERE pid = $1",
    "SELECT rolname, rolsuper FROM pg_roles WHERE rolname = %s",
    "UPDATE users SET password_hash = $1, updated_at = now() WHERE id = $2",
    "SELECT student_id, gpa FROM student WHERE email = :email",
    "CREATE TABLE student (student_id bigint PRIMARY KEY, gpa numeric(3,2), ssn text NOT NULL)",
    "password_encryption = scram-sha-256",
    "password: env:PGPASSWORD",
    "password: file:/etc/readiness/app.pass",
    '"token": null, "password": "[redacted]", "secret": ""',
    "took {f} s, p99 {f} ms, {n} of {n} requests, {f} %",
    "duration: {f} ms  statement: SELECT 1",
    "{host} | streaming | {n} | 0 | sync",
    "HTTP/1.1 301 Moved Permanently Location: https://www.paws.test/login?next=/home",
    "Strict-Transport-Security: max-age=31536000; includeSubDomains",
    "GET /health/ready HTTP/1.1 200 {n} 0.0{n}",
    "GET /api/course-search/search?term=2024&level=3 200",
    "suites/tls/test_listeners.py::test_chain_is_complete[{host}-v6] PASSED",
    "PG-004 A standby takes over within the recovery-time objective: passed on {host}",
    "tests/measure/test_bracket.py:{n}: AssertionError: assert {n} <= 60",
    "cluster.py:{n}:{d}: E501 Line too long ({n} > 100)",
    "kex: curve25519-sha256@libssh.org, chacha20-poly1305@openssh.com, ssh-ed25519",
    "ssh -p 22 root@{host}.lab.internal -- systemctl is-active patroni",
    "etcd member {hex16}: started, peer URL https://{v4}:2380, client URL https://{v4}:2379",
    "uid=26(postgres) gid=26(postgres) groups=26(postgres),998(ssl-cert)",
    "root:x:0:0:root:/root:/bin/bash",
    "Ncat: {n} bytes sent, {n} bytes received in {f} seconds.",
    "chrony: Reference ID : {hex8} ({v4}), Stratum : 3, System time : 0.00000{n} seconds slow",
    "RMS offset      : 0.0000{n} seconds, Frequency : {f} ppm slow, Skew : 0.0{n} ppm",
    "alert HighErrorRate firing since {time} severity=critical receiver=pager",
    "VERDICT=NO-GO EXIT=1 RUN={n} REPORT=reports/{n}/index.html",
    "the session ended, the token bucket is full, the key exchange took {f} ms",
    "MemTotal:       {n}000 kB",
    "link/ether 02:42:ac:11:00:0{d} brd ff:ff:ff:ff:ff:ff link-netnsid {d}",
    "Hostname: {host}, Address: {v4}, State: running, Tags: nosync=false",
    "permit 3f2a/{d} valid until {time}",
]  # fmt: skip


def harmless_lines(seed: int, count: int) -> Iterator[str]:
    """So many lines, each template as often as the others."""
    rng = random.Random(seed)
    for i in range(count):
        yield TEMPLATES[i % len(TEMPLATES)].format(**_figures(rng))


def _figures(rng: random.Random) -> dict[str, object]:
    high, low = rng.getrandbits(32), rng.getrandbits(32)
    return {
        "time": f"2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        + rng.choice(["T", " "])
        + f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
        + rng.choice(["Z", ".123456Z", ".123+00:00", ",123", ""]),
        "n": rng.randint(1, 99999),
        "d": rng.randint(1, 9),
        "f": round(rng.uniform(0, 1000), 3),
        "host": rng.choice(["db1", "db2", "edge1", "app2", "gw1", "mon1", "stranger"]),
        "sha": rng.randbytes(32).hex(),
        "hex32": rng.randbytes(16).hex(),
        "hex16": rng.randbytes(8).hex(),
        "hex8": rng.randbytes(4).hex().upper(),
        "serial": ":".join(f"{byte:02X}" for byte in rng.randbytes(rng.choice([16, 20, 32]))),
        "identifier": rng.randint(7 * 10**18, 75 * 10**17),
        "lsn": f"{high:X}/{low:X}",
        "wal": f"{rng.randint(1, 9):08X}{high:08X}{low & 255:08X}",
        "uuid": uuid.UUID(bytes=rng.randbytes(16), version=4),
        "v4": f"198.{rng.randint(18, 19)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
        "v6": f"2001:2:0:{rng.randint(1, 65535):x}::{rng.randint(1, 65535):x}",
        "fingerprint": base64.b64encode(rng.randbytes(32)).decode().rstrip("="),
    }
