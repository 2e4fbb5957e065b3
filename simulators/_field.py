"""The territory as simulators see it: devices, assets and groups, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sensors._errors import TerritoryError
from sensors._plan import LightingPlan


class SimulatorError(TerritoryError):
    """A simulator or scenario is missing, or cannot be played with this inventory."""


@dataclass(frozen=True, kw_only=True)
class CodecField:
    """A field of a vendor's payload and how ingest reads it: see docs/formats.md."""

    path: str
    quantity: str
    unit: str | None = None  # None: the catalogue's
    values: Mapping[str, float | None] = field(default_factory=dict)
    plus: tuple[str, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    curve: tuple[tuple[float, float], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether a number is read as it is."""
        return self.scale == 1 and self.offset == 0 and not (self.plus or self.curve or self.values)

    @property
    def is_reversible(self) -> bool:
        """Whether each value has one number that the mapping makes it of."""
        meant = [point[1] for point in self.curve]
        return len(set(meant)) == len(meant) and meant in (sorted(meant), sorted(meant)[::-1])


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How ingest reads a device's payloads. `form`: as in a mapping; `port`: one that it reads."""

    name: str
    form: str
    port: int = 1
    fields: tuple[CodecField, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device at its place.

    `quantities`: names with reporting interval (s). `on_change`: those reported on change; their
    interval is that of their heartbeat. `saturates`: the top of the scale, where there is one.
    `thresholds`: in force, in the catalogue's unit of the threshold. `upstream`: (site, travel time
    in s) of the sites above. `gateway`, `protocol`, `address`: who sends for it; empty: itself.
    `codec`: how ingest reads its payloads, None: by the catalogue's names. `plan`, `switched`: how
    its groups light it. `lon`, `lat`: of the device, else of its site.
    """

    device: str
    site: str
    quantities: Mapping[str, float]
    domain: str = ""
    model: str = ""
    gateway: str = ""
    protocol: str = ""
    address: str = ""
    codec: Codec | None = None
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
    """What water reaches when the `gauge` (a site) is at `level` (m). `site`: if it is one."""

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
    """The territory. `zone`: of local time."""

    places: tuple[Place, ...]
    assets: tuple[Asset, ...] = ()
    groups: tuple[Group, ...] = ()
    zone: str = "Europe/Paris"

    def of(self, domain: str) -> tuple[Place, ...]:
        """The places of a domain by device name."""
        mine = (place for place in self.places if place.domain == domain)
        return tuple(sorted(mine, key=lambda place: place.device))

    def by_site(self, domain: str) -> dict[str, list[Place]]:
        """The places of a domain by site, in the order of the sites' names."""
        sites: dict[str, list[Place]] = {}
        for place in self.of(domain):
            sites.setdefault(place.site, []).append(place)
        return dict(sorted(sites.items()))
