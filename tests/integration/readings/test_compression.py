"""Compression on a build that has none: nothing is done; what would be is asked for in earnest.

These tests do not run on a full build. That it would be asked is shown by the refusal, which only
the real function gives; a full build refused besides what has row-level security.
"""

from collections.abc import Iterator

import psycopg
import pytest

from hypervisor.base.instants import moment
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import queries as reading_queries
from hypervisor.readings import queries_compression, queries_retention
from hypervisor.stack import housekeeping
from tests.integration.accounts.reading import value
from tests.integration.evaluation.world import Sent, World, make_world, us

pytestmark = pytest.mark.integration
DAY = 24 * 60  # minutes


@pytest.fixture
def old(database_url: str) -> Iterator[World]:
    """A gauge that spoke once a day for sixty days."""
    world = make_world(database_url, connect(database_url))
    world.register(["mill"])
    world.join()
    world.store(Sent(site="mill", at=day * DAY, value=2.0) for day in range(60))
    world.beat(60 * DAY)
    world.settle()
    yield world
    world.close()


@pytest.fixture
def connection(old: World) -> Iterator[Connection]:
    with connect(old.url, autocommit=True) as made:
        yield made


def _chunks(connection: Connection) -> list[str]:
    return [one for (one,) in connection.execute("SELECT show_chunks('reading')::text")]


def test_the_apache_build_is_left_alone(connection: Connection) -> None:
    assert value(connection, "SHOW timescaledb.license") == "apache"
    before = queries_retention.compressed_before(connection, 30)
    assert before == moment(us(30 * DAY))
    assert not queries_compression.is_supported(connection)
    assert queries_compression.compress_chunks(connection, before) == 0
    assert housekeeping.compress(connection, Settings()) == ""
    enabled = "SELECT bool_or(compression_enabled) FROM timescaledb_information.hypertables"
    assert value(connection, enabled) is False


def test_what_a_full_build_would_be_asked(connection: Connection) -> None:
    refused = 'functionality not supported under the current "apache" license'
    with pytest.raises(psycopg.errors.FeatureNotSupported, match=refused):
        queries_compression.enable(connection)
    chunk, *_ = _chunks(connection)
    refused = 'function "compress_chunk" is not supported under the current "apache" license'
    with pytest.raises(psycopg.errors.FeatureNotSupported, match=refused):
        queries_compression.compress_chunk(connection, chunk)


def test_the_chunks_that_are_old_enough(connection: Connection) -> None:
    rows = connection.execute(
        queries_compression.CHUNKS, ["reading", moment(us(30 * DAY))]
    ).fetchall()
    names = [name for name, _ in rows]
    assert names == _chunks(connection)[: len(names)]
    assert 3 <= len(names) < len(_chunks(connection))
    assert not any(compressed for _, compressed in rows)


def test_no_statement_of_ours_is_stopped_by_the_limit(connection: Connection) -> None:
    limit = "SHOW timescaledb.max_tuples_decompressed_per_dml_transaction"
    assert value(connection, limit) == "100000"
    reading_queries.create_staging_tables(connection)
    assert value(connection, limit) == "0"


def test_touching_rows_changes_nothing(old: World, connection: Connection) -> None:
    everything = "SELECT md5(string_agg(r::text, ';' ORDER BY r.time)) FROM reading r"
    before = value(connection, everything)
    number = old.numbers["mill", "level"]
    points = [(number, moment(us(day * DAY))) for day in (1, 20, 59)]
    with connection.transaction():
        queries_compression.decompress_points(connection, points)
        touched = "SELECT count(*) FROM reading WHERE xmin = pg_current_xact_id()::xid"
        assert value(connection, touched) == len(points)
    assert value(connection, everything) == before
    assert value(connection, "SHOW plan_cache_mode") == "auto"
