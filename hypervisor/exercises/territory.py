"""The registry as input of simulators: devices, groups, assets at a time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor.registry.model import Asset, Device, Registry, Revision, Site
from ingest.library import list_shipped
from ingest.mapping import MappingError, load_mapping
from ingest.ports import CodecSource
from sensors._domain import Catalogue
from sensors._plan import LightingPlan, plan_from_json
from sensors._quantity import Reporting
from simulators import _field as plain

Point = tuple[float | None, float | None]


@dataclass(kw_only=True)
class _Facts:
    """Facts in force, grouped by subject."""

    by_key: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    thresholds: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    links: dict[str, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    members: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    codecs: Mapping[str, plain.Codec] = field(default_factory=dict)


def describe_field(
    registry: Registry,
    catalogue: Catalogue,
    at: datetime,
    own_codecs: Mapping[str, CodecSource] | None = None,
    zone: str = "Europe/Paris",
) -> plain.Field:
    """The territory at `at`, with the facts in force then. `own_codecs`: the instance's."""
    facts = _in_force(registry, at)
    facts.codecs = describe_codecs({**list_shipped(), **(own_codecs or {})}, catalogue)
    quantities: dict[str, list[str]] = defaultdict(list)
    for device, quantity in registry.series:
        quantities[device].append(quantity)
    places = tuple(
        _place(device, registry, catalogue, facts, quantities[device.name])
        for device in registry.devices.values()
        if device.retired is None or device.retired > at
    )
    return plain.Field(
        places=places,
        groups=tuple(_groups(registry, facts)),
        assets=tuple(_assets(registry, facts)),
        zone=zone,
    )


def _in_force(registry: Registry, at: datetime) -> _Facts:
    """The revision in force of each fact; the registry lists them in effective order."""
    newest: dict[tuple[str, str], Revision] = {
        (revision.kind, revision.key): revision
        for revision in registry.revisions
        if revision.effective <= at
    }
    facts = _Facts()
    for (kind, key), revision in newest.items():
        if revision.value is None:
            continue
        facts.by_key[kind, key] = revision.value
        if kind == "threshold":
            subject, _, name = key.rpartition("/")
            facts.thresholds[subject][name] = float(revision.value["value"])
        elif kind == "link":
            above, _, below = key.partition(">")
            facts.links[below].append((above, float(revision.value["travel_s"])))
        elif kind == "member":
            group, _, device = key.partition("/")
            facts.members[group].append(device)
            facts.groups[device].append(group)
    return facts


def _place(
    device: Device, registry: Registry, catalogue: Catalogue, facts: _Facts, quantities: list[str]
) -> plain.Place:
    site = registry.sites[device.site]
    gateway = registry.gateways.get(device.gateway or "")
    groups = tuple(sorted(facts.groups[device.name]))
    plan, switched = _lighting_of(groups, facts)
    own = (facts.thresholds[f"device/{device.name}"], facts.thresholds[site.name])
    return plain.Place(
        device=device.name,
        site=site.name,
        quantities={name: _interval(facts, catalogue, device.name, name) for name in quantities},
        domain=site.domain,
        model=device.model or "",
        gateway=device.gateway or "",
        protocol=gateway.protocol if gateway else "",
        address=device.address or "",
        codec=_codec_of(device, facts.codecs),
        groups=groups,
        plan=plan,
        switched=switched,
        river=site.river or "",
        lon=_own_or_site(device.lon, site.lon),
        lat=_own_or_site(device.lat, site.lat),
        on_change=_on_change(facts, catalogue, device.name, quantities),
        saturates=_saturation_levels(registry, device.name, quantities),
        thresholds={**own[1], **own[0]},
        properties=_properties(site, device, facts),
        upstream=tuple(facts.links[site.name]),
    )


def describe_codecs(
    sources: Mapping[str, CodecSource], catalogue: Catalogue
) -> dict[str, plain.Codec]:
    """How ingest reads payloads, by name of the codec; a broken mapping has no form."""
    units = {quantity.name: quantity.unit for quantity in catalogue.quantities.values()}
    codecs = {}
    for name, source in sources.items():
        try:
            mapping = load_mapping(source.mapping, file=name, units=units)
        except MappingError:
            codecs[name] = plain.Codec(name=name, form="")
            continue
        codecs[name] = plain.Codec(
            name=name,
            form=mapping.form,
            port=min(mapping.ports or (1,)),
            fields=tuple(
                plain.CodecField(
                    path=path,
                    quantity=meaning.quantity,
                    unit=meaning.unit,
                    values=meaning.values,
                    plus=meaning.plus,
                    scale=meaning.scale,
                    offset=meaning.offset,
                    curve=meaning.curve,
                )
                for path, meaning in mapping.fields.items()
            ),
        )
    return codecs


def _codec_of(device: Device, codecs: Mapping[str, plain.Codec]) -> plain.Codec | None:
    """The codec that the inventory names, which may not exist, or else its model's."""
    if device.codec:
        return codecs.get(device.codec) or plain.Codec(name=device.codec, form="")
    return codecs.get(device.model or "")


def _lighting_of(groups: tuple[str, ...], facts: _Facts) -> tuple[LightingPlan | None, bool]:
    """The lighting plan of the first group that has one, and whether it switches the supply."""
    for group in groups:
        supply = facts.by_key.get(("supply", group))
        plan = supply and facts.by_key.get(("plan", supply["plan"]))
        if supply and plan:
            return plan_from_json(plan), bool(supply.get("switched"))
    return None, False


def _interval(facts: _Facts, catalogue: Catalogue, device: str, quantity: str) -> float:
    fact = facts.by_key.get(("series", f"{device}/{quantity}"), {})
    if "interval_s" in fact:
        return float(fact["interval_s"])
    return catalogue.quantities[quantity].interval.total_seconds()


def _on_change(
    facts: _Facts, catalogue: Catalogue, device: str, quantities: list[str]
) -> frozenset[str]:
    reporting = {
        name: facts.by_key.get(("series", f"{device}/{name}"), {}).get(
            "reporting", catalogue.quantities[name].reporting
        )
        for name in quantities
    }
    return frozenset(name for name, mode in reporting.items() if mode == Reporting.ON_CHANGE)


def _saturation_levels(registry: Registry, device: str, quantities: list[str]) -> dict[str, float]:
    tops = {name: registry.series[device, name].saturates for name in quantities}
    return {name: top for name, top in tops.items() if top is not None}


def _properties(site: Site, device: Device, facts: _Facts) -> dict[str, Any]:
    """Properties of the site, overridden by the device; a gauge's zero from its datum."""
    datum = facts.by_key.get(("datum", site.name))
    zero = {"zero_ngf_m": float(datum["zero"])} if datum else {}
    return {**site.properties, **device.properties, **zero}


def _groups(registry: Registry, facts: _Facts) -> Iterator[plain.Group]:
    for group in registry.groups.values():
        site = registry.sites.get(group.site or "")
        lon, lat = (site.lon, site.lat) if site else _centre(registry, facts.members[group.name])
        yield plain.Group(
            name=group.name,
            kind=group.kind,
            members=tuple(sorted(facts.members[group.name])),
            site=group.site or "",
            lon=lon,
            lat=lat,
        )


def _assets(registry: Registry, facts: _Facts) -> Iterator[plain.Asset]:
    for asset in registry.assets.values():
        reach = facts.by_key.get(("reach", asset.name))
        if reach is None:
            continue
        lon, lat = _point(asset, registry)
        yield plain.Asset(
            name=asset.name,
            kind=asset.kind,
            gauge=reach["gauge"],
            level=float(reach["level"]),
            site=asset.site or "",
            lon=lon,
            lat=lat,
        )


def _point(asset: Asset, registry: Registry) -> Point:
    """A point of an asset's geometry, or its site's."""
    if asset.geometry:
        point = asset.geometry["coordinates"]
        while isinstance(point[0], (list, tuple)):
            point = point[len(point) // 2]
        return float(point[0]), float(point[1])
    site = registry.sites.get(asset.site or "")
    return (site.lon, site.lat) if site else (None, None)


def _centre(registry: Registry, devices: list[str]) -> Point:
    sites = [registry.sites[registry.devices[name].site] for name in devices]
    points = [(site.lon, site.lat) for site in sites if site.lon and site.lat]
    if not points:
        return None, None
    return sum(lon for lon, _ in points) / len(points), sum(lat for _, lat in points) / len(points)


def _own_or_site(own: float | None, site: float | None) -> float | None:
    return site if own is None else own
