"""Rivers with their gauges from the source down: margin to the alert threshold, trend, peak."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from hypervisor.forecast.trend import Course
from hypervisor.overview.queries_now import OpenAlarm
from hypervisor.overview.queries_rivers import Place

ALERT = "alert"
_WIDEST = 6  # gauges side by side


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A gauge on its river. `margin`: level minus alert threshold; `alarm`: the worst active."""

    site: str
    name: str
    title: str
    course: Course | None
    margin: float | None
    alarm: OpenAlarm | None
    silent: bool
    filled: float | None = None  # of a basin, in %

    @property
    def per_hour(self) -> float | None:
        """cm/h for levels, else its unit per hour."""
        rate = self.course.rate if self.course else None
        return None if rate is None else rate.per_hour * (100 if self.course_unit == "m" else 1)

    @property
    def course_unit(self) -> str:
        return self.course.unit if self.course else ""


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The next gauge that the flood peak reaches, and when."""

    at: datetime
    name: str


@dataclass(frozen=True, kw_only=True)
class RiverData:
    """Input for rivers, by site; `peaks`: expected arrival of the flood peak."""

    levels: Mapping[str, Course]
    fills: Mapping[str, Course]
    limits: Mapping[str, Mapping[str, float]]
    worst: Mapping[str, OpenAlarm]
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


def build_rivers(places: Iterable[Place], water: RiverData) -> list[River]:
    """All rivers with gauges, ordered to fill rows of six."""
    all_rivers = []
    for name, own in groupby(places, key=lambda place: place.river or ""):
        gauges = tuple(_gauge(place, water) for place in own)
        peak = _peak(gauges, water.peaks)
        all_rivers.append(River(name=name, gauges=gauges, movement=_movement(gauges), peak=peak))
    return _pack_rows(sorted(all_rivers, key=lambda river: (-river.width, river.name)))


def _pack_rows(by_width: Sequence[River]) -> list[River]:
    """Widest first; each row is completed with the first river that still fits."""
    waiting, packed = list(by_width), []
    while waiting:
        room = _WIDEST
        for river in list(waiting):
            if river.width <= room:
                packed.append(river)
                waiting.remove(river)
                room -= river.width
    return packed


def _gauge(place: Place, water: RiverData) -> Gauge:
    course = water.levels.get(place.name)
    fill = water.fills.get(place.name) if course is None else None
    alert = water.limits.get(place.name, {}).get(ALERT)
    return Gauge(
        site=place.name,
        name=short_name(place),
        title=place.title,
        course=course or fill,
        margin=None if course is None or alert is None else course.value - alert,
        alarm=water.worst.get(place.name),
        silent=place.name in water.silent,
        filled=None if fill is None else fill.value,
    )


def short_name(place: Place) -> str:
    """Its title without the river: "L'Orge à Saint-Chéron" -> Saint-Chéron."""
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


def predict_peaks(
    links: Mapping[tuple[str, str], float],
    courses: Mapping[str, Course],
    readings: Mapping[str, Sequence[tuple[datetime, float]]],
    now: datetime,
) -> dict[str, datetime]:
    """Gauge -> arrival of a flood peak that has passed the gauge upstream of it."""
    arrivals: dict[str, datetime] = {}
    for (above, below), travel in links.items():
        course, values = courses.get(above), readings.get(above)
        if course is None or not values or course.rate is None or not course.rate.falls:
            continue
        at = max(values, key=lambda reading: reading[1])[0]
        due = at + timedelta(seconds=travel)
        if at > values[0][0] and due > now:
            arrivals[below] = max(due, arrivals.get(below, due))
    return arrivals
