"""Two gauges in two towns, read by the standards: the Orge's is public, the Yvette's is not."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from hypervisor.base.settings import Output, Settings
from hypervisor.database import databases
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import World
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
