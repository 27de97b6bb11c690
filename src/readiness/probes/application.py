"""Requests to an application as its users make them: signed in, each on a connection of its own.

What comes back may be somebody's record: the body stays in memory and is never part of a reading.
"""

import runpy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from readiness.model.errors import AccessDenied, NotUnderstood, TimedOut, Unreachable
from readiness.probes.rest import Pinned, reason

TIMEOUT: Final = 10.0  # seconds


@dataclass(frozen=True)
class Application:
    """One address of a balancer; its certificate must bear the name."""

    name: str
    address: str
    port: int
    ca_file: Path
    served_by: str  # the response header with the machine's name

    @property
    def origin(self) -> str:
        """The URL without a path."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{address}:{self.port}"


@dataclass(frozen=True)
class Answer:
    """One answer, with our own clock before and after it."""

    status: int
    served_by: str
    sent: float  # seconds since the epoch
    received: float
    body: Any = field(repr=False)  # JSON, or None where it is none


Send = Callable[..., Answer]


def send(
    application: Application,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    post: Any = None,
) -> Answer:
    """GET the path, or POST the JSON document; any status is an answer. Raises ProbeError."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", Pinned(application.name))
        sent = time.time()
        try:
            answer = session.request(
                "GET" if post is None else "POST",
                application.origin + path,
                json=post,
                headers={"Host": application.name, "Connection": "close", **(headers or {})},
                verify=str(application.ca_file),
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise TimedOut(f"{application.name}: no answer to {path}") from error
        except requests.RequestException as error:
            raise Unreachable(f"{application.name}: {path}: {reason(error)}") from None
    served_by = answer.headers.get(application.served_by, "")
    return Answer(answer.status_code, served_by, sent, time.time(), _json(answer))


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


@dataclass(frozen=True)
class Form:
    """How an application's sign-in is asked; `module` replaces it."""

    path: str
    user_field: str
    password_field: str
    token_field: str
    token_header: str
    module: Path | None = None


def sign_in(application: Application, form: Form, user: str, password: str) -> dict[str, str]:
    """The headers of a session of this account.

    Raises:
        ProbeError: it is refused, or the answer holds no session.
    """
    if form.module is not None:
        return _by_module(application, form.module, user, password)
    given = {form.user_field: user, form.password_field: password}
    answer = send(application, form.path, post=given)
    if answer.status in {401, 403, 423, 429}:
        raise AccessDenied(f"{application.name}: {form.path} answered {answer.status} to {user}")
    token = answer.body.get(form.token_field) if isinstance(answer.body, dict) else None
    if not isinstance(token, str) or not token:
        raise NotUnderstood(
            f"{application.name}: {form.path} answered {answer.status} without {form.token_field}"
        )
    return {form.token_header: token}


def _by_module(application: Application, module: Path, user: str, password: str) -> dict[str, str]:
    """Ask the site's own module, which is given a way to send and returns the headers."""

    def ask(path: str, **more: Any) -> Answer:
        return send(application, path, **more)

    try:
        found = runpy.run_path(str(module))["sign_in"](ask, user, password)
        return {str(name): str(value) for name, value in dict(found).items()}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"{module.name}: no sign_in that works ({type(error).__name__})") from (
            None
        )
