"""Alarms with their operator state, acts and suppressions: what API, commands and pages share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from hypervisor.alarms.lifecycle import AlarmState, BaseState, Hold
from hypervisor.base.instants import Micros
from rules._rule import SEVERITIES


class Record(BaseModel):
    """A row of the database. Times: µs, in JSON RFC 3339 in UTC."""

    model_config = ConfigDict(frozen=True)


class JudgedValue(Record):
    """What the rule compares, over a span of readings."""

    function: str = Field(examples=["sum"])
    over: str = Field(description="The span.", examples=["3 h"])
    value: float
    unit: str
    limit: float = Field(description="What it is compared with, in the same unit.")
    threshold: str | None = Field(description="The threshold that the limit comes from.")


class LastValue(Record):
    """The latest reading that the rule refers to."""

    quantity: str
    value: float
    unit: str
    time: datetime
    trend: Literal["rising", "falling", "steady"] | None
    per_hour: float | None
    judged: JudgedValue | None = Field(
        default=None, description="What the rule compares, if that is not the reading itself."
    )


class Suppression(Record):
    """Why an alarm does not notify."""

    kind: Literal["inhibited", "works", "shelved", "out-of-service", "chattering"]
    reason: str = Field(examples=["alarm 12 inhibits it: Cabinet Orsay 1: no supply"])
    by: int | None = Field(default=None, description="The inhibiting alarm.")
    until: Micros | None = Field(default=None, description="When it ends by itself, if known.")


class HoldRecord(Record):
    """A rule silenced by hand at a subject; applies to its next alarms too."""

    rule: str = Field(exclude=True)
    subject: str = Field(exclude=True)
    kind: Annotated[Hold, WithJsonSchema({"type": "string", "enum": ["shelved", "out-of-service"]})]
    since: Micros
    until: Micros | None
    author: str
    reason: str


class HandledAlarm(Record):
    """An alarm with its operator state.

    `since`: when its condition became true; `began`: when it had lasted long enough.
    """

    id: int
    rule: str = Field(
        description="Of an external alarm `external/<source>`.", examples=["flood-above-alert"]
    )
    source: str | None = Field(
        default=None, description="The other system that it comes from; null: our own rules."
    )
    domain: str = Field(examples=["flood"])
    category: Literal["hazard", "maintenance"] = Field(
        description="About the world, or about our own equipment."
    )
    subject: str = Field(
        description="A site's name, `device/<name>` or `group/<name>`; of an external alarm its"
        " fingerprint.",
        examples=["toulouse"],
    )
    site: str | None = Field(description="The site of its subject.", examples=["toulouse"])
    commune: str | None = Field(default=None, description="The code of its commune.")
    title: str = Field(examples=["Garonne at Toulouse (Pont-Neuf): river above its alert level"])
    advice: str
    title_fr: str | None = Field(
        description="In French; null if its rule has none.",
        examples=["Garonne à Toulouse (Pont-Neuf) : cote d'alerte dépassée"],
    )
    advice_fr: str | None
    active: bool
    since: Micros
    began: Micros
    ended: Micros | None
    end_reason: str | None
    severity: list[tuple[Micros, str]] = Field(
        description="Its steps; the last one is the present severity.",
        examples=[[["2022-01-11T06:15:00Z", "major"]]],
    )
    stale: list[tuple[Micros, Micros | None]] = Field(
        description="Spans without usable input; the last one may be open."
    )
    last_value: LastValue | None
    withdrawn: Micros | None = Field(
        description="When later readings or a revision showed that it withdrawn a real alarm."
    )
    noticed_at: Micros
    changed_at: Micros
    state: BaseState = Field(
        description="`returned`: ended but not acknowledged. `closing`: closed by hand, not yet"
        " ended by the evaluation."
    )
    version: int = Field(
        description="Incremented by every change; an act names the version it saw."
    )
    acknowledged: str | None = Field(description="The severity acknowledged.")
    assignee: str | None
    closing: Micros | None
    merged_into: int | None = Field(description="The alarm this one was merged into.")
    split_from: int | None = Field(description="The alarm this one was split from.")
    hold: HoldRecord | None
    suppressed: tuple[Suppression, ...] = Field(default=(), description="Empty: it may notify.")
    incident: int | None

    @property
    def lifecycle(self) -> AlarmState:
        return AlarmState(base=self.state, hold=self.hold.kind if self.hold else Hold.NONE)

    @property
    def present_severity(self) -> str:
        """The severity of an active alarm, else the highest that it reached."""
        names = [name for _, name in self.severity]
        return names[-1] if self.active else highest(names)


class ActRecord(Record):
    """An act on an alarm, by a person or the system."""

    id: int
    alarm: int = Field(exclude=True)
    kind: str = Field(examples=["acknowledge"])
    author: str
    at: Micros = Field(description="Wall clock.")
    scenario_at: Micros | None = Field(description="The scenario's clock, in an exercise.")
    reason: str
    details: dict[str, Any]
    version: int = Field(description="Of the alarm after the act.")
    state: BaseState

    @property
    def time(self) -> int:
        """µs on the instance's clock."""
        return self.at if self.scenario_at is None else self.scenario_at


def highest(severities: Iterable[str]) -> str:
    """The highest of these severities."""
    return max(severities, key=lambda name: SEVERITIES.index(name) if name in SEVERITIES else -1)
