"""Looks at a server as its clients do, from any machine: over HTTP, and at what TLS says."""

from collections.abc import Mapping
from typing import Final

from lab.scene import Scene
from lab.verbs.base import Look, Said
from readiness.site.written import Text

TRUST = "/etc/lab-revocation/lab-ca.pem"


class Answer(Look, Said):
    """`url.answers`: status line and headers, in lower case; `trust` has curl verify the chain.

    Of who does not answer curl's complaint is read instead.
    """

    url: Text
    trust: bool = False

    def shows(self, scene: Scene, machine: str) -> str:
        """It answers as expected."""
        words = ["curl", "-sS", "--max-time", "5", "-D", "-", "-o", "/dev/null"]
        words += ["--cacert", TRUST] if self.trust else ["-k"]
        done = scene.ask(machine, *words, self.url)
        said = (done.out or done.err).strip().lower()
        first = said.splitlines()[0].strip() if said else "nothing"
        return f"{machine}: {self.url} answers {first}" if self.fits(scene, said) else ""


class Handshake(Look, Said):
    """`tls.says`: all that `openssl s_client` prints of a connection; `options` are its own."""

    connect: Text
    options: tuple[Text, ...] = ()

    def shows(self, scene: Scene, machine: str) -> str:
        """It is as expected."""
        words = ("openssl", "s_client", "-connect", self.connect, "-CAfile", TRUST, *self.options)
        done = scene.ask(machine, *words, stdin="")
        said = done.out + done.err
        return f"{machine}: {self.connect}: as expected" if self.fits(scene, said) else ""


LOOKS: Final[Mapping[str, type[Look]]] = {
    "tls.says": Handshake,
    "url.answers": Answer,
}
