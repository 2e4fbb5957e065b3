"""Dead letters sent through again: decoded, checked and stored as on the day they arrived.

A letter keeps its arrival: it reached ingest then, and a silence that was judged then is judged
again with it. What is still refused of it is buried anew, with the reason it has now.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import numpy as np

from hypervisor.instants import micros
from hypervisor.store import dead_letters, feed, readings
from hypervisor.store.connect import Connection
from hypervisor.store.dead_letters import DeadLetter
from ingest.check import Belief, check
from ingest.decode import LARGEST, decode
from ingest.layout import Layouts
from ingest.letters import letters
from ingest.message import Arrival, Refused
from sensors._errors import TerritoryError
from sensors._row import Rows

WORKER = "redrive"  # the name under which the rest is buried
_UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_SHIFT = re.compile(r"([+-]?\d+(?:\.\d+)?) ?(s|min|h|d)")


class ShiftError(TerritoryError):
    """A shift cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one letter. `readings`: how many its message held that are stored now."""

    letter: DeadLetter
    readings: int
    refused: tuple[Refused, ...]

    @property
    def text(self) -> str:
        said = [f"{self.readings} readings stored"] if self.readings else []
        said += [f"refused: {one.reason}: {one.detail}" for one in self.refused[:1]]
        return "; ".join(said)


def parse_shift(text: str) -> timedelta:
    """`-1h`, `+30min`, `90 s`, `1d`.

    Raises:
        ShiftError: it is none of these.
    """
    match = _SHIFT.fullmatch(text.strip())
    if match is None:
        raise ShiftError(f"--shift {text!r}: expected a number and s, min, h or d, such as -1h")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def redrive(
    connection: Connection,
    found: Sequence[DeadLetter],
    *,
    layouts: Layouts,
    belief: Belief,
    shift: timedelta,
) -> list[Outcome]:
    """Send letters through again, in one transaction, their readings' times moved by `shift`.

    A letter of which nothing can be stored stays as it is, with what was wrong this time.
    """
    with connection.transaction():
        mine = [letter for letter in found if dead_letters.lock(connection, letter.id)]
        tried = [(letter, *_tried(letter, layouts, belief, shift)) for letter in mine]
        rows = [rows for _, rows, _ in tried if len(rows)]
        if rows:
            changed = readings.put(connection, np.concatenate(rows))
            feed.append(connection, "readings", worker=WORKER, rows=changed.tobytes())
        outcomes = [
            Outcome(letter=letter, readings=len(rows), refused=tuple(refused))
            for letter, rows, refused in tried
        ]
        for outcome in outcomes:
            _note(connection, outcome)
    return outcomes


def _note(connection: Connection, outcome: Outcome) -> None:
    done = outcome.readings > 0
    if done and outcome.refused:
        rest = letters(outcome.refused, largest=LARGEST)
        dead_letters.add(connection, rest, WORKER)
    dead_letters.mark(connection, outcome.letter.id, outcome=outcome.text, done=done)


def _tried(
    letter: DeadLetter, layouts: Layouts, belief: Belief, shift: timedelta
) -> tuple[Rows, list[Refused]]:
    arrival = Arrival(
        topic=letter.topic, payload=letter.payload, received_at=micros(letter.received_at)
    )
    decoded = decode([arrival])
    if shift:
        decoded.envelopes[:] = [
            msgspec.structs.replace(envelope, time=envelope.time + shift)
            for envelope in decoded.envelopes
        ]
        decoded.partly.add(id(arrival))  # what is refused now is not the message as it came
    return check(decoded, layouts, belief)
