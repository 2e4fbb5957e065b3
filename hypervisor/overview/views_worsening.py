"""Assets and thresholds that the water will reach, soonest first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.forecast.arrival import FARTHEST, Reach
from hypervisor.forecast.trend import Arrival, Course, arrival
from hypervisor.overview.queries_rivers import Place
from hypervisor.overview.views_rivers import short_name
from hypervisor.web import marks

BEFORE, AFTER = timedelta(hours=12), timedelta(hours=2)
_LIMITS = ("attention", "alert", "danger")  # thresholds of floods, lowest first
_WAITING = timedelta(minutes=30)  # older readings are not a confirmation


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
    places: Mapping[str, Place],
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
    reaches: Iterable[Reach], places: Mapping[str, Place], now: datetime
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
    places: Mapping[str, Place],
    now: datetime,
) -> Iterator[Worsening]:
    for course in courses:
        thresholds, place = limits.get(course.site, {}), places.get(course.site)
        above = [
            (thresholds[name], name) for name in _LIMITS if thresholds.get(name, -1) > course.value
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


def _where(place: Place) -> str:
    """River and place, such as: Yvette, Gif-sur-Yvette."""
    name = short_name(place)
    return f"{place.river}, {name}" if place.river and name != place.title else place.title


def draw_sparkline(
    row: Worsening, readings: Sequence[tuple[datetime, float]]
) -> dict[str, Any] | None:
    """The level of the last 12 h and the next 2 h against the level of the asset."""
    rate = row.course.rate
    ahead = row.now + AFTER
    hours = (ahead - row.course.time).total_seconds() / 3600
    return marks.spark(
        readings,
        begins=row.now - BEFORE,
        now=row.now,
        ends=ahead,
        limit=row.level,
        projected=None if rate is None else row.course.value + rate.per_hour * hours,
    )
