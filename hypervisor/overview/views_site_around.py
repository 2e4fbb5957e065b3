"""Where a site lies: its neighbours by water, rivers as lines through their gauges."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.overview import queries_map
from hypervisor.overview.views_site_facts import Facts
from hypervisor.overview.views_site_situation import Situation, situation
from hypervisor.overview.views_site_upstream import chain
from hypervisor.registry import queries_site


def around(context: RequestContext, facts: Facts) -> Situation | None:
    """The small map: the site, its neighbours by water, its river, what it reaches."""
    place = facts.place
    flows = queries_site.flows(context.connection, facts.now) if place.river else []
    near = {above for above, _s in chain(flows, place.name)[:4]}
    near |= {below for above, below, _s in flows if above == place.name}
    sites = queries_map.sites(context.connection, facts.now)
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
    assets = queries_map.assets(context.connection, facts.now)
    points = [
        _middle(shape, title) for _n, title, _k, shape, gauge in assets if gauge == place.name
    ]
    return situation(here, [*mates, here], rivers(sites), [point for point in points if point])


def rivers(found: Sequence[queries_map.MapSite]) -> dict[str, list[tuple[float, float]]]:
    """Each river as a line through its gauges, in flow order: schematic."""
    lines: dict[str, list[tuple[float, float, float]]] = {}
    for map_site in found:
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


def _points(found: Any) -> Sequence[tuple[float, float]]:
    if not isinstance(found, list) or not found:
        return []
    if isinstance(found[0], (int, float)):
        return [(float(found[0]), float(found[1]))]
    return [point for one in found for point in _points(one)]
