"""What `readiness init --url` does: looks at a site, and writes the pair of files that fits it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from readiness.drafting import database, machine, web
from readiness.drafting.draft import OPENAPI_FILE, Draft, Host, called
from readiness.drafting.inventory import Inventory
from readiness.drafting.inventory import read as read_inventory
from readiness.drafting.text import environment_text
from readiness.model.errors import ProbeError, ReadinessError, Unreachable, UsageError
from readiness.outside.place import Url, authorities, read_addresses, read_url
from readiness.probes.ssh import Machines, ObserveSession
from readiness.probes.ssh_forward import forwarded
from readiness.site import behind
from readiness.site.declared.common import is_address
from readiness.site.documents import load_environment, load_policy
from readiness.site.examples import EXAMPLES, policy_text, require_new, write_files
from readiness.site.names import resolve
from readiness.systems.postgres.asking.session import PostgresTarget, connect

PASSWORD: Final = "env:PGPASSWORD"  # noqa: S105 - it says where one is
"""Where the password of whoever looks at a database is, unless something else is named."""
NONE: Final = Inventory(())
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What somebody asked to have looked at."""

    url: Url
    addresses: tuple[str, ...] = ()
    """Those to ask instead of the ones behind the name."""
    logins: tuple[machine.Login, ...] = ()
    databases: tuple[database.Location, ...] = ()
    password: str = PASSWORD
    authority: Path | None = None
    inventory: Inventory = NONE
    """Machines that somebody wrote down already."""


def wanted(
    url: str,
    *,
    connect_to: Sequence[str] = (),
    ssh: Sequence[str] = (),
    postgres: Sequence[str] = (),
    password: str = PASSWORD,
    authority: Path | None = None,
    inventory: Path | None = None,
) -> Wanted:
    """What was asked for, as it was typed.

    Raises:
        UsageError: one of the words is wrong; nothing was asked.
    """
    password = database.reference(password)
    read = read_url(url)
    if read.scheme != "https":
        problem = "is not served over TLS"
        raise UsageError(problem, key="--url", expected="https://HOST[:PORT][/PATH]")
    if authority is not None:
        authorities(authority)
    return Wanted(
        read,
        read_addresses(connect_to),
        _distinct(machine.read_login(one) for one in ssh),
        tuple(database.read_location(one) for one in postgres),
        password,
        authority.absolute() if authority else None,
        read_inventory(inventory) if inventory else NONE,
    )


def _distinct(logins: Iterable[machine.Login]) -> tuple[machine.Login, ...]:
    """One login to each machine.

    Raises:
        UsageError: there are two to one.
    """
    found: dict[str, machine.Login] = {}
    for one in logins:
        if found.setdefault(one.host, one) is not one:
            expected, twice = "each machine once", f"{one.host} twice"
            raise UsageError("is wrong", key="--ssh", expected=expected, found=twice)
    return tuple(found.values())


def draft_site(asked: Wanted, folder: Path, policy: str, say: Say) -> Draft:
    """Look, write environment.yaml and policy.yaml into the folder, and tell what was found.

    Raises:
        UsageError: the host has no address, one of the files is there already, or the folder can't
            be written; nothing is overwritten.
    """
    rules = policy_text(policy)
    require_new(folder, (*EXAMPLES, OPENAPI_FILE))
    found = look(asked, say)
    files = {"environment.yaml": environment_text(found).encode(), "policy.yaml": rules.encode()}
    if found.front.openapi:
        files[OPENAPI_FILE] = found.front.openapi
    with TemporaryDirectory() as scratch:  # a file that would be refused is not left behind
        write_files(Path(scratch), files)
        load_environment(Path(scratch) / EXAMPLES[0])
        load_policy(Path(scratch) / EXAMPLES[1])
    for path in write_files(folder, files):
        say(f"wrote {path}")
    for line in _next_steps(asked, found, folder):
        say(line)
    return found


def look(asked: Wanted, say: Say) -> Draft:
    """Look at everything that was asked for; what can't be looked at is a note in the draft."""
    url = asked.url
    try:
        addresses = asked.addresses or resolve(url.host)
    except Unreachable as error:
        raise UsageError(str(error), key="--url", expected="a host with an address") from error
    say(f"looking at {url}")
    front = web.look(url, addresses, authorities(asked.authority).read_bytes())
    with ExitStack() as stack:
        machines = stack.enter_context(Machines()) if asked.logins else None
        sessions: dict[machine.Login, ObserveSession | ReadinessError] = {}
        for login in asked.logins:
            say(f"looking at {login.host} over SSH")
            sessions[login] = _session(machines, login)
        hosts = _hosts(asked, front, {one: _machine(one, sessions[one]) for one in sessions})
        found = Draft(
            url, datetime.now(UTC).date(), front, hosts, asked.authority, password=asked.password
        )
        for location in asked.databases:
            say(f"looking at the database {location.name} at {location.host}")
            seen = _database(found, location, sessions)
            found = replace(found, databases=(*found.databases, seen))
    return found


def _session(machines: Machines | None, login: machine.Login) -> ObserveSession | ReadinessError:
    assert machines is not None  # noqa: S101 - who asks has logins
    try:
        return machines.observe(login.target)
    except ReadinessError as error:
        return error


def _machine(login: machine.Login, session: ObserveSession | ReadinessError) -> machine.Seen:
    if isinstance(session, ReadinessError):
        return machine.Seen(login, (), (), str(session))
    try:
        return machine.look(login, session)
    except ReadinessError as error:
        return machine.Seen(login, (), (), str(error))


def _hosts(
    asked: Wanted, front: web.Front, seen: dict[machine.Login, machine.Seen]
) -> tuple[Host, ...]:
    """The machine that users reach, then those that were logged in to besides."""
    at_front = next(
        (one for one in seen if _is_at(one.host, asked.url.host, front.addresses)), None
    )
    first = Host(
        called(asked.url.host, []),
        asked.url.host,
        asked.addresses,
        seen[at_front] if at_front else None,
    )
    hosts = [first]
    for login, one in seen.items():
        if login != at_front:
            hosts.append(
                Host(called(login.host, [each.name for each in hosts]), login.host, (), one)
            )
    hosts = [_as_written(one, asked.inventory) for one in hosts]
    for machine_of in asked.inventory.machines:
        if machine_of.host not in {name for one in hosts for name in (one.host, *one.addresses)}:
            name = called(machine_of.name, [each.name for each in hosts])
            hosts.append(
                Host(name, machine_of.host, role=machine_of.group, ssh_port=machine_of.port)
            )
    for location in asked.databases:
        known = {name for one in hosts for name in (one.host, *one.addresses)}
        if location.host not in known | database.LOOPBACK:
            name = called(location.host, [each.name for each in hosts])
            hosts.append(Host(name, location.host))
    return tuple(hosts)


def _as_written(host: Host, inventory: Inventory) -> Host:
    """A machine with the role that an inventory gives it."""
    found = (one for one in inventory.machines if one.host in (host.host, *host.addresses))
    written = next(found, None)
    return replace(host, role=written.group) if written else host


def _is_at(host: str, front: str, addresses: Sequence[str]) -> bool:
    """Whether a login leads to the machine that users reach."""
    if host.lower() == front.lower() or host in addresses:
        return True
    try:
        return not is_address(host) and bool(set(resolve(host)) & set(addresses))
    except Unreachable:
        return False


def _database(
    found: Draft,
    location: database.Location,
    sessions: dict[machine.Login, ObserveSession | ReadinessError],
) -> database.Seen:
    """What a database shows, by the first way that leads to it."""
    host = found.host_of(location)
    session = sessions.get(host.seen.login) if host and host.seen else None
    problems = []
    for way, reach in _ways(found, location, session):
        try:
            with ExitStack() as stack:
                return _asked(found, location, way, reach(stack))
        except (ProbeError, UsageError) as error:
            problems.append(f"{way}: {error}")
    if isinstance(session, ReadinessError):
        problems.append(str(session))
    return database.Seen(location, _last_way(session), problem="; ".join(problems))


Reach = Callable[[ExitStack], PostgresTarget]


def _ways(
    found: Draft, location: database.Location, session: ObserveSession | ReadinessError | None
) -> Iterator[tuple[str, Reach]]:
    """How it may be reached, as a file declares it: over SSH, by TLS that is trusted, without."""
    target = PostgresTarget(
        location.host, location.host, location.host, location.port, location.name, location.user
    )
    if isinstance(session, ObserveSession):
        forward = session

        def over_ssh(stack: ExitStack) -> PostgresTarget:
            socket = stack.enter_context(forwarded(forward, location.port))
            return replace(target, socket=socket)

        yield "through: ssh", over_ssh
    if location.host in database.LOOPBACK and session is not None:
        return  # it is another machine's own
    direct = replace(target, address=_address(location.host))
    trusted = "authority: site" if found.authority else "authority: system"
    yield trusted, lambda _: replace(direct, ca_file=authorities(found.authority))
    yield "tls: none", lambda _: replace(direct, encrypted=False)


def _last_way(session: ObserveSession | ReadinessError | None) -> str:
    return "through: ssh" if session is not None else "authority: system"


def _address(host: str) -> str:
    try:
        return resolve(host)[0]
    except Unreachable:
        return host


def _asked(
    found: Draft, location: database.Location, way: str, target: PostgresTarget
) -> database.Seen:
    password = behind.secret(found.password, Path.cwd())
    with connect(target, password) as session:
        return database.look(location, way, session)


def _next_steps(asked: Wanted, found: Draft, folder: Path) -> Iterator[str]:
    """What to do now, in the order in which to do it, and what was not seen."""
    file, rules = folder / EXAMPLES[0], folder / EXAMPLES[1]
    yield f"read {file}: each `found` in it is a question to you; then"
    yield f"  readiness doctor --env {file} --write-identity"
    yield f"  readiness gate --env {file} --policy {rules}"
    yield from _not_seen(found)
    for name in asked.inventory.vaulted:
        yield f"not read: how SSH gets to {name} is encrypted in the inventory"
    if not found.front.openapi:
        yield "not found: a document of the routes (OpenAPI); `access` says who may ask which"
    if not any(one.seen for one in found.hosts):
        yield "not looked at: the machines; --ssh USER@HOST looks at services, ports and clocks"
    if not found.databases:
        yield "not looked at: a database; --postgres postgresql://USER@HOST/DATABASE looks at one"


def _not_seen(found: Draft) -> Iterator[str]:
    """What was asked for and did not show itself, with the reason."""
    if not found.front.pages:
        yield f"not seen: the site's pages: {found.front.problem or 'none answered'}"
    for one in found.hosts:
        if one.seen and one.seen.problem:
            yield f"not seen: the machine {one.name}: {one.seen.problem}"
    for seen in found.databases:
        name = seen.location.name
        if seen.problem:
            yield f"not seen: the database {name}: {seen.problem}"
        elif not seen.application:
            yield f"not seen: who uses the database {name}; name the roles under `application`"
