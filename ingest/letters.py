"""From what is refused to dead letters: one a message and reason, with the bytes at fault."""

import json
from collections.abc import Iterable

from ingest.message import LONGEST_TOPIC, Arrival, NewDeadLetter, Refused
from sensors._errors import Message

_LONGEST = 500  # characters of a detail
_KEPT = 65_536  # bytes kept of a payload too large to be read


def make_dead_letters(refused: Iterable[Refused], *, largest: int) -> list[NewDeadLetter]:
    """The refusals of each message, gathered by reason; nothing a device sends multiplies them."""
    gathered: dict[tuple[int, str], list[Refused]] = {}
    for refusal in refused:
        gathered.setdefault((id(refusal.arrival), refusal.reason), []).append(refusal)
    return [_make_dead_letter(group, largest) for group in gathered.values()]


def _make_dead_letter(group: list[Refused], largest: int) -> NewDeadLetter:
    arrival = group[0].arrival
    detail = group[0].detail
    if len(group) > 1:
        others = Message("; and {count} more objects of this message", len(group) - 1)
        detail = Message(detail[: _LONGEST - 60]) + others
    return NewDeadLetter(
        topic=make_storable(arrival.topic)[:LONGEST_TOPIC],
        payload=_payload(arrival, group, largest),
        reason=group[0].reason,
        detail=make_storable(detail)[:_LONGEST],
        received_at=arrival.received_at,
        again=arrival.again,
    )


def _payload(arrival: Arrival, group: list[Refused], largest: int) -> bytes:
    if len(arrival.payload) > largest:
        return arrival.payload[:_KEPT]
    if any(refused.whole for refused in group):
        return arrival.payload
    parts: object = [refused.part for refused in group]
    if len(group) == 1 and not isinstance(group[0].part, list):  # an array would be read as objects
        parts = group[0].part
    return json.dumps(parts, separators=(",", ":")).encode()


def make_storable(text: str) -> str:
    """Text that a database takes: no zero characters, no halves of surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
