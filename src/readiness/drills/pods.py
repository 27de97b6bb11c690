"""Pods of our own in a cluster: made for one trial, and removed whatever becomes of it.

All of a trial have one label, by which the journal finds them after a kill. They run as nobody,
without a token and without rights, and their kubelet ends them when their time is up.
"""

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from readiness.drills.actions import ActionFailed, settle, write_undo
from readiness.drills.permit import Permit
from readiness.evidence.undo import undo_action
from readiness.model.errors import NotUnderstood, ReadinessError, TimedOut
from readiness.model.words import Tier
from readiness.session.run import Run
from readiness.site.environment import Environment
from readiness.systems.kubernetes.asking.api import Api
from readiness.systems.kubernetes.asking.kubeconfig import read
from readiness.systems.kubernetes.declared import KubernetesCluster, clusters
from readiness.systems.kubernetes.reading.parts import listed, mapping, metadata, texts

LABEL: Final = "readiness-trial"
TICK: Final = 0.5
READY_LIMIT: Final = 90.0
GONE_LIMIT: Final = 60.0
# Their kubelet ends them after so many seconds, should nobody remove them.
LIFETIME: Final = 600
_UNDO: Final = "kubernetes.remove-pods"
_OVER: Final = ("Succeeded", "Failed")
# What the strictest of the Pod Security Standards asks for ("restricted").
_SAFE: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_SMALL: Final = {
    "requests": {"cpu": "5m", "memory": "8Mi"},
    "limits": {"cpu": "500m", "memory": "32Mi"},
}


@dataclass(frozen=True)
class Recipe:
    """What a pod is made of."""

    namespace: str
    labels: Mapping[str, str]
    node: str
    image: str
    user: int
    command: tuple[str, ...]
    answers_at: int | None = None
    """The port at which it has to answer its kubelet to be ready."""


@dataclass
class OwnPods:
    """Those of one trial."""

    run: Run
    permit: Permit
    api: Api
    cluster: str
    mark: str = field(default_factory=lambda: secrets.token_hex(6))
    made: int = 0

    @contextmanager
    def held(self, namespaces: Collection[str]) -> Iterator[None]:
        """Pods may be made in these namespaces until the block ends; then they are gone.

        Raises:
            ActionFailed: they could not be removed; they stay owed, and end by themselves.
        """
        self.permit.require(Tier.TOUCH)
        with ExitStack() as stack:
            for one in sorted(namespaces):
                what = {"cluster": self.cluster, "namespace": one, "mark": self.mark}
                entry = write_undo(self.run, _UNDO, what, target=f"{self.cluster}/{one}")
                stack.push(self._taking_back(one, entry))
            yield

    def _taking_back(self, namespace: str, entry: str) -> Callable[..., bool]:
        def take_back(ended_by: object, *_: object) -> bool:
            """What ended the trial is what people hear of; what was not undone stays owed."""
            try:
                settle(self.run, entry, remove(self.api, namespace, self.mark))
            except ReadinessError:
                if ended_by is None:
                    raise
            return False

        return take_back

    def make(self, recipe: Recipe) -> str:
        """Make one, and return its name.

        Raises:
            ProbeError: the cluster refuses.
        """
        self.made += 1
        name = f"readiness-{self.mark}-{self.made}"
        self.api.create(_path(recipe.namespace), _manifest(name, recipe, self.mark))
        where = f"{recipe.namespace}/{name} on {recipe.node}"
        self.run.writer.write("step", text=f"{self.cluster}: made the pod {where}")
        return name

    def ready(self, namespace: str, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The addresses of pods, once all of them are ready.

        Raises:
            ProbeError: one is not, in time.
        """
        found = self._awaited(namespace, names, _is_ready, READY_LIMIT)
        return {name: addresses(pod) for name, pod in found.items()}

    def told(self, namespace: str, names: Iterable[str], limit: float) -> dict[str, str]:
        """What pods left as their last words, once all of them have ended well.

        Raises:
            ProbeError: one did not, in time.
        """
        found = self._awaited(namespace, names, _has_ended, limit)
        return {name: _last_words(pod) for name, pod in found.items()}

    def _awaited(
        self, namespace: str, names: Iterable[str], done: Any, limit: float
    ) -> dict[str, Mapping[str, Any]]:
        wanted, end = set(names), time.monotonic() + limit
        while True:
            there = {
                str(metadata(one)["name"]): one
                for one in marked(self.api.list(_path(namespace)), self.mark)
            }
            waiting = [one for one in wanted if one not in there or not done(there[one])]
            if not waiting:
                return {name: there[name] for name in wanted}
            ended = [one for one in waiting if one in there and _phase(there[one]) in _OVER]
            if ended or time.monotonic() > end:
                one = (ended or sorted(waiting))[0]
                why = _state(there[one]) if one in there else "it is not there any more"
                raise TimedOut(f"{self.cluster}: our pod {namespace}/{one}: {why}")
            time.sleep(TICK)


@contextmanager
def trial_account(environment: Environment, cluster: KubernetesCluster) -> Iterator[Api]:
    """The account that may make pods.

    Raises:
        UsageError: its kubeconfig can't be read.
    """
    if cluster.traffic is None:
        raise ActionFailed(f"{cluster.name}: no account of our own pods is declared")
    declared = cluster.traffic
    api = Api(cluster.name, read(environment.path(declared.kubeconfig), declared.context))
    try:
        yield api
    finally:
        api.close()


@undo_action("kubernetes.remove-pods")
def undo_pods(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Remove what a trial left; nothing is fine."""
    name = arguments["cluster"]
    found = [one.declared for one in clusters(environment) if one.id == name]
    if not found:
        raise ActionFailed(f"{name}: no such cluster is declared any more")
    with trial_account(environment, found[0]) as api:
        return remove(api, arguments["namespace"], arguments["mark"])


def remove(api: Api, namespace: str, mark: str) -> str:
    """Remove the pods of a trial from a namespace, and see that they are gone.

    Raises:
        ActionFailed: they are not, in time.
    """
    end, problem = time.monotonic() + GONE_LIMIT, ""
    while True:
        try:
            left = marked(api.list(_path(namespace)), mark)
            if not left:
                return f"no pod of {mark} in {namespace}"
            problem = f"{len(left)} are still there"
            for one in left:
                about = metadata(one)
                options = {"gracePeriodSeconds": 0, "preconditions": {"uid": about.get("uid")}}
                with suppress(NotUnderstood):
                    api.delete(f"{_path(namespace)}/{about['name']}", options)
        except ReadinessError as error:
            problem = str(error)
        if time.monotonic() > end:
            raise ActionFailed(f"{api.name}: our pods of {mark} stay in {namespace}: {problem}")
        time.sleep(TICK)


def marked(pods: Iterable[Mapping[str, Any]], mark: str) -> list[Mapping[str, Any]]:
    """Those of one trial."""
    return [one for one in pods if texts(metadata(one).get("labels"), "labels").get(LABEL) == mark]


def addresses(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """A pod's addresses, of each family that it has."""
    given = listed(mapping(pod.get("status"), "status").get("podIPs"), "podIPs")
    return tuple(str(one.get("ip")) for one in given)


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def _manifest(name: str, recipe: Recipe, mark: str) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "trial",
        "image": recipe.image,
        "command": list(recipe.command),
        "securityContext": _SAFE,
        "resources": _SMALL,
    }
    if recipe.answers_at is not None:
        asked = {"tcpSocket": {"port": recipe.answers_at}, "periodSeconds": 1}
        container["readinessProbe"] = asked
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**recipe.labels, LABEL: mark}},
        "spec": {
            # Which node it is on is the question: no scheduler decides, and no taint keeps it away.
            "nodeName": recipe.node,
            "tolerations": [{"operator": "Exists"}],
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIFETIME,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": recipe.user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def _phase(pod: Mapping[str, Any]) -> str:
    return str(mapping(pod.get("status"), "status").get("phase", ""))


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether it is ready, and nobody has told it to go."""
    conditions = listed(mapping(pod.get("status"), "status").get("conditions"), "conditions")
    says = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return says and "deletionTimestamp" not in metadata(pod) and _phase(pod) not in _OVER


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return is_ready(pod) and bool(addresses(pod))


def _has_ended(pod: Mapping[str, Any]) -> bool:
    return _phase(pod) == _OVER[0]


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    status = mapping(pod.get("status"), "status")
    found = listed(status.get("containerStatuses"), "containerStatuses")
    return mapping(found[0].get("state"), "state") if found else {}


def _last_words(pod: Mapping[str, Any]) -> str:
    return str(mapping(_container(pod).get("terminated"), "terminated").get("message", ""))


def _state(pod: Mapping[str, Any]) -> str:
    """Why a pod is not what it should be, as its kubelet says."""
    reasons = [
        str(mapping(one, "state").get("reason", "")) for one in _container(pod).values() if one
    ]
    said = next((one for one in reasons if one.isalnum()), "")
    phase = _phase(pod)
    return f"{phase if phase.isalpha() else 'no phase'}{f', {said}' if said else ''}"
