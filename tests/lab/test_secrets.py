"""Generated secrets: complete, private, kept; certificates that a strict client accepts."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from lab.inventory import MACHINES, machine
from lab.secrets import Secrets


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """Secrets made once."""
    made = Secrets(tmp_path / "secrets")
    made.ensure()
    return made


def test_no_file_can_be_read_by_others(secrets: Secrets) -> None:
    """Files are 0600 and folders 0700, all of them."""
    for path in secrets.path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_making_them_again_keeps_what_machines_already_hold(secrets: Secrets) -> None:
    """The frozen state carries passwords and keys; a second call must not change them."""
    before = secrets.generation()
    secrets.ensure()
    assert secrets.generation() == before


def test_another_lab_has_other_secrets(secrets: Secrets, tmp_path: Path) -> None:
    """Nothing is derived from anything that two labs share."""
    other = Secrets(tmp_path / "other")
    other.ensure()
    assert other.generation() != secrets.generation()


def test_a_machines_certificate_is_good_for_its_names(secrets: Secrets) -> None:
    """A client that trusts only the lab's authority accepts it for name and addresses."""
    authority = x509.load_pem_x509_certificate(secrets.read("ca/lab-ca.pem"))
    leaf = x509.load_pem_x509_certificate(secrets.issue_for(machine("db2")).certificate)
    builder = PolicyBuilder().store(Store([authority]))
    verifier = builder.build_server_verifier(x509.DNSName("db2.lab.test"))
    assert verifier.verify(leaf, []) == [leaf, authority]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(each) for each in names.get_values_for_type(x509.IPAddress)} >= {
        "198.18.3.12",
        "2001:2:0:3::12",
    }


def test_known_hosts_has_every_machine_under_every_address(secrets: Secrets) -> None:
    """Strict host key checking works by name and by address."""
    lines = secrets.read("known_hosts").decode().splitlines()
    assert len(lines) == len(MACHINES)
    assert any(line.startswith("db1,db1.lab.test,198.18.3.11,2001:2:0:3::11 ") for line in lines)
