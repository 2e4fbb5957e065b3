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
# By turns: the quantities of a site and their calm values.
KINDS: Mapping[str, Mapping[str, float]] = {
    "flood": {"level": 1.0, "discharge": 5.0, "catchment_rain": 0.0, "battery": 80.0},
    "weather": {"rain": 0.0, "gust": 3.0, "air_temperature": 12.0, "humidity": 70.0},
    "lighting": {
        "cabinet_power": 4.0,
        "earth_leakage": 0.0,
        "cabinet_door": 0.0,
        "supply_loss": 0.0,
        "contactor_error": 0.0,
    },
    "mobility": {"traffic_flow": 400.0, "traffic_speed": 70.0, "occupancy": 8.0},
}
TRIGGER, RULE = "earth_leakage", "lighting-leakage"  # at 1 it raises an alarm of this, at once
YES_OR_NO = frozenset({"earth_leakage", "cabinet_door", "supply_loss", "contactor_error"})
_LIMITS = {
    "attention": 3.0,
    "alert": 4.0,
    "danger": 5.0,
    "rise": 2.0,
    "first_asset": 4.5,
    "flow_watch": 60.0,
    "flow_attention": 80.0,
    "flow_alert": 120.0,
    "flow_danger": 200.0,
    "flow_rise": 50.0,
    "capacity": 1800.0,
    "jam_occupancy": 40.0,
    "jam_speed": 20.0,
    "free_speed": 80.0,
    "frost": -2.0,
    "cabinet_rated_power": 10.0,
    "lamp_rated_power": 60.0,
    "heat_day": 38.0,
    "heat_night": 25.0,
}
_ELSE = 100.0  # far from every calm value


@dataclass(frozen=True, kw_only=True)
class Place:
    """A site with one device of the same name."""

    name: str
    domain: str

    @property
    def values(self) -> Mapping[str, float]:
        return KINDS[self.domain]


def places(sites: int) -> list[Place]:
    """`sites` places, of all domains by turns."""
    named = islice(cycle(KINDS), sites)
    return [Place(name=f"{domain}-{n:05d}", domain=domain) for n, domain in enumerate(named)]


def register(connection: Connection, places: list[Place], words: Catalogue) -> None:
    """Write all places, each with every threshold of its domain."""
    limits = [
        limit_fact(place.name, name, _LIMITS.get(name, _ELSE), limit.unit)
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
