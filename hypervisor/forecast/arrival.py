"""When water reaches what stands in its way: each asset by its gauge, its level and the rate."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from hypervisor.database.connect import Connection
from hypervisor.forecast import queries as store
from hypervisor.forecast.queries import Standing
from hypervisor.forecast.trend import Arrival, Course, arrival, rate_of
from sensors._domain import Catalogue

FARTHEST = timedelta(hours=24)  # beyond, a straight line through three hours tells nothing
State = Literal["reached", "rising", "falling", "steady", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """An asset and the water: `margin` is level minus the asset's, positive: it is in the water.

    `state`: `reached`, or what the gauge does; `unknown`: it has no reading or no rate.
    """

    asset: str
    title: str
    kind: str
    gauge: str
    gauge_title: str
    level: float
    unit: str
    illustrative: bool
    course: Course | None
    margin: float | None
    state: State
    arrival: Arrival | None


def courses(
    connection: Connection,
    catalogue: Catalogue,
    *,
    now: datetime,
    quantity: str = "level",
    sites: Sequence[str] | None = None,
) -> dict[str, Course]:
    """The course of a quantity by site, where one was ever read; of all sites, or of these."""
    known = catalogue.quantities.get(quantity)
    found: dict[str, Course] = {}
    for site, device, readings in store.recent(connection, quantity, now, sites):
        at, value = readings[-1]
        if site in found and found[site].time >= at:
            continue  # of two gauges at one site the one that spoke last
        found[site] = Course(
            site=site,
            device=device,
            quantity=quantity,
            unit=known.unit if known else "",
            time=at,
            value=value,
            rate=rate_of(readings, resolution=known.resolution if known else None),
        )
    return found


def reaches(
    connection: Connection,
    catalogue: Catalogue,
    *,
    now: datetime,
    found: Mapping[str, Course] | None = None,
) -> list[Reach]:
    """Every asset that is tied to a gauge, the soonest in the water first.

    `found`: the courses of all levels, where they are known already.
    """
    standing = store.assets(connection, now)
    if found is None:
        gauges = sorted({one.gauge for one in standing})
        found = courses(connection, catalogue, now=now, sites=gauges)
    return sorted(_reaches(standing, found), key=_urgency)


def _reaches(standing: Iterable[Standing], found: Mapping[str, Course]) -> Iterable[Reach]:
    for one in standing:
        course = found.get(one.gauge)
        margin = None if course is None else course.value - one.level
        yield Reach(
            asset=one.asset,
            title=one.title,
            kind=one.kind,
            gauge=one.gauge,
            gauge_title=one.gauge_title,
            level=one.level,
            unit=one.unit,
            illustrative=one.illustrative,
            course=course,
            margin=margin,
            state=_state(course, margin),
            arrival=None if course is None else arrival(course, one.level, within=FARTHEST),
        )


def _state(course: Course | None, margin: float | None) -> State:
    if course is None or margin is None:
        return "unknown"
    if margin >= 0:
        return "reached"
    if course.rate is None:
        return "unknown"
    if course.rate.rises:
        return "rising"
    return "falling" if course.rate.falls else "steady"


def _urgency(reach: Reach) -> tuple[int, float, float, str]:
    """In the water, then by the time that is left, then by what is missing."""
    left = reach.arrival.at.timestamp() if reach.arrival else 0.0
    rank = 0 if reach.state == "reached" else 1 if reach.arrival else 2
    return (rank, left, -(reach.margin if reach.margin is not None else -1e9), reach.asset)
