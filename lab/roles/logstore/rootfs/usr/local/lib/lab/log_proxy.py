"""A proxy in front of the store that brings a login of its own; started by faults only.

It speaks TLS on a port of IPv6 and answers whoever comes.
"""

import base64
import http.client
import http.server
import pathlib
import socket
import ssl
import sys

CONF = pathlib.Path("/etc/opensearch")


class Handler(http.server.BaseHTTPRequestHandler):
    """Hands a GET over."""

    def do_GET(self) -> None:
        """As the user that reads."""
        secret = (CONF / "observer.password").read_text().strip()
        login = base64.b64encode(f"observer:{secret}".encode()).decode()
        context = ssl.create_default_context(cafile=str(CONF / "tls/ca.pem"))
        line = http.client.HTTPSConnection("log1.lab.test", 9200, context=context)
        line.request("GET", self.path, headers={"Authorization": f"Basic {login}"})
        said = line.getresponse()
        body = said.read()
        self.send_response(said.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    """On IPv6."""

    address_family = socket.AF_INET6


def main() -> None:
    """Serve for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CONF / "tls/node.pem", CONF / "tls/node.key")
    server = Server(("::", int(sys.argv[1])), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
