"""Blind sensors: silent for too long or not to be believed, and what stands in for each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hypervisor.forecast.trend import Course
from hypervisor.readings.queries_silence import Heard

SHOWN = 5  # with what stands in for them; the others are counted
_NEAR_KM = 15.0


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A neighbour that measures the same. `per_hour` in the unit of its course."""

    site: str
    title: str
    km: float | None
    course: Course | None


@dataclass(frozen=True, kw_only=True)
class Blind:
    """A device that says nothing of these quantities. `since` None: it never spoke."""

    site: str
    title: str
    domain: str
    device: str
    quantities: tuple[str, ...]
    since: datetime | None
    suspect: bool
    stand_in: StandIn | None = None


def blind(
    heard: Sequence[Heard],
    links: Mapping[tuple[str, str], float],
    courses: Mapping[str, Course],
    *,
    resting: frozenset[str],
    now: datetime,
) -> list[Blind]:
    """Blind devices, the last to fall silent first; what stands in is sought for those shown."""
    lost: dict[str, list[Heard]] = {}
    for one in heard:
        if (one.silent(now) or one.suspect) and one.device not in resting:
            lost.setdefault(one.device, []).append(one)
    blinds = sorted((_blind(own, now) for own in lost.values()), key=_freshness)
    told = [
        replace(one, stand_in=_stand_in(lost[one.device][0], heard, links, courses, now))
        for one in blinds[:SHOWN]
    ]
    return [*told, *blinds[SHOWN:]]


def _freshness(one: Blind) -> tuple[bool, float, str]:
    """What fell silent just now first; what never spoke last."""
    return (one.since is None, -one.since.timestamp() if one.since else 0.0, one.title)


def _blind(own: Sequence[Heard], now: datetime) -> Blind:
    first = own[0]
    times = [heard.time for heard in own if heard.time is not None]
    return Blind(
        site=first.site,
        title=first.title,
        domain=first.domain,
        device=first.device,
        quantities=tuple(heard.quantity for heard in own),
        since=max(times, default=None),
        suspect=all(heard.suspect and not heard.silent(now) for heard in own),
    )


def _stand_in(
    lost: Heard,
    heard: Sequence[Heard],
    links: Mapping[tuple[str, str], float],
    courses: Mapping[str, Course],
    now: datetime,
) -> StandIn | None:
    """On a river the nearest gauge by travel time, up or down; else the nearest of its kind."""
    well = {
        one.site: one
        for one in heard
        if one.quantity == lost.quantity
        and one.site != lost.site
        and not one.silent(now)
        and not one.suspect
    }
    linked = sorted(
        (travel, below if above == lost.site else above)
        for (above, below), travel in links.items()
        if lost.site in {above, below}
    )
    for _, name in linked:
        if name in well:
            return StandIn(site=name, title=well[name].title, km=None, course=courses.get(name))
    near = sorted(
        (km, one.site) for one in well.values() if (km := _distance(lost, one)) is not None
    )
    if near and near[0][0] <= _NEAR_KM:
        km, name = near[0]
        return StandIn(site=name, title=well[name].title, km=km, course=courses.get(name))
    return None


def _distance(one: Heard, other: Heard) -> float | None:
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return None
    across = (one.lon - other.lon) * 111.3 * math.cos(math.radians(one.lat))
    return math.hypot(across, (one.lat - other.lat) * 111.3)
