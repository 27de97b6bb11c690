"""One Redis has a user that needs no password."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import MEMBERS, REDIS, node, roles, say
from lab.scene import Scene

USER = "legacy"
ASK = "redis-cli --tls --cacert /etc/redis/tls/ca.pem -h {host} -p {port}"


def apply(scene: Scene) -> None:
    """Add it in the running server, as an old program asked for."""
    words = ("ACL", "SETUSER", USER, "on", "nopass", "~*", "&*", "+@all")
    say(scene, scene["replica"], *words)


def took_effect(scene: Scene) -> str:
    """Whoever knows the name reads every session."""
    ask = ASK.format(host=scene["replica"], port=REDIS)
    said = scene.shell(scene["replica"], f"{ask} --no-auth-warning --user {USER} --pass x PING")
    return f"{USER} is answered PONG" if said.strip() == "PONG" else ""


def undo(scene: Scene) -> None:
    """Remove it; one that is gone is fine."""
    say(scene, scene["replica"], "ACL", "DELUSER", USER)


def strangers(scene: Scene) -> str:
    """The probe of somebody in a hurry: every Redis refuses who has no login.

    Raises:
        LabError: one does not.
    """
    for name in MEMBERS:
        said = scene.shell("cache1", f"{ASK.format(host=name, port=REDIS)} PING").strip()
        if not said.startswith("NOAUTH"):
            raise LabError(f"{name} answers {said}")
    return "every Redis answers NOAUTH"


FAULT = Fault(
    name="user-without-password-on-one-node",
    title="One replica has a user who needs no password and may do everything",
    why="Made for an old program; the user default is off, and nobody tries the other names.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-005": {node("<replica>"): rf"its users to be .*, found default, {USER}, "},
        "CACHE-009": {
            node(
                "<replica>"
            ): rf"wrong logins accepted to be .*, found {USER} with a wrong password"
        },
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=strangers,
)
