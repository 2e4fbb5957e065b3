"""Numbers as people type them: with a comma, with a unit or without."""

from math import isfinite

from sensors._scalars import ScalarError, measure


def parse_number(text: str, unit: str) -> float:
    """`1,78`, `1.78 m`, `178 cm`; without a unit it is in `unit`.

    Raises:
        ScalarError: it is none.
    """
    written = text.strip().replace(",", ".").replace("\u2212", "-")
    try:
        value = float(written)
    except ValueError:
        value = measure(written, unit)
    if not isfinite(value):
        raise ScalarError(f"{text!r} is no number; expected one such as 1.78 {unit}")
    return value
