"""Readings as messages: what is published, and which readings each message holds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JSON = msgspec.json.Encoder()
Row = tuple[int, str, str, str, float, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """One message. `arrival`: the scenario time (µs) at which ingest is to have received it."""

    arrival: int
    topic: str
    payload: bytes
    readings: int


@dataclass(frozen=True, kw_only=True)
class MessageSet:
    """Messages, and the readings in them as they are to be stored.

    `rows`: of a recording, `time` being what the message says, `value` what it can hold;
    `of[i]` is the place in `publications` of the message that holds row i.
    """

    publications: list[Publication]
    rows: pd.DataFrame
    of: NDArray[np.int64]


@dataclass(kw_only=True, slots=True)
class _Message:
    measured: dict[str, float | None] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)


def format_instant(instant: int) -> str:
    """µs since the epoch as RFC 3339 in UTC."""
    return (EPOCH + timedelta(microseconds=instant)).isoformat().replace("+00:00", "Z")


def instant_of(moment: datetime) -> int:
    """An aware datetime as µs since the epoch."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def native_topic(device: str) -> str:
    """Of a device that speaks for itself."""
    return f"devices/{device}/readings"


def publications(rows: pd.DataFrame) -> list[Publication]:
    """Native messages of a recording's rows (ascending by time), arriving when it was measured."""
    return list(_messages(rows))


def _messages(rows: pd.DataFrame) -> Iterator[Publication]:
    columns = (
        rows["time"].astype("int64").tolist(),
        *(rows[name].tolist() for name in ("device", "quantity", "unit", "value", "status")),
    )
    for instant, readings in groupby(zip(*columns, strict=True), key=lambda row: row[0]):
        time = format_instant(instant)
        for device, message in _by_device(readings):
            body = {"time": time, "values": message.measured, "units": message.units}
            if message.status:
                body["status"] = message.status
            yield Publication(
                arrival=instant,
                topic=native_topic(device),
                payload=JSON.encode(body),
                readings=len(message.measured),
            )


def _by_device(readings: Iterator[Row]) -> list[tuple[str, _Message]]:
    """A quantity told twice at one time goes out in two messages, in the file's order."""
    newest: dict[str, _Message] = {}
    messages: list[tuple[str, _Message]] = []
    for _, device, quantity, unit, value, status in readings:
        message = newest.get(device)
        if message is None or quantity in message.measured:
            message = newest[device] = _Message()
            messages.append((device, message))
        message.measured[quantity] = None if np.isnan(value) else value
        message.units[quantity] = unit
        if status != "ok":
            message.status[quantity] = status
    return messages
