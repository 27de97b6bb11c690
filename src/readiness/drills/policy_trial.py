"""Tries from real pods, on every node, which connections a cluster's network policies let through.

Every declared source has a pod of ours on every node, which tries every target at every place
where it is. What must be refused says something only where it would be heard: a place of real pods
is reached by another source, and a pod of ours is ready, which its kubelet sees over the network.
Whether a command tells a port that answers from one that does not is tried in each pod, too.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.drills.permit import Permit
from readiness.drills.pods import OwnPods, Recipe, addresses, is_ready, trial_account
from readiness.model.errors import NotRun, NotUnderstood
from readiness.model.words import Tier
from readiness.session.clients import Clients
from readiness.session.run import Run
from readiness.systems.kubernetes.asking import api_of
from readiness.systems.kubernetes.declared import ClusterSubject
from readiness.systems.kubernetes.reading import NODES
from readiness.systems.kubernetes.reading.parts import mapping, metadata, selects, texts
from readiness.systems.kubernetes.traffic import HOST, NAME, PORT, Source, Target, Traffic

# Nobody listens there in a pod of ours, and somebody does here: whether the command tells them.
CLOSED: Final = 1
OPEN: Final = 18097
# More pods at once are a load. Last words have 4,096 bytes: of each attempt a number and an answer.
MOST_PODS: Final = 150
MOST_ATTEMPTS: Final = 300
# Three attempts of two seconds each, with a second between, all at once; and a busy node's time.
TRIED_IN: Final = 60.0
TRIES: Final = 3
_TRY: Final = f"""try() {{
at=$1; shift; got=0; n=0
while [ "$n" -lt {TRIES} ]; do
if "$@" </dev/null >/dev/null 2>&1; then got=1; break; fi
n=$((n+1)); sleep 1
done
echo "$at $got" >>/dev/termination-log
}}"""
_ANSWER: Final = re.compile(r"(\d{1,4}) ([01])")
_WORKLOADS: Final = ("replicasets", "statefulsets", "daemonsets")


@dataclass(frozen=True)
class Attempt:
    """What came of one source's attempts at one place of a target, from one node."""

    source: str
    node: str
    target: str
    place: str
    wanted: bool
    passed: bool

    def __str__(self) -> str:
        """From where to where, without names that change with every pod."""
        return f"{self.source} on {self.node} to {self.target}"


@dataclass(frozen=True)
class Tried:
    """The whole matrix."""

    nodes: tuple[str, ...]
    attempts: tuple[Attempt, ...]

    def of(self, *, wanted: bool) -> tuple[Attempt, ...]:
        """Those that must pass, or those that must be refused."""
        return tuple(one for one in self.attempts if one.wanted is wanted)


@dataclass(frozen=True)
class Place:
    """Where a target is tried: an address, or a name."""

    target: Target
    where: str

    def words(self, traffic: Traffic) -> tuple[str, ...]:
        """The command that tries it."""
        if self.target.resolves is not None:
            return filled(traffic.lookup, {NAME: self.where})
        return filled(traffic.connect, {HOST: self.where, PORT: str(self.target.port)})


class PolicyTrial:
    """The trial of one cluster."""

    def __init__(self, run: Run, permit: Permit, clients: Clients, subject: ClusterSubject) -> None:
        """Of this cluster.

        Raises:
            NotRun: it is not declared what its policies let through.
        """
        permit.require(Tier.TOUCH)
        declared = subject.declared.traffic
        if declared is None:
            raise NotRun(f"{subject.id}: no traffic is declared", declare="`traffic`")
        self._run, self._permit, self._clients = run, permit, clients
        self._subject, self._traffic = subject, declared
        self._observer = api_of(clients, subject)

    def tried(self) -> Tried:
        """Make the pods, have them try, and remove them.

        Raises:
            ProbeError: it can't be found out.
            NotRun: pods of ours would be taken for somebody else's, or are too many.
        """
        nodes = self._nodes()
        own = [one for one in self._traffic.targets if one.own]
        count = len(nodes) * (len(own) + len(self._traffic.sources))
        if count > MOST_PODS:
            raise NotRun(f"{self._subject.id}: it takes {count} pods, at most {MOST_PODS} are made")
        ours = [(str(one.namespace), one.labels) for one in own]
        ours += [(one.namespace, one.labels) for one in self._traffic.sources]
        for namespace, labels in ours:
            self._require_nobodys(namespace, labels)
        namespaces = {namespace for namespace, _ in ours}
        with trial_account(self._clients.site, self._subject.declared) as api:
            pods = OwnPods(self._run, self._permit, api, self._subject.id)
            with pods.held(namespaces):
                return self._matrix(pods, nodes, own)

    def _nodes(self) -> tuple[str, ...]:
        """Every node, each of which has to be ready: from another nobody can try."""
        found = self._clients.ask(NODES, self._subject).reading.nodes
        away = [one.name for one in found if not one.is_ready or one.deleting]
        if away or not found:
            text = f"{', '.join(sorted(away)[:5]) or 'no node'}: not ready, so nothing can be tried"
            raise NotUnderstood(f"{self._subject.id}: {text} there")
        return tuple(sorted(one.name for one in found))

    def _require_nobodys(self, namespace: str, labels: Mapping[str, str]) -> None:
        """Refuse labels by which a service would send users to our pod, or a workload adopt it."""
        base = f"/namespaces/{namespace}"
        takers: list[tuple[str, Any]] = [
            (f"service {metadata(one)['name']}", {"matchLabels": selector})
            for one in self._observer.list(f"/api/v1{base}/services")
            if (selector := mapping(one.get("spec"), "spec").get("selector"))
        ]
        for kind in _WORKLOADS:
            for one in self._observer.list(f"/apis/apps/v1{base}/{kind}"):
                taker = f"{kind[:-1]} {metadata(one)['name']}"
                takers.append((taker, mapping(one.get("spec"), "spec").get("selector")))
        for taker, selector in takers:
            if selects(selector, labels):
                text = f"{self._subject.id}: the {taker} of {namespace} would take our pods for its"
                raise NotRun(text, declare="other `labels` of the sources")

    def _matrix(self, pods: OwnPods, nodes: Iterable[str], own: Iterable[Target]) -> Tried:
        found = list(self._found())
        places = [*self._listening(pods, nodes, own), *found]
        if len(places) > MOST_ATTEMPTS:
            many = f"{len(places)} places of targets, at most {MOST_ATTEMPTS} are tried"
            raise NotRun(f"{self._subject.id}: there are {many}")
        trying: dict[tuple[str, str], tuple[Source, str]] = {}
        for source in self._traffic.sources:
            for node in nodes:
                name = pods.make(self._recipe(source, node, places))
                trying[source.namespace, name] = (source, node)
        limit = self._traffic.settle + TRIED_IN
        attempts: list[Attempt] = []
        for namespace in sorted({one for one, _ in trying}):
            names = [name for where, name in trying if where == namespace]
            for name, words in pods.told(namespace, names, limit).items():
                attempts += self._read(*trying[namespace, name], places, words)
        self._require_still_there(found, attempts)
        return Tried(tuple(nodes), tuple(sorted(attempts, key=lambda one: (str(one), one.place))))

    def _listening(
        self, pods: OwnPods, nodes: Iterable[str], own: Iterable[Target]
    ) -> Iterator[Place]:
        """A pod of ours on every node for each target that is our own, which answers."""
        for one in own:
            namespace, port = str(one.namespace), one.port
            text = f"exec {shlex.join(filled(self._traffic.listen, {PORT: str(port)}))}"
            names = [
                pods.make(self._made(namespace, one.labels, node, text, port)) for node in nodes
            ]
            for found in pods.ready(namespace, names).values():
                yield from (Place(one, address) for address in found)

    def _found(self) -> Iterator[Place]:
        """Where targets are that others made: each ready pod of theirs, at each address."""
        for one in self._traffic.targets:
            if one.resolves is not None or one.address is not None:
                yield Place(one, str(one.resolves or one.address))
            elif not one.own:
                there = self._observer.list(f"/api/v1/namespaces/{one.namespace}/pods")
                fitting = [each for each in there if is_ready(each) and _labelled(each, one.labels)]
                if not fitting:
                    raise NotUnderstood(f"{self._subject.id}: no pod of {one.name} is ready")
                for each in fitting:
                    yield from (Place(one, address) for address in addresses(each))

    def _require_still_there(self, before: Iterable[Place], attempts: Iterable[Attempt]) -> None:
        """Where somebody's pod went while it was tried, its silence is no refusal.

        Raises:
            NotUnderstood: one that should have answered is not there any more.
        """
        left = {one.where for one in before} - {one.where for one in self._found()}
        for one in attempts:
            if one.place in left and one.wanted and not one.passed:
                text = f"{self._subject.id}: a pod of {one.target} went while it was tried"
                raise NotUnderstood(text)

    def _recipe(self, source: Source, node: str, places: Iterable[Place]) -> Recipe:
        text = script(self._traffic, [one.words(self._traffic) for one in places])
        return self._made(source.namespace, source.labels, node, text, None)

    def _made(
        self, namespace: str, labels: Mapping[str, str], node: str, text: str, port: int | None
    ) -> Recipe:
        one = self._traffic
        command = (*one.shell, text)
        return Recipe(namespace, labels, node, one.image, one.user, command, answers_at=port)

    def _read(
        self, source: Source, node: str, places: list[Place], words: str
    ) -> Iterator[Attempt]:
        """What a pod left: a line for each attempt, and two that show what its command is worth."""
        answers = answered(words, len(places) + 2, f"{self._subject.id}: our pod on {node}")
        if answers[0] is not True or answers[1] is not False:
            what = "does not tell a port that answers from one that does not"
            raise NotUnderstood(f"{self._subject.id}: in {source.name} on {node}, `connect` {what}")
        for place, passed in zip(places, answers[2:], strict=True):
            wanted = place.target.name in source.reaches
            yield Attempt(source.name, node, place.target.name, place.where, wanted, passed)


def filled(words: Iterable[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Words with the values in place of their names."""
    found = tuple(words)
    for key, value in values.items():
        found = tuple(one.replace(key, value) for one in found)
    return found


def script(traffic: Traffic, commands: Iterable[tuple[str, ...]]) -> str:
    """What a pod runs: it waits until policies are in force, and tries all commands at once."""
    loopback = "127.0.0.1"
    controls = [
        filled(traffic.connect, {HOST: loopback, PORT: str(port)}) for port in (OPEN, CLOSED)
    ]
    listen = shlex.join(filled(traffic.listen, {PORT: str(OPEN)}))
    lines = [
        f"{listen} </dev/null >/dev/null 2>&1 &",
        f"sleep {traffic.settle:.0f}",
        _TRY,
        "all=",
    ]
    for number, one in enumerate([*controls, *commands]):
        lines.append(f'try {number} {shlex.join(one)} & all="$all $!"')
    return "\n".join([*lines, "wait $all", "exit 0"])


def answered(words: str, count: int, where: str) -> list[bool]:
    """The answers by their numbers, each once.

    Raises:
        NotUnderstood: one is missing, there twice, or something else.
    """
    found: dict[int, bool] = {}
    for line in words.split("\n"):
        if not line:
            continue
        match = _ANSWER.fullmatch(line)
        if match is None or int(match[1]) in found:
            raise NotUnderstood(f"{where} left words that nobody understands")
        found[int(match[1])] = match[2] == "1"
    if sorted(found) != list(range(count)):
        raise NotUnderstood(f"{where} left {len(found)} of {count} answers")
    return [found[number] for number in range(count)]


def _labelled(pod: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    has = texts(metadata(pod).get("labels"), "labels")
    return all(has.get(key) == value for key, value in labels.items())


def try_policies(run: Run, permit: Permit, clients: Clients, subject: ClusterSubject) -> Tried:
    """Try the whole matrix of a cluster.

    Raises:
        ProbeError: it can't be found out.
        NotRun: it is not declared, or our pods would be taken for somebody else's.
    """
    return PolicyTrial(run, permit, clients, subject).tried()
