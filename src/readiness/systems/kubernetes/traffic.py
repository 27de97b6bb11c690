"""Which connections a cluster's network policies are declared to let through, and how it is tried.

Whatever a source is not declared to reach has to be refused to it: the matrix has no third answer.
"""

from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.model.quantities import Duration
from readiness.site.declared.common import Ip, Port
from readiness.site.written import HostName, KeyReference, Name, Text, Written, distinct, known
from readiness.site.written import wrong as refusal

if TYPE_CHECKING:
    from pydantic_core import PydanticCustomError

# RFC 1123, 2.1, as Kubernetes has it for names of objects.
ObjectName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", max_length=253)
]
# A label's key: an optional DNS prefix, then at most 63 letters, digits, '-', '_' and '.'.
LabelKey = Annotated[
    str,
    StringConstraints(pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"),
]
Labels = dict[LabelKey, str]
# Program and arguments, as a container has them; `{host}` and the like are put in word by word.
Words = Annotated[tuple[Text, ...], Field(min_length=1)]
HOST: Final = "{host}"
PORT: Final = "{port}"
NAME: Final = "{name}"
# Each pair is tried from every node; more than this is no trial but a load.
MOST: Final = 20


class Source(Written):
    """Pods of our own, one on every node, that others would take for somebody's."""

    name: Name
    namespace: ObjectName
    labels: Labels = Field(
        default_factory=dict,
        description="What policies tell it by. No service and no workload may select it.",
    )
    reaches: tuple[Name, ...] = Field(
        description="The targets that must answer it; all others must be refused to it."
    )


class Target(Written):
    """Whom sources try to reach: pods, pods of our own, an address outside, or a name by DNS."""

    name: Name
    namespace: ObjectName | None = None
    labels: Labels = Field(default_factory=dict)
    own: bool = Field(
        default=False,
        description="A pod of our own, which nobody made a policy for: what is denied by default.",
    )
    address: Ip | None = Field(default=None, description="What is no pod: a database, the API.")
    port: Port | None = None
    resolves: HostName | None = Field(
        default=None, description="A name that the cluster's own name service answers."
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        kinds = {"namespace": self.namespace, "address": self.address, "resolves": self.resolves}
        given = [key for key, value in kinds.items() if value is not None]
        if len(given) != 1:
            raise refusal("one of namespace, address and resolves", (), ", ".join(given))
        if (self.port is None) != (self.resolves is not None):
            raise refusal("a port, but for a name that is resolved", ("port",))
        if self.own and self.namespace is None:
            raise refusal("a namespace beside `own`", ("own",))
        if self.namespace is not None and not self.own and not self.labels:
            raise refusal("labels of the pods that are tried", ("labels",))
        if self.namespace is None and self.labels:
            raise refusal("labels beside a namespace only", ("labels",))
        return self


class Traffic(Written):
    """The trial of network policies: whose pods, by which image, and the matrix."""

    kubeconfig: KeyReference = Field(
        description="An account that may make and remove pods in these namespaces, and no more."
    )
    context: Text | None = None
    image: Text = Field(description="It has a shell, and what is run below; nodes can get it.")
    user: Annotated[int, Field(ge=1)] = Field(
        default=65532, description="As whom it runs: never as root."
    )
    shell: Words = ("/bin/sh", "-c")
    connect: Words = Field(
        default=("nc", "-z", "-w", "2", HOST, PORT),
        description="Ends with 0 where a TCP connection was accepted, and otherwise where not.",
    )
    listen: Words = Field(
        default=("nc", "-l", "-k", "-p", PORT), description="Accepts TCP connections for ever."
    )
    lookup: Words = Field(
        default=("nslookup", NAME), description="Ends with 0 where a name was answered."
    )
    settle: Duration = Field(
        default=10.0, description="How long after a pod was made its policies may come into force."
    )
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=MOST)]
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=MOST)]

    @model_validator(mode="after")
    def _a_matrix(self) -> Self:
        distinct("source", [one.name for one in self.sources], ("sources",), "name")
        distinct("target", [one.name for one in self.targets], ("targets",), "name")
        names = [one.name for one in self.targets]
        for index, one in enumerate(self.sources):
            distinct("target", one.reaches, ("sources", index, "reaches"))
            for at, name in enumerate(one.reaches):
                known("target", name, names, ("sources", index, "reaches", at))
        if problem := self._unsaid():
            raise problem
        return self

    def _unsaid(self) -> "PydanticCustomError | None":
        """What the matrix has to say to show anything."""
        reached = {name for one in self.sources for name in one.reaches}
        for index, one in enumerate(self.targets):
            # That it answers at all shows whoever reaches it; our own pods say so themselves.
            if not one.own and one.name not in reached:
                return refusal("a target that one of the sources reaches", ("targets", index))
        if all(len(one.reaches) == len(self.targets) for one in self.sources):
            return refusal("a target that one of the sources must not reach", ("sources",))
        for key, words in ((HOST, self.connect), (PORT, self.connect), (PORT, self.listen)):
            if not any(key in word for word in words):
                at = ("connect",) if words is self.connect else ("listen",)
                return refusal(f"a word with {key}", at)
        if not any(NAME in word for word in self.lookup):
            return refusal(f"a word with {NAME}", ("lookup",))
        return None
