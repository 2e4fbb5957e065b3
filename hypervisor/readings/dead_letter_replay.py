"""Replay of dead letters: decoded, checked and stored as when they arrived.

A letter keeps its arrival time, so silence is evaluated again with it. What is still refused
becomes a letter again, with its new reason.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import numpy as np

from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection, StoreError
from hypervisor.readings import queries as readings
from hypervisor.readings import queries_acknowledgements, queries_dead_letters
from hypervisor.readings.ingest_worker import IngestContext
from hypervisor.readings.queries_dead_letters import DeadLetter
from ingest.check import TimeTolerance, check
from ingest.decode import LARGEST, decode
from ingest.letters import make_dead_letters, make_storable
from ingest.message import UNSTAMPED, Arrival, Envelope, Reason, Refused
from sensors._errors import Message, TerritoryError, listed
from sensors._quality import Quality
from sensors._row import Rows, no_rows

WORKER = "replay"  # the worker of what is refused again
_CHUNK = 200  # letters a transaction
_UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_SHIFT = re.compile(r"([+-]?\d+(?:\.\d+)?) ?(s|min|h|d)")
_LARGEST = 4 * LARGEST  # bytes: numbers are longer in a letter, 1 is 1.0
_LONGEST_SHIFT = timedelta(days=36_525)

log = logging.getLogger(__name__)


class ShiftError(TerritoryError):
    """A shift cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one letter: `readings` stored, and what was refused again.

    `raw`: the letter holds the complete message as received.
    """

    letter: DeadLetter
    readings: int
    refused: tuple[Refused, ...]
    raw: bool = False

    @property
    def done(self) -> bool:
        """Whether nothing is left to replay."""
        if self.raw and not self.refused:
            return True  # nothing to store, or everything is stored
        if self.raw and self.letter.reason in {refused.reason for refused in self.refused}:
            return False
        return self.readings > 0

    @property
    def text(self) -> Message:
        """In words, as it is kept with the letter."""
        sentences = [Message("{count} readings stored", self.readings)] if self.readings else []
        sentences += [
            Message("refused: {code}: {problem}", refused.reason.value, refused.detail)
            for refused in self.refused[:1]
        ]
        return listed(sentences, "; ")


def parse_shift(text: str) -> timedelta:
    """`-1h`, `+30min`, `90 s`, `1d`.

    Raises ShiftError: it is none of these, or more than a hundred years.
    """
    match = _SHIFT.fullmatch(text.strip())
    if match is None:
        raise ShiftError(
            "--shift {text!r}: expected a number and s, min, h or d, such as -1h", text
        )
    seconds = float(match[1]) * _UNITS[match[2]]
    if abs(seconds) > _LONGEST_SHIFT.total_seconds():
        raise ShiftError("--shift {text!r}: no clock is wrong by more than a hundred years", text)
    return timedelta(seconds=seconds)


def select_letters(
    connection: Connection,
    numbers: Sequence[int],
    *,
    reason: str | None = None,
    topic: str | None = None,
) -> list[DeadLetter]:
    """The waiting letters among these; without numbers all of a reason, on a topic.

    Raises NotFoundError: a number does not exist.
    """
    if not numbers:
        return queries_dead_letters.list_letters(connection, reason=reason, topic=topic, limit=None)
    letters = [get_dead_letter(connection, number) for number in dict.fromkeys(numbers)]
    return [letter for letter in letters if letter.replayed_at is None]


def get_dead_letter(connection: Connection, number: int) -> DeadLetter:
    """A letter by its number. Raises NotFoundError: there is none."""
    letter = queries_dead_letters.get_dead_letter(connection, number)
    if letter is None:
        raise NotFoundError("no dead letter has the number {n}", number)
    return letter


def replay(
    ingest: IngestContext, letters: Sequence[DeadLetter], *, shift: timedelta
) -> Iterator[Outcome]:
    """Replay letters, their readings' times moved by `shift`. The connection is in no transaction.

    A letter of which nothing can be stored stays, with its new reason. A letter of another form
    than native JSON holds its complete message: it stays while anything is refused for its reason,
    and only times out of tolerance are moved, since the rest was stored as received. Raises
    StoreError: the database connection was lost.
    """
    for start in range(0, len(letters), _CHUNK):
        yield from _replay_chunk(ingest, letters[start : start + _CHUNK], shift)


def _replay_chunk(
    ingest: IngestContext, letters: Sequence[DeadLetter], shift: timedelta
) -> list[Outcome]:
    """In one transaction; if that fails in two halves, so that no letter holds up others."""
    try:
        with ingest.connection.transaction():
            return _replay_batch(ingest, letters, shift)
    except Exception as error:
        if ingest.connection.closed:
            raise StoreError(
                "the database connection was lost ({error}); what was replayed until then is "
                "stored, replay again for the rest",
                " ".join(str(error).split()),
            ) from error
        if len(letters) == 1:
            log.exception("dead letter %s cannot be stored", letters[0].id)
            return [_record_failure(ingest.connection, letters[0], error)]
    middle = len(letters) // 2
    return [
        *_replay_chunk(ingest, letters[:middle], shift),
        *_replay_chunk(ingest, letters[middle:], shift),
    ]


def _replay_batch(
    ingest: IngestContext, letters: Sequence[DeadLetter], shift: timedelta
) -> list[Outcome]:
    connection = ingest.connection
    mine = [letter for letter in letters if queries_dead_letters.lock_letter(connection, letter.id)]
    tried = [(letter, *_check_letter(letter, ingest, shift)) for letter in mine]
    rows = [rows for _, rows, _, _ in tried if len(rows)]
    if rows:
        changed = readings.store(connection, np.concatenate(rows))
        feed.append(connection, "readings", worker=WORKER, rows=changed.tobytes())
    outcomes = [
        Outcome(letter=letter, readings=len(rows), refused=tuple(refused), raw=raw)
        for letter, rows, refused, raw in tried
    ]
    for outcome in outcomes:
        _record_outcome(connection, outcome)
    return outcomes


def _record_failure(connection: Connection, letter: DeadLetter, error: Exception) -> Outcome:
    """A letter that makes its transaction fail stays, with the error."""
    refused = Refused(
        arrival=_make_arrival(letter),
        reason=Reason.NOT_STORABLE,
        detail=Message("{error}; this is a defect of the hypervisor", make_storable(str(error))),
    )
    outcome = Outcome(letter=letter, readings=0, refused=(refused,))
    with connection.transaction():
        _record_outcome(connection, outcome)
    return outcome


def _record_outcome(connection: Connection, outcome: Outcome) -> None:
    if outcome.done and outcome.refused:
        rest = make_dead_letters(outcome.refused, largest=_LARGEST)
        queries_dead_letters.store_letters(connection, rest, WORKER, again=outcome.raw)
    queries_dead_letters.record_outcome(
        connection, outcome.letter.id, outcome=outcome.text, done=outcome.done
    )


def _check_letter(
    letter: DeadLetter, ingest: IngestContext, shift: timedelta
) -> tuple[Rows, list[Refused], bool]:
    """The rows that can be stored, what is refused, and whether the letter is a raw message."""
    arrival = _make_arrival(letter)
    if letter.reason == Reason.TOO_LARGE:  # only its beginning is kept
        refused = Refused(arrival=arrival, reason=Reason.TOO_LARGE, detail=Message(letter.detail))
        return no_rows(), [refused], True
    decoded = decode([arrival], ingest.routes, largest=_LARGEST)
    raw = id(arrival) in decoded.raw
    moved: set[int] = set()
    if shift:
        decoded.envelopes[:] = [
            envelope
            if raw and _is_believed(envelope, arrival, ingest.belief)
            else _move(envelope, shift, moved)
            for envelope in decoded.envelopes
        ]
        decoded.partly.add(id(arrival))  # what is refused now is not the message as received
    rows, problems = check(decoded, ingest.layouts, ingest.belief)
    if moved:  # a person says when it was: no armed rule sends on that
        rows["quality"][np.isin(rows["time"], list(moved))] |= int(Quality.MANUAL)
    problems += queries_acknowledgements.store(ingest.connection, decoded.acknowledgements)
    return rows, problems, raw


def _make_arrival(letter: DeadLetter) -> Arrival:
    """A letter without stamp has no arrival in the scenario; its row has the wall clock's."""
    unstamped = letter.reason == Reason.NO_STAMP
    return Arrival(
        topic=letter.topic,
        payload=letter.payload,
        received_at=UNSTAMPED if unstamped else micros(letter.received_at),
    )


def _move(envelope: Envelope, shift: timedelta, moved: set[int]) -> Envelope:
    """An envelope at its new time, which joins those that were `moved` (µs)."""
    time = _shift_time(envelope.time, shift)
    moved.add(micros(time))
    return msgspec.structs.replace(envelope, time=time)


def _shift_time(time: datetime, shift: timedelta) -> datetime:
    """A time beyond the calendar stays as it is: it is refused as well."""
    try:
        return time + shift
    except OverflowError:
        return time


def _is_believed(envelope: Envelope, arrival: Arrival, belief: TimeTolerance) -> bool:
    ahead = micros(envelope.time) - arrival.received_at
    return -belief.behind <= ahead <= belief.ahead
