"""Rivers with their gauges, and the assets and thresholds that the water will reach."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.calm import LIMITS
from hypervisor.forecast.expected import Arrival, Forecasts, find_arrivals, median_at
from hypervisor.forecast.queries_current import CurrentForecast
from hypervisor.forecast.queries_experts import StandingExpert
from hypervisor.forecast.service_experts import find_arrivals as find_expert_arrivals
from hypervisor.forecast.trend import Course
from hypervisor.overview.queries import OpenAlarm
from hypervisor.registry.model import Site
from hypervisor.web import marks

_BEFORE, _AFTER = timedelta(hours=12), timedelta(hours=2)
_WAITING = timedelta(minutes=30)  # older readings are not a confirmation
_WIDEST = 6  # gauges side by side
Experts = Mapping[tuple[str, str], Sequence[StandingExpert]]  # by site and quantity


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
        return None if self.course is None else _per_hour(self.course)


def _per_hour(course: Course) -> float | None:
    if course.rate is None:
        return None
    return course.rate.per_hour * (100 if course.unit == "m" else 1)


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
    """A river with its gauges. `movement`: rising, falling, steady, partial, or unknown."""

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
    """Rising where a gauge rises; else each of them must have a trend, and report."""
    rates = [gauge.course.rate for gauge in gauges if gauge.course and gauge.course.rate]
    if any(rate.rises for rate in rates):
        return "rising"
    if not rates:
        return "unknown"
    if len(rates) < len(gauges) or any(gauge.silent for gauge in gauges):
        return "partial"
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

    `forecast`: of the gauge, if fitting one was tried. `arrival`: by others' forecasts where ours
    does not get there; `others`: by them beside ours.
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
    forecast: CurrentForecast | None
    now: datetime
    others: Sequence[Arrival] = ()

    @property
    def unconfirmed(self) -> bool:
        return self.now - self.course.time > _WAITING

    @property
    def per_hour(self) -> float | None:
        """cm/h for levels, else its unit per hour."""
        return _per_hour(self.course)

    @property
    def missing(self) -> float:
        """How far the water has to rise."""
        return -self.margin


@dataclass(frozen=True, kw_only=True)
class Water:
    """Input for what gets worse, by site; `courses`: of the level, else of the discharge."""

    courses: Mapping[str, Course]
    limits: Mapping[str, Mapping[str, float]]
    places: Mapping[str, Site]
    forecasts: Forecasts
    now: datetime
    experts: Experts = field(default_factory=dict)

    def choose(
        self, course: Course, level: float, own: Arrival | None
    ) -> tuple[Arrival | None, Sequence[Arrival]]:
        """When a course reaches a level: by us, else by others; by others beside ours."""
        standing = self.experts.get((course.site, course.quantity), ())
        others = find_expert_arrivals(standing, level, self.now)
        if own is None and others:
            return others[0], others[1:]
        return own, others


def find_worsening(reaches: Sequence[Reach], water: Water) -> list[Worsening]:
    """Assets that are reached soon; for gauges without one, the next threshold. Soonest first."""
    assets = list(_assets(reaches, water))
    rest = _thresholds(water, {asset.gauge for asset in assets})
    return sorted([*assets, *rest], key=lambda row: (row.arrival.due, row.title))


def _assets(reaches: Iterable[Reach], water: Water) -> Iterator[Worsening]:
    for reach in reaches:
        if reach.course is None or reach.margin is None or reach.state == "reached":
            continue
        arrival, others = water.choose(reach.course, reach.level, reach.arrival)
        if arrival is None:
            continue
        place = water.places.get(reach.gauge)
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
            arrival=arrival,
            forecast=water.forecasts.get((reach.gauge, reach.course.quantity)),
            now=water.now,
            others=others,
        )


def _thresholds(water: Water, taken: AbstractSet[str]) -> Iterator[Worsening]:
    next_limits = [
        (course, *min(above))
        for site, course in water.courses.items()
        if site in water.places and site not in taken and (above := _limits_above(course, water))
    ]
    arrivals = find_arrivals(
        [(course, level) for course, level, _name in next_limits], water.forecasts
    )
    for (course, level, name), own in zip(next_limits, arrivals, strict=True):
        arrival, others = water.choose(course, level, own)
        if arrival is not None:
            place = water.places[course.site]
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
                arrival=arrival,
                forecast=water.forecasts.get((course.site, course.quantity)),
                now=water.now,
                others=others,
            )


def _limits_above(course: Course, water: Water) -> list[tuple[float, str]]:
    own = water.limits.get(course.site, {})
    names = LIMITS.get(course.quantity, ())
    return [(own[name], name) for name in names if own.get(name, -1) > course.value]


def _where(place: Site) -> str:
    """River and place, such as: Yvette, Gif-sur-Yvette."""
    name = short_name(place)
    return f"{place.river}, {name}" if place.river and name != place.title else place.title


def draw_sparkline(
    row: Worsening, readings: Sequence[tuple[datetime, float]]
) -> dict[str, Any] | None:
    """The level of the last 12 h and the next 2 h against the level of the asset."""
    begins, ahead = row.now - _BEFORE, row.now + _AFTER
    return marks.spark(
        [(at, value) for at, value in readings if at >= begins],
        begins=begins,
        now=row.now,
        ends=ahead,
        limit=row.level,
        projected=_project(row, ahead),
    )


def _project(row: Worsening, at: datetime) -> float | None:
    """The value then, by whatever the arrival is from."""
    if row.forecast is not None and row.arrival.issued is not None:
        return median_at(row.forecast, at)
    rate = row.course.rate
    hours = (at - row.course.time).total_seconds() / 3600
    return None if rate is None else row.course.value + rate.per_hour * hours
