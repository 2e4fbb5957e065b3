"""The territory as simulators are told it: devices, assets and groups, described plainly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sensors._plan import LightingPlan


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
