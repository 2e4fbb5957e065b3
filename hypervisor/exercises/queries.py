"""Queries of the player: progress of ingest and evaluation, stored readings."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray

from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection, StoreError, connect

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ExerciseProgress:
    """Progress of an exercise; times in µs, None: not started.

    `heard`: the lowest clock of the active workers, `slowest` the worker that has it; `latest`: the
    highest of any. `evaluated`: values and silence are evaluated up to here. `unread`: committed
    readings are not yet evaluated.
    """

    heard: int | None
    slowest: str
    latest: int | None
    evaluated: int | None
    unread: bool


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A refused message, or the refused part of one."""

    topic: str
    payload: bytes
    reason: str


def get_progress(connection: Connection) -> ExerciseProgress:
    """Progress of the exercise."""
    ((heard, slowest, latest, evaluated, unread),) = connection.execute(
        "SELECT (SELECT CASE WHEN bool_and(heartbeat_at IS NOT NULL) THEN min(heartbeat_at) END"
        "   FROM worker WHERE drained_at IS NULL),"
        " (SELECT name FROM worker WHERE drained_at IS NULL"
        "   ORDER BY heartbeat_at NULLS FIRST LIMIT 1),"
        " (SELECT max(heartbeat_at) FROM worker),"
        " (SELECT least(watermark, evaluated_to) FROM evaluation_progress()"
        "   WHERE watermark IS NOT NULL AND evaluated_to IS NOT NULL),"
        " EXISTS (SELECT FROM feed"
        "   WHERE xid >= coalesce((SELECT cursor FROM evaluation_progress()), '0'))"
    )
    return ExerciseProgress(
        heard=None if heard is None else micros(heard),
        slowest=slowest or "",
        latest=None if latest is None else micros(latest),
        evaluated=None if evaluated is None else micros(evaluated),
        unread=unread,
    )


def find_stored(
    connection: Connection, series: NDArray[np.int32], times: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which of the pairs (series, time in µs) are stored, in the order given."""
    zeros = np.zeros(len(series), dtype=bool)
    rows = connection.execute(
        "SELECT wanted.place FROM unnest(%s::integer[], %s::bigint[]) WITH ORDINALITY"
        " AS wanted (series_id, us, place) JOIN reading ON reading.series_id = wanted.series_id"
        " AND reading.time = timestamptz 'epoch' + wanted.us * interval '1 microsecond'",
        [series.tolist(), times.tolist()],
    ).fetchall()
    zeros[[place - 1 for (place,) in rows]] = True
    return zeros


def insert_gap(connection: Connection, since: int, until: int) -> None:
    """Insert an ingest gap (µs)."""
    connection.execute(
        "INSERT INTO ingest_gap (worker, from_at, to_at) VALUES ('scenario', %s, %s)"
        " ON CONFLICT DO NOTHING",
        [moment(since), moment(until)],
    )


def get_last_reading(
    connection: Connection, site: str, quantity: str, at: int
) -> tuple[int, float] | None:
    """Time and value of the last reading at or before a time (µs)."""
    row = connection.execute(
        "SELECT reading.time, reading.value FROM reading JOIN series ON series.id = series_id"
        " JOIN device ON device.id = series.device JOIN site ON site.id = device.site"
        " WHERE site.name = %s AND quantity = %s AND reading.time <= %s AND value IS NOT NULL"
        " ORDER BY reading.time DESC LIMIT 1",
        [site, quantity, moment(at)],
    ).fetchone()
    return None if row is None else (micros(row[0]), row[1])


def get_last_dead_letter_id(connection: Connection) -> int:
    """Id of the latest dead letter, 0 before the first."""
    ((number,),) = connection.execute("SELECT coalesce(max(id), 0) FROM dead_letter")
    return int(number)


def list_dead_letters_after(connection: Connection, number: int) -> Sequence[DeadLetter]:
    """Dead letters after an id."""
    rows = connection.execute(
        "SELECT topic, payload, reason FROM dead_letter WHERE id > %s ORDER BY id", [number]
    )
    return [
        DeadLetter(topic=topic, payload=payload, reason=reason) for topic, payload, reason in rows
    ]


class RetryingConnection:
    """A connection that reconnects; a restart of the database only delays the query."""

    def __init__(self, url: str, *, patience: float = 60.0) -> None:
        self._url = url
        self._patience = patience
        self._connection: Connection | None = None

    def ask(self, question: Callable[[Connection], T]) -> T:
        """Run a query that can be repeated. Raises StoreError: the database is unreachable."""
        since = time.monotonic()
        while True:
            try:
                if self._connection is None:
                    self._connection = connect(self._url, autocommit=True)
                return question(self._connection)
            except (StoreError, psycopg.OperationalError) as error:
                self.close()
                if time.monotonic() - since > self._patience:
                    raise StoreError("the database is unreachable: {problem}", error) from error
                time.sleep(0.2)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
