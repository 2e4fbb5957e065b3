"""The registry as people and machines read it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from hypervisor.registry.model import Registry, Site
from hypervisor.registry.standing import Facts, standing_facts
from hypervisor.registry.wording import shown, span


def rows(registry: Registry) -> Iterable[dict[str, Any]]:
    """Every thing as plain values, each with its `kind`; last the facts that rules use."""
    things: dict[str, Mapping[Any, Any]] = {
        "area": registry.areas,
        "site": registry.sites,
        "device": registry.devices,
        "series": registry.series,
    }
    for kind, known in things.items():
        for thing in known.values():
            row = asdict(thing)
            if kind == "area":
                row["area_kind"] = row.pop("kind")
            yield _plain({"kind": kind, **row})
    for revision in registry.revisions:
        yield _plain({"kind": "revision", "of": revision.kind, **_without(asdict(revision))})


def _without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "kind"}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: shown(value) if isinstance(value, datetime) else value for name, value in row.items()
    }


def table(registry: Registry) -> Table:
    """One line a site, in river order."""
    facts = standing_facts(registry)
    made = Table("river", "site", "title", "devices", "thresholds", "flows to", box=None)
    for site in registry.sites.values():
        made.add_row(
            escape(site.river or ""),
            site.name + (" *" if site.illustrative else ""),
            escape(site.title),
            "\n".join(_devices(registry, facts, site)),
            "\n".join(_thresholds(facts, site)),
            "\n".join(_below(facts, site)),
        )
    return made


def _devices(registry: Registry, facts: Facts, site: Site) -> Iterable[str]:
    for device in registry.devices.values():
        if device.site != site.name:
            continue
        names = [quantity for owner, quantity in registry.series if owner == device.name]
        service = facts.get(("device", device.name), {}).get("in_service")
        state = "" if service else " (out of service)"
        yield f"{device.name}{state}: {', '.join(names)}"


def _thresholds(facts: Facts, site: Site) -> Iterable[str]:
    for (kind, key), value in facts.items():
        owner, _, name = key.partition("/")
        if kind == "threshold" and owner == site.name:
            yield f"{name} {shown(value)}"


def _below(facts: Facts, site: Site) -> Iterable[str]:
    for (kind, key), value in facts.items():
        above, _, below = key.partition(">")
        if kind == "link" and above == site.name:
            yield f"{below} in {span(value['travel_s'])}"


def summary(registry: Registry) -> str:
    """How much of everything."""
    kinds = [area.kind for area in registry.areas.values()]
    return (
        f"{kinds.count('departement')} départements, {kinds.count('epci')} EPCI,"
        f" {kinds.count('commune')} communes; {len(registry.sites)} sites,"
        f" {len(registry.devices)} devices, {len(registry.series)} series,"
        f" {len(registry.revisions)} revisions (* place chosen for illustration)"
    )
