"""Surroundings of a site: its neighbours on the water and the lines of rivers."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.overview import queries_map
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_situation import SiteMap, draw_site_map
from hypervisor.overview.views_site_upstream import list_upstream
from hypervisor.registry import queries_site


def build_site_map(context: RequestContext, facts: Facts) -> SiteMap | None:
    """The small map of a site: neighbours, river and assets."""
    place = facts.place
    flows = queries_site.list_links(context.connection, facts.now) if place.river else []
    near = {above for above, _s in list_upstream(flows, place.name)[:4]}
    near |= {below for above, below, _s in flows if above == place.name}
    sites = queries_map.list_sites(context.connection, facts.now)
    here = next((site for site in sites if site.name == place.name), None)
    if here is None:
        return None
    mates = [
        site
        for site in sites
        if site.name in near or (place.river is not None and site.river == place.river)
    ]
    if place.river is None:
        mates = [site for site in sites if site.commune == here.commune][:8]
    mates = [mate for mate in mates if mate.name != here.name]
    assets = queries_map.list_assets(context.connection, facts.now)
    points = [
        _middle(shape, title) for _n, title, _k, shape, gauge in assets if gauge == place.name
    ]
    return draw_site_map(
        here, [*mates, here], river_lines(sites), [point for point in points if point]
    )


def river_lines(sites: Sequence[queries_map.MapSite]) -> dict[str, list[tuple[float, float]]]:
    """Each river as a schematic line through its gauges, in flow order."""
    lines: dict[str, list[tuple[float, float, float]]] = {}
    for map_site in sites:
        if (
            map_site.river
            and map_site.lon is not None
            and map_site.lat is not None
            and map_site.domain == "flood"
        ):
            lines.setdefault(map_site.river, []).append(
                (map_site.river_order or 0.0, map_site.lon, map_site.lat)
            )
    return {
        river: [(lon, lat) for _order, lon, lat in sorted(points)]
        for river, points in lines.items()
        if len(points) > 1
    }


def _middle(shape: Mapping[str, Any], title: str) -> tuple[float, float, str] | None:
    points = list(_points(shape.get("coordinates")))
    if not points:
        return None
    return (
        sum(lon for lon, _lat in points) / len(points),
        sum(lat for _lon, lat in points) / len(points),
        title,
    )


def _points(coordinates: Any) -> Sequence[tuple[float, float]]:
    if not isinstance(coordinates, list) or not coordinates:
        return []
    if isinstance(coordinates[0], (int, float)):
        return [(float(coordinates[0]), float(coordinates[1]))]
    return [point for part in coordinates for point in _points(part)]
