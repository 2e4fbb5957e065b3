"""Video protection: cameras that answer and see, recorders that fill and erase, lines crossed.

A camera may give `daily_crossings` (on a working day), a recorder `kept_days` and `disk` (%).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.cameras import DOMAIN
from simulators._bicycles import shape
from simulators._calendar import local_times
from simulators._field import Field, Place
from simulators._random import Column, chance_of
from simulators._readings import DeviceReadings, Times, as_read, charge, table, ticks
from simulators._simulator import Kinds, Simulator, check_events, choice, number
from simulators._steps import SECOND
from simulators._traffic_counting import interval_ends
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
EVENTS: Kinds = {
    "camera-down": {},
    "camera-frozen": {},
    "camera-covered": {},
    "crossings-fault": {"way": choice("in", "out", "both"), "share": number(0, 1)},
    "erasing-stopped": {"per_hour": number(0, 100)},
}
# Settings.
CROSSINGS = 1_500.0  # a working day, each way
RESTING = 0.6  # of a working day's crossings, at weekends
MISS = 0.03  # of the crossings, counted not at all
WAYS = {  # hours, width and weight of what passes, local
    "in": ((8.3, 1.0, 0.45), (12.5, 2.5, 0.3), (17.5, 1.5, 0.25)),
    "out": ((8.8, 1.0, 0.3), (13.0, 2.5, 0.3), (18.2, 1.6, 0.4)),
}
FRAME = 3.0  # s, mean age of the newest image
KEPT, DISK = 14.0, 72.0  # days and % of a recorder that erases what is oldest
FILLS = 0.6  # % an hour that a recorder adds once it erases no more
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND


def truth(field: Field, world: World) -> dict[str, tuple[Times, Column, Column]]:
    """By camera: times, whether it is reached and s since its last image; hidden from trainees."""
    times = ticks(world.begins, world.ends, 60)
    return {
        place.device: (times, _reachable(place, world, times), _unseen(place, world, times))
        for place in field.of("cameras")
        if "frame_age" in place.quantities
    }


def emit(field: Field, world: World, seed: int) -> pd.DataFrame:
    """Readings of the devices as rows of a recording, by time."""
    check_events(world, EVENTS)
    return table(_device_readings(field, world, seed))


def _device_readings(field: Field, world: World, seed: int) -> Iterator[DeviceReadings]:
    for place in field.of("cameras"):
        for name, interval in sorted(place.quantities.items()):
            at = ticks(world.begins, world.ends, interval)
            chance = chance_of(seed, place.device, name)
            match name:
                case "camera_reachable":
                    value = _reachable(place, world, at)
                case "frame_age":
                    value = _unseen(place, world, at) + chance.exponential(FRAME, len(at))
                case "camera_tampering":
                    value = world.during("camera-covered", place, at).astype(np.float64)
                case "crossings_in" | "crossings_out":
                    at = interval_ends(world.begins, world.ends, interval)
                    value = _crossings(place, world, at, (name, interval), chance)
                case "recorder_disk":
                    value = _disk(place, world, at) + chance.normal(0, 0.3, len(at))
                case "recording_age":
                    value = _oldest(place, world, at) + chance.uniform(0, 0.04, len(at))
                case "battery":
                    value = charge(at, chance)
                case _:
                    value = np.zeros(len(at))
            quantity = CATALOGUE[name]
            yield DeviceReadings(
                device=place.device, quantity=quantity, times=at, value=as_read(quantity, value)
            )


def _reachable(place: Place, world: World, at: Times) -> Column:
    return np.where(world.during("camera-down", place, at), 0.0, 1.0)


def _unseen(place: Place, world: World, at: Times) -> Column:
    """Seconds since the camera's last image: it grows while it is down or frozen."""
    age = np.zeros(len(at))
    for kind in ("camera-down", "camera-frozen"):
        age = np.maximum(age, _elapsed(kind, place, world, at))
    return age


def _elapsed(kind: str, place: Place, world: World, at: Times) -> Column:
    """Seconds since an event of that kind began at the device, while it lasts, else 0."""
    elapsed = np.zeros(len(at))
    for event in world.events_of(kind):
        if world.touches(event, place):
            during = (at >= event.begins) & (at < event.ends)
            elapsed = np.maximum(elapsed, np.where(during, (at - event.begins) / SECOND, 0.0))
    return elapsed


def _crossings(
    place: Place, world: World, at: Times, what: tuple[str, float], chance: np.random.Generator
) -> Column:
    """Who crossed the line in the interval that ends, one way; none that the camera does not see.

    `what`: the quantity and its interval (s).
    """
    way, interval = what[0].removeprefix("crossings_"), what[1]
    middle = at - int(interval * SECOND / 2)
    when = local_times(middle, world.field.zone)
    daily = float(place.properties.get("daily_crossings", CROSSINGS))
    hourly = daily * np.where(when.workday, 1.0, RESTING) * shape(WAYS[way], when.hour)
    seen = (1 - MISS) * np.where(_unseen(place, world, middle) > 0, 0.0, 1.0)
    for event in world.events_of("crossings-fault"):
        if world.touches(event, place) and event.parameters.get("way", "both") in (way, "both"):
            during = (middle >= event.begins) & (middle < event.ends)
            seen = np.where(during, seen * float(event.parameters.get("share", 0)), seen)
    return chance.poisson(hourly * interval / 3600 * seen).astype(np.float64)


def _disk(place: Place, world: World, at: Times) -> Column:
    """% used: level while the oldest is erased, else it grows."""
    used = np.full(len(at), float(place.properties.get("disk", DISK)))
    for event in world.events_of("erasing-stopped"):
        if world.touches(event, place):
            during = (at >= event.begins) & (at < event.ends)
            rate = float(event.parameters.get("per_hour", FILLS))
            used = used + np.where(during, rate * (at - event.begins) / HOUR, 0.0)
    return np.asarray(used)


def _oldest(place: Place, world: World, at: Times) -> Column:
    """Days since the oldest recording."""
    kept = float(place.properties.get("kept_days", KEPT))
    return kept + _elapsed("erasing-stopped", place, world, at) * SECOND / DAY


SIMULATOR = Simulator(domain="cameras", emit=emit, events=tuple(EVENTS))
