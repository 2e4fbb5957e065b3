"""Dead letters sent through again: decoded, checked and stored as on the day they arrived.

A letter keeps its arrival: it reached ingest then, and a silence that was judged then is judged
again with it. What is still refused of it is buried anew, with the reason it has now.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import numpy as np

from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection, StoreError
from hypervisor.readings import queries as readings
from hypervisor.readings import queries_dead_letters
from hypervisor.readings.ingesting import IngestContext
from hypervisor.readings.queries_dead_letters import DeadLetter
from ingest.check import TimeTolerance, check
from ingest.decode import LARGEST, decode
from ingest.letters import make_dead_letters, make_storable
from ingest.message import UNSTAMPED, Arrival, Envelope, Reason, Refused
from sensors._errors import TerritoryError
from sensors._row import Rows, no_rows

WORKER = "redrive"  # the name under which the rest is buried
_UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_SHIFT = re.compile(r"([+-]?\d+(?:\.\d+)?) ?(s|min|h|d)")
_LARGEST = 4 * LARGEST  # bytes: a letter's numbers are written out, 1 as 1.0
_LONGEST_SHIFT = timedelta(days=36_525)

log = logging.getLogger(__name__)


class ShiftError(TerritoryError):
    """A shift cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one letter. `readings`: how many its message held that are stored now.

    `raw`: it holds the whole message as it came, and goes on holding it.
    """

    letter: DeadLetter
    readings: int
    refused: tuple[Refused, ...]
    raw: bool = False

    @property
    def done(self) -> bool:
        """Whether nothing is left of the letter to be redriven."""
        if self.raw and not self.refused:
            return True  # it had nothing to store, or all of it is
        if self.raw and self.letter.reason in {refused.reason for refused in self.refused}:
            return False
        return self.readings > 0

    @property
    def text(self) -> str:
        sentences = [f"{self.readings} readings stored"] if self.readings else []
        sentences += [
            f"refused: {refused.reason}: {refused.detail}" for refused in self.refused[:1]
        ]
        return "; ".join(sentences)


def parse_shift(text: str) -> timedelta:
    """`-1h`, `+30min`, `90 s`, `1d`.

    Raises:
        ShiftError: it is none of these, or more than a hundred years.
    """
    match = _SHIFT.fullmatch(text.strip())
    if match is None:
        raise ShiftError(f"--shift {text!r}: expected a number and s, min, h or d, such as -1h")
    seconds = float(match[1]) * _UNITS[match[2]]
    if abs(seconds) > _LONGEST_SHIFT.total_seconds():
        raise ShiftError(f"--shift {text!r}: no clock is wrong by more than a hundred years")
    return timedelta(seconds=seconds)


def replay(
    ingest: IngestContext, dead_letters: Sequence[DeadLetter], *, shift: timedelta
) -> list[Outcome]:
    """Send letters through again, their readings' times moved by `shift`.

    In one transaction; where that fails, in two halves, so that one letter stops no other.

    A letter of which nothing can be stored stays as it is, with what was wrong this time. One of
    another form than native JSON holds all of its message: it stays while anything is refused for
    its reason, and only times that are not believed are moved, for the rest was stored as it came.

    Raises:
        StoreError: the database went away meanwhile.
    """
    if not dead_letters:
        return []
    try:
        with ingest.connection.transaction():
            return _replay_batch(ingest, dead_letters, shift)
    except Exception as error:
        if ingest.connection.closed:
            raise StoreError(
                f"the database went away ({' '.join(str(error).split())}); what was redriven until"
                " then is stored, redrive again for the rest"
            ) from error
        if len(dead_letters) == 1:
            log.exception("dead letter %s cannot be stored", dead_letters[0].id)
            return [_record_failure(ingest.connection, dead_letters[0], error)]
    middle = len(dead_letters) // 2
    return [
        *replay(ingest, dead_letters[:middle], shift=shift),
        *replay(ingest, dead_letters[middle:], shift=shift),
    ]


def _replay_batch(
    ingest: IngestContext, dead_letters: Sequence[DeadLetter], shift: timedelta
) -> list[Outcome]:
    connection = ingest.connection
    mine = [
        letter for letter in dead_letters if queries_dead_letters.lock_letter(connection, letter.id)
    ]
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
    """A letter that makes its transaction fail waits on, and says why."""
    refused = Refused(
        arrival=_make_arrival(letter),
        reason=Reason.NOT_STORABLE,
        detail=make_storable(f"{error}; this is a defect of the hypervisor"),
    )
    outcome = Outcome(letter=letter, readings=0, refused=(refused,))
    with connection.transaction():
        _record_outcome(connection, outcome)
    return outcome


def _record_outcome(connection: Connection, outcome: Outcome) -> None:
    if outcome.done and outcome.refused:
        rest = make_dead_letters(outcome.refused, largest=_LARGEST)
        queries_dead_letters.store_letters(
            connection, rest, WORKER, again=outcome.raw
        )  # each its own letter once
    queries_dead_letters.record_outcome(
        connection, outcome.letter.id, outcome=outcome.text, done=outcome.done
    )


def _check_letter(
    letter: DeadLetter, ingest: IngestContext, shift: timedelta
) -> tuple[Rows, list[Refused], bool]:
    """What can be stored of a letter and what is refused; whether it holds all of its message."""
    arrival = _make_arrival(letter)
    if letter.reason == Reason.TOO_LARGE:  # only its beginning is kept
        refused = Refused(arrival=arrival, reason=Reason.TOO_LARGE, detail=letter.detail)
        return no_rows(), [refused], True
    decoded = decode([arrival], ingest.routes, largest=_LARGEST)
    raw = id(arrival) in decoded.raw
    if shift:
        decoded.envelopes[:] = [
            envelope
            if raw and _is_believed(envelope, arrival, ingest.belief)
            else msgspec.structs.replace(envelope, time=_shift_time(envelope.time, shift))
            for envelope in decoded.envelopes
        ]
        decoded.partly.add(id(arrival))  # what is refused now is not the message as it came
    return *check(decoded, ingest.layouts, ingest.belief), raw


def _make_arrival(letter: DeadLetter) -> Arrival:
    """A letter without stamp arrived at no time of the scenario: its row has the wall's instead."""
    unstamped = letter.reason == Reason.NO_STAMP
    return Arrival(
        topic=letter.topic,
        payload=letter.payload,
        received_at=UNSTAMPED if unstamped else micros(letter.received_at),
    )


def _shift_time(time: datetime, shift: timedelta) -> datetime:
    """A time that would leave the calendar stays where it is: it is refused there as well."""
    try:
        return time + shift
    except OverflowError:
        return time


def _is_believed(envelope: Envelope, arrival: Arrival, belief: TimeTolerance) -> bool:
    ahead = micros(envelope.time) - arrival.received_at
    return -belief.behind <= ahead <= belief.ahead
