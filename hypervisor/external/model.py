"""What a source delivers, and how an alarm of it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from ingest.message import Reason
from sensors._errors import Message, TerritoryError

Kind = Literal["alertmanager", "grafana"]
_LATELY = timedelta(days=1)


class DeliveryError(TerritoryError):
    """Nothing of a delivery can be used: says why. `reason`: of the dead letter that keeps it."""

    def __init__(self, reason: Reason, template: str, /, *values: object) -> None:
        super().__init__(template, *values)
        self.reason = reason


class MappingError(TerritoryError):
    """The file of sources cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What of a delivery was not taken as it came. `refused`: an alert was left out for it."""

    reason: Reason
    detail: Message
    part: object = None
    refused: bool = True


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert of a delivery. Times in µs; `ends` only of a resolved one, where it is known."""

    fingerprint: str
    firing: bool
    starts: int
    ends: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The usable alerts of one webhook call, and what was wrong with others."""

    alerts: Sequence[Alert] = ()
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, kw_only=True)
class Wording:
    """An alert as operators see it. `site`: by name; `commune`: by code, where there is no site."""

    title: str
    advice: str
    severity: str
    domain: str
    category: str
    site: str | None = None
    commune: str | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a delivery changed. `problems`: sentences; the first ones."""

    raised: int = 0
    repeated: int = 0
    ended: int = 0
    refused: int = 0
    problems: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """A source: its account, and how it does. `open`, `stale`: of its active alarms."""

    name: str
    title: str
    kind: str | None
    heard_at: datetime | None
    deliveries: int
    raised: int
    refused: int
    problem: str | None
    problem_at: datetime | None
    excerpt: str | None
    open: int
    stale: int

    def has_problem(self, now: datetime) -> bool:
        """Whether a delivery of the last day had one."""
        return self.problem_at is not None and now - self.problem_at < _LATELY

    def describe(self, now: datetime) -> Message:
        """One sentence."""
        if self.has_problem(now):
            return Message(
                "{problem} ({time})", self.problem or "", f"{self.problem_at:%Y-%m-%d %H:%M} UTC"
            )
        if self.heard_at is None:
            return Message("has not sent anything yet")
        if self.stale:
            return Message(
                "{count} of its {total} open alarms are no longer repeated: did it lose them, or is"
                " `send_resolved` off?",
                self.stale,
                self.open,
            )
        return Message("sent {time}", f"{self.heard_at:%Y-%m-%d %H:%M:%S} UTC")
