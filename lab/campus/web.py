"""The big site's portal, with sessions in its database and, where it is told so, with defects.

Each defect is one that a real portal of this size was found with; `PORTAL_DEFECTS` names those that
it starts with, and whoever plants one sets that.
"""

import os
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify

from lab.app.portal import audit, records, sessions, web
from lab.app.portal.database import Pool
from lab.campus.store import InDatabase

TRANSCRIPT = "/academics/student/<int:student>/transcript"
READY = "/health/ready"
DEBUG = "/actuator/env"
Defect = Callable[[Flask, Pool], None]


def create_app() -> Flask:
    """Build the application of this site, with the defects that the environment names."""
    wanted = [DEFECTS[name] for name in os.environ.get("PORTAL_DEFECTS", "").split()]
    app = web.create_app()
    pool: Pool = app.extensions["pool"]
    _replace(sessions, "store", lambda lifetime, most: InDatabase(pool, lifetime, most))
    for plant in wanted:
        plant(app, pool)
    return app


def transcripts_without_login(app: Flask, pool: Pool) -> None:
    """Give everybody who asks anybody's transcript."""

    def view(student: int) -> Response | tuple[Response, int]:
        with pool.connection() as connection:
            found = records.TRANSCRIPT.read(connection, student)
        return (jsonify(error="no such student"), 404) if found is None else jsonify(found)

    app.view_functions[TRANSCRIPT] = view


def debug_page(app: Flask, _pool: Pool) -> None:
    """Leave the page open that shows a developer what the process was started with."""

    def view() -> Response:
        shown = {name: {"value": value} for name, value in sorted(os.environ.items())}
        source = {"name": "systemEnvironment", "properties": shown}
        return jsonify(activeProfiles=["dev"], propertySources=[source])

    app.add_url_rule(DEBUG, DEBUG, view)


def never_ready(app: Flask, _pool: Pool) -> None:
    """Ask for a cache that this site has not, so that the readiness page never says yes."""

    def view() -> tuple[Response, int]:
        parts = {"db": {"status": "UP"}, "redis": {"status": "DOWN"}}
        return jsonify(status="DOWN", components=parts), 503

    app.view_functions[READY] = view


def no_audit_trail(_app: Flask, _pool: Pool) -> None:
    """Write down nothing about who read whose record."""
    _replace(audit, "record", lambda *_, **__: None)


DEFECTS: dict[str, Defect] = {
    "transcripts-without-login": transcripts_without_login,
    "debug-page": debug_page,
    "never-ready": never_ready,
    "no-audit-trail": no_audit_trail,
}


def _replace(module: object, name: str, by: Callable[..., Any]) -> None:
    """Put a function in place of a module's own; what the big site runs stays as it is."""
    vars(module)[name] = by
