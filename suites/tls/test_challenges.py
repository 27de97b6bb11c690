"""Whether a certificate that is valid today can be renewed: challenges arrive at their answers."""

from itertools import product

from readiness import Ask, Severity, check, holds
from readiness.site.subjects import CHALLENGED_LISTENER, ChallengedListener
from readiness.systems.http.reading import CHALLENGE


@check(
    "TLS-006",
    "Every node answers an HTTP-01 challenge under every name as an ACME authority asks for it",
    clauses=("sec.tls/challenge-answered",),
    each=CHALLENGED_LISTENER,
    severity=Severity.HIGH,
    risk="Certificates are valid today, and their renewal fails unseen until they run out.",
    reads=(
        "GET of each declared file over plain HTTP, at each address, under each name",
        "GET where a redirect leads, as an authority follows it, under declared names only",
    ),
    rights="network access to the plain port and the listener",
    remedy="let /.well-known/acme-challenge/ reach the ACME client's answers on this node before "
    "anything redirects or serves the path, or answer it there where the redirect leads to",
    limit=60,
)
def test_challenges_are_answered(challenged_listener: ChallengedListener, ask: Ask) -> None:
    """200 with the declared content, at the end of at most ten redirects."""
    for name, file in product(challenged_listener.names, challenged_listener.challenges):
        found = ask(CHALLENGE.of((name, file)), challenged_listener)
        wrong = found.reading.problem or "none"
        fact = found.fact(f"what an authority would say against {name}", wrong)
        assert holds(fact, "==", "none")
