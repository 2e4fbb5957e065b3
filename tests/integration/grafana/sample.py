"""A small part of a territory: what the tests of dashboards fill a database with."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hypervisor.exercises.territory import describe_field
from hypervisor.registry.apply import compare
from hypervisor.registry.changes import apply_changes
from hypervisor.registry.inventory import Entry, Fact, Inventory
from hypervisor.registry.inventory_files import read_sources
from hypervisor.registry.model import Registry
from hypervisor.registry.revisions import Stamp
from sensors._domain import catalogue
from simulators._field import Field, Place
from simulators._scenarios import load_scenario
from simulators._selection import select_names
from simulators._story import Story

_NOTHING = Registry(areas={}, sites={}, devices={}, series={}, revisions=())
_SEED = 1


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How many devices of each model stay, besides those in the scenario."""

    each: int = 4  # of a model
    lamps: int = 6  # of a cabinet that stays
    whole: frozenset[str] = frozenset({"flood"})  # domains kept whole


def thin_inventory(share: Sample, scenario: str = "territory-week") -> Inventory:
    """The inventory of the Essonne with the sampled devices only."""
    inventory, story = read_sources(["essonne"]), load_scenario(scenario)
    changes = compare(_NOTHING, inventory, stamp=Stamp(author="test", reason="", now=None))
    whole = describe_field(apply_changes(_NOTHING, changes), catalogue(), story.begins)
    kept = thin_field(whole, story, _SEED, share)
    gone = {place.device for place in whole.places} - {place.device for place in kept.places}
    return drop_devices(inventory, gone)


_LAMPS = frozenset({"lamp-node", "lamp-controller"})


def thin_field(field: Field, story: Story, seed: int, share: Sample) -> Field:
    """Keep the sampled devices."""
    named = _list_named(field, story, seed)
    kept: dict[str, Place] = {}
    models = Counter[str]()
    cabinets = Counter[str]()
    groups = set(named)
    for place in sorted(field.places, key=lambda place: (place.device not in named, place.device)):
        if place.model in _LAMPS:
            continue
        stays = (
            place.domain in share.whole
            or bool({place.device, place.site, *place.groups} & named)
            or models[place.model] < share.each
        )
        if stays:
            models[place.model] += 1
            kept[place.device] = place
            groups |= {place.site, *place.groups}
    for place in field.places:
        if place.model not in _LAMPS or not {place.site, *place.groups} & groups:
            continue
        cabinet = place.groups[0] if place.groups else place.site
        if place.device in named or cabinets[cabinet] < share.lamps:
            cabinets[cabinet] += 1
            kept[place.device] = place
    return replace(field, places=tuple(kept.values()))


def _list_named(field: Field, story: Story, seed: int) -> set[str]:
    """Devices, sites and groups that the scenario names."""
    places = [each.where for each in (*story.events, *story.faults)]
    places += [truth.where for truth in story.truth]
    return {name for where in places for name in _few(select_names(where, field, seed))}


def _few(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first four, since a share of all lamps would be many."""
    return names[:4]


def drop_devices(inventory: Inventory, dropped: set[str]) -> Inventory:
    """The inventory without these devices."""

    def stays(entry: Entry | Fact) -> bool:
        return not dropped & set(entry.key.split("/"))

    def lasting(entries: tuple[Entry, ...]) -> Iterator[Entry]:
        return (entry for entry in entries if stays(entry))

    return replace(
        inventory,
        devices=tuple(lasting(inventory.devices)),
        series=tuple(lasting(inventory.series)),
        facts=tuple(fact for fact in inventory.facts if stays(fact)),
    )
