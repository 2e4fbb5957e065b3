"""Units: the UCUM codes we use, what people write for them, and the conversion between two."""

import functools
import math
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from sensors._errors import Message, TerritoryError
from sensors._nearest import nearest_hint
from sensors._unit_names import COMMON, DIMENSIONS, SPELLINGS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pint import Unit, UnitRegistry

    Number = TypeVar("Number", float, NDArray[np.float64])
else:
    Number = TypeVar("Number")

_LONGEST = 40  # characters of a unit: devices send us these
_SMALLEST = 1e-15  # of a factor between two units
_MOST_DIMENSIONS = 200  # a device that makes up annotations must not fill our memory
_COUNTED = ("code", "bool", "veh")  # dimensions of their own: none converts into another


_TOKEN = re.compile(
    r"\{(?P<note>[^{}]+)\}|(?P<name>°?[^\W\d_]+|°|%)|(?P<power>(?:\*\*|\^)?[+-]?\d+)"
    r"|(?P<op>[./*·()])|(?P<space>\s+)"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


class UnitError(TerritoryError):
    """A unit is not understood, or cannot be converted into the one expected."""


@functools.cache
def _registry() -> "UnitRegistry[float]":
    import pint  # noqa: PLC0415  reading pint's definitions takes half a second: only when asked

    registry: UnitRegistry[float] = pint.UnitRegistry()
    for name in _COUNTED:
        registry.define(f"counted_{name} = [{name}]")
    return registry


def _unknown(unit: str) -> UnitError:
    hint = nearest_hint(unit, COMMON) or Message("; for example m, mm, m3/s, %, h")
    return UnitError("unknown unit {unit!r}{hint}", unit, hint)


def _counted(note: str) -> str:
    """A UCUM annotation such as {veh}: a dimension of its own, defined when first met."""
    name = re.sub(r"\W", "_", note)
    registry = _registry()
    if f"counted_{name}" not in registry:
        if len(registry._dimensions) > _MOST_DIMENSIONS:  # noqa: SLF001  no public list
            raise _unknown(f"{{{note}}}")
        registry.define(f"counted_{name} = [counted_{name}]")
    return f"counted_{name}"


def _name(word: str, unit: str) -> str:
    spelling = SPELLINGS.get(word)
    if spelling is not None:
        return spelling
    if len(word) == 1 or word not in _registry():
        raise _unknown(unit)
    return word


def _tokens(unit: str) -> Iterator[tuple[str, str]]:
    text = unit.strip().translate(_SUPERSCRIPTS)
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _unknown(unit)
        position = match.end()
        if match.lastgroup != "space":
            yield match.lastgroup, match[match.lastgroup]


def _expression(unit: str) -> str:
    """The unit in pint's own words; two factors never stand side by side without an operator."""
    parts: list[str] = []
    before = "op"
    for kind, text in _tokens(unit):
        if kind == "op":
            if before == "op" and text in "./*·":
                raise _unknown(unit)
            parts.append("*" if text in ".·" else text)
        elif kind == "power":
            if before in ("name", "note"):
                parts.append(f"**({text.lstrip('*^')})")
            elif text == "1" and before == "op":
                parts.append("dimensionless")
            else:
                raise _unknown(unit)
        elif before != "op":
            raise _unknown(unit)
        else:
            parts.append(_name(text, unit) if kind == "name" else _counted(text))
        before = kind if text != ")" else "name"
    if len(parts) > 1:  # a rate of temperature is one of differences
        parts = [part.replace("degree_", "delta_degree_") for part in parts]
    return "".join(parts)


@functools.lru_cache(maxsize=512)
def _parsed(unit: str) -> "Unit":
    """A unit as pint's own.

    Raises:
        UnitError: it is not understood; names the nearest known.
    """
    if not 0 < len(unit) <= _LONGEST:
        raise _unknown(unit[:_LONGEST])
    try:
        return _registry().parse_units(_expression(unit))
    except UnitError:
        raise
    except Exception as error:  # pint raises its own, the tokenizer's and Python's
        raise _unknown(unit) from error


@functools.lru_cache(maxsize=512)
def dimension(unit: str) -> str:
    """What a unit measures, in words where we have them: length, discharge, duration, ...

    Two units convert into each other exactly when their dimensions are equal.

    Raises:
        UnitError: the unit is not understood.
    """
    text = str(_parsed(unit).dimensionality)
    text = "" if text == "dimensionless" else text
    return DIMENSIONS.get(text, text)


def check(unit: str) -> None:
    """Raise UnitError when `unit` is not understood."""
    _parsed(unit)


@functools.lru_cache(maxsize=512)
def conversion(source: str, target: str) -> tuple[float, float]:
    """`(scale, offset)` such that a value in `target` is `value * scale + offset`.

    Raises:
        UnitError: a unit is not understood, or the two measure different things.
    """
    if source == target:
        return 1.0, 0.0
    if dimension(source) != dimension(target):
        raise _unlike(source, target)
    try:
        scale, offset = _linear(_parsed(source), _parsed(target))
    except TypeError:  # pint's own: a temperature's square by a temperature is a difference
        raise _unlike(source, target) from None
    except ArithmeticError:  # of the hundredth power of a kilometre
        scale, offset = math.inf, 0.0
    if not (_SMALLEST < scale < 1 / _SMALLEST and math.isfinite(offset)):
        raise UnitError("{source!r} and {target!r} are too far apart to convert", source, target)
    return scale, offset


def _unlike(source: str, target: str) -> UnitError:
    return UnitError(
        "{source!r} ({dimension}) cannot be converted into {target!r} ({other})",
        source,
        dimension(source),
        target,
        dimension(target),
    )


def _linear(source: "Unit", target: "Unit") -> tuple[float, float]:
    registry = _registry()
    zero = float(registry.convert(0.0, source, target))
    if zero == 0.0:
        return float(f"{float(registry.convert(1.0, source, target)):.15g}"), 0.0
    span = (float(registry.convert(1e6, source, target)) - zero) / 1e6
    return float(f"{span:.12g}"), round(zero, 9)


@functools.lru_cache(maxsize=512)
def converter(source: str, target: str) -> Callable[["Number"], "Number"]:
    """The conversion as a function of a number or an array.

    4306 mm are 4.306 m to the last bit: dividing by 1000 rounds once, multiplying by the rounded
    0.001 twice, and a reading sent in either unit must be the same reading.

    Raises:
        UnitError: as `conversion`.
    """
    scale, offset = conversion(source, target)
    if scale == 1.0 and offset == 0.0:
        return lambda value: value
    inverse = 1.0 / scale
    if scale < 1.0 and abs(inverse - round(inverse)) < 1e-9 * inverse and offset == 0.0:
        divisor = float(round(inverse))
        return lambda value: value / divisor
    return lambda value: value * scale + offset


def convert(value: float, source: str, target: str) -> float:
    """One value, converted.

    Raises:
        UnitError: as `conversion`.
    """
    return converter(source, target)(value)
