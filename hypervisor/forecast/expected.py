"""When water reaches a level: by the current forecast, else along the straight line.

`arrival_of` in the database (migration 0062) reckons the same for the dashboards.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from hypervisor.forecast.queries_current import CurrentForecast
from hypervisor.forecast.trend import SURE, Course
from rules._forecast import time_to, value_at
from rules._inputs import Issued, Values

FARTHEST = timedelta(hours=24)  # a line through three hours says nothing beyond
# No flood rises along a straight line: however exact the rate, it may arrive that much sooner or
# later. Our choice, not a forecast's.
_SOONER, _LATER = 0.75, 1.35
_SECOND = 1_000_000
_HOUR = 3600.0
# Why the straight line is shown: nothing was ever fitted; what was fitted is not shown; readings
# that the forecast needs are missing, or too old; its last horizon comes before.
Why = Literal["unfitted", "closed", "missing", "beyond"]
Forecasts = Mapping[tuple[str, str], CurrentForecast]


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """When a level is reached. `latest` None: perhaps never.

    By the forecast `issued` then; None: by the straight line, `why`. `at` None: the forecast's
    median stays below the level up to `until`, its 90 % quantile gets there at `earliest`.
    `inside`: the share of what came in past floods that lay within the forecast's range.
    `issuer`: whose forecast it is; "": ours.
    """

    at: datetime | None
    earliest: datetime
    latest: datetime | None
    until: datetime | None = None
    issued: datetime | None = None
    inside: float | None = None
    why: Why | None = None
    issuer: str = ""

    @property
    def due(self) -> datetime:
        """What is soonest is first."""
        return self.at or self.until or self.earliest


def find_arrivals(
    targets: Sequence[tuple[Course, float]], forecasts: Forecasts
) -> list[Arrival | None]:
    """When each course reaches its level; None: above it, or not within its forecast or a day."""
    own = [forecasts.get((course.site, course.quantity)) for course, _level in targets]
    crossings = _find_crossings(targets, own)
    return [
        _arrival(course, level, forecast, crossings.get(place))
        for place, ((course, level), forecast) in enumerate(zip(targets, own, strict=True))
    ]


def _arrival(
    course: Course, level: float, forecast: CurrentForecast | None, crossing: "_Crossing | None"
) -> Arrival | None:
    if course.value >= level:
        return None
    line = follow_line(course, level)
    if forecast is None or crossing is None:
        return None if line is None else replace(line, why=_explain(forecast))
    if crossing.earliest is not None:
        return _by_forecast(forecast, crossing, crossing.earliest)
    if line is None or line.due <= crossing.until:
        return None
    return replace(line, earliest=max(line.earliest, crossing.until), why="beyond")


def follow_line(course: Course, level: float, *, within: timedelta = FARTHEST) -> Arrival | None:
    """When a rising course reaches a level if its rate holds; None: not within `within`."""
    rate = course.rate
    gap = level - course.value
    if rate is None or not rate.rises or gap <= 0:
        return None
    hours = gap / rate.per_hour
    if hours > within.total_seconds() / _HOUR:
        return None
    earliest = min(gap / (rate.per_hour + SURE * rate.error), _SOONER * hours)
    latest = max(gap / (rate.per_hour - SURE * rate.error), _LATER * hours)
    return Arrival(
        at=course.time + timedelta(hours=hours),
        earliest=course.time + timedelta(hours=earliest),
        latest=course.time + timedelta(hours=latest) if latest < 10 * hours else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Crossing:
    """Of a forecast's quantiles; None: not within it. `until`: its last horizon."""

    earliest: datetime | None
    median: datetime | None
    latest: datetime | None
    until: datetime


def _find_crossings(
    targets: Sequence[tuple[Course, float]], forecasts: Sequence[CurrentForecast | None]
) -> dict[int, _Crossing]:
    """By place, of those with a forecast; at once where horizons are the same."""
    alike: dict[tuple[tuple[int, ...], tuple[float, ...]], list[tuple[int, CurrentForecast]]] = {}
    for place, forecast in enumerate(forecasts):
        if forecast is not None and forecast.issued is not None:
            shape = (tuple(forecast.horizons or ()), tuple(forecast.levels or ()))
            alike.setdefault(shape, []).append((place, forecast))
    crossings: dict[int, _Crossing] = {}
    for (horizons, levels), members in alike.items():
        issued = _make_issued([forecast for _place, forecast in members], horizons, levels)
        limits = np.array([targets[place][1] for place, _forecast in members])
        seconds = np.stack(time_to(issued, limits), axis=1) / _SECOND
        there = np.isfinite(issued.values[:, :, levels.index(0.5)])
        ends = np.where(there, np.array(horizons), 0).max(axis=1)
        for (place, forecast), row, end in zip(members, seconds, ends, strict=True):
            begins = forecast.issued
            if begins is not None and end > 0:
                earliest, median, latest = (_after(begins, each) for each in row.tolist())
                crossings[place] = _Crossing(
                    earliest=earliest,
                    median=median,
                    latest=latest,
                    until=begins + timedelta(seconds=int(end)),
                )
    return crossings


def _make_issued(
    rows: Sequence[CurrentForecast], horizons: Sequence[int], levels: Sequence[float]
) -> Issued:
    """Stored forecasts of the same horizons (s) and levels, as the model issued them."""
    # Four bytes, as stored: the database compares these with a level, not their shortest text.
    quantiles = np.array([row.quantiles for row in rows], dtype=np.float32)
    values: Values = quantiles.astype(np.float64)
    return Issued(
        times=np.zeros(len(rows), dtype=np.int64),
        horizons=tuple(horizon * _SECOND for horizon in horizons),
        levels=tuple(levels),
        current=np.array([row.value for row in rows], dtype=np.float64),
        values=values.reshape(len(rows), len(horizons), len(levels)),
        tier=np.zeros(len(rows), dtype=np.int8),
    )


def median_at(forecast: CurrentForecast, at: datetime) -> float | None:
    """The median then; None: beyond the last horizon, or no forecast is current."""
    if forecast.issued is None or not forecast.horizons or not forecast.levels:
        return None
    issued = _make_issued([forecast], forecast.horizons, forecast.levels)
    value = value_at(issued, round((at - forecast.issued).total_seconds() * _SECOND))[0]
    return float(value) if np.isfinite(value) else None


def _after(begins: datetime, seconds: float) -> datetime | None:
    return begins + timedelta(seconds=seconds) if math.isfinite(seconds) else None


def _by_forecast(forecast: CurrentForecast, crossing: _Crossing, earliest: datetime) -> Arrival:
    ahead = (crossing.median or earliest) - (forecast.issued or earliest)
    return Arrival(
        at=crossing.median,
        earliest=earliest,
        latest=crossing.latest,
        until=None if crossing.median else crossing.until,
        issued=forecast.issued,
        inside=_coverage_at(forecast.coverage, ahead.total_seconds()),
    )


def _coverage_at(coverage: Mapping[str, float], ahead: float) -> float | None:
    """Of the first horizon at or after `ahead` (s); beyond the last, of the last."""
    horizons = sorted((int(horizon), share) for horizon, share in coverage.items())
    later = (share for horizon, share in horizons if horizon >= ahead)
    return next(later, horizons[-1][1] if horizons else None)


def _explain(forecast: CurrentForecast | None) -> Why:
    if forecast is None:
        return "unfitted"
    return "missing" if forecast.open else "closed"
