"""Rivers from the source down: level minus alert threshold, trend over three hours, age."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from hypervisor.forecast.trend import Course
from hypervisor.overview.queries_now import Standing
from hypervisor.overview.queries_rivers import Place

ALERT = "alert"
_WIDEST = 6  # gauges side by side


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A gauge on its river. `margin`: level minus alert threshold; `alarm`: the worst at it."""

    site: str
    name: str
    title: str
    course: Course | None
    margin: float | None
    alarm: Standing | None
    silent: bool
    filled: float | None = None  # a basin's share, in %

    @property
    def per_hour(self) -> float | None:
        """Cm an hour."""
        rate = self.course.rate if self.course else None
        return None if rate is None else rate.per_hour * (100 if self.course_unit == "m" else 1)

    @property
    def course_unit(self) -> str:
        return self.course.unit if self.course else ""


@dataclass(frozen=True, kw_only=True)
class Peak:
    """Where the wave that has passed upstream is expected, and about when."""

    at: datetime
    name: str


@dataclass(frozen=True, kw_only=True)
class Water:
    """What rivers are told from, by site; `peaks`: when a wave is expected there."""

    levels: Mapping[str, Course]
    fills: Mapping[str, Course]
    limits: Mapping[str, Mapping[str, float]]
    worst: Mapping[str, Standing]
    silent: frozenset[str]
    peaks: Mapping[str, datetime]


@dataclass(frozen=True, kw_only=True)
class River:
    """A river with its gauges. `movement`: rising, falling, steady, or unknown."""

    name: str
    gauges: tuple[Gauge, ...]
    movement: str
    peak: Peak | None

    @property
    def width(self) -> int:
        return min(_WIDEST, len(self.gauges))


def rivers(places: Iterable[Place], water: Water) -> list[River]:
    """All rivers with gauges, in an order in which they fill rows of six."""
    found = []
    for name, own in groupby(places, key=lambda place: place.river or ""):
        gauges = tuple(_gauge(one, water) for one in own)
        peak = _peak(gauges, water.peaks)
        found.append(River(name=name, gauges=gauges, movement=_movement(gauges), peak=peak))
    return _packed(sorted(found, key=lambda one: (-one.width, one.name)))


def _packed(found: Sequence[River]) -> list[River]:
    """The widest first; each row is filled up with the first that fits what is left of it."""
    waiting, packed = list(found), []
    while waiting:
        room = _WIDEST
        for river in list(waiting):
            if river.width <= room:
                packed.append(river)
                waiting.remove(river)
                room -= river.width
    return packed


def _gauge(place: Place, water: Water) -> Gauge:
    course = water.levels.get(place.name)
    fill = water.fills.get(place.name) if course is None else None
    alert = water.limits.get(place.name, {}).get(ALERT)
    return Gauge(
        site=place.name,
        name=short(place),
        title=place.title,
        course=course or fill,
        margin=None if course is None or alert is None else course.value - alert,
        alarm=water.worst.get(place.name),
        silent=place.name in water.silent,
        filled=None if fill is None else fill.value,
    )


def short(place: Place) -> str:
    """Saint-Chéron, of "L'Orge à Saint-Chéron": beside its river the place is enough."""
    if place.river and place.river.casefold() in place.title.casefold():
        match = re.search(
            rf"{re.escape(place.river)}\s+(?:à|at|,)\s+(.+)$", place.title, re.IGNORECASE
        )
        if match:
            return match[1]
    return place.title


def _movement(gauges: Sequence[Gauge]) -> str:
    rates = [gauge.course.rate for gauge in gauges if gauge.course and gauge.course.rate]
    if not rates:
        return "unknown"
    if any(rate.rises for rate in rates):
        return "rising"
    return "falling" if any(rate.falls for rate in rates) else "steady"


def _peak(gauges: Sequence[Gauge], peaks: Mapping[str, datetime]) -> Peak | None:
    coming = [
        Peak(at=peaks[gauge.site], name=gauge.name) for gauge in gauges if gauge.site in peaks
    ]
    return min(coming, key=lambda peak: peak.at, default=None)


def expected_peaks(
    links: Mapping[tuple[str, str], float],
    courses: Mapping[str, Course],
    readings: Mapping[str, Sequence[tuple[datetime, float]]],
    now: datetime,
) -> dict[str, datetime]:
    """Gauge -> when the wave arrives that has passed the gauge above it and is still on its way."""
    found: dict[str, datetime] = {}
    for (above, below), travel in links.items():
        course, said = courses.get(above), readings.get(above)
        if course is None or not said or course.rate is None or not course.rate.falls:
            continue
        at = max(said, key=lambda one: one[1])[0]
        due = at + timedelta(seconds=travel)
        if at > said[0][0] and due > now:
            found[below] = max(due, found.get(below, due))
    return found
