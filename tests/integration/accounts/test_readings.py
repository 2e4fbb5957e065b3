"""Readings have no policy: the view of the same name holds, and costs what the policy did."""

from collections.abc import Iterator

import psycopg
import pytest

from hypervisor.base.person import EVERYWHERE, Territory
from hypervisor.database import tenancy
from hypervisor.database.connect import Connection, connect
from hypervisor.database.pool import Pool
from tests.conftest import Stack
from tests.integration.accounts.reading import value
from tests.integration.evaluation.world import Sent, World
from tests.integration.web.conftest import ORGE, fresh_towns

pytestmark = pytest.mark.integration
ORGES = Territory(communes=frozenset({ORGE}))
LAST = (
    "SELECT s.id, r.time FROM series s CROSS JOIN LATERAL"
    " (SELECT time FROM reading WHERE series_id = s.id ORDER BY time DESC LIMIT 1) r"
)


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    with fresh_towns(stack) as made:
        yield made


def test_timescaledb_has_no_reason_to_refuse_compression(database_url: str) -> None:
    with connect(database_url) as connection:
        assert (
            value(
                connection,
                "SELECT relrowsecurity FROM pg_class WHERE relname = 'reading'"
                " AND relnamespace = 'public'::regnamespace",
            )
            is False
        )
        assert (
            value(connection, "SELECT count(*) FROM pg_policies WHERE tablename = 'reading'") == 0
        )


def test_requests_of_a_tenant_do_not_get_at_the_table_nor_its_chunks(world: World) -> None:
    world.store([Sent(site="orge", at=90 * 24 * 60, value=1.0)])  # a chunk after the grants
    with connect(world.url) as connection:
        chunks = [one for (one,) in connection.execute("SELECT show_chunks('reading')::text")]
        connection.rollback()
        tenancy.become(connection, ORGES)
        for table in ("public.reading", "shown.reading", *chunks):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}".encode())  # noqa: S608
            connection.rollback()
        assert value(connection, "SELECT count(*) FROM reading") == 5
    assert len(chunks) > 1


def test_a_connection_that_changes_hands_asks_whom_it_now_is(world: World) -> None:
    """The same words, prepared as one person, find another thing under the same name."""
    with connect(world.url) as connection:
        for territory, count in ((ORGES, 1), (EVERYWHERE, 2), (Territory(), 0), (ORGES, 1)):
            connection.execute("RESET ROLE")
            tenancy.become(connection, territory)
            assert [_series(connection) for _ in range(7)] == [count] * 7
        connection.execute("RESET ROLE")
        assert value(
            connection,
            "SELECT generic_plans + custom_plans > 20 FROM pg_prepared_statements"
            " WHERE statement LIKE '%DISTINCT series_id%'",
        )
        tenancy.own(connection)
        assert _series(connection) == 2


def _series(connection: Connection) -> int:
    question = "SELECT count(DISTINCT series_id) FROM reading WHERE time > %s"
    row = connection.execute(question, ["2020-01-01"]).fetchone()
    return int(row[0]) if row else 0


def test_what_the_pool_hands_on_is_its_owners_again(world: World) -> None:
    pool = Pool(world.url, most=1)
    pool.open()
    try:
        for territory, count in ((ORGES, 1), (EVERYWHERE, 2)):
            with pool.seeing(lambda _, held=territory: held) as connection:  # type: ignore[misc]
                assert _series(connection) == count
            with pool.connection() as connection:
                assert value(connection, "SHOW search_path") == '"$user", public'
                assert _series(connection) == 2
        with pool.writing() as connection:
            changed = connection.execute("UPDATE reading SET value = value + 1").rowcount
        assert changed == 8
    finally:
        pool.close()


def test_the_last_of_each_series_is_the_first_of_its_index(world: World) -> None:
    """The view becomes part of the query: of each series one row is read, and nothing sorted."""
    with connect(world.url) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_sort = on")
        connection.commit()
        tenancy.become(connection, ORGES)
        rows = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {LAST}".encode()).fetchall()
    plan = [row[0].strip() for row in rows]
    text = "\n".join(plan)
    assert "Subquery Scan" not in text, text
    assert "Sort" not in text, text
    read = [line for line in plan if "_hyper_" in line and "never executed" not in line]
    assert len(read) == 1, text
    assert "Scan Backward" in read[0], text


def test_a_dump_of_grants_is_not_needed(world: World) -> None:
    """What a restore lacks: everything that was granted. It is granted again, chunks left out."""
    world.store([Sent(site="orge", at=90 * 24 * 60, value=1.0)])
    with connect(world.url) as connection:
        everyone = ", ".join(tenancy.ROLES)
        for schema in ("public", "seen", "shown"):
            connection.execute(
                f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {everyone}".encode()
            )
        connection.execute(f"REVOKE ALL ON SCHEMA seen, shown FROM {everyone}".encode())
        tenancy.grant(connection)
        granted = connection.execute(
            "SELECT role, has_any_column_privilege(role, c.oid, 'SELECT') FROM pg_class c,"
            " unnest(%s::text[]) role WHERE c.oid IN (SELECT show_chunks('reading')"
            " UNION SELECT show_chunks('rollup_hour')) GROUP BY 1, 2",
            [[tenancy.TENANT, tenancy.READER]],
        ).fetchall()
        assert set(granted) == {(tenancy.TENANT, False), (tenancy.READER, False)}
        connection.commit()
        tenancy.become(connection, ORGES)
        assert value(connection, "SELECT count(DISTINCT series_id) FROM reading") == 1
        assert value(connection, "SELECT count(*) FROM rollup_hour") == 0
