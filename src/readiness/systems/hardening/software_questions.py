"""What an observing session sends to see services, packages and what they brought, all bounded."""

import re
from collections.abc import Sequence
from typing import Final

MOST_SENT: Final = 768 * 1024
"""Bytes of one answer: ten times what a machine with 1,500 packages says."""
AT_ONCE: Final = 200
"""Paths in one command line, and processes."""
VERIFY_LIMIT: Final = 27.0  # seconds; a case has 30

_CUT: Final = f" | head -c {MOST_SENT}"
SERVICES: Final = (
    "systemctl show --property=Id,LoadState,ActiveState,User,DynamicUser,MainPID,FragmentPath,"
    f"DropInPaths,NeedDaemonReload,NoNewPrivileges,ExecStart '*.service'{_CUT}"
)
"""What systemd says of each service that it has loaded."""
PACKAGES: Final = (
    "dpkg-query -f "
    r"'${binary:Package} ${Version} ${source:Package} ${source:Version} ${db:Status-Abbrev}\n' "
    f"-W{_CUT}"
)
"""Every package with its version, and the source that it was built from."""
DIGESTS: Final = f"sha256sum /var/lib/dpkg/info/*.md5sums{_CUT}"
"""What is kept on the machine of what its packages brought, as one digest for each package."""
VERIFIED: Final = f"{{ sudo -n /usr/bin/dpkg --verify; echo ended $?; }}{_CUT}"
"""What is no longer as packages brought it. Some programs only root may read."""
MAPPED: Final = f"{{ sudo -n /usr/bin/lsof -w -n -P -d DEL,txt -F pcfn; echo ended $?; }}{_CUT}"
"""The programs that run, and the deleted files that they have in memory."""
UNITS: Final = f"systemctl list-unit-files --no-legend --no-pager --full{_CUT}"
KERNEL: Final = "uname -r"
GROUPS: Final = "getent group"
ACCOUNTS: Final = "getent passwd"

_PLACE: Final = r"/[A-Za-z0-9@+=:,._-][A-Za-z0-9@+=:,._/-]*"
_STATUS: Final = r"/proc/\d{1,7}/status"
PATTERNS: Final = (
    *(re.escape(one) for one in (SERVICES, PACKAGES, DIGESTS, VERIFIED, MAPPED, UNITS)),
    rf"stat -Lc '%U %G %a %F:%n' --(?: {_PLACE})+",
    rf"grep -sHE '\^\(Uid\|NoNewPrivs\|CapEff\):'(?: {_STATUS})+",
)
_FITS: Final = re.compile(_PLACE, re.ASCII)


def fits(path: str) -> bool:
    """Whether a path can stand in a command line."""
    return bool(_FITS.fullmatch(path)) and "/../" not in f"{path}/"


def rights(paths: Sequence[str]) -> str:
    """Asks for owner, group, rights and kind of what lies at these paths, links followed."""
    return f"stat -Lc '%U %G %a %F:%n' -- {' '.join(paths)}"


def processes(pids: Sequence[int]) -> str:
    """Asks the kernel as whom processes run, and what they may (proc(5): status)."""
    where = " ".join(f"/proc/{one}/status" for one in pids)
    return f"grep -sHE '^(Uid|NoNewPrivs|CapEff):' {where}"
