"""What an observing session sends to see how a machine is hardened, all of it bounded."""

import re
from typing import Final

SAVED: Final = "/lib/systemd/systemd-sysctl --cat-config"
"""The settings that the next start sets, of all folders and in their order (sysctl.d(5))."""
ACCOUNTS: Final = "getent passwd"
MACHINE_ID: Final = "cat /etc/machine-id"
MOUNTS: Final = "cat /proc/mounts"
SPACE: Final = "df --local --block-size=1 --output=fstype,size,avail,itotal,iavail,target"
"""Those that are not of another machine: one that hangs would keep us waiting."""

MOST_FOUND: Final = 256 * 1024  # bytes; a whole tree that everybody writes to is seen by its begin
LONGEST_SEARCH: Final = 10  # seconds
_ROOTS: Final = "/etc /usr /opt /home /tmp /var/tmp /dev/shm"
# What lies on other machines is theirs, and a walk through it may have no end.
_ELSEWHERE: Final = r"\( -fstype nfs -o -fstype nfs4 -o -fstype cifs -o -fstype autofs \) -prune -o"
_WRONG: Final = (
    r"\( -type f -perm /6000 -perm /111 -o -type f -perm -0002 "
    r"-o -type d -perm -0002 ! -perm -1000 \)"
)
# What find complains of is what we may not enter; nobody else but its owner may, either.
FILES: Final = (
    rf"{{ timeout {LONGEST_SEARCH} find {_ROOTS} -xdev {_ELSEWHERE} {_WRONG} "
    r"-printf '%y %m %u %p\0' 2>/dev/null; "
    rf"printf 'ended %d\0' $?; }} | head -c {MOST_FOUND}"
)
"""Lists what anybody writes to, and programs that run as their owner; each ends with a zero."""

_KEY_FILE: Final = r"/proc/sys/[a-z0-9_/-]+"
_PROGRAM: Final = r"/[A-Za-z0-9@+=:,._/-]+"
PATTERNS: Final = (
    rf"grep -sH \.(?: {_KEY_FILE})+",
    re.escape(SAVED),
    re.escape(ACCOUNTS),
    re.escape(SPACE),
    re.escape(FILES),
    rf"dpkg-query -S(?: {_PROGRAM})+",
)


def running(keys: tuple[str, ...]) -> str:
    """Reads the kernel's settings as they are now, those that it has."""
    return "grep -sH . " + " ".join(f"/proc/sys/{one.replace('.', '/')}" for one in keys)


def owners(programs: tuple[str, ...]) -> str:
    """Asks which packages bring these programs, by either name where /bin is /usr/bin."""
    names = [name for one in programs for name in (one, one.removeprefix("/usr"))]
    return "dpkg-query -S " + " ".join(dict.fromkeys(names))


_FITS: Final = re.compile(_PROGRAM, re.ASCII)


def fits(path: str) -> bool:
    """Whether a path can stand in a command line."""
    return bool(_FITS.fullmatch(path)) and "/../" not in path
