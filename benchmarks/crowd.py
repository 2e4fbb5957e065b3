"""A territory with a crowd of sites and alarms, for measuring what a map makes of it."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.log import Alarm
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Area, Site
from rules._rule_state import Episode
from sensors._domain import Domain, catalogue

_WEST, _SOUTH, _EAST, _NORTH = 1.92, 48.28, 2.58, 48.78
_COMMUNES, _EPCIS, _RIVERS = 196, 14, 9
_SEVERITIES = ("critical", "major", "minor", "info")
_ALARMED = 0.12  # of all sites


def register(connection: Connection, count: int, now: datetime) -> None:
    """Write communes on a lattice with `count` sites of all domains, some in alarm."""
    rng = random.Random(5)  # noqa: S311  the same territory every time
    areas = list(_areas())
    communes = [area for area in areas if area.kind == "commune"]
    domains = tuple(catalogue().domains.values())
    sites = tuple(_site(rng, number, communes, domains) for number in range(count))
    registry_queries.write(connection, Changes(areas=tuple(areas), sites=sites))
    registered = registry_queries.load(connection).sites
    chosen = [site for site in sites if rng.random() < _ALARMED]
    ids = alarm_queries.reserve_ids(connection, len(chosen))
    made = [
        _alarm(rng, own, registered[site.name], now) for own, site in zip(ids, chosen, strict=True)
    ]
    alarm_queries.save(connection, made, [])
    connection.commit()


def _areas() -> Iterator[Area]:
    yield Area(code="00", kind="departement", name="Bench", lon=2.25, lat=48.5)
    for number in range(_EPCIS):
        yield Area(code=f"E{number:02d}", kind="epci", name=f"Union {number}", parent="00")
    wide = 14
    for number in range(_COMMUNES):
        row, column = divmod(number, wide)
        yield Area(
            code=f"00{number:03d}",
            kind="commune",
            name=f"Commune-sur-Banc {number}",
            parent=f"E{row:02d}",
            lon=_WEST + (column + 0.5) * (_EAST - _WEST) / wide,
            lat=_SOUTH + (row + 0.5) * (_NORTH - _SOUTH) / wide,
        )


def _site(
    rng: random.Random, number: int, communes: Sequence[Area], domains: Sequence[Domain]
) -> Site:
    commune = communes[rng.randrange(len(communes))]
    domain = domains[number % len(domains)]
    by_river = domain.grouping == "river" and number < 400
    river = f"River {number % _RIVERS}" if by_river else None
    return Site(
        name=f"site-{number:05d}",
        title=f"Site {number} at {commune.name}",
        domain=domain.name,
        commune=commune.code,
        lon=(commune.lon or 0) + rng.gauss(0, 0.012),
        lat=(commune.lat or 0) + rng.gauss(0, 0.009),
        river=river,
        river_order=float(number) if river else None,
    )


def _alarm(rng: random.Random, number: int, site: Site, now: datetime) -> Alarm:
    began = micros(now - timedelta(minutes=rng.randrange(5, 600)))
    severity = rng.choices(_SEVERITIES, weights=(1, 3, 12, 4))[0]
    return Alarm(
        id=number,
        site=site.id,
        place=site.name,
        domain=site.domain,
        category="hazard",
        episode=Episode(
            rule="bench",
            subject=site.name,
            since=began,
            began=began,
            ended=None,
            severity=((began, severity),),
            stale=(),
            reason=None,
        ),
        title=f"{site.title}: bench",
        advice="",
        last_value=None,
        withdrawn=None,
        noticed=began,
        changed=began,
    )
