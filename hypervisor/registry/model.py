"""The registry: frozen dataclasses as stored."""

from collections.abc import Iterable, Mapping
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
    """A device; its name is also its MQTT account, unless a gateway publishes for it.

    `address`: at its gateway. `codec`: of its payload; None: its model's.
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
    """A network server or concentrator, whose account publishes for devices.

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
    """A group of devices; `kind`: one of the catalogue's. Members are revisions."""

    name: str
    title: str
    kind: str
    site: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Zone:
    """An area on the ground; `kind`: a domain, or other. `geometry`: GeoJSON, WGS 84."""

    name: str
    title: str
    kind: str
    geometry: Mapping[str, Any]
    illustrative: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Asset:
    """Something that water may reach; `kind` is road, school, cabinet, hospital, pumping or other.

    `site`: if it is also a site. The gauge and level that reach it: a revision 'reach'.
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
    """All things by name, series by (device, quantity); revisions in order of effect."""

    areas: Mapping[str, Area]
    sites: Mapping[str, Site]
    devices: Mapping[str, Device]
    series: Mapping[tuple[str, str], Series]
    revisions: tuple[Revision, ...]
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    assets: Mapping[str, Asset] = field(default_factory=dict)


# The kinds of things in the order of their references; the fields of Registry and of changes.
Thing = Area | Site | Gateway | Device | Series | Group | Zone | Asset
KINDS: Mapping[str, type[Thing]] = {
    "areas": Area,
    "sites": Site,
    "gateways": Gateway,
    "devices": Device,
    "series": Series,
    "groups": Group,
    "zones": Zone,
    "assets": Asset,
}


def key_of(thing: Thing) -> str | tuple[str, str]:
    """The key of a thing in the registry."""
    if isinstance(thing, Series):
        return thing.device, thing.quantity
    return thing.code if isinstance(thing, Area) else thing.name


def make_registry(things: Mapping[str, Iterable[Thing]], revisions: Iterable[Revision]) -> Registry:
    """A registry of the things of each kind."""
    by_key: dict[str, Any] = {
        kind: {key_of(thing): thing for thing in things[kind]} for kind in KINDS
    }
    return Registry(**by_key, revisions=tuple(revisions))


Facts = Mapping[tuple[str, str], Mapping[str, Any]]


def facts_in_force(registry: Registry) -> Facts:
    """The last value of each fact that is not withdrawn."""
    last = {(revision.kind, revision.key): revision.value for revision in registry.revisions}
    return {key: value for key, value in last.items() if value is not None}
