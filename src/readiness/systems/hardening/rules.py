"""What every machine is held to, as rows: where a row comes from, and what a kernel has by itself.

The rows are those that an untouched Debian 12, Ubuntu 22.04 or RHEL 9 keeps, so that a red one was
made. What goes beyond is the site's to declare. "CIS" is the CIS Debian Linux 12 Benchmark 1.1.0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class KernelRule:
    """What a kernel setting has to be: a number from `least` to `most`, but for those in `never`.

    `default` is what a kernel starts with where nobody saved a value, or None where kernels differ.
    """

    key: str
    least: int
    most: int
    source: str
    default: int | None = None
    never: tuple[int, ...] = ()

    @property
    def wanted(self) -> str:
        """The right numbers, for people."""
        if self.least == self.most:
            return str(self.least)
        but = f" but {', '.join(map(str, self.never))}" if self.never else ""
        return f"{self.least} to {self.most}{but}"

    def kept_by(self, value: str) -> bool:
        """Whether a value, as /proc/sys tells it, is right."""
        try:
            return self.least <= int(value) <= self.most and int(value) not in self.never
        except ValueError:
            return False


_IP_SYSCTL: Final = "Linux 6.1, Documentation/networking/ip-sysctl.rst"

KERNEL: Final = (
    KernelRule("kernel.randomize_va_space", 2, 2, "CIS 1.5.1", 2),
    # 1 has set-uid programs write their memory where anybody reads it; 2 keeps it for root.
    KernelRule("fs.suid_dumpable", 0, 2, "CIS 1.5.3", 0, (1,)),
    KernelRule("net.ipv4.tcp_syncookies", 1, 2, "CIS 3.3.10", 1),
    KernelRule("net.ipv4.ip_forward", 0, 0, "CIS 3.3.1", 0),
    KernelRule("net.ipv6.conf.all.forwarding", 0, 0, "CIS 3.3.1", 0),
    KernelRule("net.ipv4.conf.all.accept_source_route", 0, 0, "CIS 3.3.8", 0),
    # Below 0 is stricter still: no routing header at all (0 takes type 2, of mobile IPv6).
    KernelRule("net.ipv6.conf.all.accept_source_route", -1, 0, _IP_SYSCTL, 0),
    KernelRule("net.ipv4.icmp_echo_ignore_broadcasts", 1, 1, "CIS 3.3.4", 1),
    KernelRule("net.ipv4.icmp_ignore_bogus_error_responses", 1, 1, "CIS 3.3.3", 1),
)

UID_0: Final = "uid-0"
EMPTY: Final = "empty-password"
SET_UID: Final = "set-uid"
WRITABLE_FILE: Final = "writable-file"
WRITABLE_FOLDER: Final = "writable-folder"
MOUNT: Final = "mount-options"
FILE_RULES: Final = (SET_UID, WRITABLE_FILE, WRITABLE_FOLDER, MOUNT)
HOST_RULES: Final[dict[str, str]] = {
    UID_0: "CIS 7.2.5 and 5.4.2.1: only root has UID 0",
    EMPTY: "CIS 7.2.2: no account has an empty password",
    SET_UID: "CIS 7.1.13: set-uid programs are reviewed",
    WRITABLE_FILE: "CIS 7.1.11: no file is world-writable",
    WRITABLE_FOLDER: "CIS 7.1.11: world-writable folders are sticky",
    MOUNT: "CIS 1.1.2: /tmp, /dev/shm and /var/tmp take neither devices nor set-uid programs",
}

# Where the rights of files are judged, and where a folder that everybody writes to has its place.
SYSTEM: Final = ("/etc/", "/usr/", "/opt/", "/bin/", "/sbin/", "/lib/")
SHARED: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - they are looked at, not written to

# A program of a package may be set-uid, but none that runs what it is told or writes any file.
_TOLD: Final = """
ash awk bash busybox cat chmod chown cp csh dash dd docker ed emacs env find gawk gdb git
ksh less lua mawk more mv nano nc nice nmap node openssl perl php python rsync ruby sed sh
socat strace stdbuf systemctl tar taskset tclsh tee time timeout vi vim vim.basic vim.tiny
xargs zsh
"""
NEVER_SET_UID: Final = frozenset(_TOLD.split())


def runs_anything(path: str) -> bool:
    """Whether a program is one that runs what it is told, by its name without its version."""
    name = path.rpartition("/")[2]
    return name in NEVER_SET_UID or name.rstrip("0123456789.-") in NEVER_SET_UID


def kernel_rules(own: Iterable[KernelRule]) -> tuple[KernelRule, ...]:
    """All rows, a site's own in place of those of the same key."""
    rules = {one.key: one for one in KERNEL}
    for one in own:
        known = rules.get(one.key)
        default = known.default if known else None
        rules[one.key] = KernelRule(one.key, one.least, one.most, one.source, default)
    return tuple(rules.values())
