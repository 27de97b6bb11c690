"""What ss and ip print, read; recorded on machines of the lab."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.model.errors import NotUnderstood
from readiness.systems.hosts.reading.network import Socket, read_addresses, read_sockets

RECORDED = Path(__file__).parents[1] / "recorded" / "network"
HEADING = "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"


def reachable(file: str, protocol: str) -> list[str]:
    """The ports of a recording that others may reach."""
    text = (RECORDED / file).read_text()
    return sorted({one.name for one in read_sockets(text, protocol, where="m") if one.reachable})


def test_sockets_on_loopback_do_not_count() -> None:
    """HAProxy's own port for keepalived, chronyd's command port and the local listener stay out."""
    assert reachable("ss-tcp-edge1.txt", "tcp") == ["22/tcp", "443/tcp", "80/tcp"]
    assert reachable("ss-tcp-app1.txt", "tcp") == ["22/tcp", "6432/tcp", "7000/tcp", "8000/tcp"]
    assert reachable("ss-udp-gw1.txt", "udp") == ["123/udp"]


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("*", ["9/tcp"]),
        ("[::]", ["9/tcp"]),
        ("198.18.0.1", ["9/tcp"]),
        ("[fe80::1]%eth0", ["9/tcp"]),
        ("127.0.0.53%lo", []),
        ("[::1]", []),
        ("[::ffff:127.0.0.1]", []),
    ],
)
def test_addresses_of_sockets(address: str, reached: list[str]) -> None:
    """Scopes are left out, every spelling of loopback is loopback."""
    (found,) = read_sockets(f"{HEADING}LISTEN 0 5 {address}:9 *:*\n", "tcp", where="m")
    assert [one.name for one in (found,) if one.reachable] == reached


def test_the_virtual_address_is_among_those_held() -> None:
    """Both families, the deprecated IPv6 address of keepalived included."""
    held = read_addresses((RECORDED / "ip-edge1.json").read_text(), where="m")
    assert {"198.18.1.100", "2001:2:0:1::100", "198.18.1.11", "127.0.0.1"} <= set(held)


def test_an_address_that_is_not_usable_is_not_held() -> None:
    """A card that is down and an address that is used elsewhere carry nothing."""
    text = (
        '[{"flags": [], "addr_info": [{"local": "192.0.2.1"}]},'
        ' {"flags": ["UP"], "addr_info": [{"local": "2001:db8::1", "dadfailed": true},'
        ' {"local": "2001:DB8::2"}]}]'
    )
    assert read_addresses(text, where="m") == ("2001:db8::2",)


@given(st.text(max_size=200))
def test_what_is_no_answer_is_said_so(text: str) -> None:
    """Noise is never read as an empty machine."""
    with pytest.raises(NotUnderstood):
        read_addresses(text, where="m")
    try:
        found = read_sockets(HEADING + text, "tcp", where="m")
    except NotUnderstood:
        return
    assert all(isinstance(one, Socket) for one in found)
    assert len(found) == len(text.splitlines())
