"""What the bench asks of its own database: devices in it, a clean table, and what is there."""

import json
from collections.abc import Mapping, Sequence

from psycopg import Cursor

from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import queries as readings_store
from sensors._row import Rows

_LIMITS = {"attention": 3.0, "alert": 4.0, "danger": 5.0}  # m
BARE = (
    "COPY (SELECT series_id, time, received_at, value, quality FROM reading)"
    " TO STDOUT (FORMAT BINARY)"
)


def seed(
    connection: Connection,
    devices: Mapping[str, str],
    quantities: Sequence[str],
    *,
    gateway: str,
    codec: str,
) -> None:
    """Devices by name and address with these quantities, each at a site, behind one gateway.

    The sites have the thresholds that rules ask for; one more, `bench`, has none and no device.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO site (name, title, domain) VALUES (%s, %s, 'flood')",
            [(name, name) for name in (*devices, "bench")],
        )
        cursor.executemany(
            "INSERT INTO revision (kind, key, value, effective, author, reason) VALUES"
            " ('threshold', %s, %s, '2000-01-01+00', 'bench', 'bench')",
            [
                (f"{site}/{name}", json.dumps({"value": value, "unit": "m"}))
                for site in devices
                for name, value in _LIMITS.items()
            ],
        )
        cursor.execute(
            "INSERT INTO gateway (name, title, protocol) VALUES (%s, %s, 'chirpstack')",
            [gateway, gateway],
        )
        cursor.executemany(
            "INSERT INTO device (name, site, commissioned, gateway, address, codec)"
            " SELECT name, id, '2000-01-01+00', %s, %s, %s FROM site WHERE name = %s",
            [(gateway, address, codec, name) for name, address in devices.items()],
        )
        _add_series(cursor, list(devices), quantities)
        feed.append(connection, "registry")


def add_others(connection: Connection, model: str, quantities: Sequence[str], devices: int) -> None:
    """Devices of a model that say nothing, so that the registry is as large as a territory's."""
    names = [f"{model}-{number}" for number in range(devices)]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO device (name, site, commissioned, model)"
            " SELECT %s, id, '2000-01-01+00', %s FROM site WHERE name = 'bench'",
            [(name, model) for name in names],
        )
        _add_series(cursor, names, quantities)
        feed.append(connection, "registry")


def _add_series(cursor: Cursor, devices: Sequence[str], quantities: Sequence[str]) -> None:
    cursor.execute(
        "INSERT INTO series (device, quantity) SELECT device.id, quantity"
        " FROM device, unnest(%s::text[]) AS quantity WHERE device.name = ANY(%s)",
        [list(quantities), list(devices)],
    )


def clear(url: str) -> None:
    """Empty what a run has filled, and have it written out, so that each begins alike."""
    with connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE reading, reading_version, dead_letter")
        connection.execute("TRUNCATE rollup_hour, rollup_day, rollup_suspect")
        connection.execute("DELETE FROM feed WHERE kind <> 'registry'")
        connection.execute("VACUUM feed")
        connection.execute("CHECKPOINT")


def unjudge(url: str) -> None:
    """Forget all that a watch made of it."""
    with connect(url) as connection:
        connection.execute(
            "TRUNCATE rule_state, evaluation_input, evaluation_state, transition, outbox,"
            " delivery, alarm"
        )


def unread(url: str) -> int:
    """How many batches the watch has yet to take."""
    with connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM feed WHERE kind = 'readings'"
            " AND xid >= coalesce((SELECT cursor FROM evaluation_state), '0'::xid8)"
        ).fetchone()
    return int(row[0]) if row else 0


def unrolled(url: str) -> int:
    """How many batches are yet to be rolled up."""
    with connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM feed WHERE kind = 'readings'"
            " AND xid >= (SELECT cursor FROM rollup_state)"
        ).fetchone()
    return int(row[0]) if row else 0


def listening(url: str) -> bool:
    """Whether an ingest worker was heard."""
    with connect(url) as connection:
        row = connection.execute("SELECT count(heard_at) FROM worker").fetchone()
    return bool(row and row[0])


def stored_alarms(url: str, rule: str) -> dict[tuple[str, int], float]:
    """When the raising of each alarm of a rule was committed (s), by subject's name and begin (µs).

    The database must keep the times of commits.
    """
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT a.subject, a.began, extract(epoch FROM pg_xact_commit_timestamp(t.xmin))"
            " FROM transition t JOIN alarm a ON a.id = t.alarm"
            " WHERE t.kind IN ('raised', 'retrospective') AND a.rule = %s",
            [rule],
        ).fetchall()
    return {(subject.rpartition("/")[2], micros(began)): float(at) for subject, began, at in rows}


def readings(url: str) -> int:
    """How many readings are stored."""
    with connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM reading").fetchone()
    return int(row[0]) if row else 0


def load(connection: Connection, rows: Rows) -> None:
    """Readings as a plain COPY puts them there: nothing is checked, and no feed tells of them."""
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY reading (series_id, time, received_at, value, quality) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.write(readings_store.pack_copy(rows))


def settle(connection: Connection) -> None:
    """Have the table as it is after a while: its pages and its planner know what they hold."""
    connection.execute("VACUUM ANALYZE reading")
    connection.execute("CHECKPOINT")
