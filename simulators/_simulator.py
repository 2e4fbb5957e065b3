"""What a simulator is: a public module of this package that holds one `SIMULATOR`."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from sensors._errors import TerritoryError


class SimulatorError(TerritoryError):
    """A simulator or a scenario is not there, or cannot play with this inventory."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device where it stands, described plainly, as any inventory could.

    `quantities`: the catalogue's names with the interval (s) at which it tells each.
    `thresholds`: of its site, by name. `upstream`: (site, travel time in s) of the sites above.
    """

    device: str
    site: str
    quantities: Mapping[str, float]
    river: str = ""
    lon: float | None = None
    lat: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    upstream: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A story that can be played. `weather`: what the domain's simulator makes of it."""

    name: str
    title: str
    begins: datetime
    hours: float
    weather: Any


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """A domain's stand-in for the field.

    `emit(places, scenario, seed)` gives the rows of a recording: the same arguments, the same rows.
    """

    domain: str
    scenarios: tuple[Scenario, ...]
    emit: Callable[[Sequence[Place], Scenario, int], pd.DataFrame]


def simulators() -> dict[str, Simulator]:
    """Scan this package. Called from entry points, never at import.

    Raises:
        SimulatorError: a public module has no `SIMULATOR`, or two have one name.
    """
    package = importlib.import_module("simulators")
    found: dict[str, Simulator] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if info.name.startswith("_"):
            continue
        simulator = getattr(importlib.import_module(f"simulators.{info.name}"), "SIMULATOR", None)
        if not isinstance(simulator, Simulator):
            raise SimulatorError(f"simulators/{info.name}.py must define SIMULATOR, a Simulator")
        if simulator.domain in found:
            raise SimulatorError(f"domain {simulator.domain!r} has two simulators")
        found[simulator.domain] = simulator
    return found


def scenario(name: str) -> tuple[Simulator, Scenario]:
    """The scenario of that name, and who plays it.

    Raises:
        SimulatorError: there is none; names those there are.
    """
    every = [(each, story) for each in simulators().values() for story in each.scenarios]
    for simulator, story in every:
        if story.name == name:
            return simulator, story
    names = ", ".join(story.name for _, story in every)
    raise SimulatorError(f"there is no scenario {name!r}; there are {names}")
