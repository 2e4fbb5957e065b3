"""The hand-over page: all that the next shift must know, as plain values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_lifecycle, service_list
from hypervisor.alarms.queries import Selection
from hypervisor.base.freshness import Assessment, assess
from hypervisor.base.instants import micros, text
from hypervisor.database.connect import Connection
from hypervisor.forecast import queries as forecast_queries
from hypervisor.forecast.arrival import Reach, list_courses, list_reaches
from hypervisor.forecast.calm import LIMITS, Gauges, assess_water
from hypervisor.forecast.expected import Arrival
from hypervisor.forecast.queries_current import list_current
from hypervisor.forecast.trend import Course
from hypervisor.logbook import queries, queries_handovers
from hypervisor.logbook.model import EntryKind, LogEntry
from hypervisor.logbook.queries import LogFilter
from hypervisor.readings import queries_latest, queries_silence
from hypervisor.readings.calm import read_evaluation
from hypervisor.registry import queries_works
from rules._rule import SEVERITIES

HORIZONS = (3, 6, 12)  # h
_LIMIT = "alert"
_MOST = 500
_SOON = timedelta(days=1)
_BY_HAND = ("shelved", "out-of-service")
_NOTED_KINDS = frozenset({EntryKind.NOTE, EntryKind.DECISION, EntryKind.CALL, EntryKind.CORRECTION})
_OPEN_SECTIONS: Mapping[EntryKind, str] = {
    EntryKind.PROMISE: "promises",
    EntryKind.TASK: "tasks",
    EntryKind.CLOSURE: "closures",
    EntryKind.EXPECTATION: "expectations",
    EntryKind.BULLETIN: "bulletins",
}


def build_page(
    connection: Connection,
    *,
    since: datetime,
    wall: datetime,
    outlook: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The page. `since`: the previous hand-over (wall clock); `outlook`: the forecast section."""
    clock = queries_lifecycle.read_clock(connection, wall) or wall
    active = _read_alarms(connection, Selection(active=True), wall)
    over = _read_alarms(connection, Selection(state="returned"), wall)
    annunciated = [alarm for alarm in active if not alarm["suppressed"]]
    acknowledged = [alarm for alarm in annunciated if alarm["state"] != "unacknowledged"]
    open_entries = queries.list_entries(connection, LogFilter(open=True, limit=_MOST))
    entries = queries.list_entries(
        connection, LogFilter(since=since, kinds=_NOTED_KINDS, limit=_MOST)
    )
    out_of_service = queries_handovers.list_out_of_service(connection, clock)
    edits = queries_handovers.list_edits(connection, since)
    return {
        "since": text(micros(since)),
        "at": text(micros(clock)),
        "outlook": dict(outlook or {}),
        "unacknowledged": _list_alarms(a for a in annunciated if a["state"] == "unacknowledged"),
        "returned": _list_alarms(over),
        "acknowledged": _list_alarms(a for a in acknowledged if a["category"] == "hazard"),
        "faulty": _list_alarms(a for a in acknowledged if a["category"] == "maintenance"),
        "held": sort_by_severity(_describe_held(alarm) for alarm in active if alarm["suppressed"]),
        "at_rest": [_as_plain(asdict(device)) for device in out_of_service],
        "works": _list_works(connection, clock),
        "edits": [_as_plain(asdict(edit)) for edit in edits],
        **{name: _list_entries(open_entries, kind) for kind, name in _OPEN_SECTIONS.items()},
        "decisions": _list_entries(entries, EntryKind.DECISION),
        "calls": _list_entries(entries, EntryKind.CALL),
        "notes": _list_entries(entries, EntryKind.NOTE, EntryKind.CORRECTION),
    }


def _read_alarms(
    connection: Connection, selection: Selection, wall: datetime
) -> list[dict[str, Any]]:
    alarms = service_list.list_alarms(connection, selection, wall=wall)
    return [alarm.model_dump(mode="json") for alarm in alarms]


def _list_alarms(alarms: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sort_by_severity(map(_describe_alarm, alarms))


def sort_by_severity(alarms: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By severity, highest first; then latest first."""
    latest = sorted(alarms, key=lambda alarm: str(alarm["began"]), reverse=True)
    return sorted(latest, key=lambda alarm: SEVERITIES.index(alarm["severity"]), reverse=True)


def _describe_alarm(alarm: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "title", "title_fr", "site", "domain", "began", "state", "assignee", "last_value")
    return {
        **{name: alarm[name] for name in kept},
        "severity": alarm["severity"][-1][1],
        "stale": bool(alarm["stale"]) and alarm["stale"][-1][1] is None,
    }


def _describe_held(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """An alarm with one suppression: holds by hand come first."""
    why = min(alarm["suppressed"], key=lambda reason: reason["kind"] not in _BY_HAND)
    return {**_describe_alarm(alarm), "why": dict(why)}


def _list_works(connection: Connection, clock: datetime) -> list[dict[str, Any]]:
    """Works in progress, and those of the next day."""
    soon = micros(clock + _SOON)
    return [
        {
            "name": window.name,
            "begins": text(window.begins),
            "ends": text(window.ends),
            "reason": window.reason,
            "at": sorted(window.sites | window.devices | window.groups),
        }
        for window in queries_works.load_works(connection)
        if window.begins <= soon and window.ends >= micros(clock)
    ]


def _list_entries(entries: Sequence[LogEntry], *kinds: EntryKind) -> list[dict[str, Any]]:
    return [_as_plain(asdict(entry)) for entry in entries if entry.kind in kinds]


def _as_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: text(micros(value)) if isinstance(value, datetime) else value
        for key, value in values.items()
    }


def read_forecast(context: RequestContext) -> dict[str, Any]:
    """`rivers` with their gauges from the source down, `reached` and `expected` assets, `calm`.

    `calm`: whether that nothing is expected may be believed, and what is missing for it.
    """
    connection, catalogue, now = context.connection, context.catalogue, context.now()
    limits = forecast_queries.limits(connection, _LIMIT, now)
    levels = list_courses(connection, catalogue, now=now)
    water = list_reaches(connection, catalogue, now=now, courses_by_gauge=levels)
    gauges = [site for site in queries_latest.list_sites(connection) if site.name in levels]
    by_river = sorted((site for site in gauges if site.river), key=lambda site: str(site.river))
    return {
        "rivers": [
            {
                "river": river,
                "gauges": [
                    {
                        "site": site.name,
                        "title": site.title,
                        **_describe_course(levels[site.name], limits.get(site.name)),
                    }
                    for site in sites
                ],
            }
            for river, sites in groupby(by_river, key=lambda site: site.river)
        ],
        "reached": [_describe_reached(reach) for reach in water if reach.state == "reached"],
        "calm": _describe_calm(_assess_water(context, levels, water)),
        "evaluation": _describe_calm(assess(read_evaluation(context), now)),
        "expected": [
            {**_describe_reached(reach), **_describe_arrival(reach.arrival, now)}
            for reach in water
            if reach.arrival and reach.arrival.due <= now + timedelta(hours=HORIZONS[-1])
        ],
    }


def _assess_water(
    context: RequestContext, levels: Mapping[str, Course], water: Sequence[Reach]
) -> Assessment:
    connection, now = context.connection, context.now()
    limits: dict[str, dict[str, float]] = {}
    for name in LIMITS["level"]:
        for owner, value in forecast_queries.limits(connection, name, now).items():
            limits.setdefault(owner, {})[name] = value
    devices = [course.device for course in levels.values()]
    gauges = Gauges(
        courses=levels,
        limits=limits,
        titles={site.name: site.title for site in queries_latest.list_sites(connection)},
        forecasts=list_current(connection, now),
        reaches=water,
        worsening={reach.gauge for reach in water if reach.arrival},
        beyond=forecast_queries.list_assets_beyond(connection, now),
        expected=queries_silence.list_expected_series(connection, ["level"], now),
        resting=queries_silence.list_out_of_service(connection, devices, now),
    )
    return assess_water(read_evaluation(context), gauges, now)


def _describe_calm(seen: Assessment) -> dict[str, Any]:
    gaps = [_as_plain({**asdict(gap), "lack": gap.lack.value}) for gap in seen.gaps]
    return {"state": seen.state, "worse": list(seen.worse), "gaps": gaps}


def _describe_course(course: Course, limit: float | None) -> dict[str, Any]:
    return {
        "value": course.value,
        "unit": course.unit,
        "time": text(micros(course.time)),
        "per_hour": None if course.rate is None else course.rate.per_hour,
        "margin": None if limit is None else course.value - limit,
    }


def _describe_reached(reach: Reach) -> dict[str, Any]:
    return {
        "asset": reach.title,
        "gauge": reach.gauge_title,
        "margin": reach.margin,
        "unit": reach.unit,
    }


def _describe_arrival(arrival: Arrival, now: datetime) -> dict[str, Any]:
    """`at` None: possible from `earliest` on; `issued` None: by the straight line."""
    ahead = (arrival.due - now).total_seconds() / 3600
    return {
        "within": next(hours for hours in HORIZONS if ahead <= hours),
        **{
            name: None if at is None else text(micros(at))
            for name, at in (
                ("at", arrival.at),
                ("earliest", arrival.earliest),
                ("latest", arrival.latest),
                ("issued", arrival.issued),
            )
        },
    }
