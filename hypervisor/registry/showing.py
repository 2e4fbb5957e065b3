"""The registry as machines read it, and how much there is of everything."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hypervisor.registry.announcing import Works
from hypervisor.registry.model import Registry
from hypervisor.registry.telling import plural
from hypervisor.registry.wording import shown


def rows(registry: Registry) -> Iterable[dict[str, Any]]:
    """Every thing as plain values, each with its `kind`; last the facts that rules use."""
    things: dict[str, Mapping[Any, Any]] = {
        "area": registry.areas,
        "site": registry.sites,
        "gateway": registry.gateways,
        "device": registry.devices,
        "series": registry.series,
        "group": registry.groups,
        "zone": registry.zones,
        "asset": registry.assets,
    }
    for kind, known in things.items():
        for thing in known.values():
            row = asdict(thing)
            if "kind" in row:
                row[f"{kind}_kind"] = row.pop("kind")
            yield _plain({"kind": kind, **row})
    for revision in registry.revisions:
        yield _plain({"kind": "revision", "of": revision.kind, **_without(asdict(revision))})


def _without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "kind"}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: shown(value) if isinstance(value, datetime) else value for name, value in row.items()
    }


def works_rows(found: Iterable[Works]) -> Iterable[dict[str, Any]]:
    """Works as plain values."""
    for works in found:
        yield _plain({**asdict(works), "subjects": dict(works.subjects)})


def summary(registry: Registry) -> str:
    """How much of everything."""
    kinds = [area.kind for area in registry.areas.values()]
    more = {
        "gateway": registry.gateways,
        "group": registry.groups,
        "zone": registry.zones,
        "asset": registry.assets,
    }
    told = "".join(
        f" {len(things)} {plural(name, len(things))}," for name, things in more.items() if things
    )
    return (
        f"{kinds.count('departement')} départements, {kinds.count('epci')} EPCI,"
        f" {kinds.count('commune')} communes; {len(registry.sites)} sites,"
        f" {len(registry.devices)} devices, {len(registry.series)} series,{told}"
        f" {len(registry.revisions)} revisions (* place chosen for illustration)"
    )
