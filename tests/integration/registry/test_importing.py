"""Recorded history in the real database: every row accounted for, once whatever is repeated."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd
import pytest

from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import importing
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
from sensors._domain import catalogue
from sensors._quality import Quality

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as opened:
        apply_inventory(opened, read_sources(["poyo", "garonne"]), author="ann", now=NOW)
        yield opened


def table(*rows: tuple[str, str, str, str, float, str]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["time", "device", "quantity", "unit", "value", "status"])
    made["time"] = pd.to_datetime(made["time"], utc=True).astype("datetime64[us, UTC]")
    return made


def load(connection: Connection, rows: pd.DataFrame) -> importing.ImportCounts:
    registry = registry_queries.load(connection)
    kept, account = importing.check_recording(rows, registry, catalogue(), until=micros(NOW))
    importing.store(connection, kept, account, tick=lambda _: None)
    assert account.read == account.stored + account.already_there + account.rejected.total()
    return account


def stored(connection: Connection) -> list[tuple[float | None, int, datetime | None]]:
    return connection.execute(
        "SELECT value, quality, received_at FROM reading ORDER BY time, series_id"
    ).fetchall()


def test_rows_are_converted_flagged_and_no_arrival(connection: Connection) -> None:
    account = load(
        connection,
        table(
            ("2022-01-11T06:15:00Z", "O200004001", "level", "mm", 4306.0, "ok"),
            ("2022-01-11T06:30:00Z", "O200004001", "level", "mm", 99_000.0, "ok"),
            ("2024-10-29T17:55:00Z", "poyo", "discharge", "l/s", 2_283_000.0, "doubtful"),
            ("2024-10-29T18:00:00Z", "poyo", "discharge", "m3/s", float("nan"), "FALLO"),
        ),
    )
    assert (account.read, account.stored) == (4, 4)
    assert stored(connection) == [
        (4.306, Quality.GOOD, None),
        (99.0, Quality.OUT_OF_RANGE, None),
        (2283.0, Quality.DOUBTFUL, None),
        (None, Quality.SENSOR_FAULT, None),
    ]
    entries = [entry for entry in feed.read(connection, "0")[0] if entry.kind == "readings"]
    assert [len(entry.rows) for entry in entries] == [4]


def test_strangers_are_counted_and_the_most_frequent_named(connection: Connection) -> None:
    """Each had its own sentence and its own search for a similar name: hours for a wrong file."""
    rows = [
        ("2022-01-11T06:15:00Z", f"V{number:07d}", "level", "mm", 1.0, "ok")
        for number in range(30_000)
    ]
    long = ("2022-01-11T06:15:00Z", "\x1b" * 100_000, "level", "mm", 1.0, "ok")
    account = load(connection, table(long, *rows, long))
    assert account.rejected.total() == account.read == 30_002
    assert len(account.rejected) == 21
    assert all(len(reason) < 1_000 for reason in account.rejected)
    assert account.rejected["29981 more devices that are not in the inventory"] == 29_981


def test_what_is_there_is_not_stored_again(connection: Connection) -> None:
    rows = table(
        ("2024-10-29T17:50:00Z", "poyo", "discharge", "m3/s", 2000.0, "ok"),
        ("2024-10-29T17:55:00Z", "poyo", "discharge", "m3/s", 2283.0, "ok"),
    )
    load(connection, rows)
    again = load(connection, rows)
    assert (again.stored, again.already_there) == (0, 2)
    assert len(stored(connection)) == 2


def test_every_refused_row_has_its_reason(connection: Connection) -> None:
    account = load(
        connection,
        table(
            ("2024-10-29T17:50:00Z", "poy", "discharge", "m3/s", 1.0, "ok"),
            ("2024-10-29T17:50:00Z", "poyo", "level", "m", 1.0, "ok"),
            ("2024-10-29T17:50:00Z", "poyo", "discharge", "min", 1.0, "ok"),
            ("2027-10-29T17:50:00Z", "poyo", "discharge", "m3/s", 1.0, "ok"),
            ("2024-10-29T17:50:00Z", "poyo", "discharge", "m3/s", 1.0, "ok"),
            ("2024-10-29T17:50:00Z", "poyo", "discharge", "m3/s", 1.0, "ok"),
            ("2024-10-29T17:50:00Z", "poyo", "discharge", "m3/s", 2.0, "ok"),
            ("2024-10-29T17:55:00Z", "poyo", "discharge", "m3/s", 3.0, "ok"),
        ),
    )
    assert (account.read, account.stored, account.already_there) == (8, 2, 1)
    reasons = " | ".join(account.rejected)
    assert "did you mean 'poyo'?" in reasons
    assert "has no 'level' in the inventory; it has discharge" in reasons
    assert "'min' (duration) cannot be converted into 'm3/s'" in reasons
    assert "measured later than now" in reasons
    assert "another value at the same time" in reasons
    assert [value for value, _, _ in stored(connection)] == [2.0, 3.0]


def test_what_cannot_have_been_is_rejected(connection: Connection) -> None:
    """Before all gauges, after its device's end, at the very edge of now, or beyond all numbers."""
    retired = datetime(2024, 10, 29, 18, tzinfo=UTC)
    connection.execute("UPDATE device SET retired = %s WHERE name = 'poyo'", [retired])
    account = load(
        connection,
        table(
            ("1799-12-31T23:59:59Z", "O200004001", "level", "m", 1.0, "ok"),
            ("1800-01-01T00:00:00Z", "O200004001", "level", "m", 2.0, "ok"),
            ("2026-03-01T00:00:00Z", "O200004001", "level", "m", 3.0, "ok"),
            ("2026-03-01T00:00:01Z", "O200004001", "level", "m", 4.0, "ok"),
            ("2025-01-01T00:00:00Z", "O200004001", "level", "km", 1e308, "ok"),
            ("2024-10-29T17:59:59Z", "poyo", "discharge", "m3/s", 5.0, "ok"),
            ("2024-10-29T18:00:00Z", "poyo", "discharge", "m3/s", 6.0, "ok"),
        ),
    )
    assert [value for value, _, _ in stored(connection)] == [2.0, 5.0, 3.0]
    assert account.rejected == {
        "measured before the year 1800": 1,
        "measured later than now": 1,
        "measured after its device was retired": 1,
        "too large for the catalogue's unit": 1,
    }


def test_ranges_and_scales_are_the_series_own(connection: Connection) -> None:
    connection.execute(
        "UPDATE series SET low = 0, high = 4, saturates = 3 FROM device"
        " WHERE device.id = series.device AND device.name = 'O200004001' AND quantity = 'level'"
    )
    values = (-0.1, 0.0, 2.9, 3.0, 4.0, 4.1, float("nan"))
    times = [f"2022-01-11T0{hour}:00:00Z" for hour in range(len(values))]
    made = zip(times, values, strict=True)
    load(connection, table(*((at, "O200004001", "level", "m", v, "ok") for at, v in made)))
    assert [quality for _, quality, _ in stored(connection)] == [
        Quality.OUT_OF_RANGE,
        Quality.GOOD,
        Quality.GOOD,
        Quality.SATURATED,
        Quality.SATURATED,
        Quality.OUT_OF_RANGE | Quality.SATURATED,
        Quality.SENSOR_FAULT,
    ]


def test_what_arrived_outweighs_history(connection: Connection) -> None:
    (series,) = (
        series.id
        for (device, quantity), series in registry_queries.load(connection).series.items()
        if (device, quantity) == ("poyo", "discharge")
    )
    connection.execute(
        "INSERT INTO reading VALUES (%s, '2024-10-29T17:55:00Z', '2024-10-29T17:55:02Z', 7.0, 0)",
        [series],
    )
    account = load(
        connection, table(("2024-10-29T17:55:00Z", "poyo", "discharge", "m3/s", 2283.0, "ok"))
    )
    assert "what arrived takes precedence over history" in " ".join(account.rejected)
    assert [value for value, _, _ in stored(connection)] == [7.0]
