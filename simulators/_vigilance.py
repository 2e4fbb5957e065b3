"""The official colour of a river, as forecasters who see a day ahead would give it twice a day."""

import numpy as np
from numpy.typing import NDArray

from simulators._catchment import Column
from simulators._story import HOUR, SECOND
from simulators._world import World

GREEN, YELLOW, ORANGE, RED = 1.0, 2.0, 3.0, 4.0
ISSUES = (9, 15)  # h UTC
DAY = 24 * HOUR
COLOURS = (("attention", YELLOW), ("alert", ORANGE), ("danger", RED))


def bulletins(
    river: str, world: World, chance: np.random.Generator, heartbeat: float
) -> tuple[NDArray[np.int64], Column]:
    """When (µs) a colour is given, and which: at its changes, and as a sign of life between."""
    at = _issue_times(world)
    sure = chance.normal(1.0, 0.04, len(at))
    colour = np.full(len(at), GREEN)
    for site, limits in _thresholds(river, world).items():
        ahead = np.array([world.level(site, _hours(issue)).max() for issue in at])
        for name, value in COLOURS:
            if name in limits:
                reached = ahead * sure > limits[name]
                colour = np.where(reached, np.maximum(colour, value), colour)
    return _on_change(at, colour, heartbeat)


def _issue_times(world: World) -> NDArray[np.int64]:
    """The last bulletin before the scenario is told at its beginning."""
    first = world.begins // DAY * DAY
    issues = np.array(
        [
            day + hour * HOUR
            for day in range(first, world.ends + DAY, DAY)
            for hour in ISSUES
            if world.begins < day + hour * HOUR <= world.ends
        ],
        dtype=np.int64,
    )
    return np.concatenate([np.array([world.begins], dtype=np.int64), issues])


def _hours(issue: int) -> NDArray[np.int64]:
    return issue + np.arange(0, 25, dtype=np.int64) * HOUR


def _thresholds(river: str, world: World) -> dict[str, dict[str, float]]:
    thresholds: dict[str, dict[str, float]] = {}
    for place in world.field.places:
        if place.river == river and place.site in world.courses:
            thresholds.setdefault(place.site, {}).update(place.thresholds)
    return thresholds


def _on_change(
    at: NDArray[np.int64], colour: Column, heartbeat: float
) -> tuple[NDArray[np.int64], Column]:
    """The changes, and between them the last colour again every `heartbeat` s."""
    times: list[int] = []
    colours: list[float] = []
    wait = int(heartbeat * SECOND)
    for moment, value in zip(at.tolist(), colour.tolist(), strict=True):
        while times and times[-1] + wait < moment:
            times.append(times[-1] + wait)
            colours.append(colours[-1])
        if not times or value != colours[-1]:
            times.append(moment)
            colours.append(value)
    return np.array(times, dtype=np.int64), np.array(colours)
