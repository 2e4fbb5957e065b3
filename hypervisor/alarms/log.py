"""Alarms and their transitions as the log has them, and as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass as record

from hypervisor.alarms.model import highest
from hypervisor.base.instants import Micros, text, text_if
from rules._rule_state import Episode

Pair = tuple[str, str]  # rule, subject
SYSTEM = "system"  # the author of automatic acts
EXTERNAL = "external/"  # before the name of a source, in place of a rule


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm. Times in µs. `withdrawn`: when a revision of the past removed it.

    `site`, `place`: id and name of the subject's site, if any. `last_value`: the latest reading, as
    quantity, value, unit, time, trend, per_hour. `category`: hazard or maintenance. `title_fr`,
    `advice_fr`: None where the rule has no French. `commune`: the code, of an external alarm that
    names no site.
    """

    id: int
    site: int | None
    place: str | None
    domain: str
    category: str
    episode: Episode
    title: str
    advice: str
    title_fr: str | None = None
    advice_fr: str | None = None
    last_value: Mapping[str, Any] | None
    withdrawn: int | None
    noticed: int
    changed: int
    commune: str | None = None

    @property
    def active(self) -> bool:
        return self.episode.ended is None and self.withdrawn is None


@record(frozen=True, kw_only=True)
class Transition:
    """A change of an alarm, append-only: true from `event`, noticed at `noticed`.

    `other`: the alarm merged into, or split from.
    """

    alarm: int = Field(exclude=True)
    kind: str = Field(examples=["raised"])
    event: Micros = Field(serialization_alias="event_time")
    noticed: Micros = Field(serialization_alias="noticed_at")
    reason: str
    snapshot: Mapping[str, Any] = Field(description="The alarm as it was shown then.")
    other: int | None = Field(default=None, exclude=True)


def as_text(alarm: Alarm) -> dict[str, Any]:
    """The alarm as plain values with stable keys; times RFC 3339 in UTC."""
    episode = alarm.episode
    return {
        "id": alarm.id,
        **log_entry(episode),
        "site": alarm.place,
        "domain": alarm.domain,
        "category": alarm.category,
        "title": alarm.title,
        "advice": alarm.advice,
        "title_fr": alarm.title_fr,
        "advice_fr": alarm.advice_fr,
        "active": alarm.active,
        "end_reason": episode.reason,
        "last_value": None if alarm.last_value is None else dict(alarm.last_value),
        "withdrawn": text_if(alarm.withdrawn),
        "noticed_at": text(alarm.noticed),
        "changed_at": text(alarm.changed),
    }


def highest_severity(episode: Episode) -> str:
    """The highest severity reached."""
    return highest(name for _, name in episode.severity)


def transition_as_text(transition: Transition) -> dict[str, Any]:
    """A transition as plain values."""
    plain = TypeAdapter(Transition).dump_python(transition, mode="json", by_alias=True)
    return {"alarm": transition.alarm, **plain}


def log_entry(episode: Episode) -> dict[str, Any]:
    """The fields that two evaluations of the same readings must agree on."""
    return {
        "rule": episode.rule,
        "subject": episode.subject,
        "since": text(episode.since),
        "began": text(episode.began),
        "ended": text_if(episode.ended),
        "severity": [[text(at), name] for at, name in episode.severity],
        "stale": [[text(since), text_if(until)] for since, until in episode.stale],
    }
