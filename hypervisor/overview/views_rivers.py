"""Rivers with their gauges, and the assets and thresholds that the water will reach."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hypervisor.forecast.arrival import FARTHEST, Reach
from hypervisor.forecast.trend import Arrival, Course, arrival
from hypervisor.overview.queries import OpenAlarm
from hypervisor.registry.model import Site
from hypervisor.web import marks

LIMITS = {  # thresholds of floods, lowest first; a gauge without level is judged by its discharge
    "level": ("attention", "alert", "danger"),
    "discharge": ("flow_attention", "flow_alert", "flow_danger"),
}
_BEFORE, _AFTER = timedelta(hours=12), timedelta(hours=2)
_WAITING = timedelta(minutes=30)  # older readings are not a confirmation
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
        if self.course is None or self.course.rate is None:
            return None
        return self.course.rate.per_hour * (100 if self.course.unit == "m" else 1)


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The next gauge that the flood peak reaches, and when."""

    at: datetime
    name: str


@dataclass(frozen=True, kw_only=True)
class RiverData:
    """Input for rivers, by site; `courses`: of the level, else of the discharge.

    `peaks`: expected arrival of the flood peak.
    """

    courses: Mapping[str, Course]
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


def build_rivers(places: Iterable[Site], water: RiverData) -> list[River]:
    """All rivers with gauges, ordered to fill rows of six."""
    all_rivers = []
    for name, own in groupby(places, key=lambda place: place.river or ""):
        gauges = tuple(_gauge(place, water) for place in own)
        peak = _peak(gauges, water.peaks)
        all_rivers.append(River(name=name, gauges=gauges, movement=_movement(gauges), peak=peak))
    return _pack_rows(sorted(all_rivers, key=lambda river: (-river.width, river.name)))


def _pack_rows(rivers: Iterable[River]) -> list[River]:
    """In rows of six gauges; each row is completed with the first river that still fits."""
    waiting, packed = list(rivers), list[River]()
    while waiting:
        row, waiting = fill_row(waiting)
        packed += row
    return packed


def fill_row(rivers: Sequence[River]) -> tuple[list[River], list[River]]:
    """(the first rivers that fit side by side, the others)."""
    row, others, room = list[River](), list[River](), _WIDEST
    for river in rivers:
        fits = river.width <= room
        (row if fits else others).append(river)
        room -= river.width if fits else 0
    return row, others


def _gauge(place: Site, water: RiverData) -> Gauge:
    course = water.courses.get(place.name)
    fill = water.fills.get(place.name) if course is None else None
    alert = water.limits.get(place.name, {}).get("alert")
    leveled = course is not None and course.quantity == "level"
    return Gauge(
        site=place.name,
        name=short_name(place),
        title=place.title,
        course=course or fill,
        margin=course.value - alert if course and leveled and alert is not None else None,
        alarm=water.worst.get(place.name),
        silent=place.name in water.silent,
        filled=None if fill is None else fill.value,
    )


def short_name(place: Site) -> str:
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
    coming = (Peak(at=peaks[each.site], name=each.name) for each in gauges if each.site in peaks)
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


@dataclass(frozen=True, kw_only=True)
class Worsening:
    """An asset or threshold that the water will reach. `threshold`: its name, None for an asset.

    `left`: time from now; None if the predicted arrival has passed.
    """

    title: str
    threshold: str | None
    gauge: str
    gauge_title: str
    place: str
    level: float
    unit: str
    course: Course
    margin: float
    arrival: Arrival
    now: datetime

    @property
    def unconfirmed(self) -> bool:
        return self.now - self.course.time > _WAITING

    @property
    def left(self) -> timedelta | None:
        left = self.arrival.at - self.now
        return left if left > timedelta(0) else None

    @property
    def least(self) -> timedelta:
        """Earliest arrival, from now."""
        return max(self.arrival.earliest - self.now, timedelta(0))

    @property
    def most(self) -> timedelta | None:
        """Latest arrival, from now; None: perhaps never."""
        return None if self.arrival.latest is None else self.arrival.latest - self.now

    @property
    def missing(self) -> float:
        """How far the water has to rise."""
        return -self.margin


def find_worsening(
    reaches: Sequence[Reach],
    courses: Mapping[str, Course],
    limits: Mapping[str, Mapping[str, float]],
    places: Mapping[str, Site],
    now: datetime,
) -> list[Worsening]:
    """Assets that are reached soon; for gauges without one, the next threshold."""
    assets = list(_assets(reaches, places, now))
    taken = {asset.gauge for asset in assets}
    rest = _thresholds(
        (course for site, course in courses.items() if site not in taken), limits, places, now
    )
    return sorted([*assets, *rest], key=lambda row: (row.arrival.at, row.title))


def _assets(
    reaches: Iterable[Reach], places: Mapping[str, Site], now: datetime
) -> Iterator[Worsening]:
    for reach in reaches:
        if reach.arrival is None or reach.course is None or reach.margin is None:
            continue
        place = places.get(reach.gauge)
        yield Worsening(
            title=reach.title,
            threshold=None,
            gauge=reach.gauge,
            gauge_title=reach.gauge_title,
            place=_where(place) if place else reach.gauge_title,
            level=reach.level,
            unit=reach.unit,
            course=reach.course,
            margin=reach.margin,
            arrival=reach.arrival,
            now=now,
        )


def _thresholds(
    courses: Iterable[Course],
    limits: Mapping[str, Mapping[str, float]],
    places: Mapping[str, Site],
    now: datetime,
) -> Iterator[Worsening]:
    for course in courses:
        thresholds, place = limits.get(course.site, {}), places.get(course.site)
        above = [
            (thresholds[name], name)
            for name in LIMITS.get(course.quantity, ())
            if thresholds.get(name, -1) > course.value
        ]
        if not above or place is None:
            continue
        level, name = min(above)
        met = arrival(course, level, within=FARTHEST)
        if met is not None:
            yield Worsening(
                title=place.title,
                threshold=name,
                gauge=course.site,
                gauge_title=place.title,
                place=_where(place),
                level=level,
                unit=course.unit,
                course=course,
                margin=course.value - level,
                arrival=met,
                now=now,
            )


def _where(place: Site) -> str:
    """River and place, such as: Yvette, Gif-sur-Yvette."""
    name = short_name(place)
    return f"{place.river}, {name}" if place.river and name != place.title else place.title


def draw_sparkline(
    row: Worsening, readings: Sequence[tuple[datetime, float]]
) -> dict[str, Any] | None:
    """The level of the last 12 h and the next 2 h against the level of the asset."""
    rate = row.course.rate
    begins, ahead = row.now - _BEFORE, row.now + _AFTER
    hours = (ahead - row.course.time).total_seconds() / 3600
    return marks.spark(
        [(at, value) for at, value in readings if at >= begins],
        begins=begins,
        now=row.now,
        ends=ahead,
        limit=row.level,
        projected=None if rate is None else row.course.value + rate.per_hour * hours,
    )
