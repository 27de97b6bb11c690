"""A site whose people sign with real keys: files, keys of `ssh-keygen`, runs that read them."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from stories import ENVIRONMENT, REQUIRED, Story

from readiness.attesting.body import pins_of
from readiness.attesting.folder import gather
from readiness.attesting.making import Wish, approve, attest
from readiness.attesting.sshsig import private_key
from readiness.evidence.record import now
from readiness.evidence.redact import Redactor
from readiness.judging.verdict import ClauseVerdict, Verdict
from readiness.model.words import Json
from readiness.site.documents import load_environment, load_policy
from readiness.site.environment import Environment
from readiness.site.policy import Policy

APPROVAL = "gov.signoff/security-approval"
RISK = "gov.signoff/acceptable-risk"
TRAINED = "gov.signoff/team-trained"
PROCEDURES = "gov.signoff/communication-procedures"
COMPLETE = "gov.signoff/attestations-complete"
CURRENT = "gov.signoff/attestations-current"
GOVERNANCE = (APPROVAL, RISK, TRAINED, PROCEDURES, COMPLETE, CURRENT)
PEOPLE = ("ana", "ben")


def make_key(folder: Path, name: str, passphrase: str = "") -> str:
    """Make a key pair as people do; the public line."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name]
    subprocess.run([*command, "-f", str(folder / name)], check=True)
    return (folder / f"{name}.pub").read_text().rsplit(" ", 1)[0]


def nobody_types() -> str:
    """No key of these tests asks for a passphrase."""
    raise AssertionError


@cache
def _policy(file: Path, _: bytes) -> Policy:
    return load_policy(file)


@cache
def _environment(file: Path, _: bytes) -> Environment:
    return load_environment(file)


@dataclass
class Signing:
    """Environment, policy, keys and attestations in one folder."""

    folder: Path
    keys: dict[str, str] = field(default_factory=dict)
    required: Sequence[str] = (*REQUIRED, *GOVERNANCE)

    def begin(self) -> "Signing":
        """Write everything but attestations."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.attestations).mkdir()
        for name in ("ciso", "dean", "trainer", "stranger"):
            self.keys[name] = make_key(self.folder, name)
        (self.folder / "ca.pem").write_text("nothing chains to it\n")
        (self.folder / "report.txt").write_text("Three findings, all of them closed.\n")
        self.pinning({"postgresql": {"student-db": "7412345678901234567"}, "ssh": {"edge1": "a"}})
        self.describing()
        self.trusting()
        return self

    def pinning(self, pins: dict[str, dict[str, str]]) -> None:
        """Write the pinned identities."""
        (self.folder / "identity.json").write_text(json.dumps(pins))

    def describing(self, **more: object) -> None:
        """Write the environment file."""
        said = ENVIRONMENT | {"identity": "file:identity.json"} | more
        (self.folder / "site.yaml").write_text(json.dumps(said))

    def trusting(self, *, people: Sequence[str] = PEOPLE, **signers: dict[str, object]) -> None:
        """Write the policy; keyword arguments change what it says of a signer."""
        rules: dict[str, dict[str, object]] = {
            "ciso": {"may_sign": ["security-approval", "communication-procedures"]},
            "dean": {"may_sign": ["risk-acceptance"], "may_approve": ["security-approval"]},
            "trainer": {"may_sign": ["training"], "may_approve": ["risk-acceptance"]},
        }
        listed = [
            {"name": name, "key": self.keys[name]} | rule | signers.get(name, {})
            for name, rule in rules.items()
        ]
        policy = {
            "schema": 1,
            "name": "go-live",
            "owner": "Head of infrastructure",
            "required": list(self.required),
            "attestations": {
                "folder": "file:attestations",
                "signers": listed,
                "people": list(people),
            },
        }
        (self.folder / "policy.yaml").write_text(json.dumps(policy))

    @property
    def attestations(self) -> Path:
        """Where signed files lie."""
        return self.folder / "attestations"

    @property
    def environment(self) -> Environment:
        """The environment as it is described now; a file that nobody changed is read once."""
        file = self.folder / "site.yaml"
        return _environment(file, file.read_bytes())

    @property
    def policy(self) -> Policy:
        """The policy as it stands now; a file that nobody changed is read once."""
        file = self.folder / "policy.yaml"
        return _policy(file, file.read_bytes())

    def sign(
        self,
        clause: str,
        by: str,
        *,
        about: str = "",
        at: datetime | None = None,
        until: date | None = None,
    ) -> Path:
        """Have somebody sign; the file."""
        moment = at or now()
        wish = Wish(
            clause=clause,
            subject=about,
            says="",
            seen=(self.folder / "report.txt",),
            since=None,
            until=until or (moment + timedelta(days=30)).date(),
        )
        key = private_key(self.folder / by, nobody_types)
        return attest(wish, self.environment, self.policy, key, moment)

    def approve(self, path: Path, by: str) -> Path:
        """Have somebody approve."""
        return approve(path, self.policy, private_key(self.folder / by, nobody_types))

    def sign_everything(self) -> dict[str, Path]:
        """Every clause of governance as it should be; the files by clause."""
        signed = {
            APPROVAL: self.sign(APPROVAL, "ciso"),
            RISK: self.sign(RISK, "dean"),
            PROCEDURES: self.sign(PROCEDURES, "ciso"),
        }
        self.approve(signed[APPROVAL], "dean")
        self.approve(signed[RISK], "trainer")
        for name in PEOPLE:
            signed[f"{TRAINED} {name}"] = self.sign(TRAINED, "trainer", about=name)
        return signed

    def told(self) -> tuple[Json, ...]:
        """What a run reads of the folder now."""
        return gather(self.policy, Redactor())

    def verdict(
        self,
        told: Sequence[Json] | None = None,
        later: timedelta = timedelta(minutes=3),
        **story: Any,
    ) -> Verdict:
        """A run in which all checks pass, unless told otherwise, reads them and is judged."""
        run = self.folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir()
        said = json.loads((self.folder / "site.yaml").read_text())
        written = Story(
            run,
            policy=self.policy,
            environment=said,
            attested=self.told() if told is None else told,
            pins=pins_of(self.environment),
            later=later,
            **story,
        )
        return written.verdict()


def clause(verdict: Verdict, identity: str) -> ClauseVerdict:
    """What became of a clause."""
    clauses = (one for criterion in verdict.criteria for one in criterion.clauses)
    return next(one for one in clauses if one.id == identity)
