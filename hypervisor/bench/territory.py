"""A territory of all domains in which nothing happens, so that every rule has its work."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Revision, Series, Site
from sensors._domain import Catalogue

_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
# By turns: what stands at a site, and what it says when nothing happens.
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
_ELSE = 100.0  # what no calm value comes near


@dataclass(frozen=True, kw_only=True)
class Place:
    """One site with its one device, which is called as it."""

    name: str
    domain: str

    @property
    def values(self) -> Mapping[str, float]:
        return KINDS[self.domain]


def places(sites: int) -> list[Place]:
    """So many, of all domains by turns."""
    named = islice(cycle(KINDS), sites)
    return [Place(name=f"{domain}-{n:05d}", domain=domain) for n, domain in enumerate(named)]


def register(connection: Connection, places: list[Place], words: Catalogue) -> None:
    """All of it, with every threshold that its domain knows."""
    registry_queries.write(
        connection,
        Changes(
            sites=tuple(
                Site(name=place.name, title=place.name, domain=place.domain) for place in places
            ),
            devices=tuple(
                Device(name=place.name, site=place.name, commissioned=_SINCE) for place in places
            ),
            series=tuple(
                Series(device=place.name, quantity=name)
                for place in places
                for name in place.values
            ),
            revisions=tuple(_thresholds(places, words)),
        ),
    )


def _thresholds(places: list[Place], words: Catalogue) -> Iterator[Revision]:
    for place in places:
        for name, limit in words.thresholds.items():
            if limit.quantity in place.values:
                yield Revision(
                    kind="threshold",
                    key=f"{place.name}/{name}",
                    value={"value": _LIMITS.get(name, _ELSE), "unit": limit.unit},
                    effective=moment(BEGINNING),
                    author="bench",
                    reason="bench",
                )
