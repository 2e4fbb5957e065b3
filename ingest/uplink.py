"""A LoRaWAN uplink, whichever network server hands it over; and how its JSON is looked into."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ingest import times
from ingest.message import Reason
from ingest.parsing import parse_json
from ingest.reply import unusable

_PORT_OF_COMMANDS = 0  # frames there are the radio's own business


class Uplink(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`addresses`: what the network server calls the device, the best first.

    `object_`: what the network server's own codec made of the payload, if it has one.
    """

    addresses: tuple[str, ...]
    time: datetime
    port: int
    payload: bytes
    object_: Mapping[str, Any] | None = None

    @property
    def silent(self) -> bool:
        """Nothing was measured: no payload, or only commands between radio and network."""
        nothing = self.port == _PORT_OF_COMMANDS or not self.payload
        return nothing and not self.object_


def parse_document(payload: bytes, *, expected: str) -> dict[str, Any]:
    """The JSON object that a network server sends.

    Raises:
        UnusableError: it is none.
    """
    document = parse_json(payload, expected=expected)
    if not isinstance(document, dict):
        raise unusable(Reason.WRONG_SHAPE, "expected {example}, got no object", expected)
    return document


def get_path(fields: Mapping[str, Any], *path: str) -> Any:
    """What lies at a path of fields; None where it ends before."""
    value: Any = fields
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def parse_uplink_time(text: object, *, where: str) -> datetime:
    """A time with an offset.

    Raises:
        UnusableError: there is none.
    """
    if text is None:
        raise unusable(
            Reason.NO_TIME, "no {code}: a reading's time is the network's time of receipt", where
        )
    try:
        return times.parse_time(text)
    except ValueError as error:
        raise unusable(
            Reason.BAD_TIME, "the field {code} is {value!r}: {error}", where, str(text)[:60], error
        ) from None


def parse_port(value: object, *, where: str, carries: bool) -> int:
    """A frame port; one that is left out is 0, as both servers leave out what is 0.

    `carries`: whether the frame has a payload, or an object made of one: that has a port.

    Raises:
        UnusableError: it is none, or missing beside a payload.
    """
    if value is None:
        if carries:
            raise unusable(Reason.WRONG_SHAPE, "a payload without {code}", where)
        return _PORT_OF_COMMANDS
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 255:
        raise unusable(
            Reason.WRONG_SHAPE,
            "{code} must be a number up to 255, got {value!r}",
            where,
            str(value)[:60],
        )
    return value


def parse_payload(value: object, *, where: str) -> bytes:
    """Bytes written in base64; none where they are left out.

    Raises:
        UnusableError: it is no base64.
    """
    if value is None:
        return b""
    if not isinstance(value, str):
        raise unusable(Reason.WRONG_SHAPE, "{code} must be a text in base64", where)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise unusable(Reason.WRONG_SHAPE, "{code} is no base64", where) from None


def check_object(value: object, *, where: str) -> Mapping[str, Any] | None:
    """What the network server's own codec made of a payload.

    Raises:
        UnusableError: it is no object.
    """
    if value is None or isinstance(value, dict):
        return value
    raise unusable(Reason.WRONG_SHAPE, "{code} must be an object", where)
