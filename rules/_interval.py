"""Intervals and three truth values, over arrays. What is not known is (-inf, inf)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules._inputs import Values

Truths = NDArray[np.int8]
Mask = NDArray[np.bool_]

# Kleene's values in order; beside them: the comparison names a series that is out of service, and
# is left out of its `and` or `or`.
FALSE, UNKNOWN, TRUE, LEFT_OUT = (np.int8(value) for value in range(4))

DECIMALS = 9  # to which what was computed is rounded before it is compared


class Interval(NamedTuple):
    """[lo, hi] of each row. The same array twice: known exactly."""

    lo: Values
    hi: Values

    @property
    def exact(self) -> bool:
        return self.lo is self.hi


def exactly(values: Values) -> Interval:
    """Known values; a nan is not known."""
    missing = np.isnan(values)
    if not missing.any():
        return Interval(values, values)
    return Interval(np.where(missing, -np.inf, values), np.where(missing, np.inf, values))


def where_known(mask: Mask, interval: Interval) -> Interval:
    """The interval where `known`, else everything."""
    if mask.all():
        return interval
    return Interval(
        np.where(mask, interval.lo, -np.inf),
        np.where(mask, interval.hi, np.inf),
    )


def rounded(interval: Interval) -> Interval:
    """What was computed, as it is compared: the order of adding must not decide."""
    lo = _rounded(interval.lo)
    return Interval(lo, lo if interval.exact else _rounded(interval.hi))


def _rounded(values: Values) -> Values:
    """What is too large to be rounded stays as it is."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(values, DECIMALS)
    return np.where(np.isfinite(rounded), rounded, values)


def compute(operator: str, left: Interval, right: Interval) -> Interval:
    """Interval arithmetic: + - * /. Dividing by what may be zero tells nothing."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if operator == "+":
            return _both(left, right, left.lo + right.lo, left.hi + right.hi)
        if operator == "-":
            return _both(left, right, left.lo - right.hi, left.hi - right.lo)
        if operator == "*":
            return _hull([a * b for a in left for b in right])
        result = _hull([a / b for a in left for b in right])
        return where_known((right.lo > 0) | (right.hi < 0), result)


def _both(left: Interval, right: Interval, lo: Values, hi: Values) -> Interval:
    return Interval(lo, lo) if left.exact and right.exact else Interval(lo, hi)


def _hull(corners: list[Values]) -> Interval:
    # 0 * inf is nan: nothing times anything is nothing.
    clean = np.nan_to_num(np.stack(corners), nan=0.0, posinf=np.inf, neginf=-np.inf)
    return Interval(clean.min(axis=0), clean.max(axis=0))


def scaled(interval: Interval, scale: float, offset: float) -> Interval:
    """In another unit; scales are positive."""
    with np.errstate(over="ignore"):
        lo = interval.lo * scale + offset
        return Interval(lo, lo if interval.exact else interval.hi * scale + offset)


def compare(operator: str, left: Interval, right: Interval) -> Truths:
    """True when it holds for the whole of both intervals, false when it fails for the whole."""
    match operator:
        case ">":
            return _three(left.lo > right.hi, left.hi <= right.lo)
        case ">=":
            return _three(left.lo >= right.hi, left.hi < right.lo)
        case "<":
            return _three(left.hi < right.lo, left.lo >= right.hi)
        case "<=":
            return _three(left.hi <= right.lo, left.lo > right.hi)
    same = (left.lo == left.hi) & (right.lo == right.hi) & (left.lo == right.lo)
    apart = (left.hi < right.lo) | (left.lo > right.hi)
    return _three(same, apart) if operator == "==" else _three(apart, same)


def _three(holds: Mask, fails: Mask) -> Truths:
    return UNKNOWN + holds.view(np.int8) - fails.view(np.int8)


def every(conditions: list[Truths]) -> Truths:
    """Kleene's `and`; LEFT_OUT is the greatest, so it yields to all others."""
    return np.asarray(np.minimum.reduce(conditions))


def some(conditions: list[Truths]) -> Truths:
    """Kleene's `or` of those that are not left out."""
    # Seen from LEFT_OUT = -1 the order is right for a maximum.
    shifted = [np.where(truth == LEFT_OUT, np.int8(-1), truth) for truth in conditions]
    result = np.maximum.reduce(shifted)
    return np.where(result < 0, LEFT_OUT, result)


def negation(condition: Truths) -> Truths:
    """Kleene's `not`."""
    return np.where(condition == LEFT_OUT, LEFT_OUT, TRUE - condition)


def truths(holds: Mask) -> Truths:
    """Two values as three."""
    return np.where(holds, TRUE, FALSE)
