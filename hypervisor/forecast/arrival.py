"""When water reaches assets: by their gauges' forecasts, or by level and rate of rise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hypervisor.database.connect import Connection
from hypervisor.forecast import queries as store
from hypervisor.forecast.expected import Arrival, Forecasts, find_arrivals
from hypervisor.forecast.queries import Standing
from hypervisor.forecast.queries_current import list_current
from hypervisor.forecast.trend import Course, rate_of
from sensors._domain import Catalogue

State = Literal["reached", "rising", "falling", "steady", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Reach(Standing):
    """An asset and the water: `margin` is the gauge's value minus the asset's level.

    `state`: `reached`, or what the gauge does; `unknown`: it has no reading or no rate.
    """

    course: Course | None
    margin: float | None
    state: State
    arrival: Arrival | None


def list_courses(
    connection: Connection,
    catalogue: Catalogue,
    *,
    now: datetime,
    quantity: str = "level",
    sites: Sequence[str] | None = None,
) -> dict[str, Course]:
    """The course of a quantity by site, for those with readings; of all sites, or of these."""
    known_quantity = catalogue.quantities.get(quantity)
    by_site: dict[str, Course] = {}
    for site, device, readings in store.recent(connection, quantity, now, sites):
        at, value = readings[-1]
        if site in by_site and by_site[site].time >= at:
            continue  # of two gauges at one site, the one with the newest reading
        by_site[site] = Course(
            site=site,
            device=device,
            quantity=quantity,
            unit=known_quantity.unit if known_quantity else "",
            time=at,
            value=value,
            rate=rate_of(
                readings, resolution=known_quantity.resolution if known_quantity else None
            ),
        )
    return by_site


def list_reaches(
    connection: Connection,
    catalogue: Catalogue,
    *,
    now: datetime,
    courses_by_gauge: Mapping[str, Course] | None = None,
    forecasts: Forecasts | None = None,
) -> list[Reach]:
    """Every asset that is tied to a gauge, the soonest in the water first.

    `courses_by_gauge`: the courses of all levels, `forecasts`: all that are current, if the caller
    has them.
    """
    standing = store.assets(connection, now)
    gauges = sorted({asset.gauge for asset in standing})
    if courses_by_gauge is None:
        courses_by_gauge = list_courses(connection, catalogue, now=now, sites=gauges)
    if forecasts is None:
        forecasts = list_current(connection, now, gauges) if gauges else {}
    return sorted(_reaches(standing, courses_by_gauge, forecasts), key=_urgency)


def _reaches(
    standing: Sequence[Standing], courses_by_gauge: Mapping[str, Course], forecasts: Forecasts
) -> Iterable[Reach]:
    measured = [
        (asset, course)
        for asset in standing
        if (course := courses_by_gauge.get(asset.gauge)) is not None
    ]
    arrivals = find_arrivals([(course, asset.level) for asset, course in measured], forecasts)
    by_asset = {
        asset.asset: arrival for (asset, _course), arrival in zip(measured, arrivals, strict=True)
    }
    for asset in standing:
        course = courses_by_gauge.get(asset.gauge)
        margin = None if course is None else course.value - asset.level
        yield Reach(
            **vars(asset),
            course=course,
            margin=margin,
            state=_state(course, margin),
            arrival=by_asset.get(asset.asset),
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
    left = reach.arrival.due.timestamp() if reach.arrival else 0.0
    rank = 0 if reach.state == "reached" else 1 if reach.arrival else 2
    return (rank, left, -(reach.margin if reach.margin is not None else -1e9), reach.asset)
