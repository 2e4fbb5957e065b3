"""Readings of a lamp's controller."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sensors._quantity import Quantity
from simulators._field import Place
from simulators._lamps import METERING, LampState, Luminaire
from simulators._random import chance_of
from simulators._readings import DeviceReadings, as_read, charge
from simulators._steps import SECOND, Column, Instants
from simulators._world import World

JOULES = 3.6e6  # of a kWh

# Settings.
BOOT = (20, 150)  # s from supply to the first message
REACTION = (2, 15)  # s from a change to its message
FEEDER_DROP = 0.02  # of the voltage at the far end of a cable whose lamps burn full

STATUS = ("light_level", "light_command", "lamp_power", "power_factor", "supply_voltage")
# Over LoRaWAN every message holds all quantities.
COMPLETE_MESSAGES = ("chirpstack", "the-things-stack")


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A luminaire and its controller. `volts`: of its cabinet, on `grid`."""

    place: Place
    which: Luminaire
    does: LampState
    grid: Instants
    volts: Column


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A lamp as its controller measures it. `far`: position along the cable, 0 to 1."""

    lamp: Lamp
    at: Instants
    begins: int
    far: float
    chance: np.random.Generator

    @property
    def power(self) -> Column:
        return self.lamp.does.power.of(self.at)


def lamp_readings(
    lamp: Lamp, world: World, seed: int, catalogue: Mapping[str, Quantity]
) -> Iterator[DeviceReadings]:
    """Its rows, quantity by quantity."""
    chance = chance_of(seed, lamp.place.device, "controller")
    far = float(chance.random())
    for name, at in _times(lamp, world, chance).items():
        look = Observation(lamp=lamp, at=at, begins=world.begins, far=far, chance=chance)
        yield DeviceReadings(
            device=lamp.place.device,
            quantity=catalogue[name],
            times=at,
            value=as_read(catalogue[name], READINGS[name](look)),
        )


def _times(lamp: Lamp, world: World, chance: np.random.Generator) -> dict[str, Instants]:
    """Times of each quantity: at intervals since it has a supply, and on a change.

    A switched lamp sends nothing when its supply ends.
    """
    intervals = {
        name: interval
        for name, interval in sorted(lamp.place.quantities.items())
        if name in READINGS
    }
    if not intervals:
        return {}
    shortest = min(intervals.values())
    phase = int(chance.integers(0, max(1, round(shortest)))) * SECOND
    boot = int(chance.integers(*BOOT)) * SECOND
    delay = int(chance.integers(*REACTION)) * SECOND
    alive = [
        (_round_up(begins + boot) if begins > world.begins else begins + phase, ends)
        for begins, ends in lamp.does.supply.spans(world.begins, world.ends + 1)
    ]
    ordered = [order.at for order in world.orders_of(lamp.place.device)]
    moved = np.union1d(
        lamp.does.level.changes(world.begins, world.ends), np.array(ordered, dtype=np.int64)
    )
    ill = lamp.does.fault.changes(world.begins, world.ends)
    if lamp.place.protocol in COMPLETE_MESSAGES:
        at = _report_times(alive, shortest, (_round_up(moved + delay), _round_up(ill + delay)))
        return dict.fromkeys(intervals, at)
    times_by_kind: dict[tuple[float, str], Instants] = {}
    times = {}
    for name, interval in intervals.items():
        kind = "status" if name in STATUS else name if name == "lamp_fault" else "other"
        extra = {"status": moved, "lamp_fault": ill}.get(kind, moved[:0])
        if (interval, kind) not in times_by_kind:
            times_by_kind[interval, kind] = _report_times(
                alive, interval, (_round_up(extra + delay),)
            )
        times[name] = times_by_kind[interval, kind]
    return times


def _report_times(
    alive: Sequence[tuple[int, int]], interval: float, extra: Sequence[Instants]
) -> Instants:
    """Ticks of each period of supply since its beginning, and `extra` times within."""
    ticks = [
        np.arange(begins, ends, int(interval * SECOND), dtype=np.int64) for begins, ends in alive
    ]
    others = [
        times[(times >= begins) & (times < ends)]
        for times in extra
        for begins, ends in alive
        if times.size
    ]
    return np.unique(np.concatenate([*ticks, *others, np.empty(0, dtype=np.int64)]))


Moment = TypeVar("Moment", int, Instants)


def _round_up(times: Moment) -> Moment:
    """Controllers stamp whole seconds."""
    return -(-times // SECOND) * SECOND


def _power(look: Observation) -> Column:
    noise = 1 + METERING * look.chance.standard_normal(len(look.at))
    return np.asarray(look.power * noise)


def _energy(look: Observation) -> Column:
    gained = look.lamp.does.power.integral(look.begins, look.at) / JOULES
    return np.floor((look.lamp.which.energy + gained) * 1000) / 1000


def _hours(look: Observation) -> Column:
    burnt = look.lamp.does.lit.integral(look.begins, look.at) / 3600
    return np.floor(look.lamp.which.hours + burnt)


def _voltage(look: Observation) -> Column:
    volts = np.interp(look.at, look.lamp.grid, look.lamp.volts)
    burns = look.lamp.does.level.of(look.at) / 100
    noise = look.chance.normal(0, 0.2, len(look.at))
    return np.asarray(volts * (1 - FEEDER_DROP * look.far * burns) + noise)


READINGS: Mapping[str, Callable[[Observation], Column]] = {
    "battery": lambda look: charge(look.at, look.chance),
    "burning_hours": _hours,
    "lamp_energy": _energy,
    "lamp_fault": lambda look: look.lamp.does.fault.of(look.at),
    "lamp_power": _power,
    "light_command": lambda look: look.lamp.does.command.of(look.at),
    "light_level": lambda look: look.lamp.does.level.of(look.at),
    "power_factor": lambda look: look.lamp.which.power_factor(look.power),
    "supply_voltage": _voltage,
}
