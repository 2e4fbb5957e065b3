"""Telecare: homes warm until the heating fails, buttons that are pressed, plugs pulled out.

A place may give `warm` (°C by day).
"""

import numpy as np

from sensors.telecare import DOMAIN
from simulators._calendar import local_times
from simulators._field import Field, Place
from simulators._random import Column, chance_of
from simulators._readings import Times
from simulators._simulator import Kinds, Observation, default_simulator
from simulators._steps import SECOND
from simulators._world import World

EVENTS: Kinds = {"telecare-call": {}, "box-unplugged": {}, "heating-failure": {}}
# Settings.
WARM, NIGHT = 20.5, 1.5  # °C by day, K less at night
COOLING = 18.0  # h in which a home loses two thirds of its difference to the air outside
HOLDS = 30.0  # h that a box's battery lasts without mains
LATE = 60  # s at most after the hour at which a box reports
HOUR = 3600 * SECOND


def truth(field: Field, world: World) -> dict[str, list[int]]:
    """When (µs) somebody calls, by device; hidden from trainees."""
    return {place.device: _calls(place, world) for place in field.of("telecare")}


def _calls(place: Place, world: World) -> list[int]:
    events = world.events_of("telecare-call")
    return sorted(event.begins for event in events if world.touches(event, place))


def _reports(box: Observation) -> Times:
    """Each box has minutes of its own."""
    late = chance_of(box.world.seed, box.place.device, "telecare").integers(0, LATE)
    return np.asarray(box.times[:-1] + int(late) * SECOND)


def _pressed(box: Observation) -> tuple[Times, Column]:
    """Calls since the report before: none at its regular reports, one at each press."""
    calls = np.array(_calls(box.place, box.world), dtype=np.int64)
    regular = np.setdiff1d(_reports(box), calls)
    at = np.concatenate([regular, calls])
    value = np.concatenate([np.zeros(len(regular)), np.ones(len(calls))])
    order = np.argsort(at)
    return at[order], value[order]


def _alive(box: Observation) -> tuple[Times, Column]:
    at = _reports(box)
    return at, np.ones(len(at))


def _elapsed(kind: str, box: Observation, at: Times) -> Column:
    """Hours since an event of that kind began there, while it lasts, else 0."""
    elapsed = np.zeros(len(at))
    for event in box.world.events_of(kind):
        if box.world.touches(event, box.place):
            during = (at >= event.begins) & (at < event.ends)
            elapsed = np.maximum(elapsed, np.where(during, (at - event.begins) / HOUR, 0.0))
    return elapsed


def _plugged(box: Observation) -> tuple[Times, Column]:
    at = _reports(box)
    return at, np.where(box.world.during("box-unplugged", box.place, at), 0.0, 1.0)


def _charge(box: Observation) -> tuple[Times, Column]:
    """A box's is full while it is plugged in; a button's wears."""
    at = _reports(box)
    if "mains_present" not in box.place.quantities:
        age = box.chance.uniform(0.0, 0.6)
        return at, np.full(len(at), 100.0 * (1.0 - age))
    return at, 100.0 * np.maximum(1.0 - _elapsed("box-unplugged", box, at) / HOLDS, 0.0)


def _temperature(box: Observation) -> tuple[Times, Column]:
    """By the thermostat; without heating it goes towards the air outside."""
    at, place = _reports(box), box.place
    hour = local_times(at, box.world.field.zone).hour
    warm = float(place.properties.get("warm", WARM))
    heated = np.where((hour >= 7) & (hour < 22), warm, warm - NIGHT)
    outside = box.world.temperature(place.lon, place.lat, at)
    left = np.exp(-_elapsed("heating-failure", box, at) / COOLING)
    return at, outside + (heated - outside) * left + box.chance.normal(0, 0.1, len(at))


SIMULATOR = default_simulator(
    DOMAIN,
    {
        "telecare_calls": _pressed,
        "box_heartbeat": _alive,
        "mains_present": _plugged,
        "home_temperature": _temperature,
        "battery": _charge,
    },
    EVENTS,
)
