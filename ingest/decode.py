"""From a message's bytes to its objects; what cannot be decoded is a value, never a crash."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from ingest.message import MOST_OBJECTS, Arrival, Envelope, Reason, Refused
from ingest.route import Read, Routes
from ingest.salvage import salvage

LARGEST = 1_048_576  # bytes of payload

_decode = msgspec.json.Decoder(Envelope | list[Envelope]).decode


@dataclass(kw_only=True)
class Decoded:
    """Objects in order, each beside the message it came in and its device; and what was refused.

    `partly`: ids of the messages whose bytes are not to be kept whole if more is refused of them.
    `raw`: of those whose bytes are always kept as they came. `warnings`: what codecs said.
    """

    envelopes: list[Envelope] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    partly: set[int] = field(default_factory=set)
    raw: set[int] = field(default_factory=set)
    warnings: Counter[str] = field(default_factory=Counter)


def decode(arrivals: Iterable[Arrival], routes: Routes, *, largest: int = LARGEST) -> Decoded:
    """Decode messages as their topics say; native JSON is an object, or an array of objects.

    One of more than `largest` bytes is refused unread.
    """
    decoded = Decoded()
    envelopes, origins, devices = decoded.envelopes, decoded.arrivals, decoded.devices
    known, add = routes.get, routes.add
    for arrival in arrivals:
        route = known(arrival.topic) or add(arrival.topic)
        if route.read is not None:
            _take(decoded, arrival, route.read, largest)
            continue
        payload = arrival.payload
        try:
            found = _decode(payload) if len(payload) <= largest else None
        except (ValueError, RecursionError):  # msgspec's own errors and UnicodeDecodeError
            found = None
        if type(found) is Envelope:
            if payload.count(b'"') == _quotes(found):
                envelopes.append(found)
                origins.append(arrival)
                devices.append(route.device)
                continue
        elif (
            found and len(found) <= MOST_OBJECTS and payload.count(b'"') == sum(map(_quotes, found))
        ):
            _add(decoded, arrival, route.device, found, ())
            continue
        _add(decoded, arrival, route.device, *_second_look(arrival, largest))
    return decoded


def _quotes(envelope: Envelope) -> int:
    """How many quotation marks an object has in which no name stands twice and nothing is escaped.

    More of them need the second look, which finds what was there twice: the decoder took the last.
    """
    texts = 3 + len(envelope.values)  # "time" and its text, "values", its names
    if envelope.units is not None:
        texts += 1 + 2 * len(envelope.units)
    if envelope.status is not None:
        texts += 1 + 2 * len(envelope.status)
    return 2 * texts


def _take(decoded: Decoded, arrival: Arrival, read: Read, largest: int) -> None:
    decoded.raw.add(id(arrival))
    if len(arrival.payload) > largest:
        decoded.refused.append(_too_large(arrival, largest))
        return
    reply = read(arrival)
    for device, envelope in reply.said:
        decoded.envelopes.append(envelope)
        decoded.arrivals.append(arrival)
        decoded.devices.append(device)
    decoded.refused.extend(reply.refused)
    decoded.warnings.update(reply.warnings)


def _add(
    decoded: Decoded,
    arrival: Arrival,
    device: str,
    found: Iterable[Envelope],
    refused: Iterable[Refused],
) -> None:
    known = len(decoded.envelopes)
    decoded.envelopes.extend(found)
    decoded.arrivals.extend([arrival] * (len(decoded.envelopes) - known))
    decoded.devices.extend([device] * (len(decoded.envelopes) - known))
    decoded.refused.extend(refused)
    decoded.partly.update(id(one.arrival) for one in refused if not one.whole)


def _second_look(arrival: Arrival, largest: int) -> tuple[list[Envelope], list[Refused]]:
    if not arrival.payload:
        return [], [Refused(arrival=arrival, reason=Reason.EMPTY, detail="the payload is empty")]
    if len(arrival.payload) > largest:
        return [], [_too_large(arrival, largest)]
    return salvage(arrival)


def _too_large(arrival: Arrival, largest: int) -> Refused:
    detail = (
        f"{len(arrival.payload)} bytes; at most {largest} are read: send fewer objects a message"
    )
    return Refused(arrival=arrival, reason=Reason.TOO_LARGE, detail=detail)
