"""`devices_at`: by which of its quantities each device is missed, and when it was last heard."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from hypervisor.database.connect import Connection, connect
from tests.integration.dashboards.telling import NOW, roll, tell

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
LONG_AGO = NOW - 1000 * HOUR
USUAL = {"level": 900.0, "battery": 3600.0}  # s
BY_LEVEL, BY_BATTERY = ("level", 900.0, 2700.0), ("battery", 3600.0, 10800.0)


@pytest.fixture
def field(database_url: str) -> Iterator[Connection]:
    """A site with no device yet."""
    with closing(connect(database_url, autocommit=True)) as connection:
        connection.execute("INSERT INTO instance (mode, name) VALUES ('exercise', 'test')")
        connection.execute(
            "INSERT INTO site (name, title, domain) VALUES ('here', 'Here', 'flood')"
        )
        yield connection


def _device(connection: Connection, name: str, *quantities: str, **dates: Any) -> None:
    connection.execute(
        "INSERT INTO device (name, site, commissioned, retired) SELECT %s, id, %s, %s FROM site",
        [name, dates.get("commissioned", LONG_AGO), dates.get("retired")],
    )
    for quantity in quantities:
        connection.execute(
            "INSERT INTO series (device, quantity) SELECT id, %s FROM device WHERE name = %s",
            [quantity, name],
        )


def _says(connection: Connection, kind: str, key: str, value: Any, *, ago: float = 100) -> None:
    """A revision, effective so many hours before now."""
    connection.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason)"
        " VALUES (%s, %s, %s, %s, 'test', 'test')",
        [kind, key, None if value is None else json.dumps(value), NOW - ago * HOUR],
    )


def _found(connection: Connection) -> dict[str, tuple[Any, ...]]:
    """By device: quantity, interval and limit (s), how many hours ago it was heard, switched."""
    rows = connection.execute(
        "SELECT name, quantity, interval_s, limit_s,"
        " round(extract(epoch FROM %(now)s - heard_at) / 3600, 2)::float8, switched"
        " FROM devices_at(%(now)s, %(usual)s)",
        {"now": NOW, "usual": json.dumps(USUAL)},
    )
    return {name: tuple(told) for name, *told in rows}


def test_the_quickest_that_is_told_regularly(field: Connection) -> None:
    for name in ("usual", "said", "changed", "slow", "alike"):
        _device(field, name, "battery", "level")
    _says(
        field, "series", "said/level", {"interval_s": 60, "stale_s": 600, "reporting": "periodic"}
    )
    _says(field, "series", "changed/level", {"interval_s": 60, "reporting": "on_change"})
    _says(field, "series", "slow/level", {"stale_s": 90_000})
    _says(field, "series", "alike/battery", {"stale_s": 2700})
    assert _found(field) == {
        "usual": (*BY_LEVEL, None, False),
        "said": ("level", 60.0, 600.0, None, False),
        "changed": (*BY_BATTERY, None, False),
        "slow": (*BY_BATTERY, None, False),
        "alike": ("battery", 3600.0, 2700.0, None, False),  # the series that was made first
    }


def test_what_was_said_last_of_what_holds(field: Connection) -> None:
    for name in ("twice", "later", "withdrawn", "again"):
        _device(field, name, "level")
        _says(field, "series", f"{name}/level", {"interval_s": 60, "reporting": "periodic"}, ago=50)
    _says(field, "series", "twice/level", {"interval_s": 120, "reporting": "periodic"}, ago=50)
    _says(field, "series", "twice/level", {"interval_s": 7, "reporting": "periodic"}, ago=60)
    _says(field, "series", "later/level", {"interval_s": 7, "reporting": "periodic"}, ago=-1)
    _says(field, "series", "withdrawn/level", None, ago=10)
    _says(field, "series", "again/level", None, ago=10)
    _says(field, "series", "again/level", {"interval_s": 300, "reporting": "periodic"}, ago=5)
    assert {name: told[1] for name, told in _found(field).items()} == {
        "twice": 120.0,
        "later": 60.0,
        "again": 300.0,
    }


def test_devices_in_use_alone(field: Connection) -> None:
    _device(field, "retired", "level", retired=NOW - HOUR)
    _device(field, "retiring", "level", retired=NOW + HOUR)
    _device(field, "new", "level", commissioned=NOW + HOUR)
    for name in ("out", "back"):
        _device(field, name, "level")
        _says(field, "device", name, {"in_service": False}, ago=3)
    _says(field, "device", "out", {"in_service": True}, ago=-1)
    _says(field, "device", "back", {"in_service": True}, ago=2)
    _device(field, "other", "rainbow")  # nothing that is told regularly
    assert set(_found(field)) == {"retiring", "back"}


def test_when_it_was_last_heard(field: Connection) -> None:
    for name in ("just", "today", "weeks", "never", "doubted"):
        _device(field, name, "level")
    tell(field, "just", "level", [(NOW - 0.25 * HOUR, 1.0), (NOW - 1.5 * HOUR, 1.0)])
    tell(field, "today", "level", [(NOW - 9 * HOUR, 1.0), (NOW + 2 * HOUR, 1.0)])
    tell(field, "weeks", "level", [(NOW - 900 * HOUR, 1.0), (NOW - 901 * HOUR, 1.0)])
    tell(field, "doubted", "level", [(NOW - HOUR, 1.0)], quality=1)
    roll(field)
    assert {name: told[3] for name, told in _found(field).items()} == {
        "just": 0.25,
        "today": 9.0,
        "weeks": 900.0,
        "never": None,
        "doubted": None,
    }


def test_what_a_cabinet_feeds_by_night_only(field: Connection) -> None:
    for name in ("fed", "always", "moved", "joining"):
        _device(field, name, "level")
    for cabinet, switched in (("night", True), ("steady", False)):
        _says(field, "supply", cabinet, {"plan": "any", "switched": switched})
    _says(field, "member", "night/fed", {})
    _says(field, "member", "steady/always", {})
    _says(field, "member", "night/moved", {})
    _says(field, "member", "night/moved", None, ago=10)
    _says(field, "member", "night/joining", {}, ago=-1)
    assert [name for name, told in _found(field).items() if told[4]] == ["fed"]
