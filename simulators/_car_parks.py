"""Who parks where: vehicles that come and go in a car park, its barriers' count and its sign.

A car park fills by the hour and the kind of day (`use` of its site: `commuters` or `town`).
Figures are settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.parking import DOMAIN
from simulators._calendar import LocalTimes, local_times
from simulators._field import Place
from simulators._random import Column, chance_of
from simulators._story import HOUR, SECOND
from simulators._world import Times, World

STEP = 60.0  # s
BEFORE = 12 * HOUR  # µs in which it fills
STAY = {"commuters": 8.0, "town": 1.2}  # h, usual
HOURS = (0, 5, 6.5, 8, 9, 10.5, 12, 14, 15.5, 17, 18.5, 20, 22, 24)
FILLED = {  # share of the spaces that is taken at these hours of a working day
    "commuters": (6, 6, 15, 60, 84, 88, 87, 87, 85, 60, 28, 14, 8, 6),
    "town": (14, 12, 14, 30, 55, 78, 62, 60, 74, 80, 62, 45, 22, 14),
}
AT_REST = {"commuters": 0.25, "town": 0.75}  # of that, on Sundays and public holidays
SPACES = next(each.usual or 0.0 for each in DOMAIN.thresholds if each.name == "spaces")


@dataclass(frozen=True, kw_only=True)
class CarPark:
    """The true state on `grid` (µs): hidden from trainees.

    `present`, `counted`, `shown`: vehicles, the barriers' count of them, free spaces on the sign;
    `entries`, `exits`: running totals; `fault`: of a barrier; `taken`: per step and space.
    """

    grid: Times
    present: Column
    counted: Column
    shown: Column
    entries: Column
    exits: Column
    fault: Column
    taken: NDArray[np.bool_]

    def at(self, column: Column, times: Times) -> Column:
        """What held at each time."""
        place = np.searchsorted(self.grid, times, side="right") - 1
        return np.asarray(column[np.maximum(place, 0)])


def simulate_car_park(site: str, places: Sequence[Place], world: World, zone: str) -> CarPark:
    """A site with its devices `places`, from half a day before the scenario to its end."""
    grid = np.arange(world.begins - BEFORE, world.ends + 1, int(STEP * SECOND), dtype=np.int64)
    chance = chance_of(world.seed, site, "car park")
    spaces = max((place.thresholds.get("spaces", SPACES) for place in places), default=SPACES)
    use = next((str(p.properties["use"]) for p in places if "use" in p.properties), "town")
    use = use if use in FILLED else "town"
    filled = _event(world, places, grid, "car-park-fills", parameter="share", usual=1.05)
    aim = np.maximum(_usual_share(local_times(grid, zone), use), filled) * spaces
    came, went, taken = _traffic(aim, int(spaces), STAY[use], chance)
    present = np.cumsum(came - went)
    drift = (
        _event(world, places, grid, "count-drift", parameter="per_hour", usual=4.0) * STEP / 3600
    )
    counted = np.maximum(present + np.floor(np.cumsum(drift)), 0.0)
    shown = np.maximum(spaces - counted, 0.0)
    return CarPark(
        grid=grid,
        present=present,
        counted=counted,
        shown=_hold(shown, _event(world, places, grid, "sign-frozen", parameter="", usual=1.0) > 0),
        entries=np.cumsum(came),
        exits=np.cumsum(went),
        fault=_event(world, places, grid, "barrier-fault", parameter="code", usual=2.0),
        taken=taken,
    )


def _event(  # noqa: PLR0913  three say where, three what
    world: World, places: Sequence[Place], grid: Times, kind: str, *, parameter: str, usual: float
) -> Column:
    """Its parameter while an event of that kind is in progress here, else 0."""
    value = np.zeros(len(grid))
    for event in world.events_of(kind):
        if any(world.touches(event, place) for place in places):
            inside = (grid >= event.begins) & (grid < event.ends)
            value[inside] = float(event.parameters.get(parameter, usual))
    return value


def _usual_share(when: LocalTimes, use: str) -> Column:
    share = np.interp(when.hour, HOURS, FILLED[use]) / 100
    rest = when.sunday | (when.saturday if use == "commuters" else np.zeros(len(share), dtype=bool))
    return np.asarray(np.where(rest, AT_REST[use], 1.0) * share)


def _traffic(
    aim: Column, spaces: int, stay: float, chance: np.random.Generator
) -> tuple[Column, Column, NDArray[np.bool_]]:
    """Vehicles that come and go in each step, and the spaces that are taken after it.

    As many leave as have stayed long enough; as many come as make up for them and follow `aim`.
    """
    taken = np.zeros(spaces, dtype=bool)
    came, went = np.zeros(len(aim)), np.zeros(len(aim))
    states = np.zeros((len(aim), spaces), dtype=bool)
    leaving = 1 - np.exp(-STEP / 3600 / stay)
    for step, target in enumerate(aim.tolist()):
        parked = np.flatnonzero(taken)
        surplus = max(len(parked) - target, 0.0) * 0.05
        go = min(chance.poisson(len(parked) * leaving * 0.5 + surplus), len(parked))
        want = chance.poisson(max(target - len(parked) + go, 0.0) * (1.0 if step == 0 else 0.1))
        taken[chance.choice(parked, go, replace=False)] = False
        free = np.flatnonzero(~taken)
        come = min(want, len(free))
        taken[chance.choice(free, come, replace=False)] = True
        came[step], went[step], states[step] = come, go, taken
    return came, went, states


def _hold(values: Column, frozen: NDArray[np.bool_]) -> Column:
    """The last value before it froze, for as long as it is frozen."""
    steps = np.where(frozen, 0, np.arange(len(values)))
    return np.asarray(values[np.maximum.accumulate(steps)])
