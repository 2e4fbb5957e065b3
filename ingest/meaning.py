"""What a vendor's fields mean to us, applied to a decoded payload."""

import bisect
import dataclasses
import functools
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ingest.downlink import CommandMapping
from ingest.message import Reason
from ingest.reply import ParsedPayload, Refusal, UnusableError, Value, unusable
from sensors._errors import Message

_MOST_LEAVES = 1000  # of one payload
_LONGEST_PATH = 1000  # characters; each field of a list repeats those of the list
_MOST_NAMED = 8  # fields named in a sentence
_CLOSE = 1e-9
_LARGEST = 1e300  # what is larger is no measurement


class Form(StrEnum):
    """How a payload becomes fields."""

    JAVASCRIPT = "javascript"
    CAYENNE_LPP = "cayenne-lpp"
    JSON = "json"
    SENML = "senml"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field: the quantity that it is, in `unit` (None: the catalogue's).

    `missing`: numbers and texts (in small letters) that stand for no value.
    `values`: what a text or a yes or no stands for; None there: no value, a fault.
    `suffix`: what follows the number where a text holds it.
    To a number those of the fields `plus` are added; it is multiplied by `scale`, `offset` is
    added, and `curve` (points of a broken line, flat beyond its ends) makes another of it.
    """

    quantity: str
    unit: str | None = None
    missing: tuple[float | str, ...] = ()
    values: Mapping[str, float | None] = field(default_factory=dict)
    suffix: str = ""
    plus: tuple[str, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    curve: tuple[tuple[float, float], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether a number is taken as it comes."""
        return self.scale == 1.0 and self.offset == 0.0 and not self.curve and not self.plus


@dataclass(frozen=True, kw_only=True)
class CodecMapping:
    """A mapping file. `ports` None: payloads of every frame port are read.

    `ignore`: fields that are passed over on purpose. `warned_doubtful`: what a script warns of is
    stored as doubtful. `commands`: what its encoder is given, by kind of command.
    """

    form: Form
    fields: Mapping[str, Field]
    ignore: frozenset[str] = frozenset()
    ports: frozenset[int] | None = None
    warned_doubtful: bool = False
    commands: Mapping[str, CommandMapping] = field(default_factory=dict)

    @functools.cached_property
    def paths(self) -> frozenset[str]:
        """All fields that are read."""
        return frozenset(self.fields).union(*(field.plus for field in self.fields.values()))


def flatten(data: Mapping[str, Any]) -> dict[str, Any]:
    """Every value of nested data by its path: `a`, `a.b`, `list[0].x`.

    Raises:
        UnusableError: there are too many, two of one path, or a path is too long.
    """
    values: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = [("", data)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > _LONGEST_PATH:
            raise unusable(
                Reason.BAD_PAYLOAD,
                "the name of the field {field!r}… has more than {count} characters",
                *(path[:60], _LONGEST_PATH),
            )
        if isinstance(value, Mapping | list):
            if len(values) + len(waiting) + len(value) > _MOST_LEAVES:
                raise unusable(Reason.BAD_PAYLOAD, "more than {count} fields", _MOST_LEAVES)
            waiting.extend(reversed([*_list_inner(path, value)]))
        elif path in values:
            raise unusable(Reason.BAD_PAYLOAD, "{field!r} is there twice", path[:60])
        else:
            values[path] = value
    return values


def _list_inner(path: str, value: Mapping[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        return ((f"{path}[{place}]", inner) for place, inner in enumerate(value))
    return ((f"{path}.{name}" if path else str(name), inner) for name, inner in value.items())


def read_fields(
    mapping: CodecMapping, data: Mapping[str, Any], *, has: Collection[str]
) -> ParsedPayload:
    """The quantities of decoded data. `has`: those that the device has in the inventory.

    Of two fields of one quantity the first in the mapping that has a value stands. A sentinel for
    a sensor that the device does not have says nothing; for one that it has, a fault.
    """
    values = flatten(data)
    left = tuple(p for p in values if p not in mapping.paths and not _is_ignored(p, mapping))
    read = ParsedPayload(left=left)
    named = False
    for path, meaning in mapping.fields.items():
        if path in values or any(other in values for other in meaning.plus):
            named = True
            _read_field(read, path, meaning, values, has)
    if not named and (read.left or not values):
        read.refused.append(_refuse_unmapped(mapping, read.left))
    return read


def _is_ignored(path: str, mapping: CodecMapping) -> bool:
    """Whether a field, or what it lies in, is passed over on purpose."""
    return any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in mapping.ignore)


def _read_field(
    read: ParsedPayload, path: str, meaning: Field, values: Mapping[str, Any], has: Collection[str]
) -> None:
    quantity = meaning.quantity
    try:
        value = (
            _add_fields(meaning, path, values)
            if meaning.plus
            else parse_value(meaning, path, values[path])
        )
    except UnusableError as error:
        read.refused.append(error.refusal)
        return
    if value is None and (quantity not in has or quantity in read.values):
        return
    if read.values.get(quantity) is not None:
        return
    read.values[quantity] = value
    if meaning.unit is not None:
        read.units[quantity] = meaning.unit
    else:
        read.units.pop(quantity, None)


def parse_value(meaning: Field, path: str, given: Any) -> Value:
    """A field's value as a number; None where a sentinel, or nothing, stands for none.

    Raises:
        UnusableError: it is no number and the mapping does not say what it stands for.
    """
    if given is None or _is_missing(meaning, given):
        return None
    if meaning.suffix and isinstance(given, str):
        given = given.strip().removesuffix(meaning.suffix).rstrip()
    if meaning.values:
        key = _key(given)
        if key in meaning.values:
            return meaning.values[key]
        if isinstance(given, str | bool):
            raise unusable(
                Reason.BAD_VALUE,
                "{field!r} is {code}; the mapping has {codes}",
                path,
                _clip(given),
                ", ".join(meaning.values),
            )
    if isinstance(given, bool):
        return given
    number = parse_number(given)
    if number is None:
        raise unusable(
            Reason.BAD_VALUE,
            "{field!r} is {code}, no number: name it in the mapping under `missing` if it"
            " stands for no value, under `values` if it stands for one; `suffix` is what follows a"
            " number",
            path,
            _clip(given),
        )
    return number if meaning.is_plain else _convert(meaning, number)


def _add_fields(meaning: Field, path: str, values: Mapping[str, Any]) -> Value:
    """Of several fields: no value where one of them has none."""
    parts = (path, *meaning.plus)
    for part in parts:
        if part not in values:
            raise unusable(
                Reason.BAD_VALUE,
                "{quantity!r} is the sum of {codes}, and {field!r} is not there",
                meaning.quantity,
                ", ".join(parts),
                part,
            )
    bare = dataclasses.replace(meaning, plus=(), scale=1.0, offset=0.0, curve=())
    amounts = [parse_value(bare, part, values[part]) for part in parts]
    total = 0.0
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return _convert(meaning, total)


def _convert(meaning: Field, number: float) -> float:
    number = number * meaning.scale + meaning.offset
    if not meaning.curve:
        return number
    place = bisect.bisect_right(meaning.curve, (number, math.inf))
    if place == 0:
        return meaning.curve[0][1]
    if place == len(meaning.curve):
        return meaning.curve[-1][1]
    (left, low), (right, high) = meaning.curve[place - 1], meaning.curve[place]
    return low + (high - low) * (number - left) / (right - left)


def _is_missing(meaning: Field, given: Any) -> bool:
    for sentinel in meaning.missing:
        if isinstance(sentinel, str):
            if isinstance(given, str) and given.strip().lower() == sentinel:
                return True
        else:
            number = None if isinstance(given, bool) else parse_number(given)
            if number is not None and abs(number - sentinel) <= _CLOSE * max(1.0, abs(sentinel)):
                return True
    return False


def _key(given: Any) -> str:
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    return str(given).strip().lower()


def parse_number(given: Any) -> float | None:
    """A number, also one written as a text: many scripts round that way."""
    if isinstance(given, int | float):
        return float(given) if abs(given) < _LARGEST else None
    if isinstance(given, str) and len(given) < 40 and given.isascii() and "_" not in given:
        try:
            number = float(given)
        except ValueError:
            return None
        return number if abs(number) < _LARGEST else None
    return None


def _refuse_unmapped(mapping: CodecMapping, left: tuple[str, ...]) -> Refusal:
    if not left:
        detail = Message("the payload decodes to no field")
        return Refusal(reason=Reason.NOTHING_MAPPED, detail=detail)
    received = ", ".join(left[:_MOST_NAMED]) + (", …" if len(left) > _MOST_NAMED else "")
    detail = Message(
        "none of its fields ({codes}) is in the mapping, which has {codes2}",
        received,
        ", ".join([*mapping.fields][:_MOST_NAMED]),
    )
    return Refusal(reason=Reason.NOTHING_MAPPED, detail=detail)


def _clip(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
