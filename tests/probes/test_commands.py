"""The list of observe commands lets testinfra's questions through and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.probes.commands import NotPermitted, is_allowed, require_allowed

JOURNAL = (
    "journalctl --boot --quiet --no-pager --output=json --output-fields=MESSAGE,_PID --lines=5000"
)
ALLOWED = [
    "systemctl is-active patroni",
    "systemctl is-active haproxy.service",
    "systemctl is-enabled chrony",
    "systemctl show getty@tty1.service",
    "systemctl show --timestamp=unix --property=Id,LoadState a.service b.timer",
    r"systemctl show --timestamp=unix --property=Id a.service 'b@c\x2dd.socket'",
    'systemctl list-unit-files | grep -q "^patroni"',
    "date +%s.%N",
    "chronyc -c -n tracking",
    "uname -s",
    "command -v systemctl",
    "test -d /run/systemd/system/",
    "stat -Lc %a /etc/patroni/config.yml",
    "cat -- /etc/os-release",
    "cat /etc/os-release",
    "cat -- /proc/mounts",
    "sha256sum /etc/haproxy/haproxy.cfg | cut -d ' ' -f 1",
    "systemctl list-timers --all --output=json pgbackrest-full.timer",
    "sudo -n -u postgres /usr/bin/pgbackrest --stanza=main --output=json info",
    "sudo -n -u postgres /usr/bin/pgbackrest --stanza=main --output=json --set=20261126-1F info",
    "sudo -n -u postgres /usr/bin/pgbackrest --output=json --recurse repo-ls archive/main",
    "sudo -n -u postgres /usr/bin/head -v -c 8 /srv/r/archive/main/archive.info /srv/r/backup/a",
    "/usr/bin/ss --numeric --listening --tcp",
    "cat /proc/44/stat",
    f"{JOURNAL} _PID=40 _PID=44",
    "ps -Aww -o comm:50,pcpu:50,pid:50,pmem:50,lstart,args",
    "dpkg-query -f '${Status} ${Version}' -W postgresql-15",
]
REFUSED = [
    "",
    "sudo -n -u postgres /usr/bin/pgbackrest --stanza=main restore",
    "sudo -n -u postgres /usr/bin/pgbackrest --stanza=main --output=json --config=/tmp/x info",
    "sudo -n -u postgres /usr/bin/pgbackrest repo-get archive/main/archive.info",
    "sudo -n -u postgres /usr/bin/head -v -c 8 /srv/r/archive/../../etc/shadow",
    "sudo -n -u postgres /usr/bin/head -v -c 9 /srv/r/archive/main/archive.info",
    "sudo -n -u postgres /usr/bin/head -v -c 8 /etc/shadow",
    "cat /proc/44/environ",
    "cat /proc/44/cmdline",
    "cat /proc/self/stat",
    JOURNAL,
    f"{JOURNAL} _PID=40 --vacuum-size=1",
    "journalctl --rotate",
    "reboot",
    "systemctl stop patroni",
    "systemctl restart patroni",
    "systemctl is-active patroni; reboot",
    "systemctl is-active patroni\nreboot",
    "systemctl is-active $(reboot)",
    "systemctl is-active `reboot`",
    "systemctl is-active --now",
    "systemctl is-active patroni ",
    "systemctl show --timestamp=unix --property=Id --force a.service",
    "systemctl show --timestamp=unix --property=Id '--force'",
    "systemctl show --timestamp=unix --property=Id 'a'b'",
    r"systemctl show --timestamp=unix --property=Id a\x2db.service",
    "date -s @0",
    "chronyc -c -n makestep",
    "cat /etc/../root/.ssh/id_ed25519",
    "cat -- /etc/..",
    "cat /dev/random",
    "cat /proc/self/root/dev/console",
    "cat /proc/kmsg",
    "cat /run/log.fifo",
    "cat /etc/shadow /etc/passwd",
    "cat /etc/passwd > /tmp/x",
    "test -d /tmp && reboot",
    "stat -Lc %a '/tmp/x y'",
    "sysctl -w vm.drop_caches=3",
    "/opt/evil",
    "sudo systemctl is-active patroni",
    "grep -qs -- -f /etc/passwd",
]


@pytest.mark.parametrize("command", ALLOWED)
def test_a_listed_question_is_allowed(command: str) -> None:
    """What the probes and testinfra's modules ask passes."""
    require_allowed(command)


@pytest.mark.parametrize("command", REFUSED)
def test_everything_else_is_refused_by_name(command: str) -> None:
    """A command that changes something, or smuggles a second one in, is refused and quoted."""
    with pytest.raises(NotPermitted, match="not on the list") as refused:
        require_allowed(command)
    assert repr(command) in str(refused.value)
    assert isinstance(refused.value, PermissionError)


@given(st.sampled_from(ALLOWED), st.sampled_from(";&|`$<>\n\r\\'\"*?[](){}!#~"), st.data())
def test_no_shell_operator_can_be_put_anywhere(
    command: str, operator: str, data: st.DataObject
) -> None:
    """An allowed line with one shell character more, anywhere, is no longer allowed."""
    place = data.draw(st.integers(0, len(command)))
    assert not is_allowed(command[:place] + operator + command[place:])


@given(st.text(max_size=40))
def test_an_argument_never_brings_a_blank_or_control_character(text: str) -> None:
    """Whatever stands in a unit's place, an allowed line has one word there."""
    if is_allowed(f"systemctl is-active {text}"):
        assert text.isascii()
        assert not any(letter.isspace() for letter in text)
        assert not text.startswith("-")
