"""Whether the servers behind a balancer see who asks, and believe nobody who says otherwise."""

from collections.abc import Callable

from readiness import Found, NotUnderstood, Severity, Tier, check, derive, holds
from readiness.drills.client_address import ClientsSeen
from readiness.site.subjects import BACKEND, Backend

Seen = Callable[[Backend], Found[ClientsSeen]]


@check(
    "LB-006",
    "Every backend sees the real client through every address, whatever the request says of it",
    clauses=("infra.load-balancer/client-address-kept",),
    each=BACKEND,
    declared=("client seen",),
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=120.0,
    risk="Limits, audit and blocking go by an address: all users are one, or anybody is anybody.",
    reads=(
        "GET of the page that tells whom the application sees at each address of the balancer",
        "the same with forged X-Forwarded-For, Forwarded and the like",
    ),
    rights="network access to the listener",
    disturbs="leaves a few lines with a forged address in the logs of balancer and application",
    remedy="let every machine of the balancer set the header anew (delete what came, then `option "
    "forwardfor` or the proxy protocol), and let the application believe the balancer only, and of "
    "several addresses the last",
)
def test_client_is_seen(backend: Backend, clients_seen: Seen) -> None:
    """Each answer to each kind of request names the address that we asked from."""
    found = clients_seen(backend)
    name = backend.machine.name
    own = found.reading.of(name)
    wrong = [
        f"{one.client} {one.kind} through {one.place}, from {' or '.join(one.ours)}"
        for one in own
        if not one.right
    ]
    assert holds(derive(f"others that {name} saw", backend.id, wrong, found), "==", [])
    silent = [one for one in found.reading.silent if one.partition(" ")[0] == name]
    if silent or not own:
        raise NotUnderstood(f"{backend.id}: no answer of {'; '.join(silent[:3]) or name}")
