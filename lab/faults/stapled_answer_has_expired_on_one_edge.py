"""One edge staples an OCSP answer that ended days ago."""

from lab.defects import address, at, every
from lab.faults import Fault
from lab.faults._edge import BUNDLE, CONFIG, OTHER, holder_first, reload, restore, served_well
from lab.scene import Scene

UNIT = "lab-stapling"
PROGRAM, STAPLE = "/run/lab-stapling.py", "/run/lab-stapling.der"
INNER = 8443
DAYS = 3
# HAProxy staples nothing that has expired, so what stands in front of it here does: like a server
# that takes the answer from a file, whatever is in there.
TERMINATOR = """
import select, socket, sys, threading
from OpenSSL import SSL

bundle, staple, inner = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
context = SSL.Context(SSL.TLS_SERVER_METHOD)
context.set_min_proto_version(SSL.TLS1_2_VERSION)
context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
context.use_certificate_chain_file(bundle)
context.use_privatekey_file(bundle)
context.set_ocsp_server_callback(lambda *_: staple)
known = (b"h2", b"http/1.1")
context.set_alpn_select_callback(
    lambda _, offered: next((one for one in known if one in offered), SSL.NO_OVERLAPPING_PROTOCOLS)
)


def serve(plain):
    plain.settimeout(None)
    client = SSL.Connection(context, plain)
    client.set_accept_state()
    try:
        client.do_handshake()
        with socket.create_connection(("127.0.0.1", inner)) as server:
            plain.setblocking(False)
            pass_on(client, plain, server)
    except (SSL.Error, OSError):
        pass
    finally:
        plain.close()


def pass_on(client, plain, server):
    while True:
        select.select([plain, server], [], [], 60)
        while True:
            try:
                server.sendall(client.recv(65536))
            except SSL.WantReadError:
                break
        if select.select([server], [], [], 0)[0]:
            data = server.recv(65536)
            if not data:
                client.shutdown()
                return
            while data:
                try:
                    data = data[client.send(data):]
                except SSL.WantWriteError:
                    select.select([], [plain], [])


with socket.create_server(("::", 443), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
    while True:
        threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
"""
OLD_ANSWER = """
import base64, sys
from datetime import datetime, timedelta, timezone

sys.path.insert(0, "/usr/local/lib/lab")
import revocation
from cryptography.hazmat.primitives import hashes

begins = datetime.now(timezone.utc) - timedelta(days=int(sys.argv[2]))
answer = revocation.answer_about(int(sys.argv[1], 16), hashes.SHA1(), begins)
print(base64.b64encode(answer).decode())
"""
STAPLED = """openssl s_client -connect "$1" -servername portal.lab.test -status \\
    </dev/null 2>/dev/null | sed -n 's/^ *Next Update: //p'"""


def edit(text: str) -> str:
    """Have HAProxy answer behind it, without TLS."""
    four = f"    bind 0.0.0.0:443 ssl crt {BUNDLE} alpn h2,http/1.1\n"
    six = f"    bind [::]:443 v6only ssl crt {BUNDLE} alpn h2,http/1.1\n"
    return text.replace(four, f"    bind 127.0.0.1:{INNER}\n").replace(six, "")


def apply(scene: Scene) -> None:
    """Put a server in front that ends TLS and staples what it finds in a file."""
    looking = scene.looking()
    serial = looking.run(OTHER, "openssl", "x509", "-in", BUNDLE, "-noout", "-serial")
    words = ("python3", "-B", "-c", OLD_ANSWER, serial.strip().partition("=")[2], str(DAYS))
    old = looking.run("mon1", *words).strip()
    scene.write(OTHER, PROGRAM, TERMINATOR)
    scene.run(OTHER, "sh", "-c", 'base64 -d > "$1"', "write", STAPLE, stdin=old)
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)
    program = ("python3", "-B", PROGRAM, BUNDLE, STAPLE, str(INNER))
    scene.run(OTHER, "systemd-run", f"--unit={UNIT}", "-p", "Restart=on-failure", *program)


def took_effect(scene: Scene) -> str:
    """OpenSSL shows when the stapled answer ended, and the edge serves the portal."""
    until = scene.looking().shell("mon1", STAPLED, f"{address(OTHER, 'v4')}:443").strip()
    return f"{OTHER} staples an answer until {until}" if until and naive(scene) else ""


def undo(scene: Scene) -> None:
    """Have HAProxy end TLS again."""
    scene.ask(OTHER, "systemctl", "stop", UNIT)
    scene.ask(OTHER, "systemctl", "reset-failed", UNIT)
    restore(scene, CONFIG, OTHER)
    scene.run(OTHER, "rm", "-f", PROGRAM, STAPLE)


def naive(scene: Scene) -> str:
    """A client that does not look at what is stapled is served well."""
    return served_well(scene, OTHER)


FAULT = Fault(
    name="stapled-answer-has-expired-on-one-edge",
    title="One of two edges staples an OCSP answer that ended three days ago",
    why="What fetches the answer broke unnoticed; Firefox refuses the site, others do not look.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-008": every(
            at("portal", [OTHER]),
            r"what is wrong with the stapled answer to be none, found it ended at 2",
        )
    },
    only=("TLS-008",),
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
