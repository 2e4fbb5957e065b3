"""The forecast section of a hand-over: rivers, and assets that water reaches."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hypervisor.base.instants import micros, text
from hypervisor.database.connect import Connection
from hypervisor.forecast import queries as forecast_queries
from hypervisor.forecast.arrival import Reach, list_courses, list_reaches
from hypervisor.forecast.trend import Course
from hypervisor.readings import queries_latest
from hypervisor.readings.queries_latest import SiteRow
from sensors._domain import Catalogue

HORIZONS = (3, 6, 12)  # h
_LIMIT = "alert"


def read_forecast(connection: Connection, catalogue: Catalogue, *, now: datetime) -> dict[str, Any]:
    """`rivers` with their gauges from the source down, and `reached` and `expected` assets.

    `now`: the instance's clock.
    """
    limits = forecast_queries.limits(connection, _LIMIT, now)
    levels = list_courses(connection, catalogue, now=now)
    water = list_reaches(connection, catalogue, now=now, courses_by_gauge=levels)
    return {
        "rivers": list_rivers(queries_latest.list_sites(connection), levels, limits),
        "reached": [_describe_reached(reach) for reach in water if reach.state == "reached"],
        "expected": [
            _describe_expected(reach, now) for reach in water if _arrives_soon(reach, now)
        ],
    }


def list_rivers(
    sites: Iterable[SiteRow], levels: Mapping[str, Course], limits: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Gauges by river, in the order of sites; sites without a level are left out."""
    gauges = [site_row for site_row in sites if site_row.river and site_row.name in levels]
    by_river = sorted(gauges, key=lambda site: str(site.river))
    return [
        {
            "river": river,
            "gauges": [_describe_gauge(site, levels[site.name], limits) for site in group],
        }
        for river, group in groupby(by_river, key=lambda site: site.river)
    ]


def _describe_gauge(site: SiteRow, course: Course, limits: Mapping[str, float]) -> dict[str, Any]:
    limit = limits.get(site.name)
    return {
        "site": site.name,
        "title": site.title,
        "value": course.value,
        "unit": course.unit,
        "time": text(micros(course.time)),
        "per_hour": None if course.rate is None else course.rate.per_hour,
        "margin": None if limit is None else course.value - limit,
    }


def _arrives_soon(reach: Reach, now: datetime) -> bool:
    return reach.arrival is not None and reach.arrival.at <= now + timedelta(hours=HORIZONS[-1])


def _describe_reached(reach: Reach) -> dict[str, Any]:
    return {
        "asset": reach.title,
        "gauge": reach.gauge_title,
        "margin": reach.margin,
        "unit": reach.unit,
    }


def _describe_expected(reach: Reach, now: datetime) -> dict[str, Any]:
    if reach.arrival is None:
        raise AssertionError("an expected reach has an arrival")
    ahead = (reach.arrival.at - now).total_seconds() / 3600
    return {
        **_describe_reached(reach),
        "within": next(hours for hours in HORIZONS if ahead <= hours),
        "at": text(micros(reach.arrival.at)),
        "earliest": text(micros(reach.arrival.earliest)),
        "latest": None if reach.arrival.latest is None else text(micros(reach.arrival.latest)),
    }
