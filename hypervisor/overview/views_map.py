"""The map: sites in columns, GeoJSON layers, the area tree; the small map of a site as SVG."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from hypervisor.access.context import RequestContext
from hypervisor.charts.shapes import Drawn, Mark, Shape, circle, line, text
from hypervisor.charts.words import limit_label
from hypervisor.feeds import queries_events
from hypervisor.forecast.queries_current import list_current
from hypervisor.forecast.queries_experts import group_standing
from hypervisor.forecast.views_arrival import arrival_words
from hypervisor.overview import queries
from hypervisor.overview.map_lines import load_lines
from hypervisor.overview.queries import MapSite, TreeArea
from hypervisor.overview.views_map_sites import load_sites
from hypervisor.overview.views_rivers import Water, Worsening, find_worsening
from hypervisor.overview.views_roads import build_features
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_list import expand_area
from hypervisor.overview.views_site_upstream import list_upstream
from hypervisor.registry import queries_site, queries_tables
from hypervisor.registry.model import Zone
from hypervisor.web import marks
from hypervisor.web.rendering import domain_colour, domain_label

_CALM = 99  # rank of a site without an alarm
_UNKNOWN = 98  # of one whose sensors do not say so
_SHELVED = 10
WIDTH, HEIGHT = 280.0, 190.0
_AIR = 26.0
_LETTER = 6.0
_LONGEST = 18
_CUT = "\N{HORIZONTAL ELLIPSIS}"
_LEAST = 0.02  # smallest extent, degrees


def find_next(context: RequestContext, facts: Facts) -> Worsening | None:
    """What the water at a site reaches next, as on the page Now."""
    if facts.course is None or facts.place.river is None:
        return None
    connection, name, now = context.connection, facts.place.name, facts.now
    water = Water(
        courses={name: facts.course},
        limits={name: {limit.name: limit.value for limit in facts.limits}},
        places={site.name: site for site in queries.list_river_sites(connection)},
        forecasts=list_current(connection, now, [name]),
        now=now,
        experts=group_standing(connection, now, [name]),
    )
    return next(iter(find_worsening(facts.assets, water)), None)


def card_words(context: RequestContext) -> dict[str, Any]:
    """Functions for the template of a site's card."""
    thresholds = context.catalogue.thresholds
    return {
        "threshold_label": lambda name: limit_label(thresholds.get(name), name),
        **arrival_words(),
    }


def rank(site: MapSite) -> int:
    """Urgency; a cluster shows its lowest: 1 critical, 2 critical and acknowledged, and so on.

    Shelved alarms rank 11 to 14, not assessable 98, no alarm 99.
    """
    if not site.priority:
        return _UNKNOWN if site.unknown else _CALM
    if site.state == "shv":
        return _SHELVED + site.priority
    return site.priority * 2 - (site.state == "un")


def filter_sites(
    sites: Iterable[MapSite], areas: Sequence[TreeArea], query: QueryParams
) -> list[MapSite]:
    """The sites that the map's address asks for: its domains, its area, those with an alarm."""
    domains, codes = query.getlist("domain"), expand_area(areas, query.get("area", ""))
    return [
        site
        for site in sites
        if (not domains or site.domain in domains)
        and (codes is None or site.commune in codes)
        and (query.get("alarmed") != "1" or site.priority)
    ]


def list_columns(sites: Sequence[MapSite]) -> dict[str, Any]:
    """The sites with coordinates, as columns: half the size of objects."""
    placed = [site for site in sites if site.lon is not None and site.lat is not None]
    domains = sorted({site.domain for site in placed})
    communes = sorted({site.commune or "" for site in placed})
    order = {code: number for number, code in enumerate(communes)}
    return {
        "name": [site.name for site in placed],
        "title": [site.title for site in placed],
        "lon": [round(site.lon or 0.0, 5) for site in placed],
        "lat": [round(site.lat or 0.0, 5) for site in placed],
        "domain": [domains.index(site.domain) for site in placed],
        "commune": [order[site.commune or ""] for site in placed],
        "rank": [rank(site) for site in placed],
        "open": [site.open for site in placed],
        "stale": [int(site.stale) for site in placed],
        "domains": [
            {"name": name, "label": domain_label(name), "colour": domain_colour(name)}
            for name in domains
        ],
        "communes": communes,
        "lost": len(sites) - len(placed),
    }


def list_states(sites: Sequence[MapSite]) -> dict[str, list[int]]:
    """Site name -> [rank, open, stale], of sites with an active alarm or not assessable."""
    return {
        site.name: [rank(site), site.open, int(site.stale)]
        for site in sites
        if (site.open or site.unknown) and site.lon is not None
    }


def build_layers(context: RequestContext, courses: Collection[str]) -> dict[str, Any]:
    """What lies in the person's territory, as GeoJSON. `courses`: rivers that need no line here."""
    connection, now = context.connection, context.now()
    rivers = river_lines(queries.list_sites(connection, now))
    areas = queries.list_areas(connection)
    layers = {
        "rivers": [
            _feature({"type": "LineString", "coordinates": points}, name=river)
            for river, points in rivers.items()
            if river not in courses
        ],
        "communes": [
            _feature(
                {"type": "Point", "coordinates": [area.lon, area.lat]},
                name=area.name,
                weight=area.population or area.sites,
            )
            for area in areas
            if area.kind == "commune" and area.lon is not None
        ],
        "epcis": list(_place_epcis(areas)),
        "zones": [
            _feature(zone.geometry, name=zone.title, colour=domain_colour(zone.kind))
            for zone in queries_tables.list_things(connection, Zone)
        ],
        "assets": [
            _feature(asset.geometry, name=asset.title, kind=asset.kind, gauge=asset.gauge or "")
            for asset in queries.list_assets(connection, now)
        ],
        "roads": build_features(queries_events.list_standing(connection, now)),
    }
    return {
        name: {"type": "FeatureCollection", "features": features}
        for name, features in layers.items()
    }


def _place_epcis(areas: Sequence[TreeArea]) -> Iterator[dict[str, Any]]:
    """A point for the name of each EPCI: the middle of its communes."""
    for epci in areas:
        own = [
            (area.lon, area.lat)
            for area in areas
            if area.kind == "commune" and area.parent == epci.code and area.lon and area.lat
        ]
        if epci.kind == "epci" and own:
            lon, lat = (round(sum(part) / len(own), 5) for part in zip(*own, strict=True))
            point = {"type": "Point", "coordinates": [lon, lat]}
            yield _feature(point, name=epci.name, communes=len(own))


def _feature(geometry: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": dict(geometry), "properties": properties}


def river_lines(sites: Iterable[MapSite]) -> dict[str, list[tuple[float, float]]]:
    """Each river as a schematic line through its gauges, in flow order."""
    lines: dict[str, list[tuple[float, float, float]]] = {}
    for site in sites:
        if site.river and None not in {site.lon, site.lat}:
            point = (site.river_order or 0.0, site.lon or 0.0, site.lat or 0.0)
            lines.setdefault(site.river, []).append(point)
    return {
        river: [(lon, lat) for _order, lon, lat in sorted(points)]
        for river, points in lines.items()
        if len(points) > 1
    }


@dataclass(frozen=True, kw_only=True)
class Branch:
    """An area of the tree with the number of its sites and its communes."""

    area: TreeArea
    sites: int
    communes: Sequence[str]
    below: Sequence["Branch"]


def build_tree(areas: Sequence[TreeArea]) -> list[Branch]:
    """The area tree, from the areas without a parent down."""
    codes = {area.code for area in areas}
    by_parent: dict[str | None, list[TreeArea]] = {}
    for area in areas:
        by_parent.setdefault(area.parent if area.parent in codes else None, []).append(area)
    branches = (_branch(root, by_parent, 0) for root in by_parent.get(None, ()))
    return [branch for branch in branches if branch.sites]


def _branch(
    area: TreeArea, by_parent: Mapping[str | None, Sequence[TreeArea]], depth: int
) -> Branch:
    children = by_parent.get(area.code, ()) if depth < 4 else ()
    below = [_branch(child, by_parent, depth + 1) for child in children]
    communes = [code for branch in below for code in branch.communes]
    if area.kind == "commune":
        communes.append(area.code)
    return Branch(
        area=area,
        sites=area.sites + sum(branch.sites for branch in below),
        communes=communes,
        below=[branch for branch in below if branch.sites],
    )


def compute_bounds(sites: Iterable[MapSite]) -> list[float] | None:
    """West, south, east, north of all sites."""
    placed = [(site.lon, site.lat) for site in sites if None not in {site.lon, site.lat}]
    lons, lats = [lon or 0.0 for lon, _ in placed], [lat or 0.0 for _, lat in placed]
    return [min(lons), min(lats), max(lons), max(lats)] if placed else None


def list_marks() -> list[tuple[int, str, str]]:
    """The alarm marks and their meaning."""
    return [
        *((priority, "un", marks.priority_name(priority)) for priority in (1, 2, 3, 4)),
        (2, "ack", marks.words(2, "ack").partition(", ")[2]),
    ]


@dataclass(frozen=True, kw_only=True)
class SiteMap:
    """The small map of a site, drawn."""

    width: float
    height: float
    shapes: Sequence[Drawn]


@dataclass(frozen=True, kw_only=True)
class _View:
    """Degrees to pixels, equirectangular."""

    lon: float
    lat: float
    scale: float

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        x = WIDTH / 2 + (lon - self.lon) * math.cos(math.radians(self.lat)) * self.scale
        return round(x, 1), round(HEIGHT / 2 - (lat - self.lat) * self.scale, 1)


def build_site_map(context: RequestContext, facts: Facts) -> SiteMap | None:
    """The small map of a site: neighbours, river and assets; None without coordinates."""
    place, connection = facts.place, context.connection
    sites = load_sites(context, facts.now)
    here = next((site for site in sites if site.name == place.name), None)
    if here is None or here.lon is None or here.lat is None:
        return None
    if place.river is None:
        mates = [site for site in sites if site.commune == here.commune][:8]
    else:
        flows = queries_site.list_links(connection, facts.now)
        near = {above for above, _s in list_upstream(flows, place.name)[:4]}
        near |= {below for above, below, _s in flows if above == place.name}
        mates = [site for site in sites if site.name in near or site.river == place.river]
    around = [*(site for site in mates if site.name != here.name), here]
    assets = [
        (middle, asset.title)
        for asset in queries.list_assets(connection, facts.now)
        if asset.gauge == place.name and (middle := _middle(asset.geometry)) is not None
    ]
    near_sites = [site for site in around if site.lon is not None and site.lat is not None]
    lines = load_lines(context)
    rivers: list[Sequence[Sequence[float]]] = [line.tolist() for line in lines.fine]
    rivers += [line for river, line in river_lines(sites).items() if river not in lines.rivers]
    return _draw_site_map(here, near_sites, rivers, assets)


def _middle(shape: Mapping[str, Any]) -> tuple[float, float] | None:
    points = _points(shape.get("coordinates"))
    if not points:
        return None
    lons, lats = [lon for lon, _lat in points], [lat for _lon, lat in points]
    return sum(lons) / len(points), sum(lats) / len(points)


def _points(coordinates: Any) -> list[tuple[float, float]]:
    """All points of a geometry, however deeply its coordinates are nested."""
    if not isinstance(coordinates, list) or not coordinates:
        return []
    if isinstance(coordinates[0], (int, float)):
        return [(float(coordinates[0]), float(coordinates[1]))]
    return [point for part in coordinates for point in _points(part)]


def _draw_site_map(
    here: MapSite,
    near: Sequence[MapSite],
    rivers: Iterable[Sequence[Sequence[float]]],
    assets: Sequence[tuple[tuple[float, float], str]],
) -> SiteMap:
    view = _fit_view(near)
    lines = ([view.at(lon, lat) for lon, lat in points] for points in rivers)
    shapes: list[Drawn] = [line("riv", points) for points in lines if _is_seen(points)]
    for point, title in assets:
        x, y = view.at(*point)
        box: dict[str, str | float] = {"x": x - 3, "y": y - 3, "width": 6, "height": 6}
        shapes.append(Shape(tag="rect", css="asset", attributes=box, tooltip=title))
    named: list[tuple[float, float, float]] = []
    twins = Counter(site.short for site in near)  # ambiguous names are not used
    marks_of: list[Drawn] = []
    for site in sorted(near, key=lambda site: site.name != here.name):
        x, y = view.at(site.lon or 0.0, site.lat or 0.0)
        if 0 <= x <= WIDTH and 0 <= y <= HEIGHT:
            bold = site.name == here.name
            marks_of.append(_draw_mark(site, x, y, bold=bold))
            # Of a crowd only those that matter are named; the others have a tooltip.
            if bold or site.priority or site.river:
                words = site.short if twins[site.short] == 1 else _cut(site.title)
                shapes += _draw_name(words, x, y, named, bold=bold)
    shapes += reversed(marks_of)  # marks over names, the site itself on top
    return SiteMap(width=WIDTH, height=HEIGHT, shapes=shapes)


def _is_seen(points: Sequence[tuple[float, float]]) -> bool:
    """Whether the extent of a line meets the small map."""
    xs, ys = [x for x, _y in points], [y for _x, y in points]
    return min(xs) <= WIDTH and max(xs) >= 0 and min(ys) <= HEIGHT and max(ys) >= 0


def _fit_view(near: Sequence[MapSite]) -> _View:
    lons = [site.lon or 0.0 for site in near]
    lats = [site.lat or 0.0 for site in near]
    lon, lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    wide = max((max(lons) - min(lons)) * math.cos(math.radians(lat)), _LEAST)
    high = max(max(lats) - min(lats), _LEAST)
    return _View(lon=lon, lat=lat, scale=min((WIDTH - 3 * _AIR) / wide, (HEIGHT - 2 * _AIR) / high))


def _cut(title: str) -> str:
    return title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1].rstrip()}{_CUT}"


def _name_node(site: MapSite, *, bold: bool) -> str:
    return "node here" if bold else "node unknown" if site.unknown else "node"


def _draw_mark(site: MapSite, x: float, y: float, *, bold: bool) -> Drawn:
    if not site.priority:
        return circle(_name_node(site, bold=bold), x, y, 5 if bold else 4, site.title)
    label = f"{site.title}: {marks.words(site.priority, site.state)}"
    return Mark(
        priority=site.priority, state=site.state, x=x - 10, y=y - 10, size=20, tooltip=label
    )


def _draw_name(
    words: str, x: float, y: float, named: list[tuple[float, float, float]], *, bold: bool
) -> list[Drawn]:
    """A name below or above its mark, if it covers no other; `named`: (x, half width, y)."""
    half = len(words) * _LETTER / 2
    at = min(max(x, half + 2), WIDTH - half - 2)
    low = y + 24 if y < HEIGHT - 26 else y - 14
    for y_at in (low, y - 14):
        free = all(abs(at - a) > half + b or abs(y_at - c) > 13 for a, b, c in named)
        if free or bold:
            named.append((at, half, y_at))
            return [text("hl halo" if bold else "halo", at, y_at, words, "middle")]
    return []
