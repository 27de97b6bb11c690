"""Made-up secrets and students, and the places in which programs print them.

Everything is drawn from a seeded generator, so the same canaries fly every time. None is registered
with a redactor: what hides them is where they stand or how they look.
"""

# ruff: noqa: S311 -- seeded, and nothing here is secret

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

LETTERS = string.ascii_letters + string.digits
PUNCTUATION = "!#%+-.^_~"


@dataclass(frozen=True)
class Canary:
    """A value that must never come out, and a line that holds it."""

    value: str
    kind: str
    line: str

    @property
    def needs_one_line(self) -> bool:
        """Whether only the whole value shows what it is: a `name` may be a machine's."""
        return self.kind == "name" and self.line.lower().startswith(("name", '{"name"'))


def _draw(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(length))


def password(rng: random.Random) -> str:
    """A password as people and managers make them: begins and ends with a letter or digit."""
    inner = _draw(rng, LETTERS + PUNCTUATION, rng.randint(8, 26))
    return rng.choice(string.ascii_letters) + inner + rng.choice(string.digits) + "Zq"


def _pem(rng: random.Random) -> str:
    label = rng.choice(["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
    body = base64.b64encode(rng.randbytes(rng.randint(120, 400))).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    return f"-----BEGIN {label}PRIVATE KEY-----\n{lines}\n-----END {label}PRIVATE KEY-----"


def _jwt(rng: random.Random) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(rng.randbytes(60)).decode().rstrip("=")
    return f"{header}.{body}.{_draw(rng, LETTERS + '-_', 43)}"


def _scram(rng: random.Random) -> str:
    salt, stored, server = (base64.b64encode(rng.randbytes(n)).decode() for n in (16, 32, 32))
    return f"4096:{salt}${stored}:{server}"


FIRST = ["Ann", "Zoë", "Miguel", "Aoife", "Bjørn", "Chidi", "Dmitri", "Élodie", "Fatima", "Keisha"]
LAST = ["Smith", "O'Brien", "García-López", "Nguyen", "Müller", "Kowalski", "Østergård", "Tanaka"]


def _name(rng: random.Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def _email(rng: random.Random) -> str:
    word = _draw(rng, string.ascii_lowercase, rng.randint(3, 9))
    host = rng.choice(["example.edu", "students.example.org", "mail.paws.test"])
    return f"{word}{rng.choice(['', '.', '_', '+'])}{rng.randint(1, 999)}@{host}"


def _phone(rng: random.Random) -> str:
    a, b, c = rng.randint(201, 989), rng.randint(200, 999), rng.randint(1000, 9999)
    shape = rng.choice(["{}-{}-{}", "({}) {}-{}", "+1 {}-{}-{}", "+1{}{}{}", "{}.{}.{}"])
    return shape.format(a, b, c)


def _birth(rng: random.Random) -> str:
    y, m, d = rng.randint(1950, 2009), rng.randint(1, 12), rng.randint(1, 28)
    month = ["March", "April", "Jun", "September"][m % 4]
    return rng.choice([f"{y}-{m:02}-{d:02}", f"{m:02}/{d:02}/{y}", f"{month} {d}, {y}"])


def _ssn(rng: random.Random) -> str:
    return f"{rng.randint(100, 899)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def _number(rng: random.Random) -> str:
    return rng.choice(["", "S", "A0", "990"]) + _draw(rng, string.digits, rng.randint(7, 10))


def _gpa(rng: random.Random) -> str:
    return f"{rng.randint(0, 3)}.{rng.randint(10, 99)}"


def _prefixed(prefix: str, length: int) -> Callable[[random.Random], str]:
    return lambda rng: prefix + _draw(rng, LETTERS, length)


# Values that are known by their own shape: any line will do.
ANYWHERE: dict[str, Callable[[random.Random], str]] = {
    "jwt": _jwt,
    "aws key": lambda rng: "AKIA" + _draw(rng, string.ascii_uppercase + "234567", 16),
    "aws secret": lambda rng: base64.b64encode(rng.randbytes(30)).decode(),
    "github token": _prefixed("ghp_", 36),
    "gitlab token": _prefixed("glpat-", 20),
    "slack token": lambda rng: f"xoxb-{rng.randint(10**9, 10**10)}-{_draw(rng, LETTERS, 24)}",
    "url-safe token": lambda rng: _draw(rng, LETTERS + "-_", 64),
    "private key": _pem,
    "md5 role hash": lambda rng: "md5" + rng.randbytes(16).hex(),
    "crypt": lambda rng: f"$6${_draw(rng, LETTERS, 12)}${_draw(rng, LETTERS + './', 86)}",
    "bcrypt": lambda rng: "$2b$12$" + _draw(rng, LETTERS + "./", 53),
    "ssn": _ssn,
    "email": _email,
    "phone": _phone,
}
LINES = [
    "{}",
    "before {} after",
    "INFO  [main] found {}",
    '{{"message": "saw {} in row 4"}}',
    "<td>{}</td>",
    "2024-05-01T12:00:00Z db1 app[42]: {}",
    "rows: ({}, 7)",
]

# Values that are known by the field beside them.
FIELDS: dict[str, tuple[Callable[[random.Random], str], list[str]]] = {
    "password": (
        password,
        [
            "password={}", "PGPASSWORD={} psql", "  password: {}",
            '{{"password": "{}", "port": 1}}',
            "'dbPassword': '{}'", "spring.datasource.password={}", "--password {} --host db1",
            "--db-password={} up", "ALTER ROLE app PASSWORD '{}' VALID UNTIL 'infinity'",
            "postgresql://app:{}@db1:5432/paws", "redis://:{}@cache:6379/0", "passwd = {}",
            "host=db1 user=app password={} dbname=paws", "<password>{}</password>",
            "db1:5432:paws:app:{}", "requirepass {}", "    auth_pass {}",
            "curl -u app:{} https://x",
            "https://x.test/login?user=a&password={}&next=1", "the password is {}",
            "E       assert password == '{}'", "Login(user='a', password='{}')",
            "machine db1 login app password {}", 'kw = {{"user": "a", "pwd": "{}"}}',
            "export ADMIN_PASSWORD={}", '\\"password\\": \\"{}\\"', "userPassword => '{}'",
        ],
    ),
    "token": (
        lambda rng: rng.choice([rng.randbytes(16).hex(), _draw(rng, LETTERS, 24), password(rng)]),
        [
            "Authorization: Bearer {}", "authorization: Token {}", '"token": "{}"', "api_key={}",
            "X-Session-Token: {}", "X-Api-Key: {}", "Cookie: PAWS360_SESSION={}; theme=dark",
            "Set-Cookie: PAWS360_SESSION={}; Path=/; HttpOnly", "PAWS360_SESSION={}",
            "client_secret={}", "GET /x?access_token={} HTTP/1.1", "secretKey: {}",
            "-H 'Authorization: Bearer {}' https://x.test", "{{'X-Auth-Token': '{}'}}",
            "refresh_token => {}", "<apiKey>{}</apiKey>", '["Authorization", "Bearer {}"]',
        ],
    ),
    "scram": (_scram, ["SCRAM-SHA-256${}", "rolpassword | SCRAM-SHA-256${}"]),
    "name": (
        _name,
        [
            "full_name={}", '"fullName": "{}"', "student_name: {}", "Name: {}", "name={}, role=x",
            '{{"name": "{}", "role": "STUDENT"}}', "<displayName>{}</displayName>",
            "preferred_name => '{}'", "emergency contact name: {}", "advisor_name='{}'",
        ],
    ),
    "birth": (
        _birth,
        [
            "date_of_birth={}", '"dateOfBirth": "{}"', "dob: {}", "birth date: {}", "born on {}",
            "birthdate='{}'", "Date of Birth: {}", "<dob>{}</dob>",
        ],
    ),
    "number": (
        _number,
        [
            "student_id={}", '"studentId": "{}"', "Student ID: {}", "campus_id: {}", "emplid={}",
            "campusId='{}'", "student number {}", "GET /api/profile/student/{}/x", "students/{}",
            "ssn={}", "university_id => {}", "<studentId>{}</studentId>",
        ],
    ),
    "gpa": (
        _gpa,
        [
            "gpa={}", '"gpa": {}', "GPA: {}", "cumulative_gpa: {}", "gpa {}", "GPA of {}",
            "gpa is {}",
            '{{"gpa": {}, "standing": "good"}}', "student_id | gpa\n------+-----\n 17 | {}\n",
            "term,gpa\n2024,{}\n",
        ],
    ),
    "contact": (
        lambda rng: rng.choice([_phone, _email])(rng),
        ["phone={}", '"mobile": "{}"', "email: {}", "home_phone: {}", "contact email = {}"],
    ),
}  # fmt: skip


def canaries(seed: int, count: int) -> Iterator[Canary]:
    """So many canaries in lines of their own, half known by shape and half by their field."""
    rng = random.Random(seed)
    for i in range(count):
        if i % 2:
            kind = rng.choice(list(FIELDS))
            make, lines = FIELDS[kind]
        else:
            kind = rng.choice(list(ANYWHERE))
            make, lines = ANYWHERE[kind], LINES
        value = make(rng)
        yield Canary(value, kind, rng.choice(lines).format(value))


def _unicode_escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "json": json.dumps,
    "json twice": lambda text: json.dumps({"log": json.dumps(text)}),
    "percent": lambda text: quote(text, safe=""),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of json": lambda text: base64.b64encode(json.dumps({"m": text}).encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "unicode escapes": _unicode_escaped,
    "html": lambda text: "".join(f"&#{ord(character)};" for character in text),
}


def split(rng: random.Random, canary: Canary) -> str:
    """The line with its value broken over two lines, the way terminals and editors do."""
    middle = rng.randint(len(canary.value) // 3, 2 * len(canary.value) // 3)
    gap = rng.choice(["\n", "\n    ", "\\\n", "\r\n", "\nE       "])
    broken = canary.value[:middle] + gap + canary.value[middle:]
    return canary.line.replace(canary.value, broken)
