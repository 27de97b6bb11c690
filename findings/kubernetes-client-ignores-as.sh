#!/usr/bin/env bash
# kubernetes 37.0.2 (the Python client): a kubeconfig's `as` and `as-groups` have no effect. The client loads
# the file without a word and asks as the login itself; kubectl asks with the same file as the user that
# `as` names. A script that shows by such a file what that user may do shows what the administrator may.
#
# Seen on 2026-12-01: no Impersonate- header from the client; "Impersonate-User: visitor" and
# "Impersonate-Group: guests" from kubectl v1.20.2 (Debian 12).
#
# Needs Debian 12's package lists for kubectl; the server is a few lines on loopback.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install kubernetes==37.0.2
apt-get download -q kubernetes-client=1.20.5+really1.20.2-1.1+deb12u1 >/dev/null 2>&1
dpkg-deb -x kubernetes-client_*.deb debian
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 2>/dev/null
cat > look.py <<'PYTHON'
import http.server
import json
import pathlib
import ssl
import subprocess
import threading

from kubernetes import client, config

VERSION = json.dumps(dict.fromkeys(
    ("major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"), "1"
)).encode()
received = []


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        received.append(tuple(self.headers.get(name) for name in ("Impersonate-User", "Impersonate-Group")))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(VERSION)))
        self.end_headers()
        self.wfile.write(VERSION)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Server)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
pathlib.Path("kubeconfig").write_text(json.dumps({
    "apiVersion": "v1", "kind": "Config", "current-context": "it",
    "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    "clusters": [{"name": "it", "cluster": {
        "server": f"https://127.0.0.1:{server.server_port}",
        "certificate-authority": str(pathlib.Path("cert.pem").absolute()),
    }}],
    "users": [{"name": "it", "user": {"token": "one", "as": "visitor", "as-groups": ["guests"]}}],
}))


settings = client.Configuration()
config.load_kube_config("kubeconfig", client_configuration=settings)
client.VersionApi(client.ApiClient(settings)).get_code()
by_client = received.pop()
subprocess.run(
    ["debian/usr/bin/kubectl", "--kubeconfig", "kubeconfig", "get", "--raw", "/version"],
    check=True, capture_output=True, timeout=60,
)
by_kubectl = received.pop()
print(f"the client asks as {by_client}, kubectl as {by_kubectl}")
assert by_client == (None, None), "changed"
assert by_kubectl == ("visitor", "guests"), "changed"
PYTHON
venv/bin/python look.py
echo "as seen: the client asks as the login itself where kubectl asks as the user of \`as\`"
