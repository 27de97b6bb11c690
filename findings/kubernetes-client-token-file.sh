#!/usr/bin/env bash
# kubernetes 37.0.2 (the Python client): the token of a kubeconfig's `tokenFile` is used with the newline
# that ends its line. The HTTP library refuses such a header, so every request raises ValueError before
# anything is sent. kubectl takes the same file: client-go removes the white space around the token.
# Files that an editor or `echo` wrote end so, and a script that kubectl vouched for fails elsewhere.
#
# Seen on 2026-12-01: "Invalid header value b'Bearer one\n'" from the client, "Bearer one" received from
# kubectl v1.20.2 (Debian 12); without the newline both send "Bearer one".
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
        received.append(self.headers.get("Authorization"))
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
    "users": [{"name": "it", "user": {"tokenFile": str(pathlib.Path("token").absolute())}}],
}))


def by_client():
    received.clear()
    settings = client.Configuration()
    config.load_kube_config("kubeconfig", client_configuration=settings)
    try:
        client.VersionApi(client.ApiClient(settings)).get_code()
    except ValueError as error:
        assert not received, received
        return f"ValueError: {error}"
    return received[-1]


def by_kubectl():
    received.clear()
    subprocess.run(
        ["debian/usr/bin/kubectl", "--kubeconfig", "kubeconfig", "get", "--raw", "/version"],
        check=True, capture_output=True, timeout=60,
    )
    return received[-1]


for content, expected in (("one", "Bearer one"), ("one\n", "ValueError: Invalid header value b'Bearer one\\n'")):
    pathlib.Path("token").write_text(content)
    seen = by_client(), by_kubectl()
    print(f"token file {content!r}: the client {seen[0]!r}, kubectl {seen[1]!r}")
    assert seen == (expected, "Bearer one"), "changed"
PYTHON
venv/bin/python look.py
echo "as seen: with a newline at the end of tokenFile the client raises, and kubectl sends the token"
