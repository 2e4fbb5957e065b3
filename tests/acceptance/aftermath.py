"""What an instance holds after faults: is what was acknowledged stored, and is the log the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings
from hypervisor.broker import passwords
from hypervisor.broker.child import wait_until
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises import playing
from hypervisor.exercises import queries as exercise_store
from simulators._publications import JSON, MessageSet, Publication, format_instant, native_topic
from tests.acceptance.conftest import Exercise
from tests.acceptance.publisher import PERIOD, Gauge, Publisher


def list_gauges(settings: Settings, *, period: int = PERIOD) -> dict[str, Gauge]:
    """Every gauge of the inventory, with a password and levels about its site's thresholds."""
    with connect(settings.database_url) as connection:
        rows = connection.execute(
            "SELECT device.name, min((value->>'value')::float), max((value->>'value')::float)"
            " FROM device JOIN site ON site.id = device.site"
            " JOIN series ON series.device = device.id"
            " JOIN revision ON kind = 'threshold' AND key LIKE site.name || '/%%'"
            " AND value->>'quantity' = 'level' AND key NOT LIKE '%%/rise'"
            " WHERE series.quantity = 'level' GROUP BY 1 ORDER BY 1",
        ).fetchall()
    return {
        name: Gauge(
            name=name,
            password=passwords.new_password(),
            low=lowest * 0.6,
            high=highest * 1.2,
            period=period,
        )
        for name, lowest, highest in rows
    }


def stored_by_device(
    connection: Connection, publisher: Publisher
) -> dict[str, dict[int, float | None]]:
    """What the database holds: device -> message number -> value; -1 stands for a stranger."""
    made: dict[str, dict[int, float | None]] = {}
    for name in publisher.gauges:
        rows = connection.execute(
            "SELECT reading.time, reading.value FROM reading"
            " JOIN series ON series.id = reading.series_id JOIN device ON device.id = series.device"
            " WHERE device.name = %s",
            [name],
        ).fetchall()
        numbers = {publisher.measured_at(n): n for n in range(publisher.sent[name].count)}
        made[name] = {numbers.get(at, -1): value for at, value in rows}
    return made


@dataclass(frozen=True, kw_only=True)
class Loss:
    """An acknowledged message that is not stored, and when it was acknowledged."""

    device: str
    number: int
    at: float


def losses(publisher: Publisher, stored: dict[str, dict[int, float | None]]) -> list[Loss]:
    return [
        Loss(device=name, number=number, at=at)
        for name, sent in publisher.sent.items()
        for number, at in sent.acknowledged.items()
        if number not in stored[name]
    ]


def await_judged(url: str, since: datetime) -> None:
    """A heartbeat sent after `since` stands behind all that the broker had queued."""

    def heard_and_judged() -> bool:
        with connect(url) as connection:
            now = exercise_store.get_progress(connection)
        done = now.heard is not None and now.heard > micros(since)
        return (
            done and now.evaluated is not None and now.evaluated > micros(since) and not now.unread
        )

    assert wait_until(heard_and_judged, seconds=600, every=0.5), "not everything was judged"


def as_arrived(connection: Connection) -> MessageSet:
    """What is stored, as messages that arrive when it arrived."""
    rows = connection.execute(
        "SELECT reading.received_at, device.name, reading.time, reading.value FROM reading"
        " JOIN series ON series.id = reading.series_id JOIN device ON device.id = series.device"
        " ORDER BY reading.received_at, device.name, reading.time"
    ).fetchall()
    messages = [
        Publication(
            arrival=micros(arrival),
            topic=native_topic(device),
            payload=JSON.encode({"time": format_instant(micros(time)), "values": {"level": value}}),
            readings=1,
        )
        for arrival, device, time, value in rows
    ]
    frame = pd.DataFrame(rows, columns=["received_at", "device", "time", "value"])
    frame["quantity"] = "level"
    frame["time"] = frame["time"].astype("datetime64[us, UTC]")
    return MessageSet(publications=messages, rows=frame, of=np.arange(len(rows)))


def replay(
    exercise: Exercise, inventory: str, arrived: MessageSet, deaf: Sequence[tuple[int, int]]
) -> list[dict[str, Any]]:
    """The alarm log of an exercise in which what is stored arrives undisturbed.

    `deaf`: spans (µs) in which ingest heard nothing.
    """
    exercise.apply(inventory)
    with connect(exercise.settings.database_url) as connection:
        for begins, ends in deaf:
            exercise_store.insert_gap(connection, begins, ends)
    playing.play(exercise.settings, arrived, playing.PlayOptions())
    return exercise.log()
