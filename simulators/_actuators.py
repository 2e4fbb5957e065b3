"""What actuators of roads and basins tell of themselves: at rest, and moved by orders."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sensors._command import checksum
from sensors._quantity import Quantity
from simulators._field import Place
from simulators._orders import Order
from simulators._random import Column, chance_of
from simulators._readings import DeviceReadings, Times, as_read, charge, ticks
from simulators._simulator import Observation
from simulators._steps import EVER, SECOND
from simulators._world import World

# Settings.
GATE_RATE = 12.0  # % of its travel a minute
BARRIER_SECONDS = 12
PUMP_SECONDS = 6
SIGN_SECONDS = 3
REPORT_SECONDS = 2  # until a device that has nothing to move tells so

OPEN, CLOSED, BETWEEN = 0.0, 1.0, 2.0  # of a barrier

Frames = list[tuple[int, float]]  # seconds after an order, and the reading then
Knots = tuple[Times, Column]  # times of readings (µs), and their values


@dataclass(frozen=True, kw_only=True)
class SimulatedActuator:
    """How devices with an actuator behave: one record here is all that a simulation needs.

    `quantity`: what tells its state; `resting`: that without orders; `command`: what moves it;
    `move`: from an order and the state before to what it reports; `refusal`: in its own words.
    """

    quantity: str
    resting: float
    command: str
    move: Callable[[Order, float], Frames]
    refusal: str


def is_actuator(place: Place) -> bool:
    return not ACTUATORS.keys().isdisjoint(place.quantities)


def actuator_readings(
    place: Place, world: World, seed: int, catalogue: Mapping[str, Quantity]
) -> Iterator[DeviceReadings]:
    """Readings of an actuator, and of its battery."""
    for name, interval in sorted(place.quantities.items()):
        if name in ACTUATORS:
            at, value = read_actuator(name, place, world, interval)
        elif name == "battery":
            at = ticks(world.begins, world.ends, interval)
            value = charge(at, chance_of(seed, place.device, name))
        else:
            continue
        yield DeviceReadings(
            device=place.device,
            quantity=catalogue[name],
            times=at,
            value=as_read(catalogue[name], value),
        )


def observe_actuator(name: str, seen: Observation) -> tuple[Times, Column]:
    """The same, for a simulator of many quantities."""
    return read_actuator(name, seen.place, seen.world, seen.interval)


def read_actuator(name: str, place: Place, world: World, interval: float) -> Knots:
    """A quantity at its interval, and whenever an order moves it."""
    moved, value = move(name, world.orders_of(place.device))
    regular = ticks(world.begins, world.ends, interval)
    at = np.union1d(regular, moved[(moved > world.begins) & (moved <= world.ends)])
    return at, _values_at(name, at, moved, value)


def state_of(name: str, place: Place, world: World, times: Times) -> Column:
    """Its true state at each time."""
    return _values_at(name, times, *move(name, world.orders_of(place.device)))


def move(name: str, orders: Sequence[Order]) -> Knots:
    """When an actuator reports its movement and what, from rest on; a new order ends the last."""
    at, value = np.array([EVER], dtype=np.int64), np.array([ACTUATORS[name].resting])
    for order in orders:
        before = float(_values_at(name, np.array([order.at], dtype=np.int64), at, value)[0])
        frames = ACTUATORS[name].move(order, before)
        past = at < order.at
        at = np.append(at[past], [order.at + wait * SECOND for wait, _ in frames])
        value = np.append(value[past], [state for _, state in frames])
    return at, value


def _values_at(name: str, times: Times, at: Times, value: Column) -> Column:
    """Between two knots a gate moves evenly, and all else stays as it was."""
    if name == "gate_position":
        return np.interp(times, at, value)
    return np.asarray(value[np.searchsorted(at, times, side="right") - 1])


def _move_barrier(order: Order, before: float) -> Frames:
    target = CLOSED if order.parameters["position"] == "closed" else OPEN
    if target == before:
        return [(REPORT_SECONDS, target)]
    return [(1, BETWEEN), (BARRIER_SECONDS, target)]


def _move_gate(order: Order, before: float) -> Frames:
    """It tells every minute on its way, and where it stops."""
    target = float(order.parameters["opening"])
    lasts = round(abs(target - before) / GATE_RATE * 60)
    rate = (target - before) / max(lasts, 1)
    ways = [(second, before + rate * second) for second in range(60, lasts, 60)]
    return [(0, before), *ways, (max(lasts, REPORT_SECONDS), target)]


def _run_pump(order: Order, _before: float) -> Frames:
    return [(PUMP_SECONDS, 1.0 if order.parameters["state"] == "on" else 0.0)]


def _show(order: Order, _before: float) -> Frames:
    return [(SIGN_SECONDS, float(checksum(str(order.parameters["text"]))))]


ACTUATORS: Mapping[str, SimulatedActuator] = {
    actuator.quantity: actuator
    for actuator in (
        SimulatedActuator(
            quantity="barrier_position",
            resting=OPEN,
            command="barrier",
            move=_move_barrier,
            refusal="E07 obstacle under the boom",
        ),
        SimulatedActuator(
            quantity="gate_position",
            resting=100.0,  # open, %
            command="gate_position",
            move=_move_gate,
            refusal="local mode: key switch at the gate",
        ),
        SimulatedActuator(
            quantity="pump_running",
            resting=0.0,
            command="pump",
            move=_run_pump,
            refusal="motor protection tripped",
        ),
        SimulatedActuator(
            quantity="sign_message_crc",
            resting=float(checksum("")),  # dark
            command="sign_text",
            move=_show,
            refusal="display controller not ready",
        ),
    )
}
