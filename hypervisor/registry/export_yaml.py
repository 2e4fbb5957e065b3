"""The present state of the registry as a file, which `inventory apply` reads again.

Of facts the last value is written, without its history.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import yaml

from hypervisor.registry.formatting import format_duration
from hypervisor.registry.input_equipment import SUBJECTS
from hypervisor.registry.model import Asset, Registry, Revision
from sensors._domain import Catalogue
from sensors._quantity import CLOCK_FAULT, STALE_INTERVALS

Described = dict[str, Any]  # the fields of one entry, by their names in a file
_WEEK, _YEAR = range(7), range(1, 13)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def describe_registry(registry: Registry, catalogue: Catalogue) -> dict[str, list[Described]]:
    """Every section of a file with its entries."""
    return _Description(registry, catalogue).sections()


def format_registry(registry: Registry, catalogue: Catalogue) -> str:
    """The registry as one YAML file."""
    sections = {name: made for name, made in describe_registry(registry, catalogue).items() if made}
    return format_yaml(sections) if sections else "# the registry is empty\n"


def format_yaml(content: Mapping[str, Any]) -> str:
    """Fields as YAML: short ones on one line, letters as they are."""
    return str(
        yaml.dump(
            dict(content),
            Dumper=yaml.CSafeDumper,
            allow_unicode=True,
            sort_keys=False,
            default_flow_style=None,
            width=110,
        )
    )


class _Description:
    def __init__(self, registry: Registry, catalogue: Catalogue) -> None:
        self._registry, self._catalogue = registry, catalogue
        self._facts: dict[str, dict[str, Revision]] = defaultdict(dict)
        for revision in registry.revisions:
            self._facts[revision.kind][revision.key] = revision
        self._thresholds: dict[str, Described] = defaultdict(dict)
        for key, revision in self._facts["threshold"].items():
            owner, _, name = key.rpartition("/")
            if revision.value is not None:
                self._thresholds[owner][name] = self._threshold(name, revision)
        self._members: dict[str, list[str]] = defaultdict(list)
        for key, revision in self._facts["member"].items():
            group, _, device = key.partition("/")
            if revision.value is not None:
                self._members[group].append(device)
        self._series: dict[str, Described] = defaultdict(dict)
        for device, quantity in registry.series:
            described = self._describe_series(device, quantity)
            if quantity != CLOCK_FAULT or isinstance(described, dict):
                self._series[device][quantity] = described

    def sections(self) -> dict[str, list[Described]]:
        """By the names of a file's lists."""
        registry = self._registry
        return {
            "areas": [_given(asdict(area)) for area in registry.areas.values()],
            "sites": self._sites(),
            "links": [
                {
                    "from": key.partition(">")[0],
                    "to": key.partition(">")[2],
                    "travel": format_duration(revision.value["travel_s"]),
                    **_marked(revision),
                }
                for key, revision in self._facts["link"].items()
                if revision.value is not None
            ],
            "gateways": [_given(asdict(gateway)) for gateway in registry.gateways.values()],
            "plans": [
                _describe_plan(key, revision.value) | _marked(revision)
                for key, revision in self._facts["plan"].items()
                if revision.value is not None
            ],
            "groups": [
                _given(
                    asdict(group)
                    | {"members": self._members[group.name]}
                    | {"supply": self._fact("supply", group.name)}
                )
                for group in registry.groups.values()
            ],
            "zones": [_given(asdict(zone)) for zone in registry.zones.values()],
            "assets": [
                _given({**_describe_asset(asset), "reach": self._reach(asset.name)})
                for asset in registry.assets.values()
            ],
            "works": list(_describe_works(self._facts["works"])),
        }

    def _sites(self) -> list[Described]:
        devices: dict[str, list[Described]] = defaultdict(list)
        for device in self._registry.devices.values():
            described = asdict(device)
            del described["site"]
            described |= {
                "in_service": self._service(device.name, device.retired),
                "series": self._series[device.name],
                "thresholds": self._thresholds[f"device/{device.name}"],
            }
            devices[device.site].append(_given(described))
        return [
            _given(
                asdict(site)
                | {"datum": self._datum(site.name)}
                | {"thresholds": self._thresholds[site.name], "devices": devices[site.name]}
            )
            for site in self._registry.sites.values()
        ]

    def _service(self, device: str, retired: datetime | None) -> bool | None:
        """False where it is out of service; a retired one says so by its day."""
        revision = self._facts["device"].get(device)
        out = revision is not None and not (revision.value or {}).get("in_service", True)
        return False if out and retired is None else None

    def _describe_series(self, device: str, quantity: str) -> Any:
        """Its interval, or what else it has; None: withdrawn."""
        series = self._registry.series[device, quantity]
        revision = self._facts["series"].get(f"{device}/{quantity}")
        if revision is None or revision.value is None:
            return None
        entry, value = self._catalogue.quantities.get(quantity), revision.value
        fields: Described = {"interval": format_duration(value["interval_s"])}
        usual = {
            "stale_s": STALE_INTERVALS * value["interval_s"],
            "reporting": entry.reporting.value if entry else "",
        }
        if value.get("stale_s", usual["stale_s"]) != usual["stale_s"]:
            fields["stale"] = format_duration(value["stale_s"])
        if value.get("reporting", usual["reporting"]) != usual["reporting"]:
            fields["reporting"] = value["reporting"]
        for name in ("low", "high", "saturates"):
            limit = getattr(series, name)
            if limit is not None:
                fields[name] = _measure(limit, entry.unit if entry else "1")
        return fields if len(fields) > 1 else fields["interval"]

    def _threshold(self, name: str, revision: Revision) -> Any:
        value = revision.value or {}
        fields: Described = {"value": _measure(value["value"], value["unit"])}
        if name not in self._catalogue.thresholds:
            fields["quantity"] = value.get("quantity")
        fields |= _marked(revision)
        return fields if len(fields) > 1 else fields["value"]

    def _fact(self, kind: str, key: str) -> Described | None:
        revision = self._facts[kind].get(key)
        if revision is None or revision.value is None:
            return None
        return {**revision.value, **_marked(revision)}

    def _datum(self, site: str) -> Any:
        fact = self._fact("datum", site)
        if fact is None:
            return None
        fact["zero"] = _measure(fact["zero"], fact.pop("unit"))
        return fact if len(fact) > 1 else fact["zero"]

    def _reach(self, asset: str) -> Described | None:
        fact = self._fact("reach", asset)
        if fact is not None:
            fact["level"] = _measure(fact["level"], fact.pop("unit"))
        return fact


def _given(fields: Mapping[str, Any]) -> Described:
    """Fields that say something, times as text; properties, facts and devices last."""
    return {
        name: _format_time(value) if isinstance(value, datetime) else value
        for name, value in fields.items()
        if name != "id" and value not in (None, {}, []) and (name, value) != ("illustrative", False)
    }


def _describe_asset(asset: Asset) -> Described:
    """A point by its coordinates, as most people write it."""
    fields = asdict(asset)
    properties, geometry = fields.pop("properties"), fields.pop("geometry")
    if geometry and geometry["type"] == "Point":
        fields["lon"], fields["lat"] = geometry["coordinates"]
    else:
        fields["geometry"] = geometry
    return {**fields, "properties": properties}


def _marked(revision: Revision) -> Described:
    return {"illustrative": True} if revision.illustrative else {}


def _format_time(at: datetime) -> str:
    """A day where it is its midnight in UTC, as files write it."""
    at = at.astimezone(UTC)
    whole_day = (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)
    return f"{at:%Y-%m-%d}" if whole_day else at.isoformat().replace("+00:00", "Z")


def _measure(value: float, unit: str) -> str:
    return f"{float(value)!r}".removesuffix(".0") + f" {unit}"


def _describe_plan(name: str, value: Mapping[str, Any]) -> Described:
    fields: Described = {"name": name, "title": value["title"]}
    for field, sun, after in (("on", "sunset", "on_after_s"), ("off", "sunrise", "off_after_s")):
        seconds = value[after]
        if seconds:
            sign = "+" if seconds > 0 else "-"
            fields[field] = f"{sun} {sign} {format_duration(abs(seconds))}"
    if value["spells"]:
        fields["spells"] = [_describe_spell(spell) for spell in value["spells"]]
    if value["no_relighting"]:
        fields["no_relighting"] = " ".join(map(str, value["no_relighting"]))
    return fields


def _describe_spell(spell: Mapping[str, Any]) -> Described:
    fields = {"from": spell["begins"], "to": spell["ends"], "level": _measure(spell["level"], "%")}
    if set(spell["weekdays"]) != set(_WEEK):
        fields["weekdays"] = " ".join(_DAYS[day] for day in spell["weekdays"])
    if set(spell["months"]) != set(_YEAR):
        fields["months"] = " ".join(map(str, spell["months"]))
    return fields


def _describe_works(revisions: Mapping[str, Revision]) -> Iterable[Described]:
    for name, revision in revisions.items():
        if revision.value is not None:
            subjects = {kind: revision.value.get(kind) for kind in SUBJECTS}
            edges = {edge: revision.value[edge] for edge in ("begins", "ends")}
            yield _given({"name": name, **edges, **subjects, "reason": revision.reason})
