"""What happens on roads, and what is counted there, from alarms, assets, works and readings."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from hypervisor.database.connect import Connection
from hypervisor.forecast import arrival
from hypervisor.readings import device_health, queries_latest
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_works import load_in_force
from hypervisor.standards import datex, queries_datex
from hypervisor.standards.datex import Line, Measure, Place, Situation, Station
from hypervisor.standards.queries_datex import RoadWorks, TrafficAlarm
from sensors._domain import Catalogue
from sensors._quality import Quality

_LABEL = "road"  # by which a rule, or another system's alert, says what it means on the road
_JAM, _CLOSED = "jam", "closed"
_TRAFFIC = "abnormalTrafficType"
_MANAGEMENT = "roadOrCarriagewayOrLaneManagementType"


def list_situations(
    connection: Connection, catalogue: Catalogue, now: datetime
) -> Iterator[Situation]:
    """Roads in the water, closed or jammed roads by our alarms, works at counting sites."""
    yield from _list_flooded_roads(connection, catalogue, now)
    rules = {
        rule: (written.get("labels") or {}).get(_LABEL)
        for rule, written in load_in_force(connection, "rule", now).items()
    }
    for alarm in queries_datex.list_alarms(
        connection, rules, label=_LABEL, meanings=(_JAM, _CLOSED)
    ):
        yield _describe_alarm(alarm)
    places = queries_datex.list_works(connection, now)
    for _, group in groupby(places, key=lambda place: place.key):
        yield _describe_works([*group])


def _describe_works(places: Sequence[RoadWorks]) -> Situation:
    """Works with a record for each of their places."""
    works, titles = places[0], ", ".join(place.title for place in places)
    return Situation(
        id=f"works-{works.key}",
        created=works.created_at,
        version=works.recorded_at,
        kind="MaintenanceWorks",
        details={"roadMaintenanceType": "roadworks"},
        begins=works.begins,
        ends=works.ends,
        severity="info",
        certain=True,
        texts={"fr": f"Travaux : {titles}", "en": f"Works: {titles}"},
        places=[
            Place(id=place.site, line=[(place.lon, place.lat)], road=place.road) for place in places
        ],
    )


def _list_flooded_roads(
    connection: Connection, catalogue: Catalogue, now: datetime
) -> Iterator[Situation]:
    reached = [
        reach
        for reach in arrival.list_reaches(connection, catalogue, now=now)
        if reach.state == "reached" and reach.kind == "road"
    ]
    roads = queries_datex.find_roads(
        connection,
        [
            (reach.asset, reach.course.device, reach.course.quantity, reach.level)
            for reach in reached
            if reach.course is not None
        ],
    )
    for reach in reached:
        road, course = roads.get(reach.asset), reach.course
        line = None if road is None else _read_line(road.geometry)
        if road is None or line is None or course is None:
            continue
        by = f"{reach.gauge_title} ({course.value:g} {course.unit})"
        yield Situation(
            id=f"flooded-{reach.asset}",
            version=course.time,
            kind="EnvironmentalObstruction",
            details={"environmentalObstructionType": "flooding"},
            begins=road.began or course.time,
            severity="major",
            texts={
                "fr": f"{reach.title} : route inondée d'après {by}",
                "en": f"{reach.title}: flooded road, judged by {by}",
            },
            places=[Place(line=line, road=road.road)],
        )


def _describe_alarm(alarm: TrafficAlarm) -> Situation:
    worse = alarm.severity in {"major", "critical"}
    kind, details = (
        "AbnormalTraffic",
        {_TRAFFIC: "stationaryTraffic" if worse else "queuingTraffic"},
    )
    if alarm.meaning == _CLOSED:
        kind = "RoadOrCarriagewayOrLaneManagement"
        details = {"complianceOption": "mandatory", _MANAGEMENT: "roadClosed"}
    return Situation(
        id=f"alarm-{alarm.id}",
        version=alarm.changed_at,
        kind=kind,
        details=details,
        begins=alarm.began,
        severity=alarm.severity,
        texts={"fr": alarm.title_fr or alarm.title, "en": alarm.title},
        places=[Place(line=[(alarm.lon, alarm.lat)], road=alarm.road)],
    )


def _read_line(geometry: Mapping[str, Any]) -> Line | None:
    """The place of a road: its line, the first of several, or the first point of an area."""
    places: Any = geometry.get("coordinates")
    match geometry.get("type"):
        case "Point":
            places = [places]
        case "MultiPoint" | "Polygon" | "MultiPolygon":
            while places and isinstance(places[0], list) and isinstance(places[0][0], list):
                places = places[0]
            places = places[:1]
        case "MultiLineString":
            places = places[0] if places else []
    return [(place[0], place[1]) for place in places] if places else None


def list_stations(connection: Connection, catalogue: Catalogue, now: datetime) -> list[Station]:
    """Devices whose quantities DATEX II has, where their place is known."""
    standards = {
        name: quantity.standard
        for name, quantity in catalogue.quantities.items()
        if quantity.standard in datex.STANDARDS
    }
    latest = {
        (row.device, row.quantity): row
        for row in queries_latest.list_latest(connection)
        if row.quantity in standards
    }
    devices = {row.name: row for row in queries_devices.list_devices_in_use(connection, now)}
    roads = queries_datex.find_road_numbers(connection)
    times: dict[str, datetime] = {}
    for row in latest.values():
        if row.time is not None:
            times[row.device] = max(row.time, times.get(row.device, row.time))
    measures: dict[str, list[Measure]] = {}
    for series in queries_devices.list_series(connection, now):
        if series.quantity not in standards or series.device not in devices:
            continue
        last = latest.get((series.device, series.quantity))
        interval = device_health.expected_interval(series, catalogue)
        measures.setdefault(series.device, []).append(
            Measure(
                standard=standards[series.quantity],
                period=None if interval is None else interval.total_seconds(),
                value=None if last is None else last.value,
                suspect=last is not None and bool((last.quality or 0) & Quality.SUSPECT),
            )
        )
    return [
        Station(
            id=name,
            title=devices[name].site_title,
            lon=lon,
            lat=lat,
            road=roads.get(devices[name].site),
            commissioned=devices[name].commissioned,
            time=times.get(name),
            measures=own,
        )
        for name, own in measures.items()
        if (lon := devices[name].lon) is not None and (lat := devices[name].lat) is not None
    ]
