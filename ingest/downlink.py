"""A command as a LoRaWAN device receives it: from our words to the vendor's, then to bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.message import Reason
from ingest.reply import unusable

MOST_BYTES = 242  # of an application's payload, EU868 at its best data rate
_LAST_PORT = 223  # above are ports of the standard's own
_LONGEST_WORDS = 300

Scalar = float | str | bool | None


@dataclass(frozen=True, kw_only=True)
class CommandField:
    """One field of what an encoder is given: a `constant`, or a `parameter` of the command.

    `values`: what stands for a choice. A number is multiplied by `scale`, and `offset` added.
    """

    constant: Scalar = None
    parameter: str = ""
    values: Mapping[str, Scalar] = field(default_factory=dict)
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CommandMapping:
    """What the encoder is given for a kind of command; `port`: where it names none itself."""

    fields: Mapping[str, CommandField]
    port: int | None = None


@dataclass(frozen=True, kw_only=True)
class Downlink:
    """What is sent: bytes, or an `object_` that the network server's own codec encodes."""

    port: int
    payload: bytes = b""
    object_: Mapping[str, Any] | None = None


def make_data(mapping: CommandMapping, parameters: Mapping[str, float | str]) -> dict[str, Any]:
    """A command in the vendor's words; a dot in a field's name nests it.

    Raises UnusableError: the mapping has no word for a choice, or names what the command has not.
    """
    data: dict[str, Any] = {}
    for path, meaning in mapping.fields.items():
        *outer, name = path.split(".")
        place = data
        for key in outer:
            place = place.setdefault(key, {})
        place[name] = _make_value(path, meaning, parameters)
    return data


def _make_value(path: str, meaning: CommandField, parameters: Mapping[str, float | str]) -> Scalar:
    if not meaning.parameter:
        return meaning.constant
    if meaning.parameter not in parameters:
        raise unusable(
            Reason.BAD_CODEC,
            "the mapping's {path!r} names the parameter {name!r}; the command has {names}",
            *(path, meaning.parameter, ", ".join(parameters)),
        )
    value = parameters[meaning.parameter]
    if meaning.values:
        if value not in meaning.values:
            raise unusable(
                Reason.BAD_CODEC, "the mapping's {path!r} has no value for {value!r}", path, value
            )
        return meaning.values[str(value)]
    if isinstance(value, str):
        return value
    return round(value * meaning.scale + meaning.offset, 9)


def parse_encoded(returned: Any, *, port: int | None) -> Downlink:
    """What an encoder returned; `port`: of the mapping.

    Raises UnusableError: it has errors, or its bytes or its frame port are none.
    """
    if not isinstance(returned, Mapping):
        raise unusable(Reason.CODEC_ERROR, "the encoder returned no object")
    errors = returned.get("errors")
    texts = [str(each) for each in (errors if isinstance(errors, list) else [errors]) if each]
    if texts:
        raise unusable(Reason.CODEC_ERROR, "; ".join(texts)[:_LONGEST_WORDS])
    numbers = returned.get("bytes")
    if not isinstance(numbers, list) or not numbers:
        raise unusable(Reason.CODEC_ERROR, "the encoder returned no bytes")
    if len(numbers) > MOST_BYTES:
        raise unusable(
            Reason.CODEC_ERROR,
            "the encoder returned {count} bytes; a frame holds at most {number}",
            *(len(numbers), MOST_BYTES),
        )
    for place, number in enumerate(numbers):
        if not _is_whole(number, 0, 255):
            raise unusable(
                Reason.CODEC_ERROR,
                "byte {number} of the encoder is {value!r}; expected whole numbers from 0 to 255",
                *(place, str(number)[:60]),
            )
    given = returned.get("fPort")
    return Downlink(
        port=check_port(port if given is None else given),
        payload=bytes(int(number) for number in numbers),
    )


def check_port(port: object) -> int:
    """A frame port. Raises UnusableError: it is missing, or none of an application's."""
    if port is None:
        raise unusable(
            Reason.CODEC_ERROR,
            "no frame port: neither the encoder's `fPort` nor the mapping's `port` names one",
        )
    if not _is_whole(port, 1, _LAST_PORT):
        raise unusable(
            Reason.CODEC_ERROR,
            "the frame port is {value!r}; expected a whole number from 1 to {number}",
            *(str(port)[:60], _LAST_PORT),
        )
    return int(port)  # type: ignore[call-overload,no-any-return]


def _is_whole(number: object, low: int, high: int) -> bool:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return low <= number <= high and number == int(number)
