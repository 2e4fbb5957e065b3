"""Blind sensors, silent or suspect, and the sensor that can stand in for each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hypervisor.forecast.trend import Course
from hypervisor.readings.queries_silence import ExpectedSeries

SHOWN = 5  # listed with a stand-in; the others are counted
_NEAR_KM = 15.0


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A neighbour that measures the same quantity."""

    site: str
    title: str
    km: float | None
    course: Course | None


@dataclass(frozen=True, kw_only=True)
class BlindSensor:
    """A device without valid readings of these quantities. `since` None: it never reported."""

    site: str
    title: str
    domain: str
    device: str
    quantities: tuple[str, ...]
    since: datetime | None
    suspect: bool
    stand_in: StandIn | None = None


def find_blind_sensors(
    heard: Sequence[ExpectedSeries],
    links: Mapping[tuple[str, str], float],
    courses: Mapping[str, Course],
    *,
    resting: frozenset[str],
    now: datetime,
) -> list[BlindSensor]:
    """Blind devices, most recent first; stand-ins for the first five only."""
    lost: dict[str, list[ExpectedSeries]] = {}
    for series in heard:
        if (series.silent(now) or series.suspect) and series.device not in resting:
            lost.setdefault(series.device, []).append(series)
    blinds = sorted((_blind(own, now) for own in lost.values()), key=_freshness)
    first = [
        replace(sensor, stand_in=_stand_in(lost[sensor.device][0], heard, links, courses, now))
        for sensor in blinds[:SHOWN]
    ]
    return [*first, *blinds[SHOWN:]]


def _freshness(sensor: BlindSensor) -> tuple[bool, float, str]:
    """Sort key: most recently silent first, never heard last."""
    return (sensor.since is None, -sensor.since.timestamp() if sensor.since else 0.0, sensor.title)


def _blind(own: Sequence[ExpectedSeries], now: datetime) -> BlindSensor:
    first = own[0]
    times = [heard.time for heard in own if heard.time is not None]
    return BlindSensor(
        site=first.site,
        title=first.title,
        domain=first.domain,
        device=first.device,
        quantities=tuple(heard.quantity for heard in own),
        since=max(times, default=None),
        suspect=all(heard.suspect and not heard.silent(now) for heard in own),
    )


def _stand_in(
    lost: ExpectedSeries,
    heard: Sequence[ExpectedSeries],
    links: Mapping[tuple[str, str], float],
    courses: Mapping[str, Course],
    now: datetime,
) -> StandIn | None:
    """On a river, the nearest gauge by travel time; else the nearest sensor within 15 km."""
    well = {
        series.site: series
        for series in heard
        if series.quantity == lost.quantity
        and series.site != lost.site
        and not series.silent(now)
        and not series.suspect
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
        (km, neighbour.site)
        for neighbour in well.values()
        if (km := _distance(lost, neighbour)) is not None
    )
    if near and near[0][0] <= _NEAR_KM:
        km, name = near[0]
        return StandIn(site=name, title=well[name].title, km=km, course=courses.get(name))
    return None


def _distance(a: ExpectedSeries, other: ExpectedSeries) -> float | None:
    if a.lon is None or a.lat is None or other.lon is None or other.lat is None:
        return None
    across = (a.lon - other.lon) * 111.3 * math.cos(math.radians(a.lat))
    return math.hypot(across, (a.lat - other.lat) * 111.3)
