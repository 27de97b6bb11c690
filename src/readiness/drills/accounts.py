"""Synthetic accounts that sign in at an application, and out again."""

from collections.abc import Iterable, Mapping

from readiness.model.errors import ReadinessError
from readiness.probes.application import Application, Form, send, sign_in
from readiness.site.declared.common import Login
from readiness.site.declared.identity import SignIn
from readiness.site.environment import Environment


def signed_in(
    environment: Environment, application: Application, form: SignIn, login: Login
) -> dict[str, str]:
    """The headers of a session of this account.

    Raises:
        ProbeError: it is refused, or the answer holds no session.
    """
    return sign_in(
        application,
        Form(
            path=form.path or "",
            user_field=form.user_field,
            password_field=form.password_field,
            token_field=form.token_field,
            token_header=form.token_header,
            module=environment.path(form.module) if form.module else None,
        ),
        login.user,
        environment.secret(login.password),
    )


def signed_out(
    application: Application, form: SignIn, sessions: Iterable[Mapping[str, str]]
) -> None:
    """End the sessions where that can be asked for; others end by themselves."""
    for headers in sessions if form.end_path else ():
        try:
            send(application, form.end_path or "", headers=headers, post={})
        except ReadinessError:
            continue
