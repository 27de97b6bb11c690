"""What must never answer on a production site, and how its answer is told from any other page.

Many sites answer 200 with a page of their own whatever is asked for. A path counts only where the
content is really that thing, and a page that does not exist is asked for first, as a control. Each
is one GET that changes nothing: what makes the server work (a dump of its memory) is not asked for,
it shows in the list that stands beside it.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from readiness.model.words import Severity
from readiness.systems.http.page import Page

OK: Final = 200
# What is said where nobody answers now, or not us (RFC 6585, 4; RFC 9110, 15.6.3 to 15.6.5).
BUSY: Final = frozenset({429, 502, 503, 504})
_UNAUTHORIZED: Final = 401
_CLOSE: Final = "let nothing outside reach it: refuse the path in front of the application"
_REMOVE: Final = "take the file out of what the web server serves, and change every secret in it"
# What Spring Boot lists there once more than health and info is exposed (its reference, Endpoints).
_TELLING: Final = frozenset(
    {
        "beans", "configprops", "env", "heapdump", "httpexchanges", "httptrace", "logfile",
        "loggers", "mappings", "scheduledtasks", "sessions", "shutdown", "threaddump",
    }
)  # fmt: skip
_ASSIGNMENT: Final = re.compile(r"(?:export\s+)?[A-Za-z_][A-Za-z0-9_.]*\s*=.*")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}\s*")
_PASSWORD_LINE: Final = re.compile(r"[^\s:<>]+:(\$(apr1|2[aby]|5|6)\$|\{SHA\})\S+", re.MULTILINE)


@dataclass(frozen=True)
class Hidden:
    """One path, what is behind it, and how it is known."""

    path: str
    what: str
    is_it: Callable[[Page], bool]
    severity: Severity = Severity.HIGH
    remedy: str = _CLOSE
    status: int = OK

    def answers(self, page: Page) -> bool:
        """Whether what came is really that thing."""
        return page.status == self.status and self.is_it(page)

    def told(self, page: Page, control: Page) -> tuple["Telling", str]:
        """What a page says, given that of a path that nobody has, and the same in words."""
        if page.status in BUSY:
            return Telling.UNKNOWN, f"{self.path}: HTTP {page.status}"
        if not self.answers(page):
            return Telling.QUIET, ""
        if self.answers(control):
            return Telling.UNKNOWN, f"{self.path} is answered as a path is that does not exist"
        return Telling.ANSWERS, f"{self.path} answers: {self.what}"


class Telling(Enum):
    """What came back for a path that must never answer."""

    QUIET = 0
    ANSWERS = 1
    UNKNOWN = 2


def control_path() -> str:
    """A path that no site has."""
    return f"/readiness-{secrets.token_hex(8)}"


def _begins(*beginnings: bytes) -> Callable[[Page], bool]:
    return lambda page: page.body.startswith(beginnings)


def _says(*words: str) -> Callable[[Page], bool]:
    """Whether all of the words are in a page."""
    return lambda page: all(one in page.text for one in words)


def _has(*keys: str) -> Callable[[Page], bool]:
    """Whether it is a JSON object with all of the keys."""
    return lambda page: isinstance(page.json, dict) and set(keys) <= set(page.json)


def _telling_links(page: Page) -> bool:
    links: Any = page.json.get("_links") if isinstance(page.json, dict) else None
    return isinstance(links, dict) and bool(_TELLING & set(links))


def _jolokia(page: Page) -> bool:
    value: Any = page.json.get("value") if isinstance(page.json, dict) else None
    return isinstance(value, dict) and {"agent", "protocol"} <= set(value)


def _assignments(page: Page) -> bool:
    """Lines of NAME=value, comments and nothing else."""
    lines = [line.strip() for line in page.text.splitlines()]
    said = [line for line in lines if line and not line.startswith("#")]
    return bool(said) and all(_ASSIGNMENT.fullmatch(line) for line in said)


def _git_head(page: Page) -> bool:
    return page.text.startswith("ref: refs/") or bool(_COMMIT.fullmatch(page.text))


def _exposition(page: Page) -> bool:
    """Prometheus' text format."""
    return page.text.startswith(("# HELP ", "# TYPE ")) or "\n# TYPE " in page.text


def _sql(page: Page) -> bool:
    text = page.text.lstrip()
    named = text.startswith(("-- MySQL dump", "-- MariaDB dump", "--\n-- PostgreSQL database"))
    statements = ("CREATE TABLE ", "INSERT INTO ", "DROP TABLE ", "PRAGMA ", "BEGIN TRANSACTION")
    return named or (not page.is_html and text.startswith(statements))


def _tomcat(page: Page) -> bool:
    return any("Tomcat Manager Application" in one for one in page.header("www-authenticate"))


_SQLITE: Final = b"SQLite format 3\0"
_KEY: Final = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")
_WORST: Final = (Severity.CRITICAL, _REMOVE)

HIDDEN: Final = (
    # What lies beside the pages by mistake.
    Hidden("/.git/HEAD", "a Git repository with its history", _git_head, *_WORST),
    Hidden("/.svn/wc.db", "a Subversion working copy", _begins(_SQLITE), *_WORST),
    Hidden("/.env", "settings with their secrets", _assignments, *_WORST),
    Hidden("/.htpasswd", "accounts", lambda page: bool(_PASSWORD_LINE.match(page.text)), *_WORST),
    Hidden("/.aws/credentials", "keys of a cloud", _says("aws_secret_access_key"), *_WORST),
    Hidden("/.ssh/id_rsa", "a private key", lambda page: bool(_KEY.match(page.text)), *_WORST),
    Hidden("/id_rsa", "a private key", lambda page: bool(_KEY.match(page.text)), *_WORST),
    Hidden("/wp-config.php.bak", "settings with their secrets", _says("DB_PASSWORD"), *_WORST),
    Hidden("/backup.sql", "a database", _sql, *_WORST),
    Hidden("/database.sql", "a database", _sql, *_WORST),
    Hidden("/dump.sql", "a database", _sql, *_WORST),
    Hidden("/db.sqlite3", "a database", _begins(_SQLITE), *_WORST),
    Hidden("/backup.zip", "a backup", _begins(b"PK\x03\x04"), *_WORST),
    Hidden("/backup.tar.gz", "a backup", _begins(b"\x1f\x8b"), *_WORST),
    Hidden("/.DS_Store", "names of files", _begins(b"\0\0\0\1Bud1"), Severity.LOW, _REMOVE),
    # What frameworks tell whoever develops.
    Hidden("/actuator", "Spring Boot's actuator", _telling_links),
    Hidden("/actuator/env", "Spring Boot's settings", _has("propertySources"), Severity.CRITICAL),
    Hidden(
        "/env", "Spring Boot's settings", _has("profiles", "systemProperties"), Severity.CRITICAL
    ),
    Hidden("/actuator/configprops", "Spring Boot's settings", _has("contexts")),
    Hidden("/actuator/mappings", "every route of a Spring Boot application", _has("contexts")),
    Hidden("/actuator/beans", "the parts of a Spring Boot application", _has("contexts")),
    Hidden("/actuator/loggers", "Spring Boot's log levels", _has("levels", "loggers")),
    Hidden("/actuator/threaddump", "what a Java process does", _has("threads")),
    Hidden("/actuator/prometheus", "metrics", _exposition, Severity.MEDIUM),
    Hidden("/jolokia/version", "Java management over HTTP", _jolokia),
    Hidden("/metrics", "metrics", _exposition, Severity.MEDIUM),
    Hidden("/debug/vars", "Go's variables", _has("cmdline", "memstats")),
    Hidden("/debug/pprof/", "Go's profiler", _says("/debug/pprof/", "goroutine")),
    Hidden("/_profiler/", "Symfony's profiler", _says("Symfony Profiler")),
    Hidden("/_ignition/health-check", "Laravel's error pages", _has("can_execute_commands")),
    Hidden("/telescope", "Laravel's Telescope", _says("Telescope", "telescope/app")),
    Hidden("/rails/info/properties", "Rails' settings", _says("Rails version", "Ruby version")),
    Hidden("/console", "Werkzeug's console", _says("Interactive Console", "EVALEX")),
    Hidden("/elmah.axd", "the errors of ASP.NET", _says("Error Log for", "ELMAH")),
    Hidden("/trace.axd", "the requests of ASP.NET", _says("Application Trace")),
    Hidden("/phpinfo.php", "PHP's settings", _says("phpinfo()", "PHP Version")),
    Hidden("/info.php", "PHP's settings", _says("phpinfo()", "PHP Version")),
    # What servers tell whoever runs them.
    Hidden("/server-status", "Apache's status", _says("Apache Server Status")),
    Hidden("/server-info", "Apache's settings", _says("Apache Server Information")),
    Hidden("/nginx_status", "nginx' status", _says("Active connections:"), Severity.MEDIUM),
    Hidden("/haproxy?stats", "HAProxy's status", _says("Statistics Report for HAProxy")),
    # Consoles of administrators.
    Hidden("/phpmyadmin/", "phpMyAdmin", _says("phpMyAdmin", "pma_username")),
    Hidden("/adminer.php", "Adminer", _says("Adminer", "auth[driver]")),
    Hidden("/h2-console/", "the console of the database H2", _says("H2 Console")),
    # It asks for a password before it says anything; its realm tells who asks.
    Hidden("/manager/html", "Tomcat's manager", _tomcat, status=_UNAUTHORIZED),
)
"""In the order in which they are asked for."""
