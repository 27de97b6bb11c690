"""Nothing secret or personal gets past the redactor, and nothing else is touched."""

# ruff: noqa: S311 -- seeded, and nothing here is secret

import base64
import importlib
import json
import pkgutil
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from canaries import ANYWHERE, ENCODINGS, FIELDS, Canary, canaries, password, split
from harmless import harmless_lines
from hypothesis import given
from hypothesis import strategies as st

import readiness.evidence.redact
import readiness.evidence.redaction
from readiness.evidence.redact import RedactionError, Redactor

# Typeshed leaves these out; they exist wherever CPython does.
_constants: Any = importlib.import_module("re._constants")
_parser: Any = importlib.import_module("re._parser")

REDACTOR = Redactor()
COUNT = 10_000
FLOCK = list(canaries(seed=2024, count=COUNT))
HARMLESS = list(harmless_lines(seed=7, count=1000))


def leaked(canary: Canary, output: str) -> bool:
    """Whether the value can still be read, white space and pytest's gutter aside."""
    flat = re.sub(r"\\?\s+(?:E {7})?", "", output)
    return canary.value in output or re.sub(r"\s", "", canary.value) in flat


def test_flock_is_whole() -> None:
    """Every kind of canary flies, often, and its line holds its value."""
    kinds = [canary.kind for canary in FLOCK]

    assert set(kinds) == set(ANYWHERE) | set(FIELDS)
    assert min(kinds.count(kind) for kind in set(kinds)) >= 200
    assert all(canary.value in canary.line for canary in FLOCK)


def test_no_canary_in_text() -> None:
    """Of 10,000 unregistered secrets and student values, each in its line, none comes out."""
    assert [canary for canary in FLOCK if leaked(canary, REDACTOR.text(canary.line))] == []


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_canary_in_encoded_text(encoding: str) -> None:
    """None comes out of lines encoded as a whole, as themselves or as their encoding."""
    encode = ENCODINGS[encoding]

    def inner(value: str) -> str:
        return encode(value).strip('"=')[4:-4] if len(value) > 12 and encoding != "plain" else value

    escaped = [
        canary
        for canary in FLOCK[:: len(ENCODINGS)]
        if leaked(canary, output := REDACTOR.text(encode(canary.line)))
        or inner(canary.value) in output
    ]

    assert escaped == []


def test_no_canary_split_over_lines() -> None:
    """None comes out whole of values that terminals and editors broke over two lines."""
    rng = random.Random(5)
    flock = [canary for canary in FLOCK if not canary.needs_one_line]

    assert [c for c in flock if leaked(c, REDACTOR.text(split(rng, c)))] == []


def test_no_piece_of_a_password_stays() -> None:
    """Beside its field's name a password goes whole: not eight of its characters stay."""
    flock = [canary for canary in FLOCK if canary.kind == "password"]

    for canary in flock:
        output = REDACTOR.text(canary.line)
        pieces = [canary.value[i : i + 8] for i in range(len(canary.value) - 7)]
        assert not [piece for piece in pieces if piece in output], canary.line


def test_no_canary_in_structures() -> None:
    """None comes out of objects: beside its key, deep inside, as a list's items, as a key."""
    for canary in FLOCK:
        structure = {
            "case": {"lines": ["before", canary.line, "after"], "raw": [[{"deep": canary.line}]]},
            canary.line: 1,
        }

        assert not leaked(canary, json.dumps(REDACTOR.value(structure), ensure_ascii=False))


def test_no_canary_split_over_items() -> None:
    """None comes out of lists that hold a text's lines."""
    rng = random.Random(6)
    strong = {"jwt", "aws key", "github token", "private key", "ssn", "url-safe token", "password"}

    for canary in (c for c in FLOCK if c.kind in strong):
        items = split(rng, canary).split("\n")
        safe = REDACTOR.value(items)

        assert len(safe) == len(items)
        assert not leaked(canary, "\n".join(safe)), canary


def chunks(rng: random.Random, text: str) -> Iterator[str]:
    """The text in pieces of 1 to 6000 characters."""
    at = 0
    while at < len(text):
        size = rng.choice([1, 30, 400, 6000])
        yield text[at : at + size]
        at += size


def test_no_canary_in_a_stream() -> None:
    """None comes out of a stream cut anywhere, and the harmless lines between do."""
    rng = random.Random(8)
    flock = [canary for canary in FLOCK if not canary.needs_one_line]
    written: list[str] = []
    lines = []
    for canary in flock:
        lines += [
            split(rng, canary) if rng.random() < 0.5 else canary.line,
            "",
            "all is well here.",
        ]
    with REDACTOR.stream(written.append) as stream:
        for chunk in chunks(rng, "\n".join(lines)):
            stream.write(chunk)
    output = "".join(written)

    assert [c for c in flock if len(c.value) > 8 and c.value in output] == []
    assert output.count("all is well here.") == len(flock)
    assert output.count("\n") == "\n".join(lines).count("\n")


def test_harmless_lines_come_out_unchanged() -> None:
    """1,000 lines of times, digests, addresses, versions, journals and SQL stay as they are."""
    changed = {line: out for line in HARMLESS if (out := REDACTOR.text(line)) != line}

    assert changed == {}


def test_harmless_lines_together_come_out_unchanged() -> None:
    """Neighbours don't make a harmless line suspicious, in text, in lists or in a stream."""
    text = "\n".join(HARMLESS)
    written: list[str] = []
    with REDACTOR.stream(written.append) as stream:
        for chunk in chunks(random.Random(9), text):
            stream.write(chunk)

    assert REDACTOR.text(text) == text
    assert REDACTOR.value(HARMLESS) == HARMLESS
    assert "".join(written) == text


def test_certificates_and_public_keys_come_out_unchanged() -> None:
    """What is meant to be seen, is: certificates, public keys, fingerprints."""
    body = base64.b64encode(random.Random(3).randbytes(300)).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    public = (
        f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
        f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
        f"db1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{body[:43]}\n"
    )

    assert REDACTOR.text(public) == public


# What the redactor looks for, in pieces, so that hypothesis finds their worst neighbourhoods.
PIECES = st.sampled_from(
    [
        "password", "=", ": ", '"', "'", "\\", "\n", "[redacted]", "hunter2", "gpa", "3.9", "-",
        "--", "token", "Authorization: Bearer ", "ann@x.edu", "123-45-", "6789", "://", "u:p", "@",
        "db1", "cGFzc3dvcmQ9aHVudGVyMg==", "%3D", "\\n", "\\u0070", "name", "Ann Smith", ",", "|",
        "ssn", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "{", "}", "[", "]", " ",
        "is", "student", "/", "12345678", "PASSWORD '", "aB3xK9mQ2pL7vR4tY8wZ1cF6", "414-555-0100",
        "É",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=80))


@given(TEXTS)
def test_text_is_idempotent_and_keeps_its_lines(text: str) -> None:
    """What is safe stays as it is, and line breaks neither appear nor vanish."""
    safe = REDACTOR.text(text)

    assert REDACTOR.text(safe) == safe
    assert safe.count("\n") == text.count("\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """The form of a structure without its leaves; what hides as a whole may stand for a leaf."""
    if isinstance(value, dict):
        return [shape(entry) for entry in value.values()]
    return [shape(entry) for entry in value] if isinstance(value, list) else None


@given(JSON)
def test_value_is_idempotent_and_keeps_its_form(value: Any) -> None:
    """Lists keep their lengths, objects their number of keys, and a second pass changes nothing."""
    safe = REDACTOR.value(value)

    assert shape(safe) == shape(value)
    assert REDACTOR.value(safe) == safe
    json.dumps(safe)


def test_text_of_json_stays_json() -> None:
    """Hidden numbers and objects leave text that still parses, with all keys."""
    record = {
        "gpa": 3.87,
        "password": ["a", "b"],
        "n": 1,
        "student": {"dob": "2001-02-03"},
        "ok": True,
    }

    for text in (json.dumps(record), json.dumps(record, indent=1)):
        safe = json.loads(REDACTOR.text(text))
        assert list(safe) == list(record)
        assert (safe["gpa"], safe["n"], safe["ok"]) == ("[redacted]", 1, True)


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ({"password": "x"}, {"password": "[redacted]"}),
        (
            {"token": None, "secret": "", "cookie": True},
            {"token": None, "secret": "", "cookie": True},
        ),
        ({"password": "env:PGPASSWORD"}, {"password": "env:PGPASSWORD"}),
        ({"ssn": 123456789}, {"ssn": "[redacted]"}),
        ({"credentials": {"a": ["b", 1]}}, {"credentials": {"a": ["[redacted]", "[redacted]"]}}),
        ({"name": "password", "value": "x"}, {"name": "password", "value": "[redacted]"}),
        ({"name": "db1", "role": "leader"}, {"name": "db1", "role": "leader"}),
        ({"name": "Ann Smith"}, {"name": "[redacted]"}),
        ({"name": "ann", "gpa": 3}, {"name": "[redacted]", "gpa": "[redacted]"}),
        (["--password", "hunter2", "-v"], ["--password", "[redacted]", "-v"]),
        (["Authorization", "Bearer x"], ["Authorization", "[redacted]"]),
        (["email", "phone"], ["email", "phone"]),
        ({"ann@x.edu": 1, "bob@x.edu": 2}, {"[redacted]": 1, "[redacted] (2)": 2}),
        (("a", {"b"}), ["a", ["b"]]),
        (3.5, 3.5),
    ],
)
def test_values_are_hidden_by_their_keys(value: Any, safe: Any) -> None:
    """A structure's own names decide, whatever the value looks like."""
    assert REDACTOR.value(value) == safe


HEX = b"password=hunter2".hex()


@pytest.mark.parametrize(
    "line",
    [
        "sentinel auth-pass mymaster hunter2", "SENTINEL SET mymaster auth-pass hunter2",
        "user app on >hunter2 ~* +@all", "ACL SETUSER app on ~* >hunter2",
        "    user app insecure-password hunter2", "redis-cli -h cache1 -a hunter2 ping",
        "redis-cli -a 'hunter2' ping", "sshpass -p hunter2 ssh db1",
        '{"name": "PGPASSWORD", "value": "hunter2"}', "- name: PGPASSWORD\n  value: hunter2\n",
        '{\\"name\\": \\"API_KEY\\",\\n \\"value\\": \\"hunter2\\"}', "password hash: hunter2",
        "PGPASSW\nORD=hunter2", f"\\x{HEX}",
    ],
)  # fmt: skip
def test_short_passwords_of_settings_and_environments_are_hidden(line: str) -> None:
    """Redis's, HAProxy's and a container's own spellings: the password goes, the rest stays."""
    safe = line.replace("hunter2", "[redacted]").replace(HEX, "[redacted]")

    assert REDACTOR.text(line) == safe


@pytest.mark.parametrize(
    "line",
    [
        "user app on db1 asked for 5 rows",
        "user root on tty1 wrote > /dev/null",
        "redis-cli -h cache1 -p 6379 ping",
        "sentinel auth-pass",
        "ssh -p 22 db1",
        '{"name": "max_connections", "value": "100"}',
        "- name: PGHOST\n  value: db1",
    ],
)
def test_settings_without_a_password_stay(line: str) -> None:
    """What is spelled nearly like them comes out unchanged."""
    assert REDACTOR.text(line) == line


SECRETS = ["correct horse battery", "pa$$w0rd/+%\"'\\ü", "tiny", "Zm9vYmFyYmF6", "x1"]


@pytest.mark.parametrize("secret", SECRETS)
def test_registered_secret_is_hidden_in_every_form(secret: str) -> None:
    """A known value goes as it is, reversed, encoded, escaped and split, without any context."""
    redactor = Redactor([secret + "\n"])
    forms = {
        "plain": secret,
        "json": json.dumps(secret)[1:-1],
        "json, not ASCII": json.dumps(secret, ensure_ascii=False)[1:-1],
        "json twice": json.dumps(json.dumps(secret))[3:-3],
        "repr": repr(secret)[1:-1],
        "percent": quote(secret, safe=""),
        "all percent": "".join(f"%{byte:02x}" for byte in secret.encode()),
        "unicode": "".join(f"\\u{ord(c):04X}" for c in secret),
        "html": "".join(f"&#x{ord(c):x};" for c in secret),
    }
    if len(secret) > 4:
        middle = len(secret) // 2
        forms |= {
            "reversed": secret[::-1],
            "hex": secret.encode().hex(),
            "HEX": secret.encode().hex().upper(),
            "split": secret[:middle] + "\n" + secret[middle:],
            "in base64": base64.b64encode(f"user:{secret}:more".encode()).decode(),
            "in base64, shifted": base64.urlsafe_b64encode(f"a{secret} b".encode()).decode(),
        }
    if secret.isalnum():
        forms["one a line"] = "\n  ".join(secret)
    for name, form in forms.items():
        safe = redactor.text(f"see {form} here")
        assert form not in safe, name
        assert "[redacted]" in safe, name
        assert safe.startswith("see "), name


def test_short_secret_hides_whole_words_only() -> None:
    """A registered value of one to three characters doesn't tear words apart."""
    assert Redactor(["ab"]).text("ab cab ab-c lab") == "[redacted] cab [redacted]-c lab"


def test_every_line_of_a_registered_key_is_hidden() -> None:
    """A registered value of several lines is hidden line by line, too."""
    rng = random.Random(1)
    lines = [password(rng) + password(rng) for _ in range(5)]

    safe = Redactor(["\n".join(lines)]).text(f"found {lines[3]} alone")

    assert safe == "found [redacted] alone"


def test_empty_secrets_are_ignored() -> None:
    """An empty file behind a reference hides nothing."""
    assert Redactor(["", "  \n"]).text("a b") == "a b"


def test_private_key_open_at_the_end_of_a_stream_is_hidden() -> None:
    """A key that is cut off, longer than the lines remembered, stays hidden to its last line."""
    body = base64.b64encode(random.Random(2).randbytes(1500)).decode()
    lines = [body[i : i + 64] for i in range(0, len(body), 64)]
    written: list[str] = []
    with REDACTOR.stream(written.append) as stream:
        for line in ["start", "-----BEGIN RSA PRIVATE KEY-----", *lines, "tail="]:
            stream.write(line + "\n")

    output = "".join(written)
    assert output.startswith("start\n[redacted]\n")
    assert not [line for line in lines if line in output]


def test_stream_holds_back_only_the_last_lines() -> None:
    """Lines are passed on as soon as a few more have come."""
    written: list[str] = []
    stream = REDACTOR.stream(written.append)
    for i in range(10):
        stream.write(f"line {i}\n")

    assert "".join(written) == "".join(f"line {i}\n" for i in range(6))


class Unspeakable:
    """What can't be turned into text, and would tell a secret on the way."""

    def __str__(self) -> str:
        """Fail with the secret in the message."""
        raise ValueError("hunter2")


def nested(depth: int) -> list[Any]:
    """Lists in lists, deeper than anything sane."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [{"a": Unspeakable()}, nested(100_000)], ids=["unspeakable", "deep"]
)
def test_failure_closes_the_way_out(value: Any) -> None:
    """What can't be made safe raises, and the error tells nothing of it."""
    with pytest.raises(RedactionError) as caught:
        REDACTOR.value(value)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_text_of_the_wrong_type_is_refused() -> None:
    """Bytes or None instead of text are a failure, never passed through."""
    for wrong in (None, b"password=hunter2", 3):
        with pytest.raises(RedactionError):
            REDACTOR.text(wrong)  # type: ignore[arg-type]


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every compiled pattern of the redactor."""
    names = [info.name for info in pkgutil.iter_modules(readiness.evidence.redaction.__path__)]
    modules = [importlib.import_module(f"readiness.evidence.redaction.{name}") for name in names]
    for module in [readiness.evidence.redact, *modules]:
        for name, value in vars(module).items():
            for pattern in inner_patterns(value):
                yield f"{module.__name__}.{name}", pattern


def inner_patterns(value: Any) -> Iterator[re.Pattern[str]]:
    """The patterns in a module's constant, however it keeps them."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from inner_patterns(tuple(value.values()))
    elif isinstance(value, tuple):
        for entry in value:
            yield from inner_patterns(entry)


def backtracking_depth(tree: Any) -> int:
    """How deep repeats without an upper limit, that can give characters back, are nested."""
    deepest = 0
    for operation, argument in tree:
        inner = max((backtracking_depth(t) for t in subtrees(argument)), default=0)
        own = operation in {_constants.MAX_REPEAT, _constants.MIN_REPEAT}
        deepest = max(deepest, inner + (own and argument[1] == _constants.MAXREPEAT))
    return deepest


def subtrees(argument: Any) -> Iterator[Any]:
    """The patterns inside an operation of a parsed pattern."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for entry in argument:
            yield from subtrees(entry)


def test_no_pattern_can_run_away() -> None:
    """No unlimited repeat that backtracks lies inside another: no exponential growth."""
    found = list(patterns())

    assert len(found) > 50
    assert {
        name for name, pattern in found if backtracking_depth(_parser.parse(pattern.pattern)) > 1
    } == set()


@pytest.mark.parametrize("run", [" ", "\t", "\\"])
def test_a_long_run_of_what_is_passed_over_is_read_once(run: str) -> None:
    """Not once from each of its characters, which took minutes for a page of blanks."""
    secret = "Xk9-hunter2-Zq"
    assert secret not in REDACTOR.text(f"password: {run * 50_000}{secret}")
    harmless = f"{run * 50_000}\nthe end"
    assert REDACTOR.text(harmless).endswith("the end")
