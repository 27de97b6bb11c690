"""Our redactor beside detect-secrets on one planted corpus: recall, false positives and time.

The corpus is made from a seed: lines as our records and logs hold them, with a made-up secret at a
known place, and harmless lines that look alike. A secret counts as hidden when its value can't be
read any more once everything that was found is taken out of the line. detect-secrets is built to
point at lines of source code, so it is also told how many of the lines with a secret it points at,
and it is asked in both of its ways:

* *file*: `scan_file` with the default settings, as its command line does; strings with a high
  entropy are looked for within quotes only;
* *string*: `scan_line`, which also looks outside quotes; what stays below the limits of entropy is
  left out, as its command line says `False` of it.

Personal data is none of its business and is given apart.
"""

import base64
import random
import string
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.scan import scan_file, scan_line
from detect_secrets.plugins.high_entropy_strings import (
    Base64HighEntropyString,
    HexHighEntropyString,
)
from detect_secrets.settings import default_settings

from readiness.evidence.redact import Redactor

SEED = 26
"""Any number does; the figures of decision record 0027 were made with this one."""
EACH = 20
"""How often each line is made, with other values: enough for differences of a twentieth."""
LETTERS = string.ascii_letters + string.digits
MASK = "[redacted]"

Random = random.Random
Kinds = dict[str, tuple[Callable[[Random], str], tuple[str, ...]]]


@dataclass(frozen=True)
class Line:
    """One line, or a PEM block, of the corpus."""

    kind: str
    text: str
    secret: str
    """What must not be readable; empty in a harmless line."""


def drawn(rng: Random, alphabet: str, length: int) -> str:
    """So many characters of the alphabet."""
    return "".join(rng.choice(alphabet) for _ in range(length))


def password(rng: Random) -> str:
    """A password as people make them or as managers do."""
    if rng.randrange(2):
        words = ("copper", "Falcon", "winter", "Ledger", "orbit", "Maple", "quartz", "River")
        return f"{rng.choice(words)}{rng.choice('-_!.')}{rng.choice(words)}{rng.randint(10, 9999)}"
    return drawn(rng, LETTERS, rng.randint(12, 24)) + rng.choice(string.digits)


def broken(rng: Random) -> str:
    """A password that a terminal broke over two lines; either of them must be hidden."""
    return drawn(rng, LETTERS, 12) + "\n" + drawn(rng, LETTERS, 12)


def random64(size: int) -> Callable[[Random], str]:
    """So many random bytes in base64."""
    return lambda rng: base64.b64encode(rng.randbytes(size)).decode()


def prefixed(prefix: str, length: int, alphabet: str = LETTERS) -> Callable[[Random], str]:
    """A key that a service gives out with a prefix of its own."""
    return lambda rng: prefix + drawn(rng, alphabet, length)


def jwt(rng: Random) -> str:
    """A signed token: header, claims, signature."""
    claims = f'{{"sub":"{drawn(rng, LETTERS, 8)}","exp":{rng.randint(10**9, 2 * 10**9)}}}'
    parts = (b'{"alg":"HS256","typ":"JWT"}', claims.encode(), rng.randbytes(32))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def block(rng: Random, label: str) -> str:
    """A block in PEM with random content."""
    body = base64.b64encode(rng.randbytes(300)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----"


def private_key(rng: Random) -> str:
    """A private key under one of the labels that tools write."""
    label = rng.choice(("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "))
    return block(rng, f"{label}PRIVATE KEY")


def scram(rng: Random) -> str:
    """What PostgreSQL keeps of a password (`pg_authid.rolpassword`)."""
    salt, stored, server = (base64.b64encode(rng.randbytes(n)).decode() for n in (16, 32, 32))
    return f"4096:{salt}${stored}:{server}"


# Of each kind, what makes the secret, and lines in which our records or logs could hold it.
SECRETS: Kinds = {
    "settings": (
        password,
        (
            "requirepass {}", "masterauth {}", "sentinel auth-pass mymaster {}",
            "user app on >{} ~* +@all", "    auth_pass {}", "    stats auth admin:{}",
            "    user app insecure-password {}", "repo1-cipher-pass={}",
            "repo1-s3-key-secret={}", "    password: {}",
            "replication: {{username: replicator, password: '{}'}}",
            "primary_conninfo = 'host=db1 user=replicator password={} sslmode=verify-full'",
            'host all all ::/0 ldap ldapserver=dir1 ldapbinddn="cn=pg" ldapbindpasswd="{}"',
            '"app" "{}"', "db1:5432:portal:app:{}",
            "machine backup1 login pgbackrest password {}", "spring.datasource.password={}",
        ),
    ),
    "connections": (
        password,
        (
            "postgresql://app:{}@db1:5432/portal?sslmode=verify-full",
            "redis://:{}@cache1:6379/0", "rediss://app:{}@cache1:6379",
            "amqp://worker:{}@mq1/portal", "https://deploy:{}@git.example.org/portal.git",
            "host=db1 port=5432 user=app password={} dbname=portal",
            "jdbc:postgresql://db1/portal?user=app&password={}",
            "Server=db1;User Id=app;Password={};",
        ),
    ),
    "commands": (
        password,
        (
            "PGPASSWORD={} psql -h db1 -U app",
            "curl -u app:{} https://www.example.org/health",
            "curl --user app:{} https://www.example.org/health",
            "redis-cli -h cache1 --pass {} ping", "redis-cli -h cache1 -a {} ping",
            "etcdctl --user root --password {} member list",
            "mc alias set s3 https://s3.example.org --secret-key={}",
            "['pg_dump', '--password', '{}', 'portal']", "sshpass -p {} ssh db1",
            "export RESTIC_PASSWORD={}", "REDIS_PASSWORD={}",
            "ALTER ROLE app PASSWORD '{}' VALID UNTIL 'infinity'",
        ),
    ),
    "json": (
        password,
        (
            '{{"user": "app", "password": "{}", "port": 5432}}',
            '{{"name": "PGPASSWORD", "value": "{}"}}', "- name: PGPASSWORD\n  value: {}",
            '{{"setting": "primary_conninfo", "value": "user=app password={}"}}',
            '{{"env": ["DB_PASSWORD={}", "TZ=UTC"]}}',
            '"line": "{{\\"clientSecret\\": \\"{}\\"}}"',
            '{{"credentials": {{"app": "{}"}}}}',
        ),
    ),
    "logs": (
        password,
        (
            "LOG:  statement: CREATE USER app WITH PASSWORD '{}'",
            "DEBUG login(user='app', password='{}') from 198.18.4.7",
            'ERROR could not connect: connection string "host=db1 password={}" refused',
            "E       AssertionError: assert 'password={}' == ''",
            "GET /login?user=app&password={}&next=/home HTTP/1.1 200",
            "WARN retrying with token={} after 503", "the password is {}",
        ),
    ),
    "headers": (
        lambda rng: rng.choice((drawn(rng, LETTERS, 32), rng.randbytes(20).hex())),
        (
            "Authorization: Bearer {}", "the proxy passed Bearer {} on", "X-Api-Key: {}",
            "X-Vault-Token: {}",
            "Cookie: PORTAL_SESSION={}; theme=dark",
            "Set-Cookie: PORTAL_SESSION={}; Path=/; Secure; HttpOnly",
            "-H 'Authorization: Token {}' https://www.example.org/api",
        ),
    ),
    "basic logins": (
        # A short one is no long random run: what stands before it is all that tells.
        lambda rng: base64.b64encode(f"app:{drawn(rng, LETTERS, 6)}".encode()).decode(),
        ("Authorization: Basic {}", "proxy sent Basic {} upstream"),
    ),
    "tokens": (jwt, ("{}", "got {} from the sign-on", '{{"id": 7, "answer": "{}"}}')),
    "cloud keys": (
        prefixed("AKIA", 16, string.ascii_uppercase + "234567"),
        ("{}", "repo1-s3-key={}", "aws_access_key_id = {}", "signed by {}/20260101/eu/s3"),
    ),
    "cloud secrets": (
        random64(30),
        ("aws_secret_access_key = {}", "AWS_SECRET_ACCESS_KEY={}", "the upload used {} twice"),
    ),
    "azure keys": (
        random64(64),
        ("DefaultEndpointsProtocol=https;AccountName=portal;AccountKey={}", "repo1-azure-key={}"),
    ),
    "google keys": (prefixed("AIza", 35), ("https://maps.example.org/js?key={}", "found {} here")),
    "github": (prefixed("ghp_", 36), ("{}", "git clone https://{}@github.com/portal/site")),
    "gitlab": (prefixed("glpat-", 20), ("{}", "PRIVATE-TOKEN: {}")),
    "slack": (
        lambda rng: f"xoxb-{rng.randint(10**10, 10**11)}-{drawn(rng, LETTERS, 24)}",
        ("{}", "alerts go out with {} now"),
    ),
    "slack hooks": (
        lambda rng: "T{}/B{}/{}".format(*(drawn(rng, LETTERS, size) for size in (8, 8, 24))),
        ("api_url: https://hooks.slack.com/services/{}",),
    ),
    "payment": (prefixed("sk_live_", 24), ("{}", "charged with {}")),
    "vault": (prefixed("hvs.", 24), ("{}", "token              {}")),
    "random": (
        lambda rng: drawn(rng, LETTERS + "-_", 43),
        ("{}", "issued {} to edge1", "/etc/portal/session: {}"),
    ),
    "private keys": (private_key, ("{}", "read:\n{}\nend of file")),
    "hashes": (
        scram,
        ("SCRAM-SHA-256${}", "rolpassword | SCRAM-SHA-256${}", '["app", "SCRAM-SHA-256${}"]'),
    ),
    "md5 hashes": (lambda rng: "md5" + rng.randbytes(16).hex(), ("{}", '"app" "{}"')),
    "crypt hashes": (
        lambda rng: f"$6${drawn(rng, LETTERS, 16)}${drawn(rng, LETTERS + './', 86)}",
        ("root:{}:19800:0:99999:7:::", "    user app password {}"),
    ),
    "encoded": (
        lambda rng: base64.b64encode(f"password={password(rng)}".encode()).decode(),
        ("payload {}", 'data: {{"blob": "{}"}}'),
    ),
    "encoded in hex": (
        lambda rng: f"password={password(rng)}".encode().hex(),
        ("answer \\x{}", "payload {} of 60 bytes", "x'{}'"),
    ),
    "broken values": (broken, ("DB_PASSWORD={}", '{{"password": "{}"}}', "    password: {}\n")),
    "broken names": (
        password,
        ("PGPASSW\nORD={}", '{{"client_se\ncret": "{}"}}', "2026 app1 env: DB_PASS\n  WORD={}"),
    ),
    "tables": (
        password,
        (
            " usename | passwd\n---------+--------\n app     | {}\n",
            "host,password,port\ndb1,{},5432\n",
        ),
    ),
    "elements": (password, ("<password>{}</password>", "<secretKey>{}</secretKey>")),
}  # fmt: skip

PERSONAL: Kinds = {
    "e-mail": (
        lambda rng: f"{drawn(rng, string.ascii_lowercase, 7)}@students.example.org",
        ("LOG: signed in {}", '{{"user": "{}"}}', "mail from <{}>"),
    ),
    "phone": (
        lambda rng: f"{rng.randint(201, 989)}-{rng.randint(200, 999)}-{rng.randint(1000, 9999)}",
        ("called {} back", "phone={}"),
    ),
    "social security": (
        lambda rng: f"{rng.randint(100, 899)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}",
        ("row: (17, {})", "ssn: {}"),
    ),
    "names": (
        lambda rng: f"{rng.choice(('Ann', 'Chidi', 'Keisha'))} {rng.choice(('Smith', 'Tanaka'))}",
        ('{{"name": "{}", "role": "STUDENT"}}', "student_name: {}"),
    ),
    "birth, number, grade": (
        lambda rng: f"{rng.randint(1000000, 9999999)}",
        ("student_id={}", '"studentId": "{}"', "GET /api/students/{}/x", "student number {}"),
    ),
}  # fmt: skip

HARMLESS: dict[str, tuple[str, ...]] = {
    "digests": (
        "sha256:{hex64}", "{hex64}  reports/latest/record.jsonl",
        '{{"prev": "{hex64}", "n": {n}}}',
        "image: registry.example.org/portal@sha256:{hex64}", 'ETag: "{hex32}"',
        "md5sum {hex32} /etc/pgbackrest.conf", 'integrity="sha384-{b48}"',
    ),
    "fingerprints": (
        "ED25519 SHA256:{b32}", "SHA256 Fingerprint={colons}", 'pin-sha256="{b32}="',
        "Accepted publickey for root from 198.18.1.2 port {n} ssh2: ED25519 SHA256:{b32}",
        '"fingerprint": "{hex64}"', "X509v3 Subject Key Identifier: {colons}",
    ),
    "positions": (
        "lsn={lsn} flush_lsn={lsn} timeline=3",
        '{{"xlog": {{"location": {big}}}, "timeline": 4}}',
        'restored log file "{wal}" from archive', "{wal}.{hex40}.zst",
        "Database system identifier: {big}", '{{"system_identifier": "{big}"}}',
    ),
    "ids": (
        "{uuid}", "X-Request-Id: {uuid}", "machine-id {hex32}",
        "_SYSTEMD_INVOCATION_ID={hex32}",
        '{{"cluster_id": "{hex16}", "member_id": "{hex16}"}}',
        '{{"key_id": "{hex16}", "token_ttl": 3600}}',
    ),
    "run names": (
        "lab-{n:04}-2026-01-02T030405Z",
        "reports/rehearsal-{n:04}-2026-01-02T030405Z/index.html",
        "20260102-030405F_20260103-030405D",
        "VERDICT=NO-GO EXIT=1 RUN=lab-{n:04} REPORT=reports/lab-{n:04}/index.html",
    ),
    "serials": ("serial={colons}", '"serial": "{hex40}"', "serialNumber: 0x{hex32}"),
    "public base64": (
        "db1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b32}", "{certificate}", "{public}",
        "sha256/{b32}=", "motd: {prose}",
    ),
    "commits": (
        "commit {hex40}", "release: {hex40}", "index {hex7}..{hex7} 100644",
        "built from {hex7} at 2026-01-02T03:04:05Z", "portal-1.4.{d}+g{hex7}",
    ),
    "paths": (
        "/var/lib/postgresql/15/main/base/{n}/2619",
        "ssl_key_file = '/etc/postgresql/tls/server.key'",
        "tls-key-file /etc/redis/tls/redis.key",
        "identity: /etc/readiness/observer_ed25519",
        "/usr/lib/python3/dist-packages/patroni/postgresql/connection.py",
        "password: file:/etc/readiness/app.pass",
    ),
    "settings": (
        "password_encryption = scram-sha-256", "passfile=/var/lib/postgresql/.pgpass",
        "password: env:PGPASSWORD", '"password": null, "secret": "[redacted]"',
        "ssl_ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384'",
        "hostssl all all ::/0 scram-sha-256", "tcp-check expect string +PONG",
        "maximum_lag_on_failover: 1048576",
        "archive_command = 'pgbackrest --stanza=main archive-push %p'",
    ),
    "logs": (
        'FATAL:  password authentication failed for user "app"',
        "Failed password for invalid user admin from 198.18.1.2 port {n}",
        "SELECT rolname, rolpassword IS NULL FROM pg_authid WHERE rolname = $1",
        "UPDATE users SET password_hash = $1 WHERE id = $2",
        "the token bucket is full, the key exchange took 3 ms",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains",
        "issuer=C = US, O = Lab, CN = Lab Root CA, subject=CN = www.example.org",
        "authentication method 10 not supported, secret rotation is due",
        "suites/tls/test_listeners.py::test_chain_is_complete[edge1-v6] PASSED",
        "HOST-001 No machine accepts source-routed packets: passed on app1",
    ),
}  # fmt: skip


def figures(rng: Random) -> dict[str, object]:
    """What harmless lines are filled with."""
    public = {
        f"b{size}": base64.b64encode(rng.randbytes(size)).decode().rstrip("=") for size in (32, 48)
    }
    digits = {f"hex{size}": rng.randbytes(32).hex()[:size] for size in (7, 16, 32, 40, 64)}
    high, low = rng.getrandbits(32), rng.getrandbits(32)
    return public | digits | {
        "n": rng.randint(1, 9999),
        "d": rng.randint(1, 9),
        "big": rng.randint(7 * 10**18, 75 * 10**17),
        "lsn": f"{high:X}/{low:X}",
        "wal": f"{rng.randint(1, 9):08X}{high:08X}{low & 255:08X}",
        "uuid": uuid.UUID(bytes=rng.randbytes(16), version=4),
        "colons": ":".join(f"{byte:02X}" for byte in rng.randbytes(rng.choice((16, 20, 32)))),
        "certificate": block(rng, "CERTIFICATE"),
        "public": block(rng, "PUBLIC KEY"),
        "prose": base64.b64encode(b"Welcome to this machine; all use is logged.").decode(),
    }  # fmt: skip


def planted(kinds: Kinds, rng: Random) -> Iterator[Line]:
    """Every line of every kind, each with a value of its own."""
    for kind, (make, templates) in kinds.items():
        for template in templates:
            for _ in range(EACH):
                secret = make(rng)
                yield Line(kind, template.format(secret), secret)


def harmless(rng: Random) -> Iterator[Line]:
    """Every harmless line, each with figures of its own."""
    for kind, templates in HARMLESS.items():
        for template in templates:
            for _ in range(EACH):
                yield Line(kind, template.format(**figures(rng)), "")


def without(text: str, found: set[PotentialSecret]) -> str:
    """The text without the values that detect-secrets found in it."""
    for value in sorted((one.secret_value or "" for one in found), key=len, reverse=True):
        text = text.replace(value, MASK) if value else text
    return text


def by_file(lines: list[Line]) -> list[set[PotentialSecret]]:
    """What detect-secrets finds in each line, when all stand in one file."""
    owners = [at for at, line in enumerate(lines) for _ in line.text.rstrip("\n").split("\n")]
    found: list[set[PotentialSecret]] = [set() for _ in lines]
    with tempfile.TemporaryDirectory() as folder:
        # With this ending its keywords need no quotes around the value, as in settings and logs.
        file = Path(folder) / "record.conf"
        file.write_text("".join(line.text.rstrip("\n") + "\n" for line in lines))
        for one in scan_file(str(file)):
            found[owners[one.line_number - 1]].add(one)
    return found


LIMITS = {kind.secret_type: kind() for kind in (Base64HighEntropyString, HexHighEntropyString)}


def by_string(lines: list[Line]) -> list[set[PotentialSecret]]:
    """What detect-secrets finds in each line, when each is a string by itself."""
    return [
        {
            one
            for text in line.text.split("\n")
            for one in scan_line(text)
            if not (plugin := LIMITS.get(one.type))
            or plugin.calculate_shannon_entropy(one.secret_value or "") > plugin.entropy_limit
        }
        for line in lines
    ]


def ours(lines: list[Line]) -> list[str]:
    """What our redactor leaves of each line; a new one, which remembers nothing."""
    redactor = Redactor()
    return [redactor.text(line.text) for line in lines]


@dataclass(frozen=True)
class Answers:
    """What one detector did with every line: what it leaves of it, and whether it points at it."""

    name: str
    left: list[str]
    pointed: list[bool]
    seconds: float


def asked(lines: list[Line]) -> Iterator[Answers]:
    """Our redactor and detect-secrets in both of its ways, over the same lines in one run."""
    begun = time.process_time()
    left = ours(lines)
    seconds = time.process_time() - begun
    yield Answers("ours", left, [a != b.text for a, b in zip(left, lines, strict=True)], seconds)
    for name, ask in (("file", by_file), ("string", by_string)):
        # The settings are made anew: `scan_line` leaves a filter of them turned off.
        with default_settings():
            begun = time.process_time()
            found = ask(lines)
            seconds = time.process_time() - begun
        left = [without(line.text, one) for line, one in zip(lines, found, strict=True)]
        yield Answers(name, left, [bool(one) for one in found], seconds)


def readable(line: Line, left: str) -> bool:
    """Whether the secret, or any whole line of it, can still be read."""
    pieces = [one for one in line.secret.split("\n") if "-----" not in one]
    return any(piece in left for piece in pieces)


def shares(lines: list[Line], one: Answers, at: list[int]) -> str:
    """Of these lines: which part is hidden, if they hold secrets, and which part is pointed at."""
    hidden = sum(not readable(lines[i], one.left[i]) for i in at) / len(at)
    pointed = sum(one.pointed[i] for i in at) / len(at)
    return f"{f'{hidden:.1%}' if lines[0].secret else '':>10}{pointed:>8.1%}"


def table(title: str, lines: list[Line]) -> None:
    """Print a row for each kind, one for all, and the time."""
    answers = list(asked(lines))
    print(f"{title:27}" + "".join(f"{one.name:>18}" for one in answers))
    for kind in [*dict.fromkeys(line.kind for line in lines), "all"]:
        at = [i for i, line in enumerate(lines) if kind in {line.kind, "all"}]
        print(f"{kind:21}{len(at):6}" + "".join(shares(lines, one, at) for one in answers))
    took = "".join(f"{1e6 * one.seconds / len(lines):>18.0f}" for one in answers)
    print(f"{'microseconds a line':27}{took}\n")


def main() -> None:
    """Print three tables: secrets, personal data, harmless lines."""
    rng = Random(SEED)
    print(f"our redactor beside detect-secrets {version('detect-secrets')}: hidden, pointed at\n")
    table("secrets", list(planted(SECRETS, rng)))
    table("personal data", list(planted(PERSONAL, rng)))
    table("harmless lines", list(harmless(rng)))


if __name__ == "__main__":
    main()
