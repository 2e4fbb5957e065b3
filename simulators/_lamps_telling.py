"""What a lamp's controller tells of its lamp: when, and with which quantities."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sensors._quantity import Quantity
from simulators._battery import charge
from simulators._chance import chance_of
from simulators._field import Place
from simulators._gauging import DeviceReadings, as_read
from simulators._lamps import METERING, Burning, Luminaire
from simulators._steps import SECOND, Column, Instants
from simulators._world import World

JOULES = 3.6e6  # of a kWh

# Settings.
BOOT = (20, 150)  # s from supply to the first message
REACTION = (2, 15)  # s from a change to the message that tells it
FEEDER_DROP = 0.02  # of the voltage at the far end of a cable whose lamps burn full

STATUS = ("light_level", "light_command", "lamp_power", "power_factor", "supply_voltage")
WHOLE = ("chirpstack", "the-things-stack")  # over LoRaWAN every message holds all that it can tell


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A luminaire and its controller where they stand. `volts`: of its cabinet, on `grid`."""

    place: Place
    which: Luminaire
    does: Burning
    grid: Instants
    volts: Column


@dataclass(frozen=True, kw_only=True)
class Look:
    """A controller looking at its lamp at some times. `far`: along the cable, 0 to 1."""

    lamp: Lamp
    at: Instants
    begins: int
    far: float
    chance: np.random.Generator

    @property
    def power(self) -> Column:
        return self.lamp.does.power.of(self.at)


def told(
    lamp: Lamp, world: World, seed: int, catalogue: Mapping[str, Quantity]
) -> Iterator[DeviceReadings]:
    """Its rows, quantity by quantity."""
    chance = chance_of(seed, lamp.place.device, "controller")
    far = float(chance.random())
    for name, at in _times(lamp, world, chance).items():
        look = Look(lamp=lamp, at=at, begins=world.begins, far=far, chance=chance)
        yield DeviceReadings(
            device=lamp.place.device,
            quantity=catalogue[name],
            times=at,
            value=as_read(catalogue[name], READINGS[name](look)),
        )


def _times(lamp: Lamp, world: World, chance: np.random.Generator) -> dict[str, Instants]:
    """When it tells each of its quantities: at intervals since it was fed, and on a change.

    A switched lamp comes to life with its supply and has no time for a last word.
    """
    told = {
        name: every for name, every in sorted(lamp.place.quantities.items()) if name in READINGS
    }
    if not told:
        return {}
    shortest = min(told.values())
    phase = int(chance.integers(0, max(1, round(shortest)))) * SECOND
    boot = int(chance.integers(*BOOT)) * SECOND
    delay = int(chance.integers(*REACTION)) * SECOND
    alive = [
        (_ceiled(begins + boot) if begins > world.begins else begins + phase, ends)
        for begins, ends in lamp.does.supply.spans(world.begins, world.ends + 1)
    ]
    moved = lamp.does.level.changes(world.begins, world.ends)
    ill = lamp.does.fault.changes(world.begins, world.ends)
    if lamp.place.protocol in WHOLE:
        at = _heard(alive, shortest, (_ceiled(moved + delay), _ceiled(ill + delay)))
        return dict.fromkeys(told, at)
    known: dict[tuple[float, str], Instants] = {}
    times = {}
    for name, every in told.items():
        kind = "status" if name in STATUS else name if name == "lamp_fault" else "other"
        extra = {"status": moved, "lamp_fault": ill}.get(kind, moved[:0])
        if (every, kind) not in known:
            known[every, kind] = _heard(alive, every, (_ceiled(extra + delay),))
        times[name] = known[every, kind]
    return times


def _heard(alive: Sequence[tuple[int, int]], every: float, extra: Sequence[Instants]) -> Instants:
    """Ticks of each life since its beginning, and what else falls into one."""
    ticks = [np.arange(begins, ends, int(every * SECOND), dtype=np.int64) for begins, ends in alive]
    others = [
        each[(each >= begins) & (each < ends)]
        for each in extra
        for begins, ends in alive
        if each.size
    ]
    return np.unique(np.concatenate([*ticks, *others, np.empty(0, dtype=np.int64)]))


Moment = TypeVar("Moment", int, Instants)


def _ceiled(times: Moment) -> Moment:
    """Controllers stamp whole seconds."""
    return -(-times // SECOND) * SECOND


def _power(look: Look) -> Column:
    noise = 1 + METERING * look.chance.standard_normal(len(look.at))
    return np.asarray(look.power * noise)


def _energy(look: Look) -> Column:
    gained = look.lamp.does.power.integral(look.begins, look.at) / JOULES
    return np.floor((look.lamp.which.energy + gained) * 1000) / 1000


def _hours(look: Look) -> Column:
    burnt = look.lamp.does.lit.integral(look.begins, look.at) / 3600
    return np.floor(look.lamp.which.hours + burnt)


def _voltage(look: Look) -> Column:
    volts = np.interp(look.at, look.lamp.grid, look.lamp.volts)
    burns = look.lamp.does.level.of(look.at) / 100
    noise = look.chance.normal(0, 0.2, len(look.at))
    return np.asarray(volts * (1 - FEEDER_DROP * look.far * burns) + noise)


READINGS: Mapping[str, Callable[[Look], Column]] = {
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
