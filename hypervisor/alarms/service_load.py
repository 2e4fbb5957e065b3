"""The operators' alarm load over a span."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.alarms import chatter, queries_lifecycle, queries_load, queries_suppression
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.load import TARGETS, Load, Raised, Standing, measure
from hypervisor.alarms.service_suppression import read_limits
from hypervisor.alarms.settings import AlarmSettings
from hypervisor.base.instants import BEGINNING, micros, moment, text, text_if
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_works import load_in_force

_DAY = timedelta(days=1)
_EARLIEST = moment(BEGINNING)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span of time; None: now, and a day before the end."""

    begins: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A spell of chattering, and how often the alarm began in it. Times in µs."""

    rule: str
    subject: str
    begins: int
    ends: int
    begun: int


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """The load of a span by time of notice: wall clock, in an exercise the scenario's."""

    load: Load
    raised: Sequence[Raised]
    standing: Standing
    chattering: Sequence[Spell]
    settings: AlarmSettings

    def as_text(self) -> dict[str, Any]:
        """As plain values."""
        load = self.load
        return {
            "from": text(load.begins),
            "to": text(load.ends),
            "alarms": load.alarms,
            "per_10_min": {
                "average": load.average,
                "peak": load.peak,
                "peak_at": text_if(load.peak_at),
                "percent_of_time_over_10": load.over,
            },
            "floods": [
                {"from": text(flood.begins), "to": text(flood.ends), "alarms": flood.alarms}
                for flood in load.floods
            ],
            "standing": asdict(self.standing),
            "frequent": [asdict(frequent) for frequent in load.frequent],
            "chattering": [
                {
                    "rule": spell.rule,
                    "subject": spell.subject,
                    "from": text(spell.begins),
                    "to": text(spell.ends),
                    "begun": spell.begun,
                }
                for spell in self.chattering
            ],
            "priorities_percent": dict(load.priorities),
            "priorities_target_percent": dict(TARGETS),
        }


def measure_load(connection: Connection, span: Span, *, wall: datetime) -> LoadReport:
    """The load of a span.

    Raises AlarmError: the span ends before it begins, or the exercise has not begun.
    """
    ends = span.ends or queries_lifecycle.read_clock(connection, wall)
    if ends is None:
        raise AlarmError("the exercise has not begun: there is no load yet")
    begins = span.begins or max(ends, _EARLIEST) - _DAY
    if ends <= begins:
        raise AlarmError("{end} is not after {begin}", text(micros(ends)), text(micros(begins)))
    settings = queries_lifecycle.read_settings(connection)
    raised = queries_load.list_raised(connection, begins, ends)
    return LoadReport(
        load=measure(raised, micros(begins), micros(ends)),
        raised=raised,
        standing=queries_load.count_standing(connection, ends, settings.standing_long),
        chattering=_list_chattering(connection, begins, ends),
        settings=settings,
    )


def _list_chattering(connection: Connection, begins: datetime, ends: datetime) -> list[Spell]:
    default, limits = read_limits(connection, load_in_force(connection, "rule", ends))
    longest = max(limit.window for limit in (default, *limits.values()))
    since = max(begins, _EARLIEST) - timedelta(microseconds=longest)
    begun = queries_suppression.list_beginnings(connection, since, ends)
    return [
        Spell(
            rule=rule,
            subject=subject,
            begins=first,
            ends=last,
            begun=sum(first - limits.get(rule, default).window < at < last for at in times),
        )
        for (rule, subject), times in sorted(begun.items())
        for first, last in chatter.find_spells(times, limits.get(rule, default))
        if last > micros(begins)
    ]
