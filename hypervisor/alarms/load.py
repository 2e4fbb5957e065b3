"""Alarm load after EEMUA 191: rates, floods, standing alarms, priorities, time to acknowledge."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from rules._rule import SEVERITIES

WINDOW = 600_000_000  # ten minutes, µs
FLOOD_BEGINS = 10  # a flood begins above this many alarms per window
FLOOD_ENDS = 5  # and ends below this many
FREQUENT = 10  # alarms listed as most frequent
# The recommended share of each priority, in %.
TARGETS: Mapping[str, float] = {"high": 5, "medium": 15, "low": 80}
_PRIORITY = {"critical": "high", "major": "medium", "minor": "low", "info": "low"}


@dataclass(frozen=True, kw_only=True)
class Raised:
    """An alarm presented to an operator; `at`: when it was noticed, µs."""

    at: int
    rule: str
    subject: str
    title: str
    severity: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Alarms active at the end of the span: all, long-standing, stale."""

    alarms: int
    long: int
    stale: int


@dataclass(frozen=True, kw_only=True)
class Frequent:
    """How often an alarm was raised, and its share of all, in %."""

    rule: str
    subject: str
    title: str
    times: int
    percent: float


@dataclass(frozen=True, kw_only=True)
class Flood:
    """A flood: more alarms than a person can handle. Times in µs."""

    begins: int
    ends: int
    alarms: int


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load of a span (µs). Rates: alarms per ten minutes; shares: %."""

    begins: int
    ends: int
    alarms: int
    average: float
    peak: int
    peak_at: int | None
    over: float  # % of windows with more than FLOOD_BEGINS alarms
    floods: tuple[Flood, ...]
    frequent: tuple[Frequent, ...]
    priorities: Mapping[str, float]


def measure(raised: Sequence[Raised], begins: int, ends: int) -> Load:
    """The load of (begins, ends]."""
    inside = sorted(
        (alarm for alarm in raised if begins < alarm.at <= ends), key=lambda alarm: alarm.at
    )
    counts = _count(inside, begins)
    windows = max(1, -(-(ends - begins) // WINDOW))
    most = max(counts.items(), key=lambda item: (item[1], -item[0]), default=None)
    return Load(
        begins=begins,
        ends=ends,
        alarms=len(inside),
        average=round(len(inside) * WINDOW / max(ends - begins, 1), 3),
        peak=most[1] if most else 0,
        peak_at=begins + most[0] * WINDOW if most else None,
        over=_percent(sum(count > FLOOD_BEGINS for count in counts.values()), windows),
        floods=_floods(counts, begins, ends),
        frequent=_frequent(inside),
        priorities=_priorities(inside),
    )


def count_windows(raised: Sequence[Raised], begins: int, ends: int) -> list[int]:
    """The number of alarms in each window of (begins, ends]."""
    counts = _count([alarm for alarm in raised if begins < alarm.at <= ends], begins)
    return [counts.get(window, 0) for window in range(max(1, -(-(ends - begins) // WINDOW)))]


def _count(raised: Iterable[Raised], begins: int) -> Counter[int]:
    return Counter((alarm.at - begins - 1) // WINDOW for alarm in raised)


def _floods(counts: Mapping[int, int], begins: int, ends: int) -> tuple[Flood, ...]:
    """Each flood lasts from a window above FLOOD_BEGINS to one below FLOOD_ENDS."""
    floods: list[Flood] = []
    first: int | None = None
    alarms = 0
    for window in sorted({*counts, *(window + 1 for window in counts)}):
        count = counts.get(window, 0)
        if first is None and count > FLOOD_BEGINS:
            first, alarms = window, 0
        elif first is not None and count < FLOOD_ENDS:
            until = min(begins + window * WINDOW, ends)
            floods.append(Flood(begins=begins + first * WINDOW, ends=until, alarms=alarms))
            first = None
        if first is not None:
            alarms += count
    return tuple(floods)


def _frequent(raised: Sequence[Raised]) -> tuple[Frequent, ...]:
    titles = {(alarm.rule, alarm.subject): alarm.title for alarm in raised}
    counts = Counter((alarm.rule, alarm.subject) for alarm in raised)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:FREQUENT]
    return tuple(
        Frequent(
            rule=pair[0],
            subject=pair[1],
            title=titles[pair],
            times=times,
            percent=_percent(times, len(raised)),
        )
        for pair, times in ranked
    )


def _priorities(raised: Sequence[Raised]) -> dict[str, float]:
    counts = Counter(_PRIORITY.get(alarm.severity, "low") for alarm in raised)
    return {name: _percent(counts[name], len(raised)) for name in TARGETS}


def _percent(part: int, total: int) -> float:
    return round(100 * part / total, 1) if total else 0.0


@dataclass(frozen=True, kw_only=True)
class AcknowledgeDelay:
    """One alarm: its severity at raising, and the time to acknowledge; None: not acknowledged."""

    severity: str
    after: timedelta | None


@dataclass(frozen=True, kw_only=True)
class ResponseTimes:
    """The alarms of one severity: how many were raised and acknowledged, and how fast."""

    severity: str
    raised: int
    answered: int
    median: timedelta | None
    most: timedelta | None  # the 90th percentile
    longest: timedelta | None


def summarize(answers: Iterable[AcknowledgeDelay]) -> list[ResponseTimes]:
    """By severity, highest first; severities without alarms are left out."""
    by_severity: dict[str, list[AcknowledgeDelay]] = {}
    for answer in answers:
        by_severity.setdefault(answer.severity, []).append(answer)
    return [
        _summarize_severity(severity, by_severity[severity])
        for severity in reversed(SEVERITIES)
        if severity in by_severity
    ]


def _summarize_severity(severity: str, answers: Sequence[AcknowledgeDelay]) -> ResponseTimes:
    seconds = [answer.after.total_seconds() for answer in answers if answer.after is not None]
    median, most, longest = (
        timedelta(seconds=float(np.quantile(seconds, share, method="higher"))) if seconds else None
        for share in (0.5, 0.9, 1.0)
    )
    return ResponseTimes(
        severity=severity,
        raised=len(answers),
        answered=len(seconds),
        median=median,
        most=most,
        longest=longest,
    )
