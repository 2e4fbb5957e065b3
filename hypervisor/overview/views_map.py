"""What the map is told: sites in columns, rivers as lines, zones and assets, the tree of areas."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.overview import queries_map
from hypervisor.overview.queries_map import MapSite, TreeArea
from hypervisor.overview.views_site_around import rivers
from hypervisor.web import marks
from hypervisor.web.rendering import domain_label

LAYERS = ("rivers", "communes", "zones", "assets")
_CALM = 99  # the rank of a site without an alarm
_SHELVED = 10


def rank(site: MapSite) -> int:
    """How urgent, for a cluster to show the worst: 1 critical and unseen, 2 critical and seen.

    Shelved are 11 to 14, without an alarm 99.
    """
    if not site.priority:
        return _CALM
    if site.state == "shv":
        return _SHELVED + site.priority
    return site.priority * 2 - (site.state == "un")


def columns(found: Sequence[MapSite]) -> dict[str, Any]:
    """The sites that stand somewhere, in columns: half the size of objects, and quick to read."""
    placed = [
        map_site for map_site in found if map_site.lon is not None and map_site.lat is not None
    ]
    domains = sorted({one.domain for one in placed})
    communes = sorted({one.commune or "" for one in placed})
    order = {code: number for number, code in enumerate(communes)}
    return {
        "name": [one.name for one in placed],
        "title": [one.title for one in placed],
        "lon": [round(one.lon or 0.0, 5) for one in placed],
        "lat": [round(one.lat or 0.0, 5) for one in placed],
        "domain": [domains.index(one.domain) for one in placed],
        "commune": [order[one.commune or ""] for one in placed],
        "rank": [rank(one) for one in placed],
        "open": [one.open for one in placed],
        "stale": [int(one.stale) for one in placed],
        "domains": [{"name": name, "label": domain_label(name)} for name in domains],
        "communes": communes,
        "lost": len(found) - len(placed),
    }


def states(found: Sequence[MapSite]) -> dict[str, list[int]]:
    """Only what changes from hour to hour, by name: [rank, open, stale] where an alarm lasts."""
    return {
        map_site.name: [rank(map_site), map_site.open, int(map_site.stale)]
        for map_site in found
        if map_site.open and map_site.lon is not None
    }


def ground(context: RequestContext, now: datetime) -> dict[str, Any]:
    """The layers under the sites, as GeoJSON."""
    found = queries_map.sites(context.connection, now)
    areas = queries_map.areas(context.connection)
    return {
        "rivers": _collection(
            _feature({"type": "LineString", "coordinates": points}, name=river)
            for river, points in rivers(found).items()
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
            for _name, title, kind, geometry, _ours in queries_map.zones(context.connection)
        ),
        "assets": _collection(
            _feature(geometry, name=title, kind=kind, gauge=gauge or "")
            for _name, title, kind, geometry, gauge in queries_map.assets(context.connection, now)
        ),
    }


def _feature(geometry: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": dict(geometry), "properties": properties}


def _collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """An area of the tree: how many sites lie in it, and which communes it holds."""

    area: TreeArea
    sites: int
    communes: Sequence[str]
    below: Sequence["Branch"]


def tree(areas: Sequence[TreeArea]) -> list[Branch]:
    """From the départements down; where none is known, from what stands alone."""
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
    found = (_branch(root, by_parent, 0) for root in roots)
    return [branch for branch in found if branch.sites]


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


def bounds(found: Sequence[MapSite]) -> list[float] | None:
    """West, south, east, north of all sites."""
    lons = [map_site.lon for map_site in found if map_site.lon is not None]
    lats = [map_site.lat for map_site in found if map_site.lat is not None]
    return [min(lons), min(lats), max(lons), max(lats)] if lons and lats else None


def legend() -> list[tuple[int, str, str]]:
    """The marks and what they mean."""
    return [
        *((rank_of, "un", marks.priority_name(rank_of)) for rank_of in (1, 2, 3, 4)),
        (2, "ack", marks.words(2, "ack").partition(", ")[2]),
    ]
