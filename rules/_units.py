"""The unit of a part of an expression, and whether two fit."""

from rules._errors import RuleError
from rules._tree import Number
from sensors._errors import Place
from sensors._units import UnitError, conversion

Unit = str | None  # None: unknown, as in a worked case; it fits everything
BARE = ""  # of a number written without a unit
_NEEDS_UNIT = "a number without a unit is next to one in {unit}; write its unit"
_COUNTED = frozenset({BARE, "1", "code", "bool"})  # what a bare number may be compared with


def converted(source: Unit, target: Unit, place: Place) -> tuple[float, float]:
    """Scale and offset from one unit to the other.

    Raises:
        RuleError: they measure different things, or one number lacks its unit.
    """
    if source is None or target is None or source == target:
        return 1.0, 0.0
    if BARE in (source, target):
        unit = source or target
        if unit in _COUNTED:
            return 1.0, 0.0
        raise RuleError(place, _NEEDS_UNIT, unit)
    try:
        return conversion(source, target)
    except UnitError as error:
        raise RuleError(place, str(error)) from error


def needs_unit(number: Number, unit: str) -> None:
    """Let a literal without a unit stand beside what has none only.

    Raises:
        RuleError: it needs one; says how it is then written.
    """
    if unit in _COUNTED:
        return
    if unit == "%":
        value = number.value * 100 if 0 < number.value <= 1 else number.value
        raise RuleError(
            number.place,
            "a number without a unit is next to a percentage; write {value:g} %",
            value,
        )
    if " " in unit or "(" in unit:
        raise RuleError(number.place, _NEEDS_UNIT, unit)
    raise RuleError(
        number.place,
        "a number without a unit is next to one in {unit}; write its unit, as {value:g} {unit}",
        unit,
        number.value,
    )


def product(left: Unit, right: Unit) -> Unit:
    """The unit of a product."""
    if left is None or right is None:
        return None
    if BARE in (left, right):
        return left or right
    return f"{_factor(left)}.{_factor(right)}"


def quotient(left: Unit, right: Unit) -> Unit:
    """The unit of a quotient."""
    if left is None or right is None:
        return None
    if left == right:
        return BARE
    if right == BARE:
        return left
    return f"{_factor(left) if left else '1'}/{_factor(right)}"


def _factor(unit: str) -> str:
    return unit if unit.isalpha() else f"({unit})"
