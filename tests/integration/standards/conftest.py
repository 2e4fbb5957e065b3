"""Two gauges in two towns, read by the standards: the Orge's is public, the Yvette's is not."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import EPOCH
from hypervisor.base.settings import Output, Settings
from hypervisor.database import databases
from hypervisor.database.connect import connect
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Asset, Device, Revision, Series, Site
from sensors._quality import Quality
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import DAY, Sent, World, make_world
from tests.integration.web.conftest import two_towns
from tests.integration.web.filled import fill
from tests.integration.web.served import EVERYTHING, server, signed_in

PUBLIC = """UPDATE site SET properties = '{"public": true}', lon = 2.3, lat = 48.6,
    river = 'Orge' WHERE name = 'orge'"""
OUTLINE = """INSERT INTO area_outline (area, outline, source) VALUES ('91001',
    '{"type": "Polygon", "coordinates": [[[2.2, 48.5], [2.4, 48.5], [2.4, 49], [2.2, 48.5]]]}', '')
"""
FORECAST = """
INSERT INTO forecast_facts (site, quantity, facts) SELECT id, 'level', '{}' FROM site;
INSERT INTO forecast (site, quantity, issued, created_at, revision, tier, value, horizons, levels,
    quantiles)
SELECT site.id, 'level', at, at + n * interval '1 minute', 1, 0, 4.2, '{3600,7200}',
    '{0.1,0.5,0.9}', ARRAY[4.0, 4.2 + n, 4.5, NULL, NULL, NULL]::real[]
FROM site, unnest(ARRAY['2024-01-01 00:10Z', '2024-01-01 00:15Z']::timestamptz[]) at,
    generate_series(0, 1) n;
UPDATE forecast SET quantiles[4:6] = CASE WHEN issued < '2024-01-01 00:15Z' THEN '{NaN,NaN,NaN}'
    ELSE '{4.1,4.6,5.5}' END::real[];
"""


@pytest.fixture(scope="session")
def world(stack: Stack) -> Iterator[World]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with closing(two_towns(stack.database.url(name))) as made:
        fill(made)
        made.connection.execute(PUBLIC)
        made.connection.execute("UPDATE site SET lon = 2.4, lat = 48.5 WHERE name = 'yvette'")
        made.connection.execute(FORECAST)
        made.connection.execute(OUTLINE)
        made.connection.commit()
        yield made
    databases.drop(stack.maintenance_url, name)


def settings_of(world: World, output: Output, *, rate: int = 100_000) -> Settings:
    return Settings(
        database_url=world.url,
        data=Path("/nonexistent"),
        sensorthings=output,
        features=output,
        exports=output,
        datex=output,
        public_requests_per_minute=rate,
    )


@pytest.fixture(scope="session")
def base(world: World) -> Iterator[str]:
    """The address of an application whose outputs are public."""
    with server(world.url, settings=settings_of(world, "public")) as address:
        yield address


@pytest.fixture(scope="session")
def anne(base: str, world: World) -> Iterator[httpx.Client]:
    """Who sees everything."""
    with signed_in(base, world.url, "anne", EVERYTHING) as client:
        yield client


@pytest.fixture(scope="session")
def counters(stack: Stack) -> Iterator[World]:
    """A live instance whose greenway counts bicycles and whose road counts vehicles."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    with closing(make_world(url, connect(url), mode=Mode.LIVE)) as made:
        count(made)
        disturb(made)
        yield made
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="session")
def live(counters: World) -> Iterator[httpx.Client]:
    with (
        server(counters.url, settings=settings_of(counters, "token")) as base,
        signed_in(base, counters.url, "anne", EVERYTHING) as client,
    ):
        yield client


def count(world: World) -> None:
    registry_queries.write(
        world.connection,
        Changes(
            sites=tuple(
                Site(
                    name=name,
                    title=f"={name}",
                    domain="mobility",
                    lon=lon,
                    lat=lat,
                    properties=properties,
                )
                for name, lon, lat, properties in (
                    ("greenway", 2.25, 48.7, {}),
                    ("road", 2.3, 48.8, {"road": "N118"}),
                    ("hidden", None, None, {}),
                )
            ),
            devices=tuple(
                Device(name=name, site=name, commissioned=DAY)
                for name in ("greenway", "road", "hidden")
            ),
            series=(
                Series(device="greenway", quantity="bicycles"),
                Series(device="greenway", quantity="battery"),
                Series(device="road", quantity="traffic_flow"),
                Series(device="hidden", quantity="bicycles"),
            ),
        ),
    )
    registry = registry_queries.load(world.connection)
    world.numbers = {key: series.id or 0 for key, series in registry.series.items()}
    world.connection.commit()
    world.store(
        [
            Sent(site="greenway", at=15, value=12, quantity="bicycles"),
            Sent(site="greenway", at=30, value=7, quantity="bicycles", quality=Quality.INVALIDATED),
            Sent(site="greenway", at=30, value=80, quantity="battery"),
            Sent(site="road", at=6.5, value=1230, quantity="traffic_flow"),
            Sent(site="hidden", at=15, value=3, quantity="bicycles"),
        ]
    )


JAMMED = """
INSERT INTO alarm (rule, subject, site, since, began, severity, stale, title, title_fr, noticed_at,
    changed_at, domain, category)
SELECT rule, subject, id, '2024-01-01Z', '2024-01-01 00:12Z',
    '[["2024-01-01T00:12:00Z", "minor"]]', '[]', rule, NULL, '2024-01-01 00:12Z',
    '2024-01-01 00:12Z', 'mobility', 'hazard'
FROM site, (VALUES ('mobility-slow', 'road'), ('mobility-shut', 'device/road'),
    ('mobility-battery', 'device/road'), ('external/centre', '1'), ('external/centre', '2'))
    v (rule, subject)
WHERE name = 'road';
INSERT INTO external_alarm (alarm, heard_at, labels, annotations, links)
SELECT id, '2024-01-01 00:12Z',
    CASE subject WHEN '1' THEN '{"road": "closed"}' ELSE '{"road": "A6"}' END::jsonb, '{}', '[]'
FROM alarm WHERE source = 'centre';
"""


def disturb(world: World) -> None:
    """A road in the water, another jammed and perhaps closed, works on the greenway."""
    bridge = {"type": "LineString", "coordinates": [[2.31, 48.61], [2.32, 48.62], [2.33, 48.6]]}
    works = {"begins": "2024-01-03T00:00:00Z", "ends": "2024-01-05T00:00:00Z"}

    def fact(
        kind: str, key: str, value: dict[str, object], *, illustrative: bool = False
    ) -> Revision:
        return Revision(
            kind=kind,
            key=key,
            value=value,
            effective=EPOCH,
            author="test",
            reason="secret",
            illustrative=illustrative,
        )

    registry_queries.write(
        world.connection,
        Changes(
            sites=(Site(name="weir", title="Orge", domain="flood", lon=2.3, lat=48.6),),
            devices=(Device(name="weir", site="weir", commissioned=DAY),),
            series=(Series(device="weir", quantity="level"),),
            assets=(
                Asset(
                    name="rd-25",
                    title="RD 25",
                    kind="road",
                    geometry=bridge,
                    properties={"road": "D25"},
                ),
            ),
            revisions=(
                fact("threshold", "weir/alert", {"value": 1, "unit": "m"}, illustrative=True),
                fact("threshold", "road/alert", {"value": 1, "unit": "m"}, illustrative=True),
                fact("threshold", "road/alert", {"value": 2, "unit": "m"}),
                fact("reach", "rd-25", {"gauge": "weir", "level": 1.5, "unit": "m"}),
                fact("rule", "mobility-slow", {"labels": {"road": "jam"}}),
                fact("rule", "mobility-shut", {"labels": {"road": "closed", "crew": "north"}}),
                fact("rule", "mobility-battery", {"labels": {"crew": "north"}}),
                fact(
                    "works",
                    "bench",
                    {**works, "sites": ["greenway", "road"], "devices": [], "groups": []},
                ),
            ),
        ),
    )
    registry = registry_queries.load(world.connection)
    world.numbers = {key: series.id or 0 for key, series in registry.series.items()}
    world.connection.execute(JAMMED)
    world.connection.commit()
    levels = {22.0: 1.6, 22.5: 1.4, 22.8: 1.55, 23.0: 1.75}  # hours: dry once more at half past ten
    world.store([Sent(site="weir", at=hour * 60, value=level) for hour, level in levels.items()])
