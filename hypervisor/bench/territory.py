"""A calm territory of all domains, so that every rule has work."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Revision, Series, Site
from sensors._domain import Catalogue

_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
TRIGGER, RULE = "earth_leakage", "lighting-leakage"  # at 1 it raises an alarm of this, at once
_ELSE = 100.0  # a threshold far from every calm value


@dataclass(frozen=True, kw_only=True)
class Place:
    """A site with one device of the same name; `values`: calm ones; `states`: names of states."""

    name: str
    domain: str
    values: Mapping[str, float]
    states: frozenset[str]


def places(sites: int, words: Catalogue) -> list[Place]:
    """`sites` places, by turns of all domains that have calm values."""
    calm = [domain for domain in words.domains.values() if domain.calm]
    return [
        Place(
            name=f"{domain.name}-{n:05d}",
            domain=domain.name,
            values=domain.calm,
            states=frozenset(q for q in domain.calm if words.quantities[q].unit == "bool"),
        )
        for n, domain in enumerate(islice(cycle(calm), sites))
    ]


def register(connection: Connection, places: list[Place], words: Catalogue) -> None:
    """Write all places, each with every threshold of its domain."""
    limits = [
        limit_fact(place.name, name, _ELSE if limit.usual is None else limit.usual, limit.unit)
        for place in places
        for name, limit in words.thresholds.items()
        if limit.quantity in place.values
    ]
    devices = [Device(name=place.name, site=place.name, commissioned=_SINCE) for place in places]
    quantities = {place.name: [*place.values] for place in places}
    domains = {place.name: place.domain for place in places}
    write_territory(connection, domains, devices, quantities, revisions=tuple(limits))


def write_territory(
    connection: Connection,
    domains: Mapping[str, str],
    devices: Iterable[Device],
    quantities: Mapping[str, Iterable[str]],
    **more: tuple[Any, ...],
) -> None:
    """Sites by domain, devices, quantities by device, and `more` of a change."""
    series = [
        Series(device=name, quantity=quantity)
        for name, own in quantities.items()
        for quantity in own
    ]
    sites = [Site(name=name, title=name, domain=domain) for name, domain in domains.items()]
    changes = Changes(sites=tuple(sites), devices=tuple(devices), series=tuple(series), **more)
    registry_queries.write(connection, changes)


def limit_fact(site: str, name: str, value: float, unit: str = "m") -> Revision:
    """A threshold from the beginning on."""
    return make_fact("threshold", f"{site}/{name}", {"value": value, "unit": unit})


def make_fact(kind: str, key: str, value: Mapping[str, object]) -> Revision:
    """A fact from the beginning on."""
    since = moment(BEGINNING)
    return Revision(
        kind=kind, key=key, value=value, effective=since, author="bench", reason="bench"
    )
