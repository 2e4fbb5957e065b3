"""Checks of personal domains: a home stands in the registry under a pseudonym, and roughly."""

from collections.abc import Iterable

from hypervisor.registry.difference import Comparison
from hypervisor.registry.inventory import Fact, Inventory
from hypervisor.registry.model import Registry, Site
from hypervisor.registry.tree import Problem
from sensors._domain import Catalogue
from sensors._errors import Message

_DIGITS = 2  # of a degree: about 1 km


def check_personal(
    comparison: Comparison, inventory: Inventory, catalogue: Catalogue
) -> Iterable[Problem]:
    """Homes carry pseudonyms only, and quantities of homes are measured nowhere else."""
    after, entries = comparison.after, comparison.entries
    personal = {domain.name for domain in catalogue.domains.values() if domain.personal}
    homes = {site.name: site for site in after.sites.values() if site.domain in personal}
    for name, entry in entries["sites"].items():
        if name in homes:
            for field, text in _list_site_problems(homes[name]):
                yield entry.where.inside(field).problem(text)
    for name, entry in entries["devices"].items():
        device = after.devices.get(name)
        if device is not None and device.site in homes and device.lon is not None:
            yield entry.where.inside("lon").problem(
                Message("{device} is in a home: it has its site's rough position", name)
            )
    if personal:
        yield from _find_strays(comparison, catalogue, homes.keys(), personal)
    for fact in inventory.facts:
        if fact.kind == "works" and fact.value is not None:
            yield from _check_works(fact, after, homes.keys())


def _list_site_problems(site: Site) -> Iterable[tuple[str, str]]:
    """(field, what is wrong with it)."""
    if site.title.casefold() != site.name.casefold():
        yield "title", Message("a home is shown by its pseudonym: write title: {name}", site.name)
    for field, value in (("lon", site.lon), ("lat", site.lat)):
        if value is not None and round(value, _DIGITS) != value:
            yield (
                field,
                Message(
                    "the position of a home is rounded to 0.01: write {value}",
                    round(value, _DIGITS),
                ),
            )
    if site.properties.get("public"):
        yield "properties", Message("a home is never public: remove `public`")


def _find_strays(
    comparison: Comparison, catalogue: Catalogue, homes: Iterable[str], personal: set[str]
) -> Iterable[Problem]:
    """Devices outside of homes that would measure what only homes may."""
    after, inside = comparison.after, frozenset(homes)
    for name, quantity in after.series:
        device = after.devices.get(name)
        if device is None or device.site in inside:
            continue
        domain = catalogue.domain_of.get(quantity)
        entry = comparison.entries["devices"].get(name)
        if domain in personal and entry is not None:
            yield entry.where.problem(
                Message(
                    "{device} measures {quantity}, which is personal: its site must be of the"
                    " domain {domain}",
                    name,
                    quantity,
                    domain,
                )
            )


def _check_works(fact: Fact, after: Registry, homes: Iterable[str]) -> Iterable[Problem]:
    """Works make readings not count: at a home a call would not be heard."""
    value, inside = fact.value or {}, frozenset(homes)
    sites = set(value.get("sites") or ())
    sites |= {
        after.devices[name].site for name in value.get("devices") or () if name in after.devices
    }
    sites |= {
        after.groups[name].site or "" for name in value.get("groups") or () if name in after.groups
    }
    for name in sorted(sites & inside):
        yield fact.where.problem(
            Message("{site} is a home: no works there, readings in them would not count", name)
        )
