"""What warns on the map beside marks: areas of alarms, and rivers in an official colour."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hypervisor.access.context import RequestContext
from hypervisor.base.freshness import Gap, find_gap
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.feeds import queries as feed_queries
from hypervisor.feeds.queries_official import list_vigilance
from hypervisor.feeds.views_official import make_colour_input, make_reach_input
from hypervisor.feeds.vigicrues import FEED as VIGICRUES
from hypervisor.geography import queries as geography_queries
from hypervisor.geography.areas import contains, list_rings
from hypervisor.geography.map_features import make_geometry
from hypervisor.overview import queries
from hypervisor.overview.queries import CommuneAlarm, MapSite
from hypervisor.overview.views_map import river_lines
from hypervisor.registry import queries_tables
from hypervisor.registry.model import Zone

_GRAVE = 2  # priorities whose area is drawn
_TOLERANCE = 30.0  # m, of a commune's outline
_SHELVED = "shv"
_WORDS = {0: mark("not assessable"), 2: mark("yellow"), 3: mark("orange"), 4: mark("red")}


def list_warnings(context: RequestContext) -> dict[str, Any]:
    """GeoJSON by layer: areas of alarms; rivers whose official colour is not surely green."""
    return {"areas": _list_alarm_areas(context), "official": _list_official(context)}


def _list_official(context: RequestContext) -> dict[str, Any]:
    """Rivers and official reaches with colour and word. They are public, as the courses are.

    Without a course a river is a line between the gauges that the person sees.
    """
    now = context.now()
    with context.owning() as owner:
        rivers: dict[str, int] = {}
        for seen in list_vigilance(owner, now):
            colour = _choose_colour(seen.value, find_gap(make_reach_input(seen), now))
            if seen.river and colour in _WORDS:
                rivers[seen.river] = max(colour, rivers.get(seen.river, 0))
        reaches = [
            (row, colour)
            for row in feed_queries.list_colours(owner, now)
            if row.feed == VIGICRUES.name
            and (colour := _choose_colour(row.colour, find_gap(make_colour_input(row), now)))
            in _WORDS
        ]
        lines = river_lines(queries.list_sites(context.connection, now)) if rivers else {}
        shapes: dict[str, Sequence[Any]] = {river: [line] for river, line in lines.items()}
        if rivers:
            courses = geography_queries.list_courses(owner)
            shapes |= {course.river: course.lines for course in courses if course.river}
        official = geography_queries.list_official_reaches(owner) if reaches else {}
    features = [
        _colour_feature(shapes[river], river, colour)
        for river, colour in rivers.items()
        if river in shapes
    ]
    features += [
        _colour_feature(official[row.area], row.title, colour)
        for row, colour in reaches
        if official.get(row.area)
    ]
    return {"type": "FeatureCollection", "features": features}


def _choose_colour(colour: int | None, gap: Gap | None) -> int:
    """The colour as it is drawn: 0, grey, where green is not sure."""
    return 0 if colour is None or (gap and colour == 1) else colour


def _colour_feature(lines: Sequence[Any], name: str, colour: int) -> Mapping[str, Any]:
    word = _(_WORDS[colour])
    return {
        "type": "Feature",
        "geometry": {"type": "MultiLineString", "coordinates": lines},
        "properties": {"colour": colour, "name": f"{name} \N{MIDDLE DOT} {word}"},
    }


def _list_alarm_areas(context: RequestContext) -> dict[str, Any]:
    """GeoJSON of the areas with alarms; `priority` is the worst one's, `sites` how many there are.

    The zone of the alarm's domain that the site lies in or that names its river; else its commune.
    An external alarm that names no site: its commune.
    """
    connection = context.connection
    sites = [
        site
        for site in queries.list_sites(connection, context.now())
        if 0 < site.priority <= _GRAVE and site.state != _SHELVED
    ]
    in_communes = queries.list_commune_alarms(connection, context.now())
    if not sites and not in_communes:
        return {"type": "FeatureCollection", "features": []}
    zones = list(queries_tables.list_things(connection, Zone))
    alarmed: dict[tuple[str, str], list[MapSite | CommuneAlarm]] = {}
    for site in sites:
        for area in _find_areas(site, zones):
            alarmed.setdefault(area, []).append(site)
    for alarm in in_communes:
        if alarm.priority <= _GRAVE:
            alarmed.setdefault(("commune", alarm.commune), []).append(alarm)
    communes = [code for kind, code in alarmed if kind == "commune"]
    outlines = geography_queries.list_outlines(connection, communes)
    shapes: dict[tuple[str, str], Mapping[str, Any]] = {
        **{("zone", zone.name): zone.geometry for zone in zones},
        **{("commune", code): _shorten(outline) for code, outline in outlines.items()},
    }
    return {
        "type": "FeatureCollection",
        "features": [
            _feature(shapes[area], own) for area, own in alarmed.items() if area in shapes
        ],
    }


def _find_areas(site: MapSite, zones: Iterable[Zone]) -> Iterator[tuple[str, str]]:
    within_zone = False
    for zone in zones:
        if zone.kind == site.domain and _concerns(zone, site):
            within_zone = True
            yield "zone", zone.name
    if not within_zone and site.commune:
        yield "commune", site.commune


def _concerns(zone: Zone, site: MapSite) -> bool:
    if site.river is not None and zone.properties.get("river") == site.river:
        return True
    placed = site.lon is not None and site.lat is not None
    return placed and contains(zone.geometry, site.lon or 0.0, site.lat or 0.0)


def _shorten(outline: Mapping[str, Any]) -> Mapping[str, Any]:
    return make_geometry([[np.array(ring)] for ring in list_rings(outline)], _TOLERANCE)


def _feature(
    geometry: Mapping[str, Any], own: Sequence[MapSite | CommuneAlarm]
) -> Mapping[str, Any]:
    worst = min(own, key=lambda each: (each.priority, each.state != "un"))
    sites = sum(isinstance(each, MapSite) for each in own)
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {"priority": worst.priority, "state": worst.state, "sites": sites},
    }
