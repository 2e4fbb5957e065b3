"""A part of a territory in which a story still happens: for tests that have no hour to wait."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hypervisor.registry.entries import Entry, Fact, Inventory
from simulators._field import Field, Place
from simulators._picking import picked
from simulators._story import Story

_LAMPS = frozenset({"lamp-node", "lamp-controller"})


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many devices of each model stay, besides those that the story speaks of."""

    each: int = 4  # of a model
    lamps: int = 6  # of a cabinet that stays
    whole: frozenset[str] = frozenset({"flood"})  # domains of which everything stays


def thinned(field: Field, story: Story, seed: int, share: Share) -> Field:
    """The field with the devices that stay."""
    named = _spoken_of(field, story, seed)
    kept: dict[str, Place] = {}
    models = Counter[str]()
    cabinets = Counter[str]()
    groups = set(named)
    for place in sorted(field.places, key=lambda place: (place.device not in named, place.device)):
        if place.model in _LAMPS:
            continue
        wanted = (
            place.domain in share.whole
            or bool({place.device, place.site, *place.groups} & named)
            or models[place.model] < share.each
        )
        if wanted:
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


def _spoken_of(field: Field, story: Story, seed: int) -> set[str]:
    """Devices, sites and groups to which something happens."""
    places = [each.where for each in (*story.events, *story.faults)]
    places += [truth.where for truth in story.truth]
    return {name for where in places for name in _few(picked(where, field, seed))}


def _few(names: tuple[str, ...]) -> tuple[str, ...]:
    """A share of all lamps is no small part: the first of them stand for the rest."""
    return names[:4]


def without(inventory: Inventory, dropped: set[str]) -> Inventory:
    """The inventory with no word of these devices."""

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
