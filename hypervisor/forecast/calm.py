"""Whether no asset and no threshold is threatened by water, from every gauge that has one."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.base.freshness import Assessment, Input, Lack, assess
from hypervisor.forecast.arrival import Reach
from hypervisor.forecast.expected import Forecasts
from hypervisor.forecast.trend import Course
from hypervisor.readings.calm import UNLIMITED
from hypervisor.readings.queries_silence import ExpectedSeries

LIMITS = {  # thresholds of floods, lowest first; a gauge without level is judged by its discharge
    "level": ("attention", "alert", "danger"),
    "discharge": ("flow_attention", "flow_alert", "flow_danger"),
}


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """What is known of the water, by site; `resting`: devices out of service."""

    courses: Mapping[str, Course]
    limits: Mapping[str, Mapping[str, float]]
    titles: Mapping[str, str]
    forecasts: Forecasts
    reaches: Sequence[Reach]
    worsening: Collection[str]
    beyond: Sequence[str]
    expected: Sequence[ExpectedSeries]
    resting: AbstractSet[str]


def assess_water(evaluation: Sequence[Input], water: Gauges, now: datetime) -> Assessment:
    """Whether no asset and no threshold is threatened. Each gauge that has one is an input."""
    flooded = {reach.gauge for reach in water.reaches if reach.state == "reached"}
    gauges = {reach.gauge: reach.gauge_title for reach in water.reaches}
    gauges |= {name: title for name, title in water.titles.items() if water.limits.get(name)}
    inputs = [
        _make_gauge_input(site, title, water, worse=site in flooded or site in water.worsening)
        for site, title in sorted(gauges.items())
    ]
    elsewhere = [
        Input(name=title, worse=None, time=None, until=None, lack=Lack.BEYOND)
        for title in water.beyond
    ]
    watched = [*inputs, *elsewhere]
    return assess([*evaluation, *watched] if watched else [], now)


def _make_gauge_input(site: str, title: str, water: Gauges, *, worse: bool) -> Input:
    """A gauge: worse where its water is above its lowest threshold, reaches one or an asset."""
    course = water.courses.get(site)
    if course is None:
        return Input(name=title, worse=worse or None, time=None, until=None)
    own = [
        each
        for each in water.expected
        if (each.site, each.quantity) == (site, course.quantity) and each.device == course.device
    ]
    stale_s = min((each.stale_s for each in own if each.stale_s), default=0.0)
    own_limits = water.limits.get(site, {})
    names = LIMITS.get(course.quantity, ())
    above = any(course.value >= own_limits[name] for name in names if name in own_limits)
    return Input(
        name=title,
        worse=worse or above,
        time=course.time,
        until=course.time + (timedelta(seconds=stale_s) if stale_s else UNLIMITED),
        lack=next(_list_lacks(course, own, water), None),
    )


def _list_lacks(course: Course, own: Iterable[ExpectedSeries], water: Gauges) -> Iterator[Lack]:
    if course.device in water.resting:
        yield Lack.RESTING
    if any(each.suspect or each.saturated for each in own):
        yield Lack.SUSPECT
    forecast = water.forecasts.get((course.site, course.quantity))
    if course.rate is None and (forecast is None or forecast.issued is None):
        yield Lack.TREND
