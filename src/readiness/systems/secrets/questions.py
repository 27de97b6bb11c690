"""The command lines that look for secrets, and the pattern of each for the list of commands.

A search runs on the machine and sends the lines that may hold a secret, nothing else. It is about
what *everybody* on the machine can read: files that others may read, in folders that others may
enter, whoever we are. It reads regular files only, of bounded size, on the machine's disks.
"""

import re
from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 1024 * 1024
"""Of one file. Configuration is smaller; what is larger is named and left out."""
MOST_SENT: Final = 8 * 1024 * 1024
"""Of one search, over all files of a machine; a machine with more is inconclusive."""
MOST_LISTED: Final = 8 * 1024 * 1024
"""Of the names of all files that everybody reads: some 100,000 files."""
LONGEST_LINE: Final = 8192
"""Of a line with its path."""
MOST_LINES: Final = 500
"""Of one file; one with more is fetched whole, as one with a longer line is."""

# Libraries that a package manager wrote: thousands of files about passwords, with none inside.
_LIBRARIES: Final = (
    "site-packages", "dist-packages", "node_modules", "__pycache__", "gems", ".cargo", ".rustup",
    "zoneinfo", "locale", "man", "doc",
)  # fmt: skip
# What may be a secret: `readiness.systems.secrets.reading.lines` decides on each line that matches.
# Extended regular expression, any case, without quotes: it stands between single ones.
_SUSPECT: Final = (
    "pass|pwd|kennwort|secret|token|credential|creds|[_.-]pw|pw[[:blank:]=:]|psk|masterauth|authorization|bearer"
    "|(api|access|private|secret|encrypt(ion)?|sign(ing)?|master|session|auth|account|shared"
    "|storage|cookie|jwt|hmac)[_. -]?key"
    "|://[^/ @]*:[^/ ]+@|stats +auth|user .* on .*>"
    "|curl .*-u|redis-cli .*-a|(mysql|mariadb).* -p|ldap.* -w"
    "|PRIVATE KEY|Proc-Type|eyJ[A-Za-z0-9_-]{8}|A[KS]IA[A-Z0-9]{12}|gh[pousr]_|glpat-|xox[a-z]-"
    "|[rs]k_(live|test)_|SG[.]|npm_|AIza|hvs[.]|hooks[.]slack[.]com|pypi-|sq0[a-z]|sk-[a-z0-9]|:AA[a-z0-9_-]{20}"
    "|^[^:# ]+:([0-9]+|[*]):[^: ]*:[^: ]*:[^:]"
    '|^"[^"]+"[[:blank:]]+"[^"]+"'
)
_PRUNED: Final = " -o ".join(f"-name {one}" for one in _LIBRARIES)
# What lies on another machine is that one's, and may hang; what is in memory only is a kernel's.
_AWAY: Final = " -o ".join(
    f"-fstype {one}"
    for one in (
        "nfs", "nfs4", "cifs", "smb3", "afs", "ceph", "9p", "autofs", "fuse.sshfs",
        "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "proc", "sysfs", "devtmpfs",
    )
)  # fmt: skip
_ROOTS: Final = "ROOTS"
_SPARED: Final = "SPARED"
"""Stands for the folders that are declared to be left out."""
_OPEN: Final = (
    rf"find -H {_ROOTS} \( {_SPARED}{_AWAY} -o -type d ! -perm -o=x "
    rf"-o -type d \( {_PRUNED} \) \) -prune -o -type f -perm -o=r ! -empty"
)
_SMALL: Final = f"-size -{MOST_BYTES // 1024 + 1}k"
# In the C locale nothing but a zero byte makes a file binary: Latin-1 is text as well.
_GREP: Final = "LC_ALL=C xargs -0 -r grep -I"
# A file that is named like a secret holds one, whatever stands before it.
_NAMED: Final = " -o ".join(
    f"-iname '{one}'"
    for one in (
        "*passw*",
        "*passphrase*",
        "*secret*",
        "*token*",
        "*.pgpass",
        "*.pass",
        "*credential*",
    )
)
_LISTED: Final = rf"{_OPEN} -printf '%s %p\0' | head -c {MOST_LISTED}"
_COUNTED: Final = f"{_OPEN} {_SMALL} -print0 | {_GREP}icHZE -e '{_SUSPECT}' | head -c {MOST_LISTED}"
_SEARCHED: Final = (
    f"{_OPEN} {_SMALL} -print0 | {_GREP}inHZE -m {MOST_LINES} -e '{_SUSPECT}' "
    f"| cut -b -{LONGEST_LINE} | head -c {MOST_SENT}"
)
_BINARY: Final = f"{_OPEN} {_SMALL} -print0 | {_GREP}LZ -e '' | head -c {MOST_SENT}"
_WHOLE: Final = (
    rf"{_OPEN} -size -5k \( {_NAMED} \) -print0 | {_GREP}nHZ -m 3 -e . "
    f"| cut -b -{LONGEST_LINE} | head -c {MOST_SENT}"
)
# Neither what the kernel makes up nor a device: reading those may take something away.
_REAL: Final = r"/(?!(?:proc|sys|dev|run)(?:[/\s]|$))[A-Za-z0-9@+=:,._-][A-Za-z0-9@+=:,._/-]*"
# `find` wants to come back to where it began: another user may not enter our login's home.
_SUDO: Final = "cd / && sudo -n -u "
_USER: Final = r"(?:cd / && sudo -n -u [A-Za-z_][A-Za-z0-9_.-]* /usr/bin/)?"
# No character that sudoers(5) has to have escaped: the rule is copied from our reason.
_MATCHED: Final = "find -L {} -maxdepth {} -type f -print0"

SERVICES: Final = (
    "systemctl show --timestamp=unix --property=Id,WorkingDirectory,EnvironmentFiles,Environment,"
    "ExecStart,ExecStartPre,ExecStartPost,ExecReload,ExecStop '*.service'"
)
"""What systemd tells everybody of each unit that it has loaded."""
PROCESSES: Final = "ps -Aww -o pid,user:50,unit:50,args"
"""What the kernel tells everybody of each process (proc(5): cmdline)."""

SHIPPED: Final = r"dpkg-query -f '${Conffiles}\n' -W"
"""The configuration files of every package, with the digest that each was shipped with."""
# Of one secret; its digest is made on the machine, behind a number that nobody else uses again.
MOST_OF_VALUE: Final = 65536
_SALTED: Final = (
    "{{ printf %s {salt}; {read} | tr -d '\\n'; }} | sha256sum; {read} 2>/dev/null | wc -c"
)
_READ: Final = f"/usr/bin/head -c {MOST_OF_VALUE} -- "
_AS: Final = r"(?:sudo -n -u [A-Za-z_][A-Za-z0-9_.-]* )?"
PATTERNS: Final = (
    re.escape(SERVICES),
    *(
        re.escape(one)
        .replace(_ROOTS, rf"{_REAL}(?: {_REAL})*")
        .replace(_SPARED, rf"(?:-path {_REAL} -o )*")
        for one in (_LISTED, _COUNTED, _SEARCHED, _BINARY, _WHOLE)
    ),
    rf"{_USER}find -L {_REAL} -maxdepth \d{{1,2}} -type f -print0",
    re.escape(SHIPPED),
    rf"md5sum -- {_REAL}",
    rf"{_USER}head -c {MOST_BYTES + 1} -- {_REAL}",
    (
        rf"\{{ printf %s [0-9a-f]{{32}}; {_AS}{re.escape(_READ)}{_REAL} \| tr -d '\\n'; \}}"
        rf" \| sha256sum; {_AS}{re.escape(_READ)}{_REAL} 2>/dev/null \| wc -c"
    ),
)
_FITS: Final = re.compile(_REAL, re.ASCII)


def fits(path: str) -> bool:
    """Whether a path can stand in a command line."""
    return bool(_FITS.fullmatch(path)) and "/../" not in f"{path}/"


@dataclass(frozen=True)
class Search:
    """What is searched on a machine, and the folders in it that are declared to be left out."""

    roots: tuple[str, ...]
    spared: tuple[str, ...] = ()

    def _filled(self, command: str) -> str:
        spared = "".join(f"-path {one} -o " for one in self.spared)
        return command.replace(_ROOTS, " ".join(self.roots)).replace(_SPARED, spared)

    @property
    def listed(self) -> str:
        """Lists every file that everybody reads: size and path."""
        return self._filled(_LISTED)

    @property
    def counted(self) -> str:
        """Counts the suspect lines of each of those files, none left out."""
        return self._filled(_COUNTED)

    @property
    def searched(self) -> str:
        """Sends those lines: path, number and text."""
        return self._filled(_SEARCHED)

    @property
    def binary(self) -> str:
        """Names those of them that are no text."""
        return self._filled(_BINARY)

    @property
    def whole(self) -> str:
        """Sends the first lines of those that are small and named like a secret."""
        return self._filled(_WHOLE)


def matched(folder: str, depth: int, user: str | None) -> str:
    """Lists the files below a folder, symbolic links followed, as that user if one is given."""
    return _as(user, _MATCHED.format(folder, depth))


def content(path: str, user: str | None) -> str:
    """Reads a file up to its bound, as that user if one is given."""
    return _as(user, f"head -c {MOST_BYTES + 1} -- {path}")


def _as(user: str | None, command: str) -> str:
    return f"{_SUDO}{user} /usr/bin/{command}" if user else command


def digest(path: str) -> str:
    """Tells a file's digest as packages keep it, which is MD5."""
    return f"md5sum -- {path}"


def salted(path: str, user: str | None, salt: str) -> str:
    """Tells a digest of a salt and of a secret without its line breaks, and the file's size."""
    read = f"sudo -n -u {user} {_READ}{path}" if user else f"{_READ}{path}"
    return _SALTED.format(salt=salt, read=read)
