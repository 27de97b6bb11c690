"""The portal's routes, as a Flask application that gunicorn serves."""

import os
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException

from . import audit, records, sessions, store
from .database import UNAVAILABLE, Pool, every, open_pool
from .health import readiness

COOKIE = "PAWS360_SESSION"
REQUEST_ID = "X-Request-Id"
SERVED_BY = os.uname().nodename
Answer = Response | tuple[Response, int]
View = Callable[..., Answer]


def create_app(pool: Pool | None = None) -> Flask:
    """Build the application; without a pool it opens its own from PORTAL_DATABASE."""
    app = Flask("portal")
    app.extensions["pool"] = pool or open_pool()

    @app.before_request
    def name_request() -> None:
        g.request_id = audit.request_id(request.headers.get(REQUEST_ID))

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["X-Served-By"] = SERVED_BY
        response.headers[REQUEST_ID] = g.request_id
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        return response

    for unavailable in (*UNAVAILABLE, *store.UNAVAILABLE):
        app.register_error_handler(unavailable, _database_unavailable)
    app.register_error_handler(HTTPException, _http_error)
    _add_routes(app)
    return app


def _add_routes(app: Flask) -> None:
    read: dict[str, View] = {
        "/health/ping": alive,
        "/actuator/health/liveness": alive,
        "/health/ready": ready,
        "/actuator/health/readiness": ready,
        "/auth/validate": validate,
        "/auth/session": session,
        "/courses": courses,
        "/api/course-search/search": search_courses,
        "/api/profile/student/<int:student>": _record(records.PROFILE),
        "/academics/student/<int:student>/summary": _record(records.SUMMARY),
        "/academics/student/<int:student>/transcript": _record(records.TRANSCRIPT),
        "/finances/student/<int:student>/summary": _record(records.FINANCES),
        "/enrollments/student/<int:student>": _record(records.ENROLLMENTS),
        "/api/profile/students/search": _search(records.MAY_READ_RECORDS),
        "/admin/students/search": _search(records.MAY_ADMINISTER),
    }
    change: dict[str, View] = {
        "/auth/login": login,
        "/auth/logout": logout,
        # Changes nothing: a name in a body is in no log of addresses.
        "/api/profile/students/search": _search(records.MAY_READ_RECORDS),
    }
    for path, view in read.items():
        app.add_url_rule(path, path, view, methods=["GET"])
    for path, view in change.items():
        app.add_url_rule(path, f"POST {path}", view, methods=["POST"])


def alive() -> Answer:
    """Answer without touching the database: the process runs."""
    return jsonify(status="UP")


def ready() -> Answer:
    """Answer 200 only when a writable primary with data was reached just now."""
    found = readiness(_pool())
    up = all(found.values())
    return jsonify(status="UP" if up else "DOWN", database=found), 200 if up else 503


def login() -> Answer:
    """Exchange e-mail and password for a session: a cookie, and the token in the body."""
    sent: Any = request.get_json(silent=True)
    body = sent if isinstance(sent, dict) else {}
    email, password = body.get("email"), body.get("password")
    if not isinstance(email, str) or not isinstance(password, str):
        return _error(400, "a JSON body with email and password is required")
    outcome = sessions.log_in(_pool(), email, password)
    if isinstance(outcome, sessions.Refusal):
        return _error(outcome.value, "account locked" if outcome.value == 423 else "not accepted")  # noqa: PLR2004
    response = jsonify(token=outcome, expires_in=sessions.LIFETIME_SECONDS)
    response.set_cookie(
        COOKIE,
        outcome,
        max_age=sessions.LIFETIME_SECONDS,
        secure=True,
        httponly=True,
        samesite="Lax",
    )
    return response


def validate() -> Answer:
    """Tell whether the session sent along is alive."""
    found = _session()
    return _error(401, "no session") if found is None else jsonify(valid=True, role=found.role)


def session() -> Answer:
    """Describe the session sent along."""
    found = _session()
    if found is None:
        return _error(401, "no session")
    return jsonify(
        user_id=found.user_id,
        email=found.email,
        role=found.role,
        expires_at=found.expires_at.isoformat(),
    )


def logout() -> Answer:
    """End the session sent along."""
    token = _token()
    if token:
        sessions.log_out(_pool(), token)
    response = jsonify(status="logged out")
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Lax")
    return response


def _record(kind: records.Kind) -> View:
    def view(student: int) -> Answer:
        """Return a student's record to themselves or to the roles that may read it."""
        access = _access(kind.category)
        if access.actor is None or not kind.allows(access.actor, student):
            return _refuse(access, student)
        found = records.read(_pool(), kind, access, student)
        return _error(404, "no such student") if found is None else jsonify(found)

    return view


def _search(readers: frozenset[str]) -> View:
    def view() -> Answer:
        """List students whose last name begins with `q`, to the roles that may."""
        access = _access("directory")
        if access.actor is None or access.actor.role not in readers:
            return _refuse(access, None)
        begins = request.values.get("q", "").strip()
        if not begins:
            return _error(400, "q: the beginning of a last name is required")
        return jsonify(students=records.search(_pool(), access, begins))

    return view


def _access(category: str) -> audit.Access:
    route = str(request.url_rule)
    return audit.Access(g.request_id, _session(), category, route, SERVED_BY)


def _refuse(access: audit.Access, student: int | None) -> Answer:
    records.refuse(_pool(), access, student)
    return _error(401, "no session") if access.actor is None else _error(403, "not your record")


def courses() -> Answer:
    """List the course catalogue."""
    return jsonify(courses=every(_pool(), "SELECT code, title, credits FROM courses ORDER BY code"))


def search_courses() -> Answer:
    """List the courses whose code or title holds `q`."""
    rows = every(
        _pool(),
        "SELECT code, title, credits FROM courses"
        " WHERE position(lower(%s) IN lower(code || ' ' || title)) > 0 ORDER BY code",
        request.args.get("q", "").strip(),
    )
    return jsonify(courses=rows)


def _pool() -> Pool:
    pool: Pool = current_app.extensions["pool"]
    return pool


def _token() -> str | None:
    """Find the token where PAWS360 accepts it: bearer, X-Session-Token, cookie."""
    bearer = request.authorization
    if bearer is not None and bearer.type == "bearer":
        return bearer.token
    return request.headers.get("X-Session-Token") or request.cookies.get(COOKIE)


def _session() -> sessions.Session | None:
    token = _token()
    return sessions.find(_pool(), token) if token else None


def _error(status: int, text: str) -> tuple[Response, int]:
    return jsonify(error=text), status


def _database_unavailable(failure: Exception) -> tuple[Response, int]:
    """Say 503 while no primary answers; the balancer and the client may try again."""
    current_app.logger.warning("database unavailable: %s", failure)
    return _error(503, "database unavailable")


def _http_error(failure: HTTPException) -> tuple[Response, int]:
    return _error(failure.code or 500, failure.name)
