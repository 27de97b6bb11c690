"""Secrets in command lines and in files of known programs, where no `=` stands before the value.

One row for each way of writing it, named as the finding tells it.
"""

import re
from typing import Final

OPTION: Final = re.compile(
    r"(?<!\S)(?P<name>--?[A-Za-z][\w.-]{1,80})[ \t]+[\"']?(?P<value>[^\s\"'-][^\s\"']*)"
)
"""Any option with a value behind a blank; what its name says decides."""

_ROWS: Final = (
    # Redis, keepalived, OpenLDAP
    ("requirepass", r"(?:^\s*|[\"'\\]\s*)requirepass[ \t]+\"?(?P<value>[^\s\"']+)"),
    ("masterauth", r"(?:^\s*|[\"'\\]\s*)masterauth[ \t]+\"?(?P<value>[^\s\"']+)"),
    ("auth_pass", r"^\s*auth_pass[ \t]+\"?(?P<value>[^\s\"']+)"),
    ("bindpw", r"^\s*(?:bind|root)pw[ \t]+\"?(?P<value>[^\s\"']+)"),
    ("auth-pass", r"\bsentinel[ \t]+auth-pass[ \t]+\S+[ \t]+\"?(?P<value>[^\s\"']+)"),
    ("user", r"\buser[ \t]+\S+[ \t]+on[ \t](?:\S+[ \t]+)*?>(?P<value>\S+)"),
    # BIND, HAProxy
    ("secret", r"^\s*secret[ \t]+\"(?P<value>[^\"]+)\"\s*;"),
    ("insecure-password", r"\binsecure-password[ \t]+(?P<value>\S+)"),
    ("stats auth", r"\bstats[ \t]+auth[ \t]+[^\s:]+:(?P<value>\S+)"),
    # .netrc, .pgpass, PgBouncer's list of users; HTTP headers, SQL
    (
        ".netrc",
        r"\blogin[ \t]+\S+[ \t]+(?:port[ \t]+\S+[ \t]+)?password[ \t]+(?P<value>\S+)",
    ),
    (
        ".pgpass",
        r"^(?![#/])[^\s:]+:(?:\d{2,5}|\*):[^\s:]+:[^\s:]+:(?P<value>(?:\\.|[^:\\\s])+)$",
    ),
    ("userlist", r"^\"[^\"]+\"[ \t]+\"(?P<value>[^\"]+)\"\s*$"),
    (
        "Authorization",
        r"\bauthorization[\"']?[:=\s,]+[\"']?(?:Basic|Bearer)[ \t]+(?P<value>[\w.~+/=-]{8,})",
    ),
    ("PASSWORD", r"\b(?:identified[ \t]+by|password)[ \t]+'(?P<value>[^']+)'"),
    # Options whose name says nothing by itself
    ("sshpass -p", r"\bsshpass[ \t]+-p[ \t]*[\"']?(?P<value>[^\s\"']+)"),
    ("redis-cli -a", r"\bredis-cli\b[^|;]*?[ \t]-a[ \t]+[\"']?(?P<value>[^\s\"']+)"),
    ("mysql -p", r"\b(?:mysql|mariadb)[\w-]*\b[^|;]*?[ \t]-p(?P<value>[^\s\"'|-][^\s\"']+)"),
    ("curl -u", r"\bcurl\b[^|;]*?[ \t](?:-u|--user)[ =]*[\"']?[^\s:\"']+:(?P<value>[^\s\"']+)"),
    ("ldap -w", r"\bldap\w+\b[^|;]*?[ \t]-w[ \t]+(?P<value>\S+)"),
    ("openssl -pass", r"-pass(?:in|out)?[ \t]+pass:(?P<value>\S+)"),
)
DIRECTIVES: Final = tuple((name, re.compile(f"(?i){text}")) for name, text in _ROWS)
