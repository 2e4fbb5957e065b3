"""A reader with SQL of its own sees a home on no table and no view, unless it was given that."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg import errors, sql

from hypervisor.database.connect import Connection, connect
from tests.integration.accounts.reading import logged_in, value
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH, SOUTH, two_towns
from tests.integration.web.others import READING, settle

pytestmark = pytest.mark.integration
HOME = (
    "UPDATE site SET domain = 'telecare' WHERE name = 'zorn'",
    "UPDATE asset SET site = (SELECT id FROM site WHERE name = 'zorn')",
    "UPDATE area SET name = 'Sud-le-Bourg' WHERE name = 'Zorn-le-Bourg'",
    "UPDATE team SET name = 'south'",
)
_READABLE = """
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname IN ('public', 'shown') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND has_column_privilege(c.oid, a.attnum, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
GROUP BY 1, 2 ORDER BY 1, 2
"""


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(two_towns(database_url, "zorn")) as made:
        settle(made)
        yield made


def _make_home(world: World) -> None:
    for statement in HOME:
        world.connection.execute(statement.encode())
    world.connection.commit()


def _find_traces(reader: Connection) -> tuple[set[str], int]:
    """The relations in which the home is named or its reading stands, and how many were read."""
    relations = reader.execute(_READABLE).fetchall()
    traces = set()
    for schema, table, columns in relations:
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns),
            sql.Identifier(schema, table),
        )
        for row in reader.execute(query):
            text = repr(row).lower()
            if "zorn" in text or str(READING) in text:
                traces.add(f"{schema}.{table}")
    return traces, len(relations)


def test_a_home_stands_in_no_relation(world: World) -> None:
    areas = (None, SOUTH)
    with logged_in(world.url, None) as whole, logged_in(world.url, SOUTH) as south:
        for reader in (whole, south):
            traces, count = _find_traces(reader)
            assert {"public.site", "public.device", "public.series"} & traces
            assert count > 40
        _refuse_a_plain_writer(world)
        _make_home(world)
        with pytest.raises(errors.InsufficientPrivilege):
            whole.execute("SELECT FROM reading")  # of before: its session has another path
        for reader in (whole, south):
            assert _find_traces(reader)[0] == set()
    for area in areas:
        with logged_in(world.url, area) as after:
            assert _find_traces(after)[0] == set()
            assert value(after, "SELECT count(*) FROM reading") == (4 if area is None else 0)
            assert value(after, "SELECT count(*) FROM area") != 0
            for function in ("seen.hidden_sites()", "seen.hidden_names()"):
                with pytest.raises(errors.InsufficientPrivilege):
                    after.execute(f"SELECT {function}".encode())
            after.execute("SET hypervisor.personal = '{*}'")
            assert _find_traces(after)[0] == set()
    for area, count in ((None, 2), (SOUTH, 1), (NORTH, 1)):
        with logged_in(world.url, area, personal=True) as reader:
            assert value(reader, "SELECT count(*) FROM site") == count
            sees = value(reader, "SELECT bool_or(value = 4.777) FROM reading")
            assert bool(sees) is (area != NORTH)


def _refuse_a_plain_writer(world: World) -> None:
    """Only who may change its readers enters a home: else they would go on seeing everything."""
    with connect(world.url) as owner:
        owner.execute("CREATE ROLE plain_writer")
        owner.execute("GRANT ALL ON site, reader, personal_domain TO plain_writer")
        owner.execute("ALTER TABLE site DISABLE ROW LEVEL SECURITY; SET ROLE plain_writer")
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute("UPDATE site SET domain = 'telecare' WHERE name = 'zorn'")
        owner.rollback()
