"""The servers of a site that send alerts, which alerts there must be, and who gets them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from readiness.model.quantities import Duration
from readiness.model.words import Tier
from readiness.site.declared.common import Port
from readiness.site.declared.interface import Interface
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    Name,
    Text,
    UnitName,
    UrlPath,
    UsedBy,
    Written,
    distinct,
    known,
    wrong,
)
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment


class AlertmanagerServer(Interface):
    """One Alertmanager."""

    port: Port = 9093


class Alert(Written):
    """One alert that must be loaded everywhere, and who has to get it."""

    name: Text
    receivers: Annotated[tuple[Name, ...], Field(min_length=1)]
    labels: dict[Text, Text] = Field(
        default_factory=dict, description="What it carries besides its name, as routes see it."
    )
    within: Duration = Field(description="From the fault to the receiver, at most.")


class Receiver(Interface):
    """Somebody who is told, and lists what came as JSON: `[{received, alerts}]`, newest last.

    `received` is seconds since the epoch, `alerts` those of Alertmanager's webhook.
    """

    name: Name
    listed: UrlPath = Field(description="Where it lists what came.")
    route: Text = Field(description="What Alertmanager's routes call it.")


class Switch(Written):
    """The alert that always fires: whoever no longer gets it knows that the alerting is dead."""

    alert: Text
    receiver: Name = Field(description="Stands outside of what it watches.")
    period: Duration = Field(description="It comes at least this often.")


class Silence(Written):
    """A silence that is meant to be there."""

    alert: Text
    machine: Name | None = Field(default=None, description="Which machine's alerts; without it all")
    longest: Duration = Field(description="It ends this far from now, at most.")


class Drill(Written):
    """A real fault that is made, harmless as its owner knows, and the alerts that must come."""

    machine: Name
    unit: UnitName = Field(description="The unit of that machine that is stopped for a while.")
    expects: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(
        description="The alerts that it has to raise, all of them."
    )
    trials: Annotated[int, Field(ge=1, le=59)] = Field(
        default=3, description="How often it is made; the policy says how many it wants."
    )
    quiet: Duration = Field(
        default=10.0, description="How long others are waited for once all have come."
    )


class Alerting(Section):
    """What sends alerts, which there must be, and who gets them."""

    CALLED: ClassVar[str] = "alerting"

    servers: Annotated[tuple[AlertmanagerServer, ...], Field(min_length=1)]
    alerts: Annotated[tuple[Alert, ...], Field(min_length=1)]
    receivers: Annotated[tuple[Receiver, ...], Field(min_length=1)]
    dead_mans_switch: Switch | None = None
    silences: tuple[Silence, ...] = ()
    drill: Annotated[Drill | None, UsedBy(Tier.DISRUPT)] = None

    @property
    def needed(self) -> tuple[Alert, ...]:
        """Each declared alert, the one that always fires with them."""
        if self.dead_mans_switch is None:
            return self.alerts
        switch = self.dead_mans_switch
        # Its duration is a number already, which a file may not hold.
        always = Alert.model_construct(
            name=switch.alert, receivers=(switch.receiver,), labels={}, within=switch.period
        )
        return (*(one for one in self.alerts if one.name != switch.alert), always)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("server", [one.machine for one in self.servers], ("servers",), "machine")
        distinct("alert", [one.name for one in self.alerts], ("alerts",), "name")
        distinct("receiver", [one.name for one in self.receivers], ("receivers",), "name")
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Machines, authorities, receivers and alerts that are named are declared."""
        if site.metrics is None:
            raise wrong("`metrics`, which raise the alerts, beside `alerting`", at)
        for key in ("servers", "receivers"):
            for index, one in enumerate(getattr(self, key)):
                one.fits_interface(site, (*at, key, index))
        self._receivers_fit(at)
        self._alerts_fit(site, at)

    def _receivers_fit(self, at: At) -> None:
        names = [one.name for one in self.receivers]
        for index, alert in enumerate(self.alerts):
            for place, name in enumerate(alert.receivers):
                known("receiver", name, names, (*at, "alerts", index, "receivers", place))
        if self.dead_mans_switch:
            here = (*at, "dead_mans_switch", "receiver")
            known("receiver", self.dead_mans_switch.receiver, names, here)

    def _alerts_fit(self, site: "Environment", at: At) -> None:
        alerts = [one.name for one in self.alerts]
        if self.drill:
            site.require_machine(self.drill.machine, (*at, "drill", "machine"))
            for place, name in enumerate(self.drill.expects):
                known("alert", name, alerts, (*at, "drill", "expects", place))
        for index, silence in enumerate(self.silences):
            known("alert", silence.alert, alerts, (*at, "silences", index, "alert"))
            if silence.machine is not None:
                site.require_machine(silence.machine, (*at, "silences", index, "machine"))


class Sections(Written):
    """What the room declares in an environment."""

    alerting: Alerting | None = None


@dataclass(frozen=True)
class Alertmanager:
    """One Alertmanager with what all of them are declared to do."""

    alerting: Alerting
    server: AlertmanagerServer
    machine: Machine

    @property
    def id(self) -> str:
        """Its machine and what it is."""
        return f"{self.machine.name}/alertmanager"


@dataclass(frozen=True)
class AlertReceiver:
    """Somebody who is told of alerts."""

    alerting: Alerting
    receiver: Receiver
    machine: Machine

    @property
    def id(self) -> str:
        """The receiver's name."""
        return self.receiver.name


def servers(environment: "Environment") -> tuple[Alertmanager, ...]:
    """Every declared Alertmanager."""
    alerting = environment.alerting
    return tuple(
        Alertmanager(alerting, one, environment.machine(one.machine))
        for one in (alerting.servers if alerting else ())
        if alerting
    )


def receivers(environment: "Environment") -> tuple[AlertReceiver, ...]:
    """Everybody who is told of alerts, as declared."""
    alerting = environment.alerting
    return tuple(
        AlertReceiver(alerting, one, environment.machine(one.machine))
        for one in (alerting.receivers if alerting else ())
        if alerting
    )


ALERTMANAGER: Final[Kind[Alertmanager]] = Kind("alertmanager", "alerting", by_id(servers))
ALERT_RECEIVER: Final[Kind[AlertReceiver]] = Kind("alert_receiver", "alerting", by_id(receivers))
KINDS: Final = (ALERTMANAGER, ALERT_RECEIVER)
