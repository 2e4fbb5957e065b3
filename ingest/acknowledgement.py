"""What a device says of a command: acknowledged, refused or failed (docs/actuators.md)."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from ingest.message import UNSTAMPED, Acknowledgement, Arrival, Reason
from ingest.reply import Reply, unusable
from sensors._errors import Message

_LONGEST = 2_000  # bytes


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: Literal["acknowledged", "refused", "failed"]
    reason: Annotated[str, msgspec.Meta(max_length=300)] = ""


_decode = msgspec.json.Decoder(_Payload).decode


def read_acknowledgement(device: str, key: str, arrival: Arrival) -> Reply:
    """The one acknowledgement of a message. Raises UnusableError: it is none."""
    if arrival.received_at == UNSTAMPED:
        raise unusable(Reason.NO_STAMP, "not sent by the exercise's player")
    if not arrival.payload:
        raise unusable(Reason.EMPTY, "the payload is empty")
    if len(arrival.payload) > _LONGEST:
        raise unusable(
            Reason.TOO_LARGE,
            "{count} bytes; an acknowledgement has at most {number}",
            *(len(arrival.payload), _LONGEST),
        )
    try:
        parsed = _decode(arrival.payload)
    except (ValueError, RecursionError) as error:
        raise unusable(
            Reason.WRONG_SHAPE,
            'expected {example}, with "state" acknowledged, refused or failed: {problem}',
            *('{"state": "acknowledged"}', Message(str(error))),
        ) from error
    return Reply(
        acknowledgements=[
            Acknowledgement(
                device=device,
                key=_parse_key(key),
                state=parsed.state,
                reason=parsed.reason.replace("\0", ""),
                arrival=arrival,
            )
        ]
    )


def _parse_key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise unusable(
            Reason.UNKNOWN_COMMAND, "{key!r} is no key of a command", text[:80]
        ) from error
