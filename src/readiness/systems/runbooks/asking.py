"""Reads runbooks, and looks on machines whether what they name is there; none of it is ever run."""

import socket
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from readiness.model.errors import NotRun, NotUnderstood
from readiness.probes.rest import RestTarget, fetch
from readiness.probes.ssh import ObserveSession
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.systems.asker import Asker, AskerOf, Askers, Connections, by_itself
from readiness.systems.prometheus.declared import Prometheus
from readiness.systems.runbooks.declared import Page, Runbook, pages
from readiness.systems.runbooks.pages import (
    LARGEST,
    decoded,
    is_html,
    read_html,
    read_markdown,
)
from readiness.systems.runbooks.reading import (
    COMMANDS,
    LINK,
    PAGE,
    PATHS,
    Asked,
    Linked,
    There,
    Written,
)

ACCEPT: Final = "text/markdown, text/plain;q=0.9, text/html;q=0.8"
OK, GONE = 200, (404, 410)
# Where programs lie that an administrator has on the path, and a login without privileges has not.
FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
# A page that names more than that on one machine is no page for people.
MOST: Final = 300


def _alerts(site: Environment) -> tuple[str, ...]:
    return tuple(one.name for one in site.alerting.alerts) if site.alerting else ()


def _page(connections: Connections, one: Runbook) -> Written:
    site = connections.site
    page = one.page
    if page.file:
        body, where = _file(site.path(page.file), page), f"{page.name} ({page.file})"
    else:
        status, body, where = _fetched(site, page, page.url or "")
        if status != OK:
            raise NotUnderstood(f"{where} answered HTTP {status}, expected 200")
    return read_markdown(decoded(body, where), _alerts(site), datetime.now(UTC), where)


def _file(path: Path, page: Page) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise NotUnderstood(f"{page.name} ({page.file}): {error.strerror}") from None


def _fetched(site: Environment, page: Page, url: str) -> tuple[int, bytes, str]:
    """Status and body of what is at an address of a declared page's server."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    authority = site.path(site.authorities[page.authority]) if page.authority else None
    at = RestTarget(
        name=page.name,
        host=host,
        address=_address(site, host),
        port=parts.port or (443 if secure else 80),
        ca_file=(authority or Path(DEFAULT_CA_BUNDLE_PATH)) if secure else None,
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    status, body = fetch(at, path, accept=ACCEPT)
    return status, body, f"{at}: {path}"


def _address(site: Environment, host: str) -> str:
    """Where a host answers: a declared machine by its own address, others as they are called."""
    machine = next((one for one in site.machines if one.known_as(host)), None)
    if machine:
        return machine.addresses[0]
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        raise NotUnderstood(f"the name {host} leads to no address") from None


def _link(connections: Connections, url: str, _: Prometheus) -> Linked:
    """What is at a link of an alert; servers that no declared page is on are not asked."""
    site = connections.site
    origin = urlsplit(url)[:2]
    page = next(
        (o.page for o in pages(site) if o.page.url and urlsplit(o.page.url)[:2] == origin), None
    )
    if page is None:
        raise NotRun(
            f"no page of the runbooks is on the server of {url[:200]}",
            declare="`url` of a page of the runbooks",
        )
    status, body, where = _fetched(site, page, url)
    if status in GONE:
        return Linked(status, None)
    if status != OK:
        raise NotUnderstood(f"{where} answered HTTP {status}, expected 200")
    text = decoded(body, where)
    if is_html(text):
        return Linked(status, read_html(text, _alerts(site), where))
    return Linked(status, read_markdown(text, _alerts(site), datetime.now(UTC), where))


def _bounded(names: Collection[str], machine: Machine) -> None:
    if len(names) > MOST:
        raise NotUnderstood(f"the runbooks name {len(names)} things on {machine.name}: over {MOST}")


def _commands(connections: Connections, names: Asked, machine: Machine) -> There:
    _bounded(names, machine)
    session = connections.session(machine)
    return There({one: _has(session, one) for one in names})


def _has(session: ObserveSession, name: str) -> bool:
    """Whether a shell finds that program, or an administrator's would."""
    if session.run(f"command -v {name}").exit_code == 0:
        return True
    if name.startswith("/"):
        return False
    return any(session.run(f"test -x {each}/{name}").exit_code == 0 for each in FOLDERS)


def _paths(connections: Connections, names: Asked, machine: Machine) -> There:
    _bounded(names, machine)
    session = connections.session(machine)
    return There({one: _lies(session, one) for one in names})


def _lies(session: ObserveSession, path: str) -> bool | None:
    """Whether something lies there; None where a folder on the way is closed to us."""
    if session.run(f"test -e {path}").exit_code == 0:
        return True
    for folder in reversed(PurePosixPath(path).parents):
        if session.run(f"test -d {folder}").exit_code != 0:
            return False
        if session.run(f"test -x {folder}").exit_code != 0:
            return None
    return False


ASKERS: Final[Askers] = (
    Asker(PAGE, _page),
    AskerOf(LINK, _link, by_itself),
    AskerOf(COMMANDS, _commands, by_itself),
    AskerOf(PATHS, _paths, by_itself),
)
