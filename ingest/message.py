"""What comes in and what is refused, as plain values. Times are int64 µs since the epoch, UTC."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from sensors._errors import Message

MOST_OBJECTS = 20_000  # objects or records of a message: more than a MiB of useful ones has
MOST_VALUES = 1_000  # of one object
LONGEST_TOPIC = 400  # characters: the index of dead letters takes no row of more than 2.7 kB
UNSTAMPED = -(2**63)  # an exercise's message whose scenario time is missing or unreadable

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One publication as it reached us. A plain struct: one is built for every message.

    `again`: the broker has sent it before, and what became of that we may have committed.
    """

    topic: str
    payload: bytes
    received_at: int
    again: bool = False


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a device, or the network server before it, says of a command.

    `key`: the command's. `state`: what it becomes. `reason`: in the words of who says it.
    `relayed`: by a network server, which serves others, too: a key that we do not have is theirs.
    """

    device: str
    key: UUID
    state: Literal["accepted", "acknowledged", "refused", "failed"]
    reason: str
    arrival: Arrival
    relayed: bool = False


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One object of the native JSON (docs/mqtt.md).

    A misspelt field is refused, not passed over: a `unit` or a `statuts` unread would turn a
    drowned gauge into a good reading.
    """

    time: AwareTime
    values: dict[str, float | bool | None]
    units: dict[str, str] | None = None
    status: dict[str, str] | None = None


class Reason(StrEnum):
    """Why something is refused: the short word; docs/mqtt.md says what each asks of whom."""

    EMPTY = "empty"
    TOO_LARGE = "too-large"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    TOO_DEEP = "too-deep"
    WRONG_SHAPE = "wrong-shape"
    NO_TIME = "no-time"
    BAD_TIME = "bad-time"
    NO_VALUES = "no-values"
    BAD_VALUE = "bad-value"
    NOT_FINITE = "not-finite"
    UNKNOWN_DEVICE = "unknown-device"
    UNKNOWN_QUANTITY = "unknown-quantity"
    UNKNOWN_UNIT = "unknown-unit"
    DEVICE_RETIRED = "device-retired"
    TIME_AHEAD = "time-ahead"
    TIME_TOO_OLD = "time-too-old"
    NO_STAMP = "no-stamp"
    NOT_STORABLE = "not-storable"
    UNKNOWN_GATEWAY = "unknown-gateway"
    NOT_ITS_GATEWAY = "not-its-gateway"
    SIMULATED = "simulated"
    NO_CODEC = "no-codec"
    BAD_CODEC = "bad-codec"
    BAD_PAYLOAD = "bad-payload"
    NOTHING_MAPPED = "nothing-mapped"
    CODEC_ERROR = "codec-error"
    CODEC_TIMEOUT = "codec-timeout"
    CODEC_MEMORY = "codec-memory"
    CODEC_SUSPENDED = "codec-suspended"
    UNKNOWN_COMMAND = "unknown-command"


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A message, or the part of it that is refused.

    `part`, where not `whole`: the one object of it, with only what is refused. What was good in
    the message has been stored and must not be sent through again, least of all shifted in time.
    Of other forms than native JSON the bytes are kept as they came: a codec may be what is mended.
    `device`: whose it is, where that is known.
    """

    arrival: Arrival
    reason: Reason
    detail: Message
    whole: bool = True
    part: object = None
    device: str = ""


@dataclass(frozen=True, kw_only=True)
class NewDeadLetter:
    """A dead letter, ready to be stored. `again` as in Arrival: it may be there already."""

    topic: str
    payload: bytes
    reason: str
    detail: str
    received_at: int
    again: bool
