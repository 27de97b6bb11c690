"""What listeners present and accept, and what is said of their certificates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from readiness.model.errors import NotRun
from readiness.site.subjects import TLS_LISTENER, Endpoint, endpoints
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.tls.reading.handshake import Handshake
from readiness.systems.tls.reading.revocation import Revocation
from readiness.systems.tls.reading.scan import Deployed, Profile, Scan
from readiness.systems.token import AnySource, Kind, Source

if TYPE_CHECKING:
    from readiness.site.environment import Environment


@dataclass(frozen=True)
class NamedProfile:
    """One of Mozilla's profiles, by its name."""

    id: str


def profiles(environment: "Environment") -> Mapping[str, NamedProfile]:
    """The profiles that listeners are declared to comply with."""
    names = {one.listener.tls_profile for one in endpoints(environment)}
    return {name: NamedProfile(name) for name in sorted(names)}


PROFILE: Final = Kind("tls_profile", "listeners", profiles)
# Which there are is known once they were presented.
CERTIFICATE: Final = Kind[Deployed]("certificate", "listeners", lambda _: {})


def _says(found: Handshake) -> str:
    if not found.answers or found.leaf is None:
        raise NotRun(found.problem or "no certificate")
    return f"reached, {found.version}, issued for {', '.join(found.leaf.names)}"


TLS: Final = Source[Endpoint, Handshake]("tls", TLS_LISTENER, Handshake, says=_says)
"""Handshakes with a listener, as today's clients and as older ones make them."""

SCAN: Final = Source[Endpoint, Scan]("tls-scan", TLS_LISTENER, Scan)
"""What a listener accepts and presents, by a scan of all listeners."""

# A later scanner brings a later profile.
TLS_PROFILE: Final = Source[NamedProfile, Profile]("tls-profile", PROFILE, Profile, drift=BOUNDED)
"""What a profile allows."""

REVOCATION: Final = Source[Deployed, Revocation](
    "revocation", CERTIFICATE, Revocation, drift=VOLATILE
)
"""What those say of a presented certificate whom it names."""

SOURCES: Final[tuple[AnySource, ...]] = (TLS, SCAN, TLS_PROFILE, REVOCATION)
