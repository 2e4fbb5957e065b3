"""A panel's SQL, run by a role that only reads."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database import instance, panels
from hypervisor.database.connect import Connection, connect
from hypervisor.database.panels import PanelError

pytestmark = pytest.mark.integration
FIRST, LAST = datetime(2024, 10, 9, 12, tzinfo=UTC), datetime(2024, 10, 9, 14, 20, tzinfo=UTC)


@pytest.fixture
def asking(shared_url: str) -> Iterator[Connection]:
    with panels.reader(shared_url, owner=True) as connection:
        yield connection


def test_each_column_has_the_kind_that_grafana_makes_of_it(asking: Connection) -> None:
    answer = panels.run_query(
        asking,
        "SELECT 1::int2 AS a, 2::int4 AS b, 3::int8 AS c, 1.5::float4 AS d, 2.5::float8 AS e,"
        " 3.5::numeric AS f, now() AS g, now()::timestamp AS h, now()::date AS i, true AS j,"
        " 'word'::text AS k, '1 h'::interval AS l, now()::time AS m, 7::oid AS n",
    )
    assert answer.names == tuple("abcdefghijklmn")
    assert answer.kinds == (
        *("number",) * 6,
        *("time",) * 3,
        "boolean",
        *("string",) * 4,
    )
    assert len(answer.rows) == 1
    assert answer.rows[0][:3] == (1, 2, 3)


def test_what_the_database_refuses_is_told_on_one_line_with_its_hint(asking: Connection) -> None:
    with pytest.raises(PanelError) as refused:
        panels.run_query(asking, "SELECT nam FROM site")
    assert str(refused.value) == (
        'column "nam" does not exist (Perhaps you meant to reference the column "site.name".)'
    )
    with pytest.raises(PanelError) as refused:
        panels.run_query(asking, "SELECT 1 / 0")
    assert str(refused.value) == "division by zero"


def test_it_reads_as_the_role_of_readers_and_no_longer_than_grafana_waits(
    asking: Connection, shared_url: str
) -> None:
    query = (
        "SELECT current_user::text, current_setting('statement_timeout'),"
        " current_setting('default_transaction_read_only')"
    )
    assert panels.run_query(asking, query).rows == [("hypervisor_reader_whole", "30s", "on")]
    with panels.reader(shared_url) as itself:
        assert panels.run_query(itself, query).rows[0][0] != "hypervisor_reader_whole"
    assert itself.closed


def test_who_cannot_log_in_is_told() -> None:
    nowhere = panels.reader("postgresql://nobody@127.0.0.1:1/nowhere")
    with pytest.raises(PanelError, match=r"^the reader cannot log in: .*refused"), nowhere:
        pass


def test_the_span_of_the_readings(database_url: str) -> None:
    with closing(connect(database_url)) as connection:
        instance.create(
            connection, Instance(mode=Mode.LIVE, name="test", timezone="Indian/Reunion")
        )
        with pytest.raises(PanelError, match="no reading is rolled up"):
            panels.reading_span(connection)
        for begins, last in ((FIRST, FIRST), (FIRST.replace(hour=14), LAST)):
            connection.execute(
                "INSERT INTO rollup_hour VALUES (1, %s, 1, 2.0, 2.0, 2.0, 2.0, %s, NULL, %s)",
                [begins, last, begins.date()],
            )
        assert panels.reading_span(connection) == (FIRST, LAST)
