"""Sessions of the declared identities at one application, ended when nobody needs them any more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from readiness.drills.accounts import signed_in, signed_out
from readiness.probes.application import Application
from readiness.site.environment import Environment
from readiness.site.subjects import SHARED
from readiness.systems.access.declared import AccessAddress


def application_at(site: Environment, places: Sequence[AccessAddress]) -> Application:
    """Where people sign in: the shared address where there is one."""
    endpoint = min((one.endpoint for one in places), key=lambda one: one.node != SHARED)
    listener = endpoint.listener
    return Application(
        name=endpoint.names[0],
        address=endpoint.address,
        port=listener.port,
        ca_file=site.path(site.authorities[listener.authority]),
        served_by="",
    )


@contextmanager
def sessions_of_all(
    site: Environment, application: Application
) -> Iterator[dict[str, dict[str, str]]]:
    """The headers of a session of each identity, by its name.

    Raises:
        ProbeError: an account can't sign in.
    """
    sessions: dict[str, dict[str, str]] = {}
    try:
        for one in site.identities:
            sessions[one.name] = signed_in(site, application, one.sign_in, one.login)
        yield sessions
    finally:
        for one in site.identities:
            if one.name in sessions:
                signed_out(application, one.sign_in, [sessions[one.name]])
