"""What worsens: assets, else thresholds, that the water will reach, the soonest first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.forecast.arrival import FARTHEST, Reach
from hypervisor.forecast.trend import Arrival, Course, arrival
from hypervisor.overview.queries_rivers import Place
from hypervisor.overview.views_rivers import short
from hypervisor.web import marks

BEFORE, AFTER = timedelta(hours=12), timedelta(hours=2)
_LIMITS = ("attention", "alert", "danger")  # of the flood domain, from the lowest up
_WAITING = timedelta(minutes=30)  # an older reading confirms nothing


@dataclass(frozen=True, kw_only=True)
class Worsening:
    """Something that water will reach. `threshold`: its name, where it is no asset.

    `left`: the time from now, None where the reading is so old that it has run out meanwhile.
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
        """The soonest, from now."""
        return max(self.arrival.earliest - self.now, timedelta(0))

    @property
    def most(self) -> timedelta | None:
        """The latest, from now; None: it may never be."""
        return None if self.arrival.latest is None else self.arrival.latest - self.now

    @property
    def missing(self) -> float:
        """How much the water has yet to rise."""
        return -self.margin


def worsening(
    reaches: Sequence[Reach],
    courses: Mapping[str, Course],
    limits: Mapping[str, Mapping[str, float]],
    places: Mapping[str, Place],
    now: datetime,
) -> list[Worsening]:
    """Assets that are reached soon; where a gauge rises towards none, its next threshold."""
    assets = list(_assets(reaches, places, now))
    taken = {asset.gauge for asset in assets}
    rest = _thresholds(
        (one for site, one in courses.items() if site not in taken), limits, places, now
    )
    return sorted([*assets, *rest], key=lambda one: (one.arrival.at, one.title))


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
        known, place = limits.get(course.site, {}), places.get(course.site)
        above = [(known[name], name) for name in _LIMITS if known.get(name, -1) > course.value]
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
    """Yvette, Gif-sur-Yvette."""
    name = short(place)
    return f"{place.river}, {name}" if place.river and name != place.title else place.title


def sparkline(one: Worsening, readings: Sequence[tuple[datetime, float]]) -> dict[str, Any] | None:
    """Twelve hours back and two ahead, against the level that it will reach."""
    rate = one.course.rate
    ahead = one.now + AFTER
    hours = (ahead - one.course.time).total_seconds() / 3600
    return marks.spark(
        readings,
        begins=one.now - BEFORE,
        now=one.now,
        ends=ahead,
        limit=one.level,
        projected=None if rate is None else one.course.value + rate.per_hour * hours,
    )
