"""Readings of two series, stored as ingest stores a batch."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.readings import queries as reading_queries
from sensors._row import NEVER, ROW

LEVEL, ENERGY = 1, 2


def numbers(connection: Connection) -> dict[int, int]:
    """The numbers of the two series."""
    rows = connection.execute("SELECT quantity, id FROM series ORDER BY id").fetchall()
    connection.commit()
    known: dict[str, int] = dict(rows)
    return {LEVEL: known["level"], ENERGY: known["lamp_energy"]}


def store(connection: Connection, rows: Sequence[tuple[int, datetime, float, int, int]]) -> None:
    """Series, time, value, quality, arrival (below 0: imported history)."""
    packed = np.array(
        [
            (series, micros(at), NEVER if arrived < 0 else arrived, value, quality)
            for series, at, value, quality, arrived in rows
        ],
        dtype=ROW,
    )
    reading_queries.create_staging_tables(connection)
    stands = reading_queries.store(connection, packed)
    if len(stands):
        feed.append(connection, "readings", rows=stands.tobytes())
    connection.commit()
