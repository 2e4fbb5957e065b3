"""Sections of road: sensors in the direction of travel, incidents, closures, detours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators._actuators import CLOSED, state_of
from simulators._field import Asset, Field, Place
from simulators._steps import EVER, Column, Instants
from simulators._story import SECOND, Event
from simulators._traffic import Road, remaining, road
from simulators._world import World

PARIS = (2.3522, 48.8566)
KM_A_DEGREE = 111.2

# Settings.
NEAR_ASSET = 0.3  # km within which a sensor is on a flooded road
CLEANING = 2 * 3600 * SECOND  # µs from the water's leaving to the reopening
AROUND = 8.0  # km within which a detour is sought
LOCAL = 0.3  # share that leaves the road before the closure, or joins it after
DETOURS = 0.6  # share of the others that take a detour; the rest stays at home
FILLED = 0.97  # of its capacity to which a detour fills another road


@dataclass(frozen=True, kw_only=True)
class Section:
    """Sensors on one piece of road in the direction of travel; `along`: their km along it."""

    name: str
    places: tuple[Place, ...]
    roads: tuple[Road, ...]
    along: tuple[float, ...]
    direction: str

    @property
    def capacity(self) -> float:
        """veh/h that pass all of it."""
        return min(section.capacity for section in self.roads)


def is_sensor(place: Place) -> bool:
    """Whether it measures motor traffic."""
    return "traffic_flow" in place.quantities or "occupancy" in place.quantities


def list_sections(field: Field) -> list[Section]:
    """The groups of kind `section`, and each other sensor of traffic by itself."""
    sensors = {place.device: place for place in field.of("mobility") if is_sensor(place)}
    result = []
    for group in sorted(field.groups, key=lambda group: group.name):
        if group.kind == "section":
            members = [sensors.pop(name) for name in sorted(group.members) if name in sensors]
            if members:
                result.append(_section(group.name, members))
    result.extend(_section(name, [place]) for name, place in sensors.items())
    return result


def _section(name: str, places: Sequence[Place]) -> Section:
    direction = next(
        (
            str(section.properties["direction"])
            for section in places
            if "direction" in section.properties
        ),
        "both",
    )
    along = {place.device: _along(place, direction, number) for number, place in enumerate(places)}
    ordered = sorted(places, key=lambda place: (along[place.device], place.device))
    first = along[ordered[0].device]
    return Section(
        name=name,
        places=tuple(ordered),
        roads=tuple(road(place) for place in ordered),
        along=tuple(along[place.device] - first for place in ordered),
        direction=direction,
    )


def _along(place: Place, direction: str, number: int) -> float:
    """Km in the direction of travel: `pk_km`, else by the distance from Paris."""
    post_km = place.properties.get("pk_km")
    if post_km is not None:
        return float(post_km)
    if place.lon is None or place.lat is None:
        return float(number)
    out = distance((place.lon, place.lat), PARIS)
    return out if direction == "out" else -out


def distance(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Km between two places that are not far from each other."""
    east = (start[0] - end[0]) * math.cos(math.radians((start[1] + end[1]) / 2))
    return KM_A_DEGREE * math.hypot(east, start[1] - end[1])


def open_share(section: Section, number: int, world: World, times: Instants) -> Column:
    """Share of the capacity that incidents leave after a sensor, in the steps that end at `times`.

    An `incident` blocks `lanes_blocked` lanes (1), or leaves a `capacity` from 0 to 1.
    """
    share = np.ones(len(times))
    for event in world.events_of("incident"):
        if number == _find_sensor(event, section, world):
            left = event.parameters.get("capacity")
            if left is None:
                blocked = int(event.parameters.get("lanes_blocked", 1))
                left = remaining(section.roads[number].lanes, blocked)
            during = (times > event.begins) & (times <= event.ends)
            share = np.where(during, np.minimum(share, float(left)), share)
    return share


def _find_sensor(event: Event, section: Section, world: World) -> int | None:
    """The sensor of the section at which an event is; of several the last, so that all queue."""
    numbers = [number for number, place in enumerate(section.places) if world.touches(event, place)]
    return numbers[-1] if numbers else None


def is_closed(place: Place, world: World, times: Instants) -> NDArray[np.bool_]:
    """Whether the road is closed: by a `closure`, a barrier, or by water until it is cleaned.

    In the steps that end at `times`.
    """
    shut = world.during("closure", place, times - 1)
    for other in world.field.of("mobility"):
        if other.site == place.site and "barrier_position" in other.quantities:
            shut |= state_of("barrier_position", other, world, times) == CLOSED
    for asset in world.field.assets:
        if asset.kind == "road" and (asset.site == place.site or _is_on_road(place, asset)):
            water = world.flooded(asset.name, times)
            last = np.maximum.accumulate(np.where(water, times, EVER))
            shut |= (times - last <= CLEANING) & (times >= world.begins)
    return shut


def _is_on_road(place: Place, asset: Asset) -> bool:
    if place.lon is None or place.lat is None or asset.lon is None or asset.lat is None:
        return False
    return distance((place.lon, place.lat), (asset.lon, asset.lat)) <= NEAR_ASSET


def divert_traffic(
    all_sections: Sequence[Section],
    demand: Mapping[str, Column],
    shut: Mapping[str, NDArray[np.bool_]],
) -> dict[str, Column]:
    """Vehicles (per h) that enter each section: few where it is closed, more on detours."""
    entering = {
        section.name: demand[section.name] * np.where(shut[section.name], LOCAL, 1.0)
        for section in all_sections
    }
    for section in all_sections:
        if not shut[section.name].any():
            continue
        lost = DETOURS * (demand[section.name] - demand[section.name] * LOCAL) * shut[section.name]
        others = [
            other for other in all_sections if other is not section and _is_detour(section, other)
        ]
        total = sum(other.capacity for other in others)
        for other in others:
            room = np.maximum(FILLED * other.capacity - entering[other.name], 0.0)
            more = np.minimum(lost * other.capacity / total, room)
            entering[other.name] = entering[other.name] + np.where(shut[other.name], 0.0, more)
    return entering


def _is_detour(section: Section, other: Section) -> bool:
    """A detour: not far, and not the other way."""
    here, there = section.places[0], other.places[0]
    if None in (here.lon, here.lat, there.lon, there.lat):
        return False
    if "both" not in (section.direction, other.direction) and section.direction != other.direction:
        return False
    ends = (here.lon or 0.0, here.lat or 0.0), (there.lon or 0.0, there.lat or 0.0)
    return distance(*ends) <= AROUND
