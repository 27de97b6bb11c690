"""Healthy variants of what looks like a secret and is none."""

from collections.abc import Callable

from lab.scene import Scene
from lab.steps import shell
from lab.variants import variant

BUILD = "/opt/portal/app/build.properties"
CERTIFICATE = "/etc/ssl/portal-chain.pem"
TEMPLATE = "/opt/portal/app/application.properties"
DEMO = "/srv/demo.properties"
NIGHTLY = "lab-variant-report"


def written(path: str, *lines: str) -> tuple[str, str]:
    """The script that writes a file that everybody reads, and the one that removes it."""
    words = " ".join(f"'{one}'" for one in lines)
    return f"printf '%s\\n' {words} > {path}; chmod 0644 {path}", f"rm -f {path}"


def lies(machine: str, path: str) -> Callable[[Scene], str]:
    """The file is there, and everybody may read it."""

    def shows(scene: Scene) -> str:
        mode = scene.ask(machine, "stat", "-c", "%a", path).out.strip()
        return f"{path} on {machine} has mode {mode}" if mode == "644" else ""

    return shows


def runs(scene: Scene) -> str:
    """The process is there with its arguments."""
    said = scene.ask("app2", "pgrep", "--full", "--list-full", "password-file=").out.strip()
    return f"app2 runs {said[:80]}" if said else ""


def declare_the_demo(text: str) -> str:
    """Say that it is none, with the reason."""
    declared = (
        f"  allowed:\n    - path: {DEMO}\n      setting: demo.password\n"
        "      reason: the published login of the demonstration\n"
    )
    return text.replace("secrets:\n", f"secrets:\n{declared}", 1)


VARIANTS = (
    variant(
        "build-id-in-a-readable-file",
        "A file that everybody reads has a build id and digests of high entropy",
        "They are as random as a key, and printed on every page.",
        kind="secrets",
        tempts=("SEC-001",),
        steps=(
            shell(
                ["app1"],
                *written(
                    BUILD,
                    "git.commit.id=9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c",
                    "build.id=Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5",
                    "integrity=sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC",
                    "token.ttl=3600",
                    "password.min.length=12",
                ),
            ),
        ),
        shows=lies("app1", BUILD),
    ),
    variant(
        "public-certificate-and-key-in-a-readable-file",
        "A certificate and a public key lie where everybody reads them",
        "They are meant to be seen; only the header of a private key has the word in it.",
        kind="secrets",
        tempts=("SEC-001",),
        steps=(
            shell(
                ["edge1"],
                "cd /root; openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=portal.lab.test "
                "-days 30 -keyout /dev/null -out portal.pem 2>/dev/null; "
                f"cp portal.pem {CERTIFICATE}; chmod 0644 {CERTIFICATE}; "
                f"openssl x509 -in portal.pem -noout -pubkey >> {CERTIFICATE}; rm portal.pem",
                f"rm -f {CERTIFICATE}",
            ),
        ),
        shows=lies("edge1", CERTIFICATE),
    ),
    variant(
        "placeholders-in-a-readable-file",
        "A file that everybody reads names passwords without having one",
        "Variables, references to a vault or a file, ciphertexts, examples in comments, hashes.",
        kind="secrets",
        tempts=("SEC-001",),
        steps=(
            shell(
                ["app1"],
                *written(
                    TEMPLATE,
                    "# spring.datasource.password=changeme",
                    "spring.datasource.password=${DB_PASSWORD}",
                    "spring.redis.password=",
                    "spring.mail.password=ENC(Zm9vYmFyYmF6cXV4cXV1eA==)",
                    "spring.ldap.password-file=/etc/portal/sessions.password",
                    "api.token={{ vault_api_token }}",
                    "admin.password={bcrypt}$2a$10$abcdefghijklmnopqrstuv",
                ),
            ),
        ),
        shows=lies("app1", TEMPLATE),
    ),
    variant(
        "login-of-a-demonstration-declared-as-none",
        "A password that is published on purpose is declared as none",
        "The owner says so, by file and setting, with the reason.",
        kind="secrets",
        tempts=("SEC-001",),
        steps=(shell(["app2"], *written(DEMO, "demo.password=try-it-out-1")),),
        environment=declare_the_demo,
        shows=lies("app2", DEMO),
    ),
    variant(
        "command-line-that-names-a-password-file",
        "A process is given the path of a password file",
        "The path says nothing; who may read the file does.",
        kind="secrets",
        tempts=("SEC-002",),
        steps=(
            shell(
                ["app2"],
                f"systemd-run --quiet --collect --unit={NIGHTLY} "
                "--setenv=REPORT_TOKEN_FILE=/etc/portal/sessions.password "
                "python3 -c 'import time; time.sleep(1e6)' "
                "--password-file=/etc/portal/sessions.password --password \\$REPORT_PASSWORD",
                f"systemctl stop {NIGHTLY} 2>/dev/null || true",
            ),
        ),
        shows=runs,
    ),
)
