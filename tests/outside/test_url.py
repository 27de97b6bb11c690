"""What may be typed behind `readiness look`, and the sentence that refuses the rest."""

from pathlib import Path

import pytest
from pki import hierarchy

from readiness.model.errors import UsageError
from readiness.outside.place import authorities, read_addresses, read_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://portal.example.edu", "https://portal.example.edu/"),
        ("HTTPS://Portal.Example.EDU.:443/a?b=c#d", "https://portal.example.edu/a"),
        ("http://portal.example.edu:8080/x", "http://portal.example.edu:8080/x"),
        ("https://192.0.2.1", "https://192.0.2.1/"),
        ("https://[2001:DB8:0::1]:8443/", "https://[2001:db8::1]:8443/"),
        ("https://übung.example.edu", "https://xn--bung-zra.example.edu/"),
    ],
)
def test_addresses_of_the_web(text: str, expected: str) -> None:
    """As servers and certificates know them; query and fragment are not asked for."""
    assert str(read_url(text)) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("portal.example.edu", "is no address of the web"),
        ("", "is no address of the web"),
        ("ftp://portal.example.edu", "found 'ftp:…'"),
        ("https://", "has no host that can be asked"),
        ("https:///path", "has no host that can be asked"),
        ("https://a..b", "has no host that can be asked"),
        ("https://a b.example.edu", "holds a blank or a control character"),
        (f"https://{'a' * 64}.example.edu", "has no host that can be asked"),
        ("https://portal.exa\nmple.edu", "holds a blank or a control character"),
        ("https://[fe80::1%25eth0]/", "has no host that can be asked"),
        ("https://[::1", "is malformed"),
        ("https://portal.example.edu:70000", "is malformed"),
        ("https://portal.example.edu:0", "has no port"),
        ("https://portal.example.edu/ü", "has a path that can't be sent"),
        ("https://portal.example.edu/a b", "holds a blank or a control character"),
    ],
)
def test_what_is_none_is_refused(text: str, says: str) -> None:
    """One line with the key and what was expected."""
    with pytest.raises(UsageError) as refused:
        read_url(text)
    assert says in str(refused.value)
    assert str(refused.value).startswith("URL: ")
    assert "expected" in str(refused.value)


def test_credentials_are_refused_and_not_repeated() -> None:
    """They would stand in the history of a shell already."""
    with pytest.raises(UsageError) as refused:
        read_url("https://registrar:hunter2@portal.example.edu/")
    assert str(refused.value).startswith("URL: holds credentials")
    assert "hunter2" not in str(refused.value)


def test_addresses_to_connect_to() -> None:
    """Addresses in one spelling, each once; a name is refused."""
    assert read_addresses(["2001:DB8::1", "2001:db8:0::1", "192.0.2.1"]) == (
        "2001:db8::1",
        "192.0.2.1",
    )
    for text in ("portal.example.edu", "fe80::1%eth0", "192.0.2.1:443", ""):
        with pytest.raises(UsageError, match="--connect-to: is wrong"):
            read_addresses([text])


def test_whom_to_trust(tmp_path: Path) -> None:
    """A file with a root; anything else names the option, the file and what was expected."""
    root = tmp_path / "root.pem"
    root.write_bytes(hierarchy().root.pem)
    assert authorities(root) == root
    noise = tmp_path / "noise.pem"
    noise.write_text("no certificate\n")
    for file, says in ((noise, "authority is not PEM"), (tmp_path / "none.pem", "can't be read")):
        with pytest.raises(UsageError) as refused:
            authorities(file)
        assert str(refused.value).startswith(f"{file}: --authority: ")
        assert says in str(refused.value)


def test_whom_the_system_trusts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """OpenSSL's own variable names another store, as for every program."""
    root = tmp_path / "root.pem"
    root.write_bytes(hierarchy().root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    assert authorities(None) == root
