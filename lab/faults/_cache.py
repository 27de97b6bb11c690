"""What the faults of the cache share: who is master, and the operator's words to each server."""

from functools import partial

from lab.errors import LabError
from lab.scene import Facts, Scene

MEMBERS = ("cache1", "cache2", "cache3")
REDIS, SENTINEL = "6379", "26379"
CACHE = "sessions"
PORTAL = "portal"
ASK = "redis-cli --tls --cacert /etc/redis/tls/ca.pem --no-auth-warning"
LIMIT = 60.0


def node(name: str) -> str:
    """The subject id of a member."""
    return f"{CACHE}/{name}"


def say(scene: Scene, member: str, *words: str, port: str = REDIS) -> str:
    """What a Redis (or a Sentinel) answers to its operator.

    Raises:
        LabError: it answers with an error.
    """
    said = scene.run(member, "lab-redis", port, *words).strip()
    if said.startswith(("ERR", "NOAUTH", "NOPERM", "WRONGPASS", "NOQUORUM")):
        raise LabError(f"{member}:{port}: {words[0]}: {said}")
    return said


def info(scene: Scene, member: str, key: str) -> str:
    """One field of a Redis' INFO; empty where it has none."""
    for line in say(scene.looking(), member, "INFO").splitlines():
        name, _, value = line.strip().partition(":")
        if name == key:
            return value
    return ""


def setting(scene: Scene, member: str, key: str) -> str:
    """What a Redis runs with."""
    return say(scene.looking(), member, "CONFIG", "GET", key).partition("\n")[2].strip()


def roles(scene: Scene) -> Facts:
    """Who is master (`master`), and the replicas in order (`replica`, `other`)."""
    masters = [one for one in MEMBERS if info(scene, one, "role") == "master"]
    if len(masters) != 1:
        raise LabError(f"masters of the cache: {masters}")
    replica, other = (one for one in MEMBERS if one not in masters)
    return {"master": masters[0], "replica": replica, "other": other}


def watched(scene: Scene, at: str, key: str, name: str = CACHE) -> str:
    """One field of the master as a Sentinel sees it."""
    lines = say(scene.looking(), at, "SENTINEL", "MASTER", name, port=SENTINEL).splitlines()
    return dict(zip(lines[::2], lines[1::2], strict=True))[key]


def replicas_seen(scene: Scene, at: str) -> dict[str, dict[str, str]]:
    """The replicas as a Sentinel sees them, by name (address:port)."""
    lines = say(scene.looking(), at, "SENTINEL", "REPLICAS", CACHE, port=SENTINEL).splitlines()
    starts = [index for index, line in enumerate(lines[::2]) if line == "name"]
    found = {}
    for begin, end in zip(starts, [*starts[1:], len(lines) // 2], strict=True):
        one = dict(
            zip(lines[2 * begin : 2 * end : 2], lines[2 * begin + 1 : 2 * end : 2], strict=True)
        )
        found[one["name"]] = one
    return found


def forget_strangers(scene: Scene) -> None:
    """Have each Sentinel forget who is gone, one after the other, so that two always watch."""
    for name in MEMBERS:
        if not _knows_two_of_each(scene, name):
            say(scene, name, "SENTINEL", "RESET", CACHE, port=SENTINEL)
            known = partial(_knows_two_of_each, scene, name)
            scene.wait(f"{name} knows the others again", known, LIMIT)


def _knows_two_of_each(scene: Scene, at: str) -> bool:
    """Whether a Sentinel knows two other Sentinels and two replicas."""
    counts = [watched(scene, at, key) for key in ("num-other-sentinels", "num-slaves")]
    return counts == ["2", "2"]


def password(scene: Scene) -> str:
    """The one by which the portal logs in at Redis and at Sentinel."""
    return scene.site.secrets.read("redis/portal.password").decode().strip()


def let_in(scene: Scene, member: str, port: str = REDIS) -> bool:
    """Whether a server lets the portal in by its own login."""
    ask = f'{ASK} -h {member} -p {port} --user {PORTAL} --pass "$1" PING'
    return scene.shell(member, ask, password(scene)).strip() == "PONG"


def quorum(scene: Scene) -> str:
    """The probe of somebody in a hurry: every Sentinel says that a failover can be authorised."""
    answers = {say(scene, one, "SENTINEL", "CKQUORUM", CACHE, port=SENTINEL) for one in MEMBERS}
    if not all(one.startswith("OK ") for one in answers):
        raise LabError(f"CKQUORUM: {answers}")
    return "every Sentinel says: " + ", ".join(sorted(answers))


def answers(scene: Scene) -> str:
    """The probe of somebody in a hurry: every Redis answers PING."""
    pongs = [say(scene, one, "PING") for one in MEMBERS]
    if pongs != ["PONG"] * len(MEMBERS):
        raise LabError(f"PING: {pongs}")
    return "every Redis answers PONG"


def strangers_are_refused(scene: Scene) -> str:
    """The probe of somebody in a hurry: every Redis refuses who has no login.

    Raises:
        LabError: one does not.
    """
    for name in MEMBERS:
        said = scene.shell("cache1", f"{ASK} -h {name} -p {REDIS} PING").strip()
        if not said.startswith("NOAUTH"):
            raise LabError(f"{name} answers {said}")
    return "every Redis answers NOAUTH"
