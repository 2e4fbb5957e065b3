"""A lighting plan: when lamps burn and how brightly, from the sun, a curfew and the calendar."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from astral import Observer
from astral.sun import sunrise, sunset
from numpy.typing import NDArray

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVERY_DAY = frozenset(range(7))
_EVERY_MONTH = frozenset(range(1, 13))


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A part of the night with another level, in local time; a level of 0 is a curfew.

    `weekdays` (Monday 0) and `months` are those of the evening on which the night begins.
    """

    begins: time
    ends: time
    level: float  # %
    weekdays: frozenset[int] = _EVERY_DAY
    months: frozenset[int] = _EVERY_MONTH


@dataclass(frozen=True, kw_only=True)
class LightingPlan:
    """Lamps burn from `on_after` sunset to `off_after` sunrise (either may be negative).

    In the months of `no_relighting` a night's first curfew lasts until the next evening.
    """

    on_after: timedelta = timedelta()
    off_after: timedelta = timedelta()
    spells: tuple[Spell, ...] = ()
    no_relighting: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A step function: `level[i]` (%) holds from `at[i]` (µs since the epoch, ascending)."""

    at: NDArray[np.int64]
    level: NDArray[np.float64]

    def of(self, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """The level at each time; 0 before the first."""
        return np.append(0.0, self.level)[np.searchsorted(self.at, times, side="right")]


def levels(
    plan: LightingPlan, lon: float, lat: float, span: tuple[int, int], zone: str = "Europe/Paris"
) -> Levels:
    """The planned level at a place between two times (µs), from the night that the first lies in.

    Sunrise and sunset are those of the horizon at sea level (astral; NOAA's equations).
    """
    first, last = (moment_of(edge).astimezone(ZoneInfo(zone)).date() for edge in span)
    steps: list[tuple[int, float]] = []
    day = first - _DAY
    while day <= last:
        for at, level in _night(plan, lon, lat, day, ZoneInfo(zone)):
            if not steps or steps[-1][1] != level:
                steps.append((micros_of(at), level))
        day += _DAY
    return Levels(
        at=np.array([at for at, _ in steps], dtype=np.int64),
        level=np.array([level for _, level in steps], dtype=np.float64),
    )


def night(lon: float, lat: float, day: date) -> tuple[datetime, datetime]:
    """Sunset of a day and the sunrise that ends its night, UTC; equal where there is none."""
    lon, lat = round(lon, 2), round(lat, 2)
    try:
        return _sunset(lon, lat, day), _sunrise(lon, lat, day + _DAY)
    except ValueError:  # near a pole, where a lamp may be entered; no night also in winter
        midnight = datetime.combine(day + _DAY, time(), UTC)
        return midnight, midnight


@functools.lru_cache(maxsize=65_536)
def _sunset(lon: float, lat: float, day: date) -> datetime:
    return sunset(Observer(lat, lon), date=day, tzinfo=UTC)


@functools.lru_cache(maxsize=65_536)
def _sunrise(lon: float, lat: float, day: date) -> datetime:
    return sunrise(Observer(lat, lon), date=day, tzinfo=UTC)


def _night(
    plan: LightingPlan, lon: float, lat: float, day: date, zone: ZoneInfo
) -> Iterator[tuple[datetime, float]]:
    """The steps of the night that begins on `day`, the last one to darkness."""
    dusk, dawn = night(lon, lat, day)
    on, off = dusk + plan.on_after, dawn + plan.off_after
    if on >= off:
        return
    spells = [
        (_local(spell.begins, day, zone), _local(spell.ends, day, zone), spell.level)
        for spell in plan.spells
        if day.weekday() in spell.weekdays and day.month in spell.months
    ]
    cuts = sorted({on, *(edge for *edges, _ in spells for edge in edges if on < edge < off)})
    for cut in cuts:
        level = min((to for begins, ends, to in spells if begins <= cut < ends), default=100.0)
        if level == 0.0 and day.month in plan.no_relighting:
            yield cut, 0.0
            return
        yield cut, level
    yield off, 0.0


def _local(at: time, day: date, zone: ZoneInfo) -> datetime:
    """That time in the night that begins on `day`: before noon it is the next day's."""
    date_of = day if at.hour >= 12 else day + _DAY
    return datetime.combine(date_of, at, zone).astimezone(UTC)


def moment_of(micros: int) -> datetime:
    """The datetime in UTC of µs since the epoch."""
    return _EPOCH + timedelta(microseconds=micros)


def micros_of(moment: datetime) -> int:
    """µs since the epoch of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def plan_from_json(value: Mapping[str, Any]) -> LightingPlan:
    """A plan as its revision stores it."""
    return LightingPlan(
        on_after=timedelta(seconds=value.get("on_after_s", 0)),
        off_after=timedelta(seconds=value.get("off_after_s", 0)),
        spells=tuple(
            Spell(
                begins=time.fromisoformat(spell["begins"]),
                ends=time.fromisoformat(spell["ends"]),
                level=float(spell["level"]),
                weekdays=frozenset(spell.get("weekdays", _EVERY_DAY)),
                months=frozenset(spell.get("months", _EVERY_MONTH)),
            )
            for spell in value.get("spells", ())
        ),
        no_relighting=frozenset(value.get("no_relighting", ())),
    )


def plan_to_json(plan: LightingPlan) -> dict[str, Any]:
    """What a revision stores: plain values that `plan_from_json` reads again."""
    return {
        "on_after_s": plan.on_after.total_seconds(),
        "off_after_s": plan.off_after.total_seconds(),
        "spells": [
            {
                "begins": spell.begins.isoformat("minutes"),
                "ends": spell.ends.isoformat("minutes"),
                "level": spell.level,
                "weekdays": sorted(spell.weekdays),
                "months": sorted(spell.months),
            }
            for spell in plan.spells
        ],
        "no_relighting": sorted(plan.no_relighting),
    }
