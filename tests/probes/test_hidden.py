"""What must never answer, by what it answers with: each path red on that, and green on pages."""

import json
from collections.abc import Mapping

import pytest

from readiness.systems.http.hidden import HIDDEN, Hidden, control_path
from readiness.systems.http.page import Page

HTML = (("content-type", "text/html"),)
PHP = b"<html><title>PHP 8.2.7 - phpinfo()</title><h1>PHP Version 8.2.7</h1>"
EXPOSITION = b'# HELP up Whether it is up.\n# TYPE up gauge\nup{job="portal"} 1\n'
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"
JOLOKIA = b'{"request":{"type":"version"},"value":{"agent":"1.7.2","protocol":"7.2"},"status":200}'
# What each answers with that is really there, as its own papers and servers have it.
REALLY: Mapping[str, bytes] = {
    "/.git/HEAD": b"ref: refs/heads/main\n",
    "/.svn/wc.db": b"SQLite format 3\0\x10\0",
    "/.env": b"# production\nAPP_ENV=production\n\nexport DB_HOST='db1'\n",
    "/.htpasswd": b"registrar:$apr1$q8x1$8hZ5b1Qm0bYJr2oYVn3Uf.\n",
    "/.aws/credentials": b"[default]\naws_access_key_id = x\naws_secret_access_key = y\n",
    "/.ssh/id_rsa": KEY,
    "/id_rsa": KEY.replace(b"OPENSSH", b"RSA"),
    "/wp-config.php.bak": b"<?php define('DB_PASSWORD', 'x');",
    "/backup.sql": b"--\n-- PostgreSQL database dump\n--\n",
    "/database.sql": b"-- MySQL dump 10.13  Distrib 8.0.36\n",
    "/dump.sql": b"\nCREATE TABLE students (id integer);\n",
    "/db.sqlite3": b"SQLite format 3\0\x10\0",
    "/backup.zip": b"PK\x03\x04\x14\0",
    "/backup.tar.gz": b"\x1f\x8b\x08\0",
    "/.DS_Store": b"\0\0\0\1Bud1\0\0",
    "/actuator": b'{"_links":{"self":{},"health":{},"heapdump":{}}}',
    "/actuator/env": b'{"activeProfiles":[],"propertySources":[]}',
    "/env": b'{"profiles":[],"systemProperties":{}}',
    "/actuator/configprops": b'{"contexts":{"application":{"beans":{}}}}',
    "/actuator/mappings": b'{"contexts":{"application":{"mappings":{}}}}',
    "/actuator/beans": b'{"contexts":{"application":{"beans":{}}}}',
    "/actuator/loggers": b'{"levels":["OFF","INFO"],"loggers":{"ROOT":{}}}',
    "/actuator/threaddump": b'{"threads":[{"threadName":"main"}]}',
    "/actuator/prometheus": EXPOSITION,
    "/jolokia/version": JOLOKIA,
    "/metrics": EXPOSITION,
    "/debug/vars": b'{"cmdline":["./portal"],"memstats":{"Alloc":1}}',
    "/debug/pprof/": b"<title>/debug/pprof/</title><a href='goroutine?debug=1'>goroutine</a>",
    "/_profiler/": b"<html><title>Symfony Profiler</title>",
    "/_ignition/health-check": b'{"can_execute_commands":true}',
    "/telescope": b"<title>Telescope</title><script src='/vendor/telescope/app.js'></script>",
    "/rails/info/properties": b"<td>Rails version</td><td>7.1</td><td>Ruby version</td>",
    "/console": b"<h1>Interactive Console</h1><script>var EVALEX = true;</script>",
    "/elmah.axd": b"<title>Error Log for /LM/W3SVC/1</title> Powered by ELMAH",
    "/trace.axd": b"<h1>Application Trace</h1>",
    "/phpinfo.php": PHP,
    "/info.php": PHP,
    "/server-status": b"<title>Apache Status</title><h1>Apache Server Status for portal</h1>",
    "/server-info": b"<title>Server Information</title><h1>Apache Server Information</h1>",
    "/nginx_status": b"Active connections: 3 \nserver accepts handled requests\n 9 9 21 \n",
    "/haproxy?stats": b"<title>Statistics Report for HAProxy</title>",
    "/phpmyadmin/": b"<title>phpMyAdmin</title><input name='pma_username'>",
    "/adminer.php": b"<title>Login - Adminer</title><select name='auth[driver]'>",
    "/h2-console/": b"<title>H2 Console</title>",
    "/manager/html": b"401 Unauthorized",
}
# What sites answer that have nothing of the kind.
NOTHING: Mapping[str, tuple[int, bytes]] = {
    "another page for everything": (200, b"<!doctype html><title>Courses</title>"),
    "nothing": (200, b""),
    "an empty object": (200, b"{}"),
    "a list": (200, b"[1]"),
    "a sentence": (200, b"Not found: please go back to the portal.\n"),
    "an error": (404, b"<h1>Not Found</h1>"),
    "a redirect": (302, b""),
    "a wall": (403, b"<h1>Forbidden</h1>"),
}


def page(path: str, body: bytes, status: int, *headers: tuple[str, str]) -> Page:
    """An answer to that path."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    return Page(f"https://portal.example.org{path}", status, headers, body, found)


@pytest.mark.parametrize("one", HIDDEN, ids=lambda one: one.path)
def test_each_is_known_by_its_content(one: Hidden) -> None:
    """And by nothing that other sites answer with, whatever the status of the real one."""
    realm = ("www-authenticate", 'Basic realm="Tomcat Manager Application"')
    assert one.answers(page(one.path, REALLY[one.path], one.status, realm))
    for what, (status, body) in NOTHING.items():
        assert not one.answers(page(one.path, body, status, *HTML)), what
    assert not one.answers(page(one.path, REALLY[one.path], 404, realm))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/actuator", b'{"_links":{"self":{},"health":{},"health-path":{},"info":{}}}'),
        ("/.env", b"APP_ENV=production\n<html>\n"),
        ("/backup.sql", b"<!doctype html><pre>CREATE TABLE students</pre>"),
        ("/jolokia/version", b'{"request":{},"value":{}}'),
        ("/metrics", b'{"requests": 12}'),
    ],
)
def test_what_only_looks_like_it_is_none(path: str, body: bytes) -> None:
    """Spring Boot lists its health check as installed; others have the path for something else."""
    one = next(one for one in HIDDEN if one.path == path)
    assert not one.answers(page(path, body, 200))


def test_a_login_of_another_realm_is_not_tomcats() -> None:
    """Many sites ask for a password at once."""
    one = next(one for one in HIDDEN if one.path == "/manager/html")
    realm = ("www-authenticate", 'Basic realm="Staff"')
    assert not one.answers(page(one.path, b"", 401, realm))


def test_paths_are_asked_once_and_none_makes_the_server_work() -> None:
    """A dump of the memory is seen in the list of endpoints, never asked for."""
    paths = [one.path for one in HIDDEN]
    assert len(set(paths)) == len(paths)
    assert not [one for one in paths if "heapdump" in one or "shutdown" in one]
    assert control_path() != control_path()
