"""Whether every machine behind a balancer really serves users, at every balancer."""

from readiness import Ask, Environment, Found, NotRun, ProbeError, Severity, check, derive, holds
from readiness.site.declared.balancer import Balancer, OtherBackend
from readiness.site.declared.machine import Machine
from readiness.site.subjects import BACKEND, ENVIRONMENT, Backend, BalancerNode, balancer_nodes
from readiness.systems.haproxy.reading import SERVERS, Server
from readiness.systems.hosts.reading import ADDRESSES
from readiness.systems.http.reading import ROTATION

# The application was asked and answered as the balancer expects (HAProxy management guide, 9.1); a
# connection alone (L4OK) would keep a machine in rotation whose application is broken. What it
# expects may be little: `option httpchk` alone takes a redirect for health. LB-002 looks at a page.
ANSWERED = ("L7OK", "L7OKC")


def servers_of(balancer: Balancer, found: Found[tuple[Server, ...]]) -> list[Server]:
    """The servers of the declared backend."""
    return [one for one in found.reading if one.backend == balancer.backend]


def place(server: Server, node: BalancerNode) -> str:
    """How that balancer names the machine of a server: one on a socket is on its own machine."""
    return node.machine.name if server.on_socket else server.where


def places(backend: Balancer | OtherBackend, machine: Machine) -> set[str]:
    """How a balancer may name that machine as a server: an address with the port, else its name."""
    port = backend.server_port
    return {f"[{a}]:{port}" if ":" in a else f"{a}:{port}" for a in machine.addresses} | {
        machine.name
    }


@check(
    "LB-001",
    "Every backend is in rotation as every balancer sees it",
    clauses=("infra.load-balancer/backends-in-rotation",),
    each=BACKEND,
    declared=("statistics",),
    severity=Severity.CRITICAL,
    risk="With one machine left that serves, the next failure takes everything down.",
    reads=("GET of each balancer's statistics (HAProxy CSV, with `stats show-legends`)",),
    rights="network access to the statistics of each balancer",
    remedy="see that server's health check at this balancer, and take it out of maintenance there",
)
def test_backend_is_up_everywhere(backend: Backend, ask: Ask) -> None:
    """Once among the servers of each balancer, up by its own health check, with a weight."""
    balancer, name = backend.balancer, backend.machine.name
    for node in backend.nodes:
        found = ask(SERVERS, node)
        here = [
            one
            for one in servers_of(balancer, found)
            if place(one, node) in places(balancer, backend.machine)
        ]
        assert holds(found.fact(f"servers that are {name}", len(here)), "==", 1)
        (server,) = here
        assert holds(found.fact(f"status of {name}", server.status), "==", "UP")
        result = server.check or "no check"
        assert holds(found.fact(f"last check of {name}", result), "in", ANSWERED)
        assert holds(found.fact(f"weight of {name}", server.weight), ">", 0)
        assert holds(found.fact(f"{name} a spare", server.spare), "==", False)


@check(
    "LB-002",
    "Every backend gives users the right page through every address of every balancer",
    clauses=("infra.load-balancer/backends-in-rotation",),
    each=BACKEND,
    severity=Severity.CRITICAL,
    risk="A balancer calls a machine healthy whose users get an error, or nothing.",
    reads=("GET of the declared page over HTTPS, at most ten times for each machine and address",),
    rights="network access to the listener",
    remedy="ask that machine for the page directly; when it is right there, see how this balancer "
    "chooses (a hash of the client's address sends us to one machine only)",
    limit=60,
)
def test_backend_serves_users(backend: Backend, ask: Ask) -> None:
    """It answers at each address, always with the declared page, and nobody undeclared does."""
    name, declared = backend.machine.name, set(backend.balancer.servers)
    if not backend.endpoints:
        raise NotRun(
            f"{backend.id}: the listener has no address on the balancer's machines",
            declare=f"the balancer's `machines` for the listener {backend.balancer.listener}",
        )
    for endpoint in backend.endpoints:
        found = ask(ROTATION.of(backend), endpoint)
        lost = found.reading.unanswered and found.reading.problem
        assert holds(found.fact("what is wrong with a request", lost or "none"), "==", "none")
        share = found.reading.of(name)
        assert holds(found.fact(f"answers of {name}", share.answers), ">=", 1)
        wrong = found.fact(f"what is wrong with an answer of {name}", share.problem or "none")
        assert holds(wrong, "==", "none")
        assert holds(found.fact("machines that answer", found.reading.names), "within", declared)


@check(
    "LB-003",
    "Every virtual address is held by exactly one machine that may hold it",
    clauses=("infra.load-balancer/vip-held-once",),
    each=ENVIRONMENT,
    declared=("shared address",),
    severity=Severity.CRITICAL,
    risk="Two holders split the users between them at random; with none there is nobody to reach.",
    reads=("ip -json address show on every machine",),
    rights="an SSH login without privileges on every machine that may hold the address",
    remedy="see the VRRP state on both machines and whether they hear each other's advertisements; "
    "take the address from a machine that is none of the balancer's, or declare who may hold it "
    "under `holders`",
)
def test_virtual_address_is_held_once(environment: Environment, ask: Ask) -> None:
    """Each shared address, v4 and v6 apart, is on the card of one of the machines that may hold it.

    Those are the balancer's own, unless others in front of it are declared.
    """
    shared = {
        (one.name, address)
        for one in environment.balancers
        for address in environment.listener(one.listener).shared_addresses
    }
    held, blind = holdings(environment, ask)
    for balancer, address in sorted(shared):
        own = environment.balancer(balancer).may_hold
        holders = [name for name, found in held.items() if address in found.reading]
        unseen = [
            str(why) for name, why in blind.items() if name in own or isinstance(why, ProbeError)
        ]
        # Another machine that holds it, or a second one, is wrong whatever nobody could look at.
        wrong = len(holders) > 1 or not set(holders) <= set(own)
        words = f" ({'; '.join(unseen)})" if unseen and not wrong else ""
        told = holders if wrong or not unseen else None
        who = derive(f"holders of {address}{words}", balancer, told, *held.values())
        assert holds(who, "in", [[name] for name in own])


def holdings(
    environment: Environment, ask: Ask
) -> tuple[dict[str, Found[tuple[str, ...]]], dict[str, ProbeError | NotRun]]:
    """What each machine holds, and why nobody knows it of the others; by name.

    Every machine is looked at: one of no balancer may hold an address by mistake.
    """
    held: dict[str, Found[tuple[str, ...]]] = {}
    blind: dict[str, ProbeError | NotRun] = {}
    for one in environment.machines:
        if not one.ssh:
            blind[one.name] = NotRun(f"{one.name}: no SSH is declared for it")
            continue
        try:
            held[one.name] = ask(ADDRESSES, one)
        except (ProbeError, NotRun) as error:
            blind[one.name] = error
    return held, blind


@check(
    "LB-004",
    "Every balancer sends users to the declared machines and to no other",
    clauses=("infra.load-balancer/servers-as-declared",),
    each=ENVIRONMENT,
    declared=("statistics",),
    severity=Severity.HIGH,
    risk="A forgotten machine serves an old release, or a declared one never gets a user.",
    reads=("GET of each balancer's statistics (HAProxy CSV, with `stats show-legends`)",),
    rights="network access to the statistics of each balancer",
    remedy="declare the server, or remove it from that balancer's backend; a backend that is not "
    "this listener's belongs under `others`",
)
def test_servers_as_declared(environment: Environment, ask: Ask) -> None:
    """Each backend's servers are those declared for it, by address, and no backend has others."""
    nodes = balancer_nodes(environment)
    for node in nodes:
        balancer = node.balancer
        found = ask(SERVERS, node)
        machines = [environment.machine(name) for name in balancer.servers]
        owners = {where: one.name for one in machines for where in places(balancer, one)}
        names = [owners.get(place(one, node), one.where) for one in servers_of(balancer, found)]
        listed = found.fact("servers of its backend", sorted(names))
        assert holds(listed, "==", sorted(balancer.servers))
        strays = found.fact("servers that nobody declared", undeclared(environment, node, found))
        assert holds(strays, "==", [])


def undeclared(
    environment: Environment, node: BalancerNode, found: Found[tuple[Server, ...]]
) -> list[str]:
    """Servers in any backend of a HAProxy that no balancer on its machine is declared to have."""
    here = [one for one in environment.balancers if node.machine.name in one.machines]
    parts: list[Balancer | OtherBackend] = [*here, *(part for one in here for part in one.others)]
    declared = {
        (part.backend, where)
        for part in parts
        for name in part.servers
        for where in places(part, environment.machine(name))
    }
    return [
        f"{one.backend}/{one.where}"
        for one in found.reading
        if (one.backend, place(one, node)) not in declared
    ]
