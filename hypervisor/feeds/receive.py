"""What a feed says is stored as what devices send: the same checks, quality and dead letters."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import msgspec
import numpy as np

from hypervisor.database import feed as change_feed
from hypervisor.database.connect import Connection
from hypervisor.feeds.model import FeedError, Observation, Unusable
from hypervisor.readings import queries, queries_dead_letters
from hypervisor.readings.ingest_worker import IngestContext
from ingest.check import check, count_clock_faults
from ingest.decode import LARGEST, decode
from ingest.letters import make_dead_letters
from ingest.message import Arrival, Refused
from sensors._quality import Quality

WORKER = "collect"
_OBJECTS = 2_000  # of one message
_KEPT = 4_096  # bytes of an answer in a dead letter
_SHOWN = 3  # parts of one reason in a dead letter


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Readings that are new or changed, and what ingest refused; `why`: of the first of it."""

    changed: int
    refused: int
    why: str = ""


def store_observations(
    connection: Connection,
    ingest: IngestContext,
    observations: Sequence[Observation],
    *,
    received_at: int,
    manual: bool = False,
) -> Stored:
    """Store them in the caller's transaction, as messages that arrived at `received_at` (µs).

    `manual`: a person has read them, which they say for ever.
    """
    arrivals = list(_make_arrivals(observations, received_at))
    decoded = decode(arrivals, ingest.routes)
    rows, refused = check(decoded, ingest.layouts, ingest.belief)
    if manual:
        rows["quality"] |= int(Quality.MANUAL)
    faults = count_clock_faults(refused, ingest.layouts)
    rows = np.concatenate([rows, faults]) if len(faults) else rows
    changed = queries.store(connection, rows) if len(rows) else rows
    if len(changed):
        change_feed.append(connection, "readings", worker=WORKER, rows=changed.tobytes())
    _store_letters(connection, refused)
    why = refused[0].detail if refused else ""
    return Stored(changed=len(changed), refused=len(refused), why=why)


def _make_arrivals(observations: Iterable[Observation], received_at: int) -> Iterator[Arrival]:
    """Messages in native JSON, as each device would send them itself."""
    ordered = sorted(observations, key=lambda each: each.device)
    for device, own in groupby(ordered, key=lambda each: each.device):
        objects = map(_make_object, own)
        while part := list(islice(objects, _OBJECTS)):
            yield Arrival(
                topic=f"devices/{device}/readings",
                payload=msgspec.json.encode(part),
                received_at=received_at,
            )


def _make_object(observation: Observation) -> dict[str, object]:
    written: dict[str, object] = {"time": observation.time, "values": observation.values}
    if observation.units:
        written["units"] = observation.units
    if observation.status:
        written["status"] = observation.status
    return written


def store_unusable(
    connection: Connection, topic: str, parts: Sequence[Unusable], *, received_at: int
) -> None:
    """Parts of an answer as dead letters: one a reason, with the first of them."""
    ordered = sorted(parts, key=lambda part: part.reason)
    refused = []
    for reason, own in groupby(ordered, key=lambda part: part.reason):
        group = list(own)
        shown = [part.part for part in group[:_SHOWN]]
        try:
            payload = json.dumps(shown, default=str, ensure_ascii=False).encode()[:_KEPT]
        except RecursionError:
            payload = b"nested too deeply"
        arrival = Arrival(topic=topic, payload=payload, received_at=received_at)
        refused += [Refused(arrival=arrival, reason=reason, detail=part.detail) for part in group]
    _store_letters(connection, refused)


def store_bad_answer(
    connection: Connection, topic: str, error: FeedError, *, received_at: int
) -> None:
    """An answer that cannot be read, with its beginning."""
    if error.reason is None:
        return
    arrival = Arrival(topic=topic, payload=error.body[:_KEPT], received_at=received_at)
    refusal = Refused(arrival=arrival, reason=error.reason, detail=error.args[0])
    _store_letters(connection, [refusal])


def _store_letters(connection: Connection, refused: Sequence[Refused]) -> None:
    """Once, however often the service says the same."""
    letters = make_dead_letters(refused, largest=LARGEST)
    queries_dead_letters.store_letters(connection, letters, WORKER, again=True)


def topic_of(feed: str, what: str) -> str:
    """Under which dead letters of an answer are listed."""
    return f"feeds/{feed}/{what}"
