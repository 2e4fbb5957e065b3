"""What a reader may see is reckoned once a statement, and tells nothing of what it may not."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg import sql

from hypervisor.database.connect import Connection, connect
from hypervisor.readings.rollup import catch_up
from tests.integration.accounts.reading import logged_in, value
from tests.integration.evaluation.world import CATALOGUE, World
from tests.integration.web.conftest import NORTH, two_towns

pytestmark = pytest.mark.integration


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(two_towns(database_url)) as made:
        with connect(made.url) as connection:
            catch_up(connection, CATALOGUE)
        yield made


@pytest.fixture
def north(world: World) -> Iterator[Connection]:
    """A reader of the Orge's EPCI, in a database that counts how often functions are called."""
    with connect(world.url, autocommit=True) as owner:
        name = sql.Identifier(str(value(owner, "SELECT current_database()")))
        owner.execute(sql.SQL("ALTER DATABASE {} SET track_functions = 'pl'").format(name))
        owner.execute("GRANT EXECUTE ON FUNCTION pg_stat_get_xact_function_calls TO PUBLIC")
    with logged_in(world.url, NORTH) as session:
        yield session


def _calls(connection: Connection, statement: str, *functions: str) -> list[object]:
    """How often a statement called each; None: never."""
    with connection.transaction():
        assert value(connection, statement), "it reads nothing, and so asks nothing"
        return [
            value(
                connection, f"SELECT pg_stat_get_xact_function_calls('{function}()'::regprocedure)"
            )
            for function in functions
        ]


@pytest.mark.parametrize(
    ("table", "function"),
    [
        ("site WHERE true", "tenant_site_marks"),
        ("device WHERE true", "tenant_site_marks"),
        ("series WHERE true", "tenant_device_marks"),
        ("rollup_hour WHERE true", "tenant_series_marks"),
        ("reading WHERE true", "tenant_series_marks"),
        ("revision WHERE kind = 'threshold'", "tenant_site_names"),
        ("revision WHERE kind = 'series'", "tenant_device_names"),
    ],
)
def test_a_policy_is_asked_once_however_many_rows(
    north: Connection, table: str, function: str
) -> None:
    again = f"SELECT sum((SELECT count(*) FROM {table} AND n > 0)) FROM generate_series(1, 50) n"  # noqa: S608
    assert _calls(north, again, function) == [1]


def test_of_a_revision_nothing_is_reckoned_but_what_its_kind_asks_for(north: Connection) -> None:
    series = "SELECT count(*) FROM revision WHERE kind = 'series'"
    others = ("tenant_site_names", "tenant_groups", "tenant_assets", "tenant_works")
    assert _calls(north, series, *others) == [None] * len(others)


def test_marks_end_with_ones_own(world: World, north: Connection) -> None:
    """A longer array would tell how many of others there are."""
    with connect(world.url) as owner:
        first = owner.execute(
            "SELECT max(series.id) FILTER (WHERE site.name = 'orge'), max(series.id)"
            " FROM series JOIN device ON device.id = series.device"
            " JOIN site ON site.id = device.site"
        ).fetchone()
    assert first is not None
    mine, last = first
    assert mine < last
    assert value(north, "SELECT cardinality(tenant_series_marks())") == mine
    assert value(north, f"SELECT (tenant_series_marks())[{last}]") is None
