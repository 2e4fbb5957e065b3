"""From a message's bytes to its objects; what cannot be decoded is a value, never a crash."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from ingest.message import Arrival, Envelope, Reason, Refused
from ingest.salvage import salvage

LARGEST = 1_048_576  # bytes of payload

_decode = msgspec.json.Decoder(Envelope | list[Envelope]).decode


@dataclass(kw_only=True)
class Decoded:
    """Objects in order, each beside the message it came in, and what was refused.

    `partly`: ids of the messages whose bytes are not to be kept whole if more is refused of them.
    """

    envelopes: list[Envelope] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    partly: set[int] = field(default_factory=set)


def decode(arrivals: Iterable[Arrival]) -> Decoded:
    """Decode native JSON: an object or an array of objects a message."""
    decoded = Decoded()
    envelopes, origins = decoded.envelopes, decoded.arrivals
    for arrival in arrivals:
        try:
            found = _decode(arrival.payload)
        except (ValueError, RecursionError):  # msgspec's own errors and UnicodeDecodeError
            _add(decoded, arrival, *_second_look(arrival))
            continue
        if type(found) is Envelope:
            envelopes.append(found)
            origins.append(arrival)
        elif found and len(arrival.payload) <= LARGEST:
            _add(decoded, arrival, found, ())
        else:
            _add(decoded, arrival, *_second_look(arrival))
    return decoded


def _add(
    decoded: Decoded, arrival: Arrival, found: Iterable[Envelope], refused: Iterable[Refused]
) -> None:
    known = len(decoded.envelopes)
    decoded.envelopes.extend(found)
    decoded.arrivals.extend([arrival] * (len(decoded.envelopes) - known))
    decoded.refused.extend(refused)
    decoded.partly.update(id(one.arrival) for one in refused if not one.whole)


def _second_look(arrival: Arrival) -> tuple[list[Envelope], list[Refused]]:
    size = len(arrival.payload)
    if size == 0:
        return [], [Refused(arrival=arrival, reason=Reason.EMPTY, detail="the payload is empty")]
    if size > LARGEST:
        detail = f"{size} bytes; at most {LARGEST} are read: send fewer objects a message"
        return [], [Refused(arrival=arrival, reason=Reason.TOO_LARGE, detail=detail)]
    return salvage(arrival)
