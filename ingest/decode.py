"""From a message's bytes to its objects; what cannot be decoded is a value, never a crash."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from ingest.message import MOST_OBJECTS, Acknowledgement, Arrival, Envelope, Reason, Refused
from ingest.route import Parser, Routes
from ingest.salvage import salvage
from sensors._errors import Message

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
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
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
    get_route, add_route = routes.get, routes.add
    for arrival in arrivals:
        route = get_route(arrival.topic) or add_route(arrival.topic)
        if route.read is not None:
            _decode_foreign(decoded, arrival, route.read, largest)
            continue
        payload = arrival.payload
        try:
            decoded_json = _decode(payload) if len(payload) <= largest else None
        except (ValueError, RecursionError):  # msgspec's own errors and UnicodeDecodeError
            decoded_json = None
        if type(decoded_json) is Envelope:
            if payload.count(b'"') == _quotes(decoded_json):
                envelopes.append(decoded_json)
                origins.append(arrival)
                devices.append(route.device)
                continue
        elif (
            decoded_json
            and len(decoded_json) <= MOST_OBJECTS
            and payload.count(b'"') == sum(map(_quotes, decoded_json))
        ):
            _append(decoded, arrival, route.device, decoded_json, ())
            continue
        _append(decoded, arrival, route.device, *_salvage(arrival, largest))
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


def _decode_foreign(decoded: Decoded, arrival: Arrival, read: Parser, largest: int) -> None:
    decoded.raw.add(id(arrival))
    if len(arrival.payload) > largest:
        decoded.refused.append(_too_large(arrival, largest))
        return
    reply = read(arrival)
    for device, envelope in reply.envelopes:
        decoded.envelopes.append(envelope)
        decoded.arrivals.append(arrival)
        decoded.devices.append(device)
    decoded.acknowledgements.extend(reply.acknowledgements)
    decoded.refused.extend(reply.refused)
    decoded.warnings.update(reply.warnings)


def _append(
    decoded: Decoded,
    arrival: Arrival,
    device: str,
    envelopes: Iterable[Envelope],
    refused: Iterable[Refused],
) -> None:
    start = len(decoded.envelopes)
    decoded.envelopes.extend(envelopes)
    decoded.arrivals.extend([arrival] * (len(decoded.envelopes) - start))
    decoded.devices.extend([device] * (len(decoded.envelopes) - start))
    decoded.refused.extend(refused)
    decoded.partly.update(id(refusal.arrival) for refusal in refused if not refusal.whole)


def _salvage(arrival: Arrival, largest: int) -> tuple[list[Envelope], list[Refused]]:
    if not arrival.payload:
        detail = Message("the payload is empty")
        return [], [Refused(arrival=arrival, reason=Reason.EMPTY, detail=detail)]
    if len(arrival.payload) > largest:
        return [], [_too_large(arrival, largest)]
    return salvage(arrival)


def _too_large(arrival: Arrival, largest: int) -> Refused:
    detail = Message(
        "{count} bytes; at most {number} are read: send fewer objects a message",
        len(arrival.payload),
        largest,
    )
    return Refused(arrival=arrival, reason=Reason.TOO_LARGE, detail=detail)
