"""What a simulator is: a public module of this package that holds one `SIMULATOR`.

It is told the territory plainly (`Field`) and what truly happens there (`simulators._world`), and
gives the rows that the domain's devices would tell.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensors._errors import TerritoryError
from sensors._plan import LightingPlan

if TYPE_CHECKING:
    from simulators._world import World


class SimulatorError(TerritoryError):
    """A simulator or a scenario is not there, or cannot play with this inventory."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device where it stands, described plainly, as any inventory could.

    `quantities`: the catalogue's names with the interval (s) at which it tells each.
    `on_change`: those told when they change; their interval is that of its signs of life.
    `saturates`: the top of its scale, of the quantities that have one.
    `thresholds`: in force for it, by name, in the catalogue's unit of the threshold.
    `upstream`: (site, travel time in s) of the sites above its own.
    `gateway`, `protocol`, `address`: who speaks for it and how, empty: itself.
    `groups`: what it is a member of. `plan`, `switched`: how its groups light it, if they do.
    `lon`, `lat`: of the device, or else of its site.
    """

    device: str
    site: str
    quantities: Mapping[str, float]
    domain: str = ""
    model: str = ""
    gateway: str = ""
    protocol: str = ""
    address: str = ""
    groups: tuple[str, ...] = ()
    plan: LightingPlan | None = None
    switched: bool = False
    river: str = ""
    lon: float | None = None
    lat: float | None = None
    on_change: frozenset[str] = frozenset()
    saturates: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    upstream: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Asset:
    """What the water reaches when the `gauge` (a site) stands at `level` (m); `site`: if one."""

    name: str
    kind: str
    gauge: str
    level: float
    site: str = ""
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Devices that belong together: a cabinet (run from `site`) and its lamps, a road section."""

    name: str
    kind: str
    members: tuple[str, ...]
    site: str = ""
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, kw_only=True)
class Field:
    """The territory, as simulators see it. `zone`: whose local time people live by."""

    places: tuple[Place, ...]
    assets: tuple[Asset, ...] = ()
    groups: tuple[Group, ...] = ()
    zone: str = "Europe/Paris"

    def of(self, domain: str) -> tuple[Place, ...]:
        """The places of a domain, in the order of their devices' names."""
        mine = (place for place in self.places if place.domain == domain)
        return tuple(sorted(mine, key=lambda place: place.device))


Emit = Callable[["Field", "World", int], pd.DataFrame]


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


def simulators() -> dict[str, Simulator]:
    """Scan this package. Called from entry points, never at import.

    Raises:
        SimulatorError: a public module has no `SIMULATOR`, or two have one name.
    """
    package = importlib.import_module("simulators")
    found: dict[str, Simulator] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if info.name.startswith("_") or info.ispkg:
            continue
        simulator = getattr(importlib.import_module(f"simulators.{info.name}"), "SIMULATOR", None)
        if not isinstance(simulator, Simulator):
            raise SimulatorError(f"simulators/{info.name}.py must define SIMULATOR, a Simulator")
        if simulator.domain in found:
            raise SimulatorError(f"domain {simulator.domain!r} has two simulators")
        found[simulator.domain] = simulator
    return found
