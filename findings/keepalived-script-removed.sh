#!/usr/bin/env bash
# keepalived 1:2.2.7-1+b2 (Debian 12): a tracked script that is removed while keepalived runs counts
# as it did last, and no line is logged. The address stays where it is, whatever the script was there
# to find out. A script that runs and fails is told within its interval, which is shown first.
#
# Seen on 2026-11-30: "Script `check` now returning 1" after the script was made to fail, "Script
# `check` succeeded" after it was put right, and nothing within 15 s after it was removed.
#
# Needs root and Debian 12: keepalived runs in a network namespace of its own, on a link to nowhere.
set -euo pipefail
work=$(mktemp -d)
pid=
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
cd "$work"

packages=(libpci3=1:3.9.0-4 libsensors5=1:3.6.0-7.1 libipset13=7.17-1 libgcrypt20 libglib2.0-0=2.74.6-2+deb12u5 libkmod2=30+20221128-1 keepalived=1:2.2.7-1+b2 libnl-3-200=3.7.0-0.2+b1 libnl-genl-3-200=3.7.0-0.2+b1 libnftnl11=1.2.4-2 libmnl0=1.0.4-3 libsnmp40=5.9.3+dfsg-2+deb12u1 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2 libxtables12=1.8.9-2)
for package in "${packages[@]}"; do
    apt-get download -q "$package" >/dev/null 2>&1 || apt-get download -q "${package%%=*}" >/dev/null 2>&1 || true
done
for file in *.deb; do dpkg-deb -x "$file" root; done

printf '#!/bin/sh\nexit 0\n' > check
chmod 0755 check
cat > keepalived.conf <<CONF
global_defs {
    script_user root
    enable_script_security
}
vrrp_script check {
    script "$work/check"
    interval 1
    timeout 1
}
vrrp_instance one {
    state BACKUP
    interface v0
    virtual_router_id 51
    priority 100
    virtual_ipaddress { 198.18.99.9/32 }
    track_script { check }
}
CONF
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu
unshare --net sh -c "ip link add v0 type veth peer name v1; ip addr add 198.18.99.1/30 dev v0; ip link set v0 up; ip link set v1 up; exec '$work/root/usr/sbin/keepalived' -n -l -D -P -f keepalived.conf -p k.pid -r v.pid" > log 2>&1 &
pid=$!

told() { # LINE SECONDS: waits until the log has it, after what was there before
    for _ in $(seq $((10 * $2))); do
        tail -n "+$((seen + 1))" log | grep -q "$1" && return 0
        sleep 0.1
    done
    return 1
}
seen=0
told 'Entering MASTER STATE' 20 || { echo "keepalived did not take the address:"; cat log; exit 1; }
told 'VRRP_Script(check) succeeded' 20 || { echo "keepalived did not begin as expected:"; cat log; exit 1; }
seen=$(wc -l < log)
printf '#!/bin/sh\nexit 1\n' > check
told 'Script `check` now returning 1' 15 || { echo "a script that fails was not told:"; cat log; exit 1; }
seen=$(wc -l < log)
printf '#!/bin/sh\nexit 0\n' > check
told 'Script `check` now returning 0\|Script `check` succeeded\|VRRP_Script(check) succeeded' 15 || { echo "a script that is right again was not told:"; cat log; exit 1; }
told 'Entering MASTER STATE' 20 || { echo "the address did not come back:"; cat log; exit 1; }
sleep 1
seen=$(wc -l < log)
rm check
if told "cript\|check\|STATE" 15; then
    echo "changed: keepalived tells of the script that is gone:"
    tail -n "+$((seen + 1))" log
    exit 1
fi
version=$("$work/root/usr/sbin/keepalived" -v 2>&1)
echo "${version%%$'\n'*}"
echo "as seen: 15 s after the script was removed keepalived has logged nothing of it and keeps the address"
