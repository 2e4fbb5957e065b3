"""What a simulator is: a public module of this package that holds one `SIMULATOR`.

It is told the territory plainly (`simulators._field`) and what truly happens there
(`simulators._world`), and gives the rows that the domain's devices would tell.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from simulators._errors import SimulatorError
from simulators._field import Field
from simulators._world import World

Emit = Callable[[Field, World, int], pd.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """A domain's stand-in for the field.

    `emit(field, world, chance_seed)` gives the rows of a recording (`time` as datetime64[us, UTC],
    `device`, `quantity`, `unit`, `value`, `status`), ascending by time: the same arguments, the
    same rows. Only called where the field has places of the domain.
    `events`: the kinds of a scenario's events that it plays.
    """

    domain: str
    emit: Emit
    events: tuple[str, ...] = ()


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
