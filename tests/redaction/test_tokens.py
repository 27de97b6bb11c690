"""Generated strings are told from everything that people and programs call things."""

# ruff: noqa: S311 -- seeded, and nothing here is secret

import base64
import random
import string

import pytest

from readiness.evidence.redaction.tokens import natural_word, secret_runs

LETTERS = string.ascii_letters + string.digits


@pytest.mark.parametrize(
    ("alphabet", "length", "missed"),
    [
        (LETTERS, 32, 0.004), (LETTERS, 43, 0.001), (LETTERS + "-_", 64, 0.0005),
        (LETTERS + "+/", 40, 0.002), (string.ascii_uppercase + "234567", 32, 0.001),
        (string.ascii_lowercase + string.digits, 40, 0.002),
    ],
)  # fmt: skip
def test_random_runs_are_found(alphabet: str, length: int, missed: float) -> None:
    """The share of random runs that pass for text is small, and smaller for longer ones."""
    rng = random.Random(length)
    runs = ["".join(rng.choice(alphabet) for _ in range(length)) for _ in range(4000)]

    assert sum(not list(secret_runs(run)) for run in runs) <= missed * len(runs)


@pytest.mark.parametrize(
    "name",
    [
        "maximum_lag_on_failover", "HighResponseTimeP95Critical", "pg_stat_wal_receiver_flush_lsn",
        "/var/lib/postgresql/15/main/base/16384/2619", "ECDHE-RSA-AES256-GCM-SHA384",
        "org/springframework/boot/SpringApplication", "2024-05-01T120000Z-20240501T130000Z",
        "test_standby_takes_over_in_time", "7d4dbeb4-e985-4124-b255-a5f9e12d8d56", "0" * 64,
        "postgresql-client-15_15.10-0+deb12u1_amd64", "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NM=",
    ],
)  # fmt: skip
def test_names_and_digests_are_no_secrets(name: str) -> None:
    """Identifiers, paths, ciphers, packages, times and digests are left alone."""
    assert list(secret_runs(name)) == []


@pytest.mark.parametrize("context", ["SHA256:{}", "sha256/{}", 'pin-sha256="{}"', "ssh-rsa {}"])
def test_fingerprints_and_public_keys_are_no_secrets(context: str) -> None:
    """What is announced as a digest or a public key is one."""
    run = base64.b64encode(random.Random(1).randbytes(32)).decode()

    assert list(secret_runs(context.format(run))) == []
    assert list(secret_runs(run)) == [(0, len(run))]


def test_words_are_natural() -> None:
    """Words are words, also at the start of a sentence; names of machines and keys aren't."""
    assert all(natural_word(word) for word in ("unexpected", "Next", "authentication", "bad"))
    assert not any(natural_word(word) for word in ("hunter2", "uteJV", "xkqzvw", ""))
