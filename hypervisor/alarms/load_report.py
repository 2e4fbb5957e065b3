"""The load of an instance's operators over a span, as plain values."""

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

_DAY = timedelta(days=1)
_EARLIEST = moment(BEGINNING)


@dataclass(frozen=True, kw_only=True)
class Span:
    """What is asked for; None: until now, from a day before."""

    begins: datetime | None = None
    ends: datetime | None = None


def load(connection: Connection, span: Span, *, wall: datetime) -> dict[str, Any]:
    """The load: alarms as noticed, on the wall's clock, or in an exercise on the scenario's.

    Raises:
        AlarmError: the span ends before it begins, or the exercise has not begun.
    """
    ends = span.ends or queries_lifecycle.clock(connection, wall)
    if ends is None:
        raise AlarmError("the exercise has not begun: there is no load yet")
    begins = span.begins or max(ends, _EARLIEST) - _DAY
    if ends <= begins:
        raise AlarmError(f"{text(micros(ends))} is not after {text(micros(begins))}")
    settings = dials.of(queries_lifecycle.settings(connection))
    found = measure(store.raised(connection, begins, ends), micros(begins), micros(ends))
    stands = store.standing(connection, ends, settings.standing_long)
    return {
        "from": text(found.begins),
        "to": text(found.ends),
        "alarms": found.alarms,
        "per_10_min": {
            "average": found.average,
            "peak": found.peak,
            "peak_at": None if found.peak_at is None else text(found.peak_at),
            "percent_of_time_over_10": found.over,
        },
        "floods": [
            {"from": text(flood.begins), "to": text(flood.ends), "alarms": flood.alarms}
            for flood in found.floods
        ],
        "standing": {"alarms": stands.alarms, "long": stands.long, "stale": stands.stale},
        "frequent": [
            {
                "rule": frequent.rule,
                "subject": frequent.subject,
                "title": frequent.title,
                "times": frequent.times,
                "percent": frequent.percent,
            }
            for frequent in found.frequent
        ],
        "chattering": _chattered(connection, begins, ends),
        "priorities_percent": dict(found.priorities),
        "priorities_target_percent": dict(TARGETS),
    }


def _chattered(connection: Connection, begins: datetime, ends: datetime) -> list[dict[str, Any]]:
    """What chattered within the span, and when."""
    rules = queries_surroundings.rules(connection, ends)
    default = situation.limit_of(dials.of(queries_lifecycle.settings(connection)))
    limits = {name: situation.limit_in(rule) or default for name, rule in rules.items()}
    longest = max(limit.window for limit in (default, *limits.values()))
    since = max(begins, _EARLIEST) - timedelta(microseconds=longest)
    begun = chatter.by_pair(queries_surroundings.beginnings(connection, since, ends))
    return [
        {
            "rule": rule,
            "subject": subject,
            "from": text(first),
            "to": text(last),
            "begun": sum(first - limits.get(rule, default).window < at < last for at in times),
        }
        for (rule, subject), times in sorted(begun.items())
        for first, last in chatter.spans(times, limits.get(rule, default))
        if last > micros(begins)
    ]
