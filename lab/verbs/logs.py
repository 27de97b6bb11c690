"""Verbs for the central log, in its administrator's words; `store` on its machine asks it."""

import base64
import datetime as dt
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import yaml
from pydantic import BeforeValidator

from lab.errors import LabError
from lab.home import REPOSITORY
from lab.scene import Scene
from lab.verbs.base import Change, Look
from readiness.site.written import Text, Written

LIMIT = 120.0
MOST = 1_000  # lines of a machine in the days of a history that was made
BULK = "https://log1.lab.test:9200/_bulk?refresh=true"
ROLES = REPOSITORY / "lab/roles/logstore/rootfs/etc/opensearch/opensearch-security/roles.yml"
HISTORY = ("python3", "/usr/local/lib/lab/log_history.py")
SECURITY = "/_plugins/_security/api"

Values = dict[str, str | int | bool | list[str]]


def _days(value: Any) -> Any:
    """One number of days back, or several."""
    return tuple(value) if isinstance(value, list) else (value,)


Days = Annotated[tuple[int, ...], BeforeValidator(_days)]


def _index(back: int) -> str:
    """The name of the index of a day."""
    return f"logs-{dt.datetime.now(dt.UTC) - dt.timedelta(days=back):%Y.%m.%d}"


def _send(scene: Scene, machine: str, method: str, path: str, body: Any = None) -> str:
    words = ["store", method, path, *([] if body is None else [json.dumps(body)])]
    return scene.run(machine, *words, limit=LIMIT)


def _flat(scene: Scene, machine: str, path: str) -> str:
    return scene.ask(machine, "store", "GET", f"{path}?flat_settings=true").out


class IndexSettings(Change):
    """`store.settings`: settings of indices; undone, they are what they come with."""

    indices: Text = "logs-*"
    settings: Values

    def change(self, scene: Scene, machine: str) -> None:
        """Set them."""
        _send(scene, machine, "PUT", f"/{self.indices}/_settings", self.settings)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Set them to nothing."""
        _send(scene, machine, "PUT", f"/{self.indices}/_settings", dict.fromkeys(self.settings))

    def shows(self, scene: Scene, machine: str) -> str:
        """An index says so."""
        said = _flat(scene, machine, f"/{self.indices}/_settings")
        return _set_in(said, self.settings, f"indices {self.indices}")


class ClusterSettings(Change):
    """`store.cluster`: settings of the whole cluster."""

    settings: Values

    def change(self, scene: Scene, machine: str) -> None:
        """Set them for good."""
        _send(scene, machine, "PUT", "/_cluster/settings", {"persistent": self.settings})

    def take_back(self, scene: Scene, machine: str) -> None:
        """Set them to nothing."""
        nothing = {"persistent": dict.fromkeys(self.settings)}
        _send(scene, machine, "PUT", "/_cluster/settings", nothing)

    def shows(self, scene: Scene, machine: str) -> str:
        """The cluster says so."""
        return _set_in(_flat(scene, machine, "/_cluster/settings"), self.settings, "the cluster")


def _set_in(said: str, settings: Values, whose: str) -> str:
    wanted = [f'"{key}":{json.dumps(_told(value))}' for key, value in settings.items()]
    return f"{whose} have {', '.join(wanted)}" if all(one in said for one in wanted) else ""


def _told(value: Any) -> Any:
    """A setting as the store tells it: by its text."""
    return str(value).lower() if isinstance(value, bool | int) else value


class Planted(Change):
    """`store.line`: a line of web1 in an index, today's unless it is named; `mapping` makes it.

    `coded` is a text that stands in its message in base64, where that says [coded].
    """

    index: Text | None = None
    mapping: dict[str, dict[str, str | int | bool]] | None = None
    back: int = 0
    fields: dict[str, str | int]
    coded: Text | None = None

    def change(self, scene: Scene, machine: str) -> None:
        """Add it, and its index where that is its own."""
        at = dt.datetime.now(dt.UTC) - dt.timedelta(days=self.back)
        line = {"@timestamp": at.isoformat(), "host": "web1", **self.fields}
        if self.coded:
            coded = base64.b64encode(self.coded.encode()).decode()
            line = {key: str(one).replace("[coded]", coded) for key, one in line.items()}
        if self.mapping:
            self.take_back(scene, machine)
            made = {"mappings": {"properties": self.mapping}}
            _send(scene, machine, "PUT", f"/{self._place()}", made)
        _send(scene, machine, "PUT", f"/{self._place()}/_doc/planted?refresh=true", line)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Delete it; an index of its own with it, and one of the day before after midnight."""
        if self.index:
            _send(scene, machine, "DELETE", f"/{self.index}?ignore_unavailable=true")
            return
        for back in (self.back, self.back + 1):
            path = f"/{_index(back)}/_doc/planted?refresh=true"
            scene.ask(machine, "store", "DELETE", path, limit=LIMIT)

    def shows(self, scene: Scene, machine: str) -> str:
        """It is there."""
        said = scene.ask(machine, "store", "GET", f"/{self._place()}/_doc/planted").out
        return f"a line is planted in {self._place()}" if '"found":true' in said else ""

    def _place(self) -> str:
        return self.index or _index(self.back)


class Emptied(Change):
    """`store.lacks`: the lines of some days are gone, of all machines or of one."""

    days: Days
    host: Text | None = None

    def change(self, scene: Scene, machine: str) -> None:
        """Delete them."""
        names = ",".join(map(_index, self.days))
        if self.host is None:
            _send(scene, machine, "DELETE", f"/{names}")
            return
        query = {"size": MOST, "_source": False, "query": {"term": {"host": self.host}}}
        said = json.loads(_send(scene, machine, "POST", f"/{names}/_search", query))
        lines = [
            json.dumps({"delete": {"_index": one["_index"], "_id": one["_id"]}})
            for one in said["hits"]["hits"]
        ]
        words = ["curl", "--config", "/etc/opensearch/admin.curl", "--data-binary", "@-", BULK]
        scene.run(machine, *words, stdin="".join(f"{one}\n" for one in lines), limit=LIMIT)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Have the history made anew for these days."""
        names = ",".join(map(_index, self.days))
        _send(scene, machine, "DELETE", f"/{names}?ignore_unavailable=true")
        scene.run(machine, *HISTORY, limit=LIMIT)

    def shows(self, scene: Scene, machine: str) -> str:
        """None of them is found."""
        query = {"match_all": {}} if self.host is None else {"term": {"host": self.host}}
        names = ",".join(map(_index, self.days))
        path = f"/{names}/_count?ignore_unavailable=true"
        said = scene.ask(machine, "store", "POST", path, json.dumps({"query": query})).out
        return f"no line of {names}" if '"count":0' in said else ""


class Lost(Change):
    """`store.lost`: an index whose only shard has no node."""

    index: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Make it for a disk that there is not."""
        nowhere = {"number_of_replicas": 0, "index.routing.allocation.require.disk": "gone"}
        path = f"/{self.index}?wait_for_active_shards=0"
        _send(scene, machine, "PUT", path, {"settings": nowhere})

    def take_back(self, scene: Scene, machine: str) -> None:
        """Delete it."""
        _send(scene, machine, "DELETE", f"/{self.index}?ignore_unavailable=true")

    def shows(self, scene: Scene, machine: str) -> str:
        """Its shard is nowhere."""
        said = scene.ask(machine, "store", "GET", f"/_cat/shards/{self.index}").out
        return f"{self.index}: UNASSIGNED" if "UNASSIGNED" in said else ""


class Granted(Written):
    """What a role may do with some indices, and which of their lines it is not shown."""

    indices: Text
    may: list[str]
    unseen: dict[str, str] | None = None

    def told(self) -> dict[str, Any]:
        """As the security plugin takes it."""
        one: dict[str, Any] = {"index_patterns": [self.indices], "allowed_actions": self.may}
        if self.unseen:
            one["dls"] = json.dumps({"bool": {"must_not": {"term": self.unseen}}})
        return one


class Role(Change):
    """`store.role`: rights of a role; the way back is its role's own file."""

    role: Text
    grants: list[Granted]

    def change(self, scene: Scene, machine: str) -> None:
        """Give it these rights over indices, in place of its own."""
        grants = [one.told() for one in self.grants]
        role = {**self._own(), "index_permissions": grants}
        _send(scene, machine, "PUT", f"{SECURITY}/roles/{self.role}", role)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Give it its own."""
        _send(scene, machine, "PUT", f"{SECURITY}/roles/{self.role}", self._own())

    def shows(self, scene: Scene, machine: str) -> str:
        """The store tells these rights."""
        said = scene.ask(machine, "store", "GET", f"{SECURITY}/roles/{self.role}").out
        rights = json.loads(said or "{}").get(self.role, {}).get("index_permissions", [])
        found = [(one.get("allowed_actions"), one.get("dls")) for one in rights]
        wanted = [
            (one["allowed_actions"], one.get("dls")) for one in map(Granted.told, self.grants)
        ]
        return f"role {self.role}: {found}" if found == wanted else ""

    def _own(self) -> dict[str, Any]:
        every = yaml.safe_load(ROLES.read_text())
        if self.role not in every:
            raise LabError(f"{ROLES}: no role is called {self.role!r}")
        return dict(every[self.role])


class Mapped(Change):
    """`store.mapped`: who has a role, besides who has it."""

    role: Text
    users: list[str]
    also: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Give it to one more."""
        self._map(scene, machine, [*self.users, self.also])

    def take_back(self, scene: Scene, machine: str) -> None:
        """Take it from that one."""
        self._map(scene, machine, self.users)

    def _map(self, scene: Scene, machine: str, users: list[str]) -> None:
        _send(scene, machine, "PUT", f"{SECURITY}/rolesmapping/{self.role}", {"users": users})

    def shows(self, scene: Scene, machine: str) -> str:
        """The store says so."""
        said = scene.ask(machine, "store", "GET", f"{SECURITY}/rolesmapping/{self.role}").out
        return f"{self.also} has the role {self.role}" if f'"{self.also}"' in said else ""


class DemoUser(Change):
    """`store.demo_user`: a user of the plugin's demo configuration, with its password."""

    user: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Add it as that configuration has it."""
        home = "/opt/opensearch-2.19.1/plugins/opensearch-security/config"
        every = yaml.safe_load(scene.read(machine, f"{home}/internal_users.yml"))
        user = {"hash": every[self.user]["hash"]}
        _send(scene, machine, "PUT", f"{SECURITY}/internalusers/{self.user}", user)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Delete it, where it is there."""
        scene.ask(machine, "store", "DELETE", f"{SECURITY}/internalusers/{self.user}")

    def shows(self, scene: Scene, machine: str) -> str:
        """The store knows it."""
        said = scene.ask(machine, "store", "GET", f"{SECURITY}/internalusers/{self.user}")
        return f"there is a user {self.user}" if not said.code else ""


class Counts(Look):
    """`store.counts`: how many lines a phrase finds in their messages."""

    phrase: Text
    many: int

    def shows(self, scene: Scene, machine: str) -> str:
        """It finds so many."""
        query = json.dumps({"query": {"match_phrase": {"message": self.phrase}}})
        said = scene.ask(machine, "store", "POST", "/logs-*/_count", query).out
        return f"a search finds {self.many} lines" if f'"count":{self.many},' in said else ""


CHANGES: Final[Mapping[str, type[Change]]] = {
    "store.cluster": ClusterSettings,
    "store.demo_user": DemoUser,
    "store.lacks": Emptied,
    "store.line": Planted,
    "store.lost": Lost,
    "store.mapped": Mapped,
    "store.role": Role,
    "store.settings": IndexSettings,
}

LOOKS: Final[Mapping[str, type[Look]]] = {"store.counts": Counts}
