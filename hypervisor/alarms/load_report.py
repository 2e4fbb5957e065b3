"""The operators' alarm load over a span, as plain values."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.alarms import chatter, queries_lifecycle, queries_surroundings, situation
from hypervisor.alarms import queries_load as store
from hypervisor.alarms import settings as dials
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.load import TARGETS, measure
from hypervisor.base.instants import BEGINNING, micros, moment, text
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_works import load_in_force

_DAY = timedelta(days=1)
_EARLIEST = moment(BEGINNING)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span of time; None: now, and a day before the end."""

    begins: datetime | None = None
    ends: datetime | None = None


def measure_load(connection: Connection, span: Span, *, wall: datetime) -> dict[str, Any]:
    """The load by time of notice: wall clock, in an exercise the scenario's.

    Raises:
        AlarmError: the span ends before it begins, or the exercise has not begun.
    """
    ends = span.ends or queries_lifecycle.read_clock(connection, wall)
    if ends is None:
        raise AlarmError("the exercise has not begun: there is no load yet")
    begins = span.begins or max(ends, _EARLIEST) - _DAY
    if ends <= begins:
        raise AlarmError(f"{text(micros(ends))} is not after {text(micros(begins))}")
    settings = dials.from_stored(queries_lifecycle.read_settings(connection))
    measured = measure(store.list_raised(connection, begins, ends), micros(begins), micros(ends))
    standing = store.count_standing(connection, ends, settings.standing_long)
    return {
        "from": text(measured.begins),
        "to": text(measured.ends),
        "alarms": measured.alarms,
        "per_10_min": {
            "average": measured.average,
            "peak": measured.peak,
            "peak_at": None if measured.peak_at is None else text(measured.peak_at),
            "percent_of_time_over_10": measured.over,
        },
        "floods": [
            {"from": text(flood.begins), "to": text(flood.ends), "alarms": flood.alarms}
            for flood in measured.floods
        ],
        "standing": {"alarms": standing.alarms, "long": standing.long, "stale": standing.stale},
        "frequent": [
            {
                "rule": frequent.rule,
                "subject": frequent.subject,
                "title": frequent.title,
                "times": frequent.times,
                "percent": frequent.percent,
            }
            for frequent in measured.frequent
        ],
        "chattering": _list_chattering(connection, begins, ends),
        "priorities_percent": dict(measured.priorities),
        "priorities_target_percent": dict(TARGETS),
    }


def _list_chattering(
    connection: Connection, begins: datetime, ends: datetime
) -> list[dict[str, Any]]:
    """The spells of chattering within the span."""
    rules = load_in_force(connection, "rule", ends)
    default = situation.default_limit(
        dials.from_stored(queries_lifecycle.read_settings(connection))
    )
    limits = {name: situation.parse_limit(rule) or default for name, rule in rules.items()}
    longest = max(limit.window for limit in (default, *limits.values()))
    since = max(begins, _EARLIEST) - timedelta(microseconds=longest)
    begun = chatter.group_by_pair(queries_surroundings.list_beginnings(connection, since, ends))
    return [
        {
            "rule": rule,
            "subject": subject,
            "from": text(first),
            "to": text(last),
            "begun": sum(first - limits.get(rule, default).window < at < last for at in times),
        }
        for (rule, subject), times in sorted(begun.items())
        for first, last in chatter.find_spells(times, limits.get(rule, default))
        if last > micros(begins)
    ]
