"""The registry's devices described plainly to a simulator, and what they then tell."""

from dataclasses import replace
from datetime import datetime

import pandas as pd

from hypervisor.registry.model import Registry, Revision
from hypervisor.settings import Settings
from hypervisor.store import registry as registry_store
from hypervisor.store.connect import connect
from sensors._domain import Catalogue, catalogue
from simulators._simulator import Place
from simulators._simulator import scenario as scenario_named


def rows_of(settings: Settings, name: str, *, seed: int, hours: float | None) -> pd.DataFrame:
    """What the instance's devices tell in a scenario, as the rows of a recording.

    Raises:
        SimulatorError: there is no such scenario, or the inventory has nothing to play it with.
    """
    simulator, story = scenario_named(name)
    if hours is not None:
        story = replace(story, hours=hours)
    with connect(settings.database_url) as connection:
        registry = registry_store.load(connection)
    return simulator.emit(places(registry, catalogue(), story.begins), story, seed)


def places(registry: Registry, known: Catalogue, at: datetime) -> list[Place]:
    """Each device with the facts in force at `at`."""
    facts = _in_force(registry, at)
    found = []
    for device in registry.devices.values():
        site = registry.sites[device.site]
        quantities = {
            quantity: _interval(facts.get(("series", f"{name}/{quantity}")), known, quantity)
            for name, quantity in registry.series
            if name == device.name
        }
        found.append(
            Place(
                device=device.name,
                site=site.name,
                quantities=quantities,
                river=site.river or "",
                lon=site.lon,
                lat=site.lat,
                thresholds={
                    key.rpartition("/")[2]: float(fact.value["value"])
                    for (kind, key), fact in facts.items()
                    if kind == "threshold" and key.startswith(f"{site.name}/") and fact.value
                },
                properties=site.properties,
                upstream=tuple(
                    (key.partition(">")[0], float(fact.value["travel_s"]))
                    for (kind, key), fact in facts.items()
                    if kind == "link" and key.endswith(f">{site.name}") and fact.value
                ),
            )
        )
    return found


def _in_force(registry: Registry, at: datetime) -> dict[tuple[str, str], Revision]:
    """The standing revision of each fact; those are in standing order, so the last one is it."""
    return {
        (revision.kind, revision.key): revision
        for revision in registry.revisions
        if revision.effective <= at
    }


def _interval(fact: Revision | None, known: Catalogue, quantity: str) -> float:
    if fact is not None and fact.value is not None and "interval_s" in fact.value:
        return float(fact.value["interval_s"])
    return known.quantities[quantity].interval.total_seconds()
