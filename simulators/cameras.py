"""Video protection: cameras that answer and see, recorders that fill and erase, lines crossed.

A camera may give `daily_crossings` (on a working day), a recorder `kept_days` and `disk` (%).
"""

import numpy as np

from sensors.cameras import DOMAIN
from simulators._bicycles import shape
from simulators._calendar import local_times
from simulators._field import Field, Place
from simulators._random import Column
from simulators._readings import Times, ticks
from simulators._simulator import Kinds, Observation, choice, default_simulator, number
from simulators._steps import SECOND
from simulators._traffic_counting import interval_ends
from simulators._world import World

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
MISS = 0.03  # of the crossings, not counted
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


def _count(camera: Observation, way: str) -> tuple[Times, Column]:
    """Who crossed the line in each interval, one way, by its end; none without an image."""
    place, world = camera.place, camera.world
    at = interval_ends(world.begins, world.ends, camera.interval)
    middle = at - int(camera.interval * SECOND / 2)
    when = local_times(middle, world.field.zone)
    daily = float(place.properties.get("daily_crossings", CROSSINGS))
    hourly = daily * np.where(when.workday, 1.0, RESTING) * shape(WAYS[way], when.hour)
    seen = (1 - MISS) * np.where(_unseen(place, world, middle) > 0, 0.0, 1.0)
    for event in world.events_of("crossings-fault"):
        if world.touches(event, place) and event.parameters.get("way", "both") in (way, "both"):
            during = (middle >= event.begins) & (middle < event.ends)
            seen = np.where(during, seen * float(event.parameters.get("share", 0)), seen)
    counted = camera.chance.poisson(hourly * camera.interval / 3600 * seen)
    return at, counted.astype(np.float64)


def _frame_age(camera: Observation) -> Column:
    unseen = _unseen(camera.place, camera.world, camera.times)
    return unseen + camera.chance.exponential(FRAME, len(camera.times))


def _covered(camera: Observation) -> Column:
    covered = camera.world.during("camera-covered", camera.place, camera.times)
    return covered.astype(np.float64)


def _disk(recorder: Observation) -> Column:
    """% used: level while the oldest is erased, else it grows."""
    place, at = recorder.place, recorder.times
    used = np.full(len(at), float(place.properties.get("disk", DISK)))
    for event in recorder.world.events_of("erasing-stopped"):
        if recorder.world.touches(event, place):
            during = (at >= event.begins) & (at < event.ends)
            rate = float(event.parameters.get("per_hour", FILLS))
            used = used + np.where(during, rate * (at - event.begins) / HOUR, 0.0)
    return np.asarray(used + recorder.noise(0.3))


def _oldest(recorder: Observation) -> Column:
    """Days since the oldest recording."""
    kept = float(recorder.place.properties.get("kept_days", KEPT))
    kept_on = _elapsed("erasing-stopped", recorder.place, recorder.world, recorder.times)
    late = recorder.chance.uniform(0, 0.04, len(recorder.times))
    return kept + kept_on * SECOND / DAY + late


SIMULATOR = default_simulator(
    DOMAIN,
    {
        "camera_reachable": lambda seen: _reachable(seen.place, seen.world, seen.times),
        "frame_age": _frame_age,
        "camera_tampering": _covered,
        "crossings_in": lambda camera: _count(camera, "in"),
        "crossings_out": lambda camera: _count(camera, "out"),
        "recorder_disk": _disk,
        "recording_age": _oldest,
    },
    EVENTS,
)
