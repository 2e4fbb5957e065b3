"""Panels tell what was read, although the roll-ups lag behind."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from hypervisor.database.connect import Connection, connect
from tests.integration.dashboards.telling import NOW, roll, tell

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
USUAL = {"level": 900.0}  # s


@pytest.fixture
def field(database_url: str) -> Iterator[Connection]:
    """Two gauges that were rolled up five hours ago; one has reported since."""
    with closing(connect(database_url, autocommit=True)) as connection:
        connection.execute("INSERT INTO instance (mode, name) VALUES ('exercise', 'test')")
        connection.execute(
            "INSERT INTO site (name, title, domain) VALUES ('here', 'Here', 'flood')"
        )
        for name in ("speaks", "silent"):
            connection.execute(
                "INSERT INTO device (name, site, commissioned) SELECT %s, id, %s FROM site",
                [name, NOW - 1000 * HOUR],
            )
            connection.execute(
                "INSERT INTO series (device, quantity) SELECT id, 'level' FROM device"
                " WHERE name = %s",
                [name],
            )
            tell(connection, name, "level", [(NOW - 6 * HOUR, 1.0), (NOW - 5.5 * HOUR, 2.0)])
        roll(connection)
        tell(connection, "speaks", "level", [(NOW - 2 * HOUR, 3.0), (NOW - 0.2 * HOUR, 5.0)])
        _fall_behind(connection, NOW - 4 * HOUR)
        yield connection


def _fall_behind(connection: Connection, since: datetime) -> None:
    """What came since then is not rolled up yet."""
    connection.execute(
        "INSERT INTO feed (kind, worker, at, rows, hours) VALUES ('readings', 'test', %s, NULL,"
        " tstzmultirange(tstzrange(date_trunc('hour', %s::timestamptz, 'UTC'), NULL)))",
        [NOW, since],
    )


def _series(connection: Connection, name: str) -> int:
    row = connection.execute(
        "SELECT s.id FROM series s JOIN device d ON d.id = s.device WHERE d.name = %s", [name]
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_device_that_reports_is_not_silent(field: Connection) -> None:
    rows = field.execute(
        "SELECT name, heard_at FROM devices_at(%s, %s)", [NOW, json.dumps(USUAL)]
    ).fetchall()
    heard = {str(name): heard_at for name, heard_at in rows}
    assert heard == {"speaks": NOW - 0.2 * HOUR, "silent": NOW - 5.5 * HOUR}


def test_last_readings_are_those_that_came_last(field: Connection) -> None:
    ids = [_series(field, "speaks"), _series(field, "silent")]
    last = field.execute(
        "SELECT last, last_at FROM last_of(%s, '-infinity', %s) ORDER BY last DESC", [ids, NOW]
    ).fetchall()
    assert last == [(5.0, NOW - 0.2 * HOUR), (2.0, NOW - 5.5 * HOUR)]


@pytest.mark.parametrize("state", ["behind", "rolled up"])
def test_hours_are_the_same_before_and_after_they_are_rolled_up(
    field: Connection, state: str
) -> None:
    if state == "rolled up":
        roll(field)
    hours = field.execute(
        "SELECT count, min, max, last, last_at FROM hours_of(%s, %s, %s) ORDER BY begins",
        [[_series(field, "speaks")], NOW - 8 * HOUR, NOW],
    ).fetchall()
    assert hours == [
        (2, 1.0, 2.0, 2.0, NOW - 5.5 * HOUR),
        (1, 3.0, 3.0, 3.0, NOW - 2 * HOUR),
        (1, 5.0, 5.0, 5.0, NOW - 0.2 * HOUR),
    ]


@pytest.mark.parametrize("state", ["behind", "rolled up"])
def test_what_came_after_the_end_of_a_span_is_not_in_it(field: Connection, state: str) -> None:
    ends = NOW - 2.2 * HOUR  # within an hour that holds a later reading
    tell(field, "speaks", "level", [(NOW - 2.3 * HOUR, 2.5)])
    if state == "rolled up":
        roll(field)
    ids = [_series(field, "speaks"), _series(field, "silent")]
    last = field.execute(
        "SELECT last FROM last_of(%s, '-infinity', %s) ORDER BY 1 DESC", [ids, ends]
    ).fetchall()
    assert last == [(2.5,), (2.0,)]
    hours = field.execute(
        "SELECT count, last, last_at FROM hours_of(%s, %s, %s) ORDER BY begins",
        [ids[:1], NOW - 4 * HOUR, ends],
    ).fetchall()
    assert hours == [(1, 2.5, NOW - 2.3 * HOUR)]
