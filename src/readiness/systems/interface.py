"""One question to a program's HTTP interface, as the environment declares it."""

from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode

import requests
from requests.auth import AuthBase

from readiness.model.errors import NotUnderstood
from readiness.probes.rest import RestTarget, ask
from readiness.site.declared.interface import Interface
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.systems.answer import RestAnswer

OK: Final = 200


class Bearer(AuthBase):
    """A token of RFC 6750 in the header; it shows itself nowhere else."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put it into a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def target(site: Environment, machine: Machine, one: Interface) -> RestTarget:
    """Where a program answers, at the machine's first address, and as whom it is asked."""
    login: tuple[str, str] | None = None
    if one.login:
        login = (one.login.user, site.secret(one.login.password))
    elif one.token:
        # The client takes either; a field of its own would change what every other room asks by.
        login = cast("Any", Bearer(site.secret(one.token)))
    return RestTarget(
        name=machine.name,
        host=machine.host or machine.name,
        address=machine.addresses[0],
        port=one.port,
        ca_file=site.path(site.authorities[one.authority]) if one.authority else None,
        login=login,
    )


def get(
    at: RestTarget, one: Interface, path: str, given: Mapping[str, str] | None = None
) -> RestAnswer:
    """GET a path of it, with what stands behind the question mark.

    Raises:
        ProbeError: it does not answer, refuses us, or answers another status than 200.
    """
    whole = (one.prefix or "").rstrip("/") + path
    answer = ask(at, f"{whole}?{urlencode(given)}" if given else whole)
    if answer.status != OK:
        said = answer.body.get("error", "") if isinstance(answer.body, dict) else ""
        more = f": {' '.join(str(said).split())[:200]}" if said else ""
        raise NotUnderstood(f"{at}: {path} answered HTTP {answer.status}, expected 200{more}")
    return answer
