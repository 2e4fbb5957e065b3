"""What a LoRaWAN network server says of a command that it was given as a downlink.

ChirpStack v4 names the queue item, whose id is the command's key; The Things Stack v3 returns the
downlink's correlation ids, of which ours holds the key. Downlinks of others are passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from ingest.message import Reason
from ingest.reply import unusable
from ingest.uplink import get_path, parse_document
from sensors._errors import Message

CORRELATION = "hypervisor:"  # before the key, among a downlink's correlation ids
_LONGEST_WORDS = 300
_CHIRPSTACK = Message(
    'a ChirpStack v4 event such as {"deviceInfo": {"devEui": …}, "queueItemId": …}'
    " (integration set to JSON)"
)
_THE_THINGS_STACK = Message(
    'a The Things Stack v3 message such as {"end_device_ids": {"device_id": …},'
    ' "downlink_sent": {"correlation_ids": …}}'
)
_UNANSWERED = Message("the network server heard no acknowledgement of the device")

State = Literal["accepted", "acknowledged", "failed"]


@dataclass(frozen=True, kw_only=True)
class DownlinkEvent:
    """`addresses`: what the network server calls the device. `reason`: why it failed."""

    addresses: tuple[str, ...]
    key: UUID
    state: State
    reason: str = ""


def read_chirpstack_event(event: str, payload: bytes) -> DownlinkEvent | None:
    """Of `txack`, `ack` or `log`; None: of no downlink, or nothing that changes one.

    Raises UnusableError: it is none.
    """
    message = parse_document(payload, expected=_CHIRPSTACK)
    state: State = "failed"
    if event == "log":
        is_error = message.get("level") in ("ERROR", 2)
        key = _parse_key(get_path(message, "context", "queue_item_id")) if is_error else None
        reason = str(message.get("description", ""))
    else:
        key = _parse_key(message.get("queueItemId"))
        is_obeyed = event == "ack" and message.get("acknowledged") is True
        state = "accepted" if event == "txack" else "acknowledged" if is_obeyed else "failed"
        reason = _UNANSWERED if state == "failed" else ""
    if key is None:
        return None
    address = get_path(message, "deviceInfo", "devEui")
    return _make_event((address,), key, state, reason, expected=_CHIRPSTACK)


def read_the_things_stack_event(event: str, payload: bytes) -> DownlinkEvent | None:
    """Of `queued`, `sent`, `ack`, `nack` or `failed`; None: of a downlink that is not ours.

    Raises UnusableError: it is none.
    """
    message = parse_document(payload, expected=_THE_THINGS_STACK)
    inner = message.get(f"downlink_{event}")
    if not isinstance(inner, Mapping):
        raise unusable(
            Reason.WRONG_SHAPE,
            "no {code}; expected {example}",
            *(f"downlink_{event}", _THE_THINGS_STACK),
        )
    downlink = inner.get("downlink") if event == "failed" else inner
    listed = downlink.get("correlation_ids") if isinstance(downlink, Mapping) else None
    texts = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    keys = [_parse_key(each.removeprefix(CORRELATION)) for each in texts if CORRELATION in each]
    if not keys or keys[0] is None:
        return None
    names = tuple(get_path(message, "end_device_ids", name) for name in ("dev_eui", "device_id"))
    states: Mapping[str, State] = {"queued": "accepted", "sent": "accepted", "ack": "acknowledged"}
    reason = _UNANSWERED if event == "nack" else _read_error(inner) if event == "failed" else ""
    return _make_event(
        names, keys[0], states.get(event, "failed"), reason, expected=_THE_THINGS_STACK
    )


def _make_event(
    names: tuple[object, ...], key: UUID, state: State, reason: str, *, expected: Message
) -> DownlinkEvent:
    addresses = tuple(name for name in names if isinstance(name, str) and name)
    if not addresses:
        raise unusable(Reason.WRONG_SHAPE, "it names no device; expected {example}", expected)
    return DownlinkEvent(
        addresses=addresses,
        key=key,
        state=state,
        reason=reason.replace("\0", "")[:_LONGEST_WORDS],
    )


def _read_error(failed: Mapping[str, Any]) -> str:
    """The network server's own words: its error's text with its attributes, or its name.

    Cut at each step: what fills a gap may have gaps of its own.
    """
    error = failed.get("error")
    if not isinstance(error, Mapping):
        return ""
    words = str(error.get("message_format") or error.get("name") or "")[:_LONGEST_WORDS]
    attributes = error.get("attributes")
    for name, value in attributes.items() if isinstance(attributes, Mapping) else ():
        filled = words.replace(f"{{{name}}}", str(value)[:_LONGEST_WORDS])
        words = filled[:_LONGEST_WORDS]
    return words


def _parse_key(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
