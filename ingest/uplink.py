"""A LoRaWAN uplink, whichever network server hands it over; and how its JSON is looked into."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ingest.message import AwareTime, Reason
from ingest.reply import Refusal

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


def document(payload: bytes, *, expected: str) -> dict[str, Any] | Refusal:
    """The JSON object that a network server sends."""
    if not payload:
        return Refusal(reason=Reason.EMPTY, detail="the payload is empty")
    try:
        found = msgspec.json.decode(payload)
    except UnicodeDecodeError as error:
        return Refusal(reason=Reason.NOT_UTF8, detail=f"byte {error.start} is not UTF-8")
    except RecursionError:
        return Refusal(reason=Reason.TOO_DEEP, detail=f"nested too deeply; expected {expected}")
    except ValueError as error:
        return Refusal(reason=Reason.NOT_JSON, detail=f"{error}; expected {expected}")
    if not isinstance(found, dict):
        return Refusal(reason=Reason.WRONG_SHAPE, detail=f"expected {expected}, got no object")
    return found


def at(found: Mapping[str, Any], *path: str) -> Any:
    """What lies at a path of fields; None where it ends before."""
    here: Any = found
    for name in path:
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


def moment(text: object, *, where: str) -> datetime | Refusal:
    """A time with an offset."""
    if text is None:
        detail = f"no {where}: the network's time of receipt is a reading's time"
        return Refusal(reason=Reason.NO_TIME, detail=detail)
    try:
        return msgspec.convert(text, AwareTime)
    except (ValueError, OverflowError) as error:
        return Refusal(reason=Reason.BAD_TIME, detail=f"{where} {str(text)[:60]!r}: {error}")


def port_of(value: object, *, where: str) -> int | Refusal:
    """A frame port; one that is left out is 0, as both servers leave out what is 0."""
    if value is None:
        return _PORT_OF_COMMANDS
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255:
        return value
    detail = f"{where} must be a number from 0 to 255, got {str(value)[:60]!r}"
    return Refusal(reason=Reason.WRONG_SHAPE, detail=detail)


def payload_of(value: object, *, where: str) -> bytes | Refusal:
    """Bytes written in base64; none where they are left out."""
    if value is None:
        return b""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else _no(where)
    except (binascii.Error, ValueError) as error:
        return Refusal(reason=Reason.WRONG_SHAPE, detail=f"{where} is no base64: {error}")


def _no(where: str) -> Refusal:
    return Refusal(reason=Reason.WRONG_SHAPE, detail=f"{where} must be a text in base64")
