"""A simulator: a public module of this package with a `SIMULATOR`, here made from functions.

It gets the territory (`simulators._field`) and what happens in it (`simulators._world`), and
returns the readings of its domain's devices.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors._domain import Domain
from sensors._errors import Message
from simulators._field import Field, Place, SimulatorError
from simulators._random import Column, chance_of
from simulators._readings import DeviceReadings, Times, as_read, charge, saturated, table, ticks
from simulators._world import World

Emit = Callable[[Field, World, int], pd.DataFrame]
MovedBy = Callable[[Field, Place], tuple[Place, ...]]
Awake = Callable[[Field, World, int], frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of an event. `expected`: in words, for the error message."""

    expected: Message
    holds: Callable[[object], bool]


Kinds = Mapping[str, Mapping[str, Parameter]]


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """The simulated devices of a domain.

    `emit(field, world, seed)` returns the rows of a recording (`time` as datetime64[us, UTC],
    `device`, `quantity`, `unit`, `value`, `status`), ascending by time; the same arguments give the
    same rows. `events`: the kinds of scenario events that it handles. `moved_by(field, place)`: the
    devices whose readings change when an actuator carries out an order, itself among them; `emit`
    simulates them alone as it does among all others. `awake(field, world, at)`: the devices that
    have a supply at a time (µs), and so hear a command.
    """

    domain: str
    emit: Emit
    events: tuple[str, ...] = ()
    moved_by: MovedBy = lambda _field, place: (place,)
    awake: Awake = lambda field, _world, _at: frozenset(place.device for place in field.places)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A device that measures a quantity at its place. `interval` in s, `times` in µs."""

    place: Place
    world: World
    times: Times
    interval: float
    chance: np.random.Generator

    def at_place(self, field: Callable[[float | None, float | None, Times], Column]) -> Column:
        """A field of `world.air`, or of `world`, at the place and times."""
        return field(self.place.lon, self.place.lat, self.times)

    def noise(self, deviation: float) -> Column:
        return self.chance.normal(0, deviation, len(self.times))


# Values at the observation's times, or at times of its own; None: there is nothing to measure.
Reading = Callable[[Observation], Column | tuple[Times, Column] | None]


def default_simulator(
    domain: Domain, readings: Mapping[str, Reading], events: Kinds = MappingProxyType({})
) -> Simulator:
    """Devices that measure each quantity at its interval. `readings`: by quantity.

    Values are rounded and clipped as the catalogue and the sensor's scale have it; a quantity
    without a function is not sent. `events`: those that the functions follow.
    """
    quantities = {quantity.name: quantity for quantity in (*domain.quantities, *COMMON)}
    usual: Mapping[str, Reading] = {"battery": lambda seen: charge(seen.times, seen.chance)}
    by_name = {**usual, **readings}

    def measure(field: Field, world: World) -> Iterator[DeviceReadings]:
        for place in field.of(domain.name):
            for name, interval in sorted(place.quantities.items()):
                seen = Observation(
                    place=place,
                    world=world,
                    times=ticks(world.begins, world.ends, interval),
                    interval=interval,
                    chance=chance_of(world.seed, place.device, name),
                )
                measured = by_name[name](seen) if name in by_name else None
                if measured is not None:
                    at, true = measured if isinstance(measured, tuple) else (seen.times, measured)
                    top = place.saturates.get(name)
                    yield DeviceReadings(
                        device=place.device,
                        quantity=quantities[name],
                        times=at,
                        value=as_read(quantities[name], true, top),
                        status=saturated(true, top),
                    )

    def emit(field: Field, world: World, _seed: int) -> pd.DataFrame:
        check_events(world, events)
        return table(measure(field, world))

    return Simulator(domain=domain.name, emit=emit, events=tuple(events))


def find_simulators() -> dict[str, Simulator]:
    """Scan this package. Called from entry points, never at import.

    Raises:
        SimulatorError: a public module has no `SIMULATOR`, or two have one name.
    """
    package = importlib.import_module("simulators")
    by_domain: dict[str, Simulator] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if info.name.startswith("_") or info.ispkg:
            continue
        simulator = getattr(importlib.import_module(f"simulators.{info.name}"), "SIMULATOR", None)
        if not isinstance(simulator, Simulator):
            raise SimulatorError(f"simulators/{info.name}.py must define SIMULATOR, a Simulator")
        if simulator.domain in by_domain:
            raise SimulatorError(f"domain {simulator.domain!r} has two simulators")
        by_domain[simulator.domain] = simulator
    return by_domain


def number(low: float, high: float) -> Parameter:
    """A number from `low` to `high`."""
    return Parameter(
        expected=Message("a number from {low:g} to {high:g}", low, high),
        holds=lambda value: (
            isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        ),
    )


def flag() -> Parameter:
    return Parameter(expected=Message("true or false"), holds=lambda value: isinstance(value, bool))


def choice(*words: str) -> Parameter:
    return Parameter(
        expected=Message("one of {codes}", ", ".join(words)), holds=lambda value: value in words
    )


def check_events(world: World, kinds: Kinds) -> None:
    """Check the parameters of the events of these kinds.

    Raises:
        SimulatorError: names the event, the parameter and what was expected.
    """
    for kind, parameters in kinds.items():
        for event in world.events_of(kind):
            for name, value in event.parameters.items():
                if name not in parameters:
                    if not parameters:
                        raise SimulatorError(
                            "event {kind}: unknown {name!r}; it takes no parameters", kind, name
                        )
                    raise SimulatorError(
                        "event {kind}: unknown {name!r}; it takes {codes}",
                        kind,
                        name,
                        ", ".join(parameters),
                    )
                if not parameters[name].holds(value):
                    raise SimulatorError(
                        "event {kind}: {name}: {value!r}; expected {expected}",
                        kind,
                        name,
                        value,
                        parameters[name].expected,
                    )
