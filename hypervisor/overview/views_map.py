"""Data of the map: sites in columns, GeoJSON layers, the area tree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.overview import queries_map
from hypervisor.overview.queries_map import MapSite, TreeArea
from hypervisor.overview.views_site_around import river_lines
from hypervisor.web import marks
from hypervisor.web.rendering import domain_label

LAYERS = ("rivers", "communes", "zones", "assets")
_CALM = 99  # rank of a site without an alarm
_SHELVED = 10


def rank(site: MapSite) -> int:
    """Urgency; a cluster shows its lowest: 1 critical, 2 critical and acknowledged, and so on.

    Shelved alarms rank 11 to 14, no alarm 99.
    """
    if not site.priority:
        return _CALM
    if site.state == "shv":
        return _SHELVED + site.priority
    return site.priority * 2 - (site.state == "un")


def list_columns(sites: Sequence[MapSite]) -> dict[str, Any]:
    """The sites with coordinates, as columns: half the size of objects."""
    placed = [
        map_site for map_site in sites if map_site.lon is not None and map_site.lat is not None
    ]
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
        "domains": [{"name": name, "label": domain_label(name)} for name in domains],
        "communes": communes,
        "lost": len(sites) - len(placed),
    }


def list_states(sites: Sequence[MapSite]) -> dict[str, list[int]]:
    """Site name -> [rank, open, stale], for sites with an active alarm."""
    return {
        map_site.name: [rank(map_site), map_site.open, int(map_site.stale)]
        for map_site in sites
        if map_site.open and map_site.lon is not None
    }


def build_layers(context: RequestContext, now: datetime) -> dict[str, Any]:
    """The background layers as GeoJSON."""
    sites = queries_map.list_sites(context.connection, now)
    areas = queries_map.list_areas(context.connection)
    return {
        "rivers": _collection(
            _feature({"type": "LineString", "coordinates": points}, name=river)
            for river, points in river_lines(sites).items()
        ),
        "communes": _collection(
            _feature(
                {"type": "Point", "coordinates": [area.lon, area.lat]},
                name=area.name,
                sites=area.sites,
            )
            for area in areas
            if area.kind == "commune" and area.lon is not None
        ),
        "zones": _collection(
            _feature(geometry, name=title, kind=kind)
            for _name, title, kind, geometry, _ours in queries_map.list_zones(context.connection)
        ),
        "assets": _collection(
            _feature(geometry, name=title, kind=kind, gauge=gauge or "")
            for _name, title, kind, geometry, gauge in queries_map.list_assets(
                context.connection, now
            )
        ),
    }


def _feature(geometry: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": dict(geometry), "properties": properties}


def _collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """An area of the tree with the number of its sites and its communes."""

    area: TreeArea
    sites: int
    communes: Sequence[str]
    below: Sequence["Branch"]


def build_tree(areas: Sequence[TreeArea]) -> list[Branch]:
    """The area tree, from the areas without a parent down."""
    codes = {tree_area.code for tree_area in areas}
    roots = [
        tree_area
        for tree_area in areas
        if tree_area.parent is None or tree_area.parent not in codes
    ]
    by_parent: dict[str, list[TreeArea]] = {}
    for tree_area in areas:
        if tree_area.parent is not None:
            by_parent.setdefault(tree_area.parent, []).append(tree_area)
    branches = (_branch(root, by_parent, 0) for root in roots)
    return [branch for branch in branches if branch.sites]


def _branch(area: TreeArea, by_parent: Mapping[str, Sequence[TreeArea]], depth: int) -> Branch:
    below = [
        _branch(tree_area, by_parent, depth + 1)
        for tree_area in by_parent.get(area.code, ())
        if depth < 4
    ]
    communes = [code for branch in below for code in branch.communes]
    if area.kind == "commune":
        communes.append(area.code)
    return Branch(
        area=area,
        sites=area.sites + sum(branch.sites for branch in below),
        communes=communes,
        below=[branch for branch in below if branch.sites],
    )


def compute_bounds(sites: Sequence[MapSite]) -> list[float] | None:
    """West, south, east, north of all sites."""
    lons = [map_site.lon for map_site in sites if map_site.lon is not None]
    lats = [map_site.lat for map_site in sites if map_site.lat is not None]
    return [min(lons), min(lats), max(lons), max(lats)] if lons and lats else None


def list_marks() -> list[tuple[int, str, str]]:
    """The alarm marks and their meaning."""
    return [
        *((rank_of, "un", marks.priority_name(rank_of)) for rank_of in (1, 2, 3, 4)),
        (2, "ack", marks.words(2, "ack").partition(", ")[2]),
    ]
