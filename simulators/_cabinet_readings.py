"""Readings of a cabinet's controller: power and currents of three phases, and its alarms."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sensors._quantity import Quantity
from simulators._cabinets import Circuit
from simulators._field import Place
from simulators._lamp_readings import REACTION, Lamp
from simulators._random import chance_of
from simulators._readings import DeviceReadings, as_read
from simulators._steps import SECOND, Column, Instants, Steps, combine
from simulators._world import World

# Settings.
STANDBY = 12.0  # W of the controller, its modem and its heating
COIL = 8.0  # W of a closed contactor
METERING = 0.003
PHASES = ("phase1_current", "phase2_current", "phase3_current")
BATTERY_HOURS = 14.0  # h that a full one lasts


@dataclass(frozen=True, kw_only=True)
class Cabinet:
    """A cabinet and its lamps, which are on its phases in turn. `volts`: on `grid`.

    `estimate`: W that its lamps draw, where no lamp has a controller.
    """

    place: Place
    circuit: Circuit
    lamps: Sequence[Lamp]
    grid: Instants
    volts: Column
    estimate: Steps | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A cabinet as its controller measures it: `watts` and `amperes` of each phase."""

    cabinet: Cabinet
    at: Instants
    volts: Column
    watts: Sequence[Column]
    amperes: Sequence[Column]
    chance: np.random.Generator


def cabinet_readings(
    cabinet: Cabinet, world: World, seed: int, catalogue: Mapping[str, Quantity]
) -> Iterator[DeviceReadings]:
    """Measurements at their interval and when the light is switched, states on change."""
    chance = chance_of(seed, cabinet.place.device, "controller")
    phase = int(chance.integers(0, 300)) * SECOND
    delay = int(chance.integers(*REACTION)) * SECOND
    ordered = [order.at for order in world.orders_of(cabinet.place.device)]
    switched = np.union1d(
        cabinet.circuit.fed.changes(world.begins, world.ends), np.array(ordered, dtype=np.int64)
    )
    looks: dict[float, Observation] = {}
    for name, interval in sorted(cabinet.place.quantities.items()):
        if name in STATES:
            state = STATES[name](cabinet.circuit)
            at = _report_times(
                cabinet, world, interval, phase, state.changes(world.begins, world.ends) + delay
            )
            value = state.of(at - delay)
        elif name in READINGS:
            if interval not in looks:
                at = _report_times(cabinet, world, interval, phase, switched + delay)
                looks[interval] = _observe(cabinet, at, chance)
            at, value = looks[interval].at, READINGS[name](looks[interval])
        else:
            continue
        yield DeviceReadings(
            device=cabinet.place.device,
            quantity=catalogue[name],
            times=at,
            value=as_read(catalogue[name], value),
        )


def _report_times(
    cabinet: Cabinet, world: World, interval: float, phase: int, extra: Instants
) -> Instants:
    """At its interval and at `extra` times, while it can send."""
    ticks = np.arange(world.begins + phase, world.ends + 1, int(interval * SECOND), dtype=np.int64)
    at = np.unique(np.concatenate([ticks, -(-extra // SECOND) * SECOND]))
    at = at[at <= world.ends]
    return at[cabinet.circuit.alive.of(at) > 0]


def _observe(cabinet: Cabinet, at: Instants, chance: np.random.Generator) -> Observation:
    volts = np.interp(at, cabinet.grid, cabinet.volts) * cabinet.circuit.grid.of(at)
    safe = np.where(volts > 0, volts, np.inf)
    own = STANDBY + COIL * cabinet.circuit.contactor.of(at)
    watts = [np.where(volts > 0, own, 0.0), np.zeros(len(at)), np.zeros(len(at))]
    amperes = [watts[0] / safe, np.zeros(len(at)), np.zeros(len(at))]
    for number, lamp in enumerate(cabinet.lamps):
        power = lamp.does.power.of(at)
        factor = lamp.which.power_factor(power)
        watts[number % 3] += power
        amperes[number % 3] += np.where(power > 0, power / np.maximum(factor, 0.01), 0.0) / safe
    if cabinet.estimate is not None:
        power = cabinet.estimate.of(at) / 3
        watts = [phase_value + power for phase_value in watts]
        amperes = [phase_value + power / safe / 0.95 for phase_value in amperes]
    return Observation(
        cabinet=cabinet, at=at, volts=volts, watts=watts, amperes=amperes, chance=chance
    )


def _noisy(look: Observation, value: Column) -> Column:
    return np.asarray(value * (1 + METERING * look.chance.standard_normal(len(value))))


def _current(number: int) -> Callable[[Observation], Column]:
    return lambda look: _noisy(look, look.amperes[number])


def _voltage(look: Observation) -> Column:
    noise = look.chance.normal(0, 0.2, len(look.at))
    return np.where(look.volts > 0, look.volts + noise, 0.0)


def _battery(look: Observation) -> Column:
    """Full while there is a supply, then discharging."""
    lost = combine(lambda grid: 1 - grid, look.cabinet.circuit.grid)
    spent = np.zeros(len(look.at))
    for begins, ends in lost.spans(int(look.at[0]), int(look.at[-1]) + 1):
        during = (look.at >= begins) & (look.at < ends)
        spent[during] = (look.at[during] - begins) / SECOND / 3600 / BATTERY_HOURS
    return 98.0 * np.maximum(1 - spent, 0.0)


READINGS: Mapping[str, Callable[[Observation], Column]] = {
    "battery": _battery,
    "cabinet_power": lambda look: _noisy(look, np.sum(look.watts, axis=0) / 1000),
    **{name: _current(number) for number, name in enumerate(PHASES)},
    "supply_voltage": _voltage,
}

STATES: Mapping[str, Callable[[Circuit], Steps]] = {
    "cabinet_door": lambda circuit: circuit.door,
    "contactor_error": lambda circuit: circuit.error,
    "earth_leakage": lambda circuit: circuit.leakage,
    "supply_loss": lambda circuit: combine(lambda grid: 1 - grid, circuit.grid),
}
