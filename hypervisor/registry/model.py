"""The registry as plain values: what `store.registry` loads, what inventories become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Area:
    """A piece of the territory; `kind` is departement, epci or commune."""

    code: str
    kind: str
    name: str
    parent: str | None = None
    population: int | None = None
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place where things are measured. `id` is None until stored."""

    name: str
    title: str
    domain: str
    commune: str | None = None
    lon: float | None = None
    lat: float | None = None
    river: str | None = None
    river_order: float | None = None
    illustrative: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Device:
    """Something that speaks; its name is also its MQTT account, unless a gateway speaks for it.

    `address`: what its gateway calls it. `codec`: how its payload is decoded; None: as its model's.
    """

    name: str
    site: str
    commissioned: datetime
    model: str | None = None
    retired: datetime | None = None
    gateway: str | None = None
    address: str | None = None
    codec: str | None = None
    lon: float | None = None
    lat: float | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Series:
    """One quantity of one device. `id` is None until stored."""

    device: str
    quantity: str
    low: float | None = None
    high: float | None = None
    saturates: float | None = None
    id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Something with an account that speaks for devices: a network server, a concentrator.

    `protocol` is chirpstack, the-things-stack, senml or native.
    """

    name: str
    title: str
    protocol: str
    lon: float | None = None
    lat: float | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Devices that belong together; `kind` is cabinet, section or other. Members are revisions."""

    name: str
    title: str
    kind: str
    site: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A piece of ground; `kind` is flood, lighting or other. `geometry` is GeoJSON's, WGS 84."""

    name: str
    title: str
    kind: str
    geometry: Mapping[str, Any]
    illustrative: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Asset:
    """What the water reaches; `kind` is road, school, cabinet, hospital, pumping or other.

    `site`: where it is one of our sites too. At which level of which gauge: a revision 'reach'.
    """

    name: str
    title: str
    kind: str
    commune: str | None = None
    geometry: Mapping[str, Any] | None = None
    site: str | None = None
    illustrative: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One fact that rules use, from `effective` on. See the table `revision` for kinds and keys."""

    kind: str
    key: str
    value: Mapping[str, Any] | None
    effective: datetime
    author: str
    reason: str
    illustrative: bool = False
    id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Registry:
    """All of it. Mappings by name; series by (device, quantity); revisions in standing order."""

    areas: Mapping[str, Area]
    sites: Mapping[str, Site]
    devices: Mapping[str, Device]
    series: Mapping[tuple[str, str], Series]
    revisions: tuple[Revision, ...]
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    assets: Mapping[str, Asset] = field(default_factory=dict)


Facts = Mapping[tuple[str, str], Mapping[str, Any]]


def facts_in_force(registry: Registry) -> Facts:
    """The last value of each fact that is not withdrawn."""
    last = {(revision.kind, revision.key): revision.value for revision in registry.revisions}
    return {key: value for key, value in last.items() if value is not None}
