"""Numbers as people type them: with a comma, with a unit or without."""

from math import isfinite

from hypervisor.base.scalars import ScalarError, measure


def number(text: str, unit: str) -> float:
    """`1,78`, `1.78 m`, `178 cm`; without a unit it is in `unit`.

    Raises:
        ScalarError: it is none.
    """
    said = text.strip().replace(",", ".").replace("\u2212", "-")
    try:
        found = float(said)
    except ValueError:
        found = measure(said, unit)
    if not isfinite(found):
        raise ScalarError(f"{text!r} is no number; expected one such as 1.78 {unit}")
    return found
