"""Where a site lies: its neighbours by water, rivers as lines through their gauges."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypervisor.api.access import Access
from hypervisor.console.views.site_facts import Facts
from hypervisor.console.views.site_situation import Situation, situation
from hypervisor.console.views.site_upstream import chain
from hypervisor.store.pages import mapping, siting


def around(asked: Access, facts: Facts) -> Situation | None:
    """The small map: the site, its neighbours by water, its river, what it reaches."""
    place = facts.place
    flows = siting.flows(asked.connection, facts.now) if place.river else []
    near = {above for above, _s in chain(flows, place.name)[:4]}
    near |= {below for above, below, _s in flows if above == place.name}
    found = mapping.sites(asked.connection, facts.now)
    here = next((one for one in found if one.name == place.name), None)
    if here is None:
        return None
    mates = [
        one
        for one in found
        if one.name in near or (place.river is not None and one.river == place.river)
    ]
    if place.river is None:
        mates = [one for one in found if one.commune == here.commune][:8]
    mates = [one for one in mates if one.name != here.name]
    known = mapping.assets(asked.connection, facts.now)
    points = [_middle(shape, title) for _n, title, _k, shape, gauge in known if gauge == place.name]
    return situation(here, [*mates, here], rivers(found), [one for one in points if one])


def rivers(found: Sequence[mapping.MapSite]) -> dict[str, list[tuple[float, float]]]:
    """Each river as a line through its gauges, in flow order: schematic."""
    lines: dict[str, list[tuple[float, float, float]]] = {}
    for one in found:
        if one.river and one.lon is not None and one.lat is not None and one.domain == "flood":
            lines.setdefault(one.river, []).append((one.river_order or 0.0, one.lon, one.lat))
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
