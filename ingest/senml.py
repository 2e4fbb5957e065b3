"""SenML in JSON (RFC 8428): packs of records, resolved into names, times, units and values.

Fields that we do not know are passed over, unless their name ends in "_", which must be understood,
or is a slip for one that we do: a `unit` passed over would make 4 m of 4 mm.
Versions 10 and, for the secondary units of RFC 8798, 26 (RFC 9100) are read.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.message import MOST_OBJECTS, UNSTAMPED, Reason
from ingest.parsing import parse_json
from ingest.reply import unusable
from sensors._row import EARLIEST, LATEST

_ABSOLUTE = 2**28  # seconds; below it a time is relative to when it was received
_LONGEST_NAME = 500  # characters
_VERSIONS = (*range(1, 11), 26)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_NUMBERS = ("bt", "bv", "bs", "t", "v", "s", "ut")
_TEXTS = ("bn", "bu", "n", "u", "vs", "vd")
_VALUES = ("v", "vs", "vb", "vd")
_REGULAR = ("n", "u", *_VALUES, "s", "t", "ut")
_ALL_FIELDS = frozenset(("bn", "bt", "bu", "bv", "bs", "bver", *_REGULAR))
# What people write for them.
_LONG_FOR = {
    long: short
    for short, words in (
        ("n", "name"),
        ("u", "unit units uom"),
        ("v", "value values"),
        ("s", "sum"),
        ("t", "time timestamp ts"),
        ("ut", "updatetime"),
        ("vs", "stringvalue sv"),
        ("vb", "booleanvalue boolvalue"),
        ("vd", "datavalue"),
        ("bn", "basename bname"),
        ("bt", "basetime btime"),
        ("bu", "baseunit baseunits bunit bunits"),
        ("bv", "basevalue bvalue"),
        ("bs", "basesum bsum"),
        ("bver", "baseversion version ver"),
    )
    for long in words.split()
}
_WITHOUT_MARKS = str.maketrans("", "", " _-.")
_EXAMPLE = '[{"bn": "gauge-1/", "bt": 1641881700, "n": "level", "u": "m", "v": 4.306}]'

# Units as SenML writes them, where UCUM and common usage write otherwise.
UNITS = {
    "%RH": "%",
    "%EL": "%",
    "EL": "1",
    "/": "1",
    "count": "1",
    "/100": "%",
    "lux": "lx",
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """A resolved record. `time` in µs. `value`: a number, yes or no, or a text."""

    name: str
    time: int
    unit: str | None
    value: float | bool | str


def read_pack(payload: bytes, *, received_at: int) -> list[Record]:
    """The resolved records of a pack.

    Raises:
        UnusableError: it is no SenML; one record that is wrong makes the pack so.
    """
    records = list(_resolve(_parse_pack(payload), received_at))
    if not records:
        raise unusable(Reason.NO_VALUES, "no record of the pack has a value")
    return records


def _parse_pack(payload: bytes) -> list[dict[str, Any]]:
    pack = parse_json(payload, expected=_EXAMPLE)
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise unusable(Reason.WRONG_SHAPE, "SenML is an array of records such as {code}", _EXAMPLE)
    if not pack:
        raise unusable(Reason.NO_VALUES, "the pack is empty")
    if len(pack) > MOST_OBJECTS:
        raise unusable(
            Reason.TOO_LARGE,
            "{count} records; at most {number} of a pack are read",
            len(pack),
            MOST_OBJECTS,
        )
    return pack


def _resolve(pack: list[dict[str, Any]], received_at: int) -> Iterator[Record]:
    base: dict[str, Any] = {}
    version = pack[0].get("bver", 10)
    for number, given in enumerate(pack, 1):
        record = _check_record(given, number)
        if record.get("bver", version) != version or version not in _VERSIONS:
            raise unusable(
                Reason.WRONG_SHAPE,
                "record {number}: version {version!r}; expected 1 to 10 or 26, the same in all",
                number,
                record.get("bver", version),
            )
        base.update(
            {name: record[name] for name in ("bn", "bt", "bu", "bv", "bs") if name in record}
        )
        if not any(name in record for name in _REGULAR):
            continue  # it only sets what those after it build on
        name = f"{base.get('bn', '')}{record.get('n', '')}"
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            raise unusable(
                Reason.WRONG_SHAPE, "record {number}: {name!r} is no name", number, name[:60]
            )
        unit = record.get("u", base.get("bu"))
        time = _time(base.get("bt", 0) + record.get("t", 0), received_at, number)
        value = _value(record, base)
        total = _sum(record, base)
        if value is None and total is None:
            raise unusable(
                Reason.NO_VALUES, "record {number} ({code}): no value and no sum", number, name
            )
        if value is not None:
            yield Record(name=name, time=time, unit=_unit(unit), value=value)
        if total is not None:
            of = None if unit is None else f"{_unit(unit)}.s"
            yield Record(name=f"{name}.sum", time=time, unit=of, value=total)


def _check_record(record: dict[str, Any], number: int) -> dict[str, Any]:
    """A record whose fields are what they must be, its numbers as floats."""
    for field, value in record.items():
        if field not in _ALL_FIELDS:
            _refuse_unknown(field, number)
        if field in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise unusable(
                Reason.BAD_VALUE, "record {number}: {field!r} must be a number", number, field
            )
        if field in _NUMBERS and not _is_finite(value):
            raise unusable(
                Reason.NOT_FINITE, "record {number}: {field!r} is not finite", number, field
            )
        if field in _TEXTS and not isinstance(value, str):
            raise unusable(
                Reason.BAD_VALUE, "record {number}: {field!r} must be a text", number, field
            )
    if not isinstance(record.get("vb", False), bool):
        raise unusable(Reason.BAD_VALUE, "record {number}: 'vb' must be true or false", number)
    values = [name for name in _VALUES if name in record]
    if len(values) > 1:
        raise unusable(
            Reason.WRONG_SHAPE,
            "record {number}: both {name!r} and {other!r}; expected one of them",
            number,
            values[0],
            values[1],
        )
    return {name: float(value) if name in _NUMBERS else value for name, value in record.items()}


def _refuse_unknown(field: str, number: int) -> None:
    """Refuse an unknown field that cannot be passed over."""
    if field.endswith("_"):
        raise unusable(
            Reason.WRONG_SHAPE,
            "record {number}: {field!r} must be understood, and is not",
            number,
            field[:60],
        )
    plain = field.lower().translate(_WITHOUT_MARKS)
    meant = plain if plain in _ALL_FIELDS else _LONG_FOR.get(plain)
    if meant is not None:
        raise unusable(
            Reason.WRONG_SHAPE,
            "record {number}: SenML has no field {field!r}; did you mean {word!r}?",
            number,
            field[:60],
            meant,
        )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of more than 308 digits
        return False


def _value(record: dict[str, Any], base: dict[str, Any]) -> float | bool | str | None:
    if "v" in record:
        total: float = base.get("bv", 0.0) + record["v"]
        return total
    for field in ("vb", "vs", "vd"):
        if field in record:
            value: bool | str = record[field]
            return value
    if "bv" in base and "s" not in record:
        base_value: float = base["bv"]  # a value that is left out is nothing beside its base
        return base_value
    return None


def _sum(record: dict[str, Any], base: dict[str, Any]) -> float | None:
    if "s" in record:
        total: float = base.get("bs", 0.0) + record["s"]
        return total
    return base.get("bs")


def _time(seconds: float, received_at: int, number: int) -> int:
    since = 0 if seconds >= _ABSOLUTE or received_at == UNSTAMPED else received_at
    micros = since + seconds * 1e6
    if not EARLIEST <= micros < LATEST:
        raise unusable(
            Reason.BAD_TIME, "record {number}: no time lies at {count:g} s", number, seconds
        )
    return since + round(seconds * 1e6)


def _unit(unit: str | None) -> str | None:
    return None if unit is None else UNITS.get(unit, unit)
