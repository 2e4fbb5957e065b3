"""Readings as messages, and what a network does to them: delays, copies, outages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
COPY_DELAY = 600.0  # s within which a copy arrives
JSON = msgspec.json.Encoder()
Row = tuple[int, str, str, str, float, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """One message of a device. `arrival`: the scenario time (µs) at which ingest receives it."""

    arrival: int
    topic: str
    payload: bytes
    readings: int
    device: str = ""


@dataclass(frozen=True, kw_only=True)
class MessageSet:
    """Messages, and their readings as they will be stored.

    `rows`: of a recording, with `time` and `value` as the message has them;
    `of[i]` is the place in `publications` of the message that holds row i.
    """

    publications: list[Publication]
    rows: pd.DataFrame
    of: NDArray[np.int64]


NO_MESSAGES = MessageSet(publications=[], rows=pd.DataFrame(), of=np.empty(0, dtype=np.int64))


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The messages of some devices after `since` (µs), in place of those planned for then."""

    devices: frozenset[str]
    since: int
    messages: MessageSet

    def applies_to(self, publication: Publication) -> bool:
        """Whether it replaces a message that was planned."""
        return publication.arrival > self.since and publication.device in self.devices


def revise(messages: MessageSet, revisions: Iterable[Revision]) -> MessageSet:
    """The messages after all revisions, in their order."""
    for revision in revisions:
        kept = [p for p in messages.publications if not revision.applies_to(p)]
        there = np.array([not revision.applies_to(p) for p in messages.publications], dtype=bool)
        place = np.cumsum(there) - 1
        stays = there[messages.of]
        messages = MessageSet(
            publications=[*kept, *revision.messages.publications],
            rows=pd.concat(
                [part for part in (messages.rows[stays], revision.messages.rows) if len(part)],
                ignore_index=True,
            ),
            of=np.concatenate([place[messages.of[stays]], revision.messages.of + len(kept)]),
        )
    return messages


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
    """Topic of a device with an account of its own."""
    return f"devices/{device}/readings"


def publications(rows: pd.DataFrame) -> list[Publication]:
    """Native messages of a recording's rows (by time), arriving when they were measured."""
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
                device=device,
            )


def _by_device(readings: Iterator[Row]) -> list[tuple[str, _Message]]:
    """A quantity twice at one time goes out in two messages, in the file's order."""
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


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How arrivals differ from measurements; the default is a perfect network.

    `shuffle`: the longest random delay in seconds. `double`: every message comes twice.
    `outages`: spans (from, to) in µs, both included, whose messages are held back and arrive at
    `to`, the newest first. A message never arrives before it was measured.
    """

    shuffle: float = 0.0
    double: bool = False
    outages: tuple[tuple[int, int], ...] = ()
    seed: int = 0


def disturb(plan: Sequence[Publication], how: Disturbance) -> list[Publication]:
    """The plan as it arrives, ascending by arrival; the same seed gives the same arrivals."""
    chance = np.random.default_rng(how.seed)
    for span in how.outages:
        plan = _hold_back(plan, *span)
    if how.shuffle > 0:
        plan = _delay(plan, chance, how.shuffle)
    if how.double:
        plan = [*plan, *_delay(plan, chance, COPY_DELAY)]
    return sorted(plan, key=lambda publication: publication.arrival)


def _hold_back(plan: Sequence[Publication], start: int, end: int) -> list[Publication]:
    held = [entry for entry in plan if start <= entry.arrival <= end]
    passed = [entry for entry in plan if not start <= entry.arrival <= end]
    return [*passed, *(replace(entry, arrival=end) for entry in reversed(held))]


def _delay(
    plan: Sequence[Publication], chance: np.random.Generator, longest: float
) -> list[Publication]:
    delays = (chance.uniform(0, longest, len(plan)) * SECOND).astype(np.int64).tolist()
    return [
        replace(entry, arrival=entry.arrival + delay)
        for entry, delay in zip(plan, delays, strict=True)
    ]
