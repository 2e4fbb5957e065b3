"""Conditions at the edges of the language: extreme numbers, durations, units, depth and mixture."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from rules._functions import FORECASTS, FUNCTIONS, Gives, Takes

# Quantities and thresholds of the catalogue, each with units that it is written in.
UNITS = {
    "level": ("m", "cm", "mm", "km"),
    "catchment_rain": ("mm", "m", "km"),
    "battery": ("V", "mV", "kV"),
}
THRESHOLDS = {"attention": "level", "alert": "level", "danger": "level"}
_FINE_NUMBERS = (
    *("0", "0.0", "1", "3", "0.000001", "1e-12", "9e9", "9.1e9", "1e12", "1e15", "-1", "-1e15"),
    *("-0", "100000000000001"),
)
_NUMBERS = (*_FINE_NUMBERS * 3, "1e-300", "1e-400", "1.1e15", "1e16", "1e300", "1e400")
_FINE_DURATIONS = (
    "1 ms",
    "1 s",
    "999 ms",
    "7 min",
    "1 h",
    "90 min",
    "24 h",
    "1 d",
    "30 d",
    "366 d",
)
_DURATIONS = (
    *_FINE_DURATIONS * 3,
    *("0.1 ms", "0 s", "367 d", "53 week", "99999999 d", "999999999 d", "1e9 d"),
)
_FRACTIONS = ("0", "1", "0.5", "99 %", "1e-9", "2", "-1")
_OVER_SPANS = tuple(
    name
    for name, function in FUNCTIONS.items()
    if function.takes == (Takes.SERIES, Takes.DURATION)
    and function.gives in {Gives.SAME, Gives.PER_HOUR}
    and name not in FORECASTS
)
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@st.composite
def conditions(draw: DrawFn, depth: int = 2) -> str:  # noqa: PLR0911  a form each
    """One condition as an author might write it; many are refused when they are checked."""
    kind = draw(st.integers(0, 8)) if depth else draw(st.integers(2, 8))
    match kind:
        case 0:
            word = draw(st.sampled_from(("and", "or")))
            parts = draw(st.lists(conditions(depth - 1), min_size=2, max_size=4))
            return "(" + f" {word} ".join(parts) + ")"
        case 1:
            return f"not {draw(conditions(depth - 1))}"
        case 2:
            name = draw(st.sampled_from((*UNITS, "device")))
            return f"silent({name}, {draw(durations())})"
        case 3:
            return f"stuck({draw(names())}, {draw(durations())})"
        case 4:
            word = draw(st.sampled_from(("hour", "weekday", "month")))
            return f"{word} {draw(st.sampled_from(_COMPARISONS))} {draw(st.sampled_from(_NUMBERS))}"
        case 5:
            ahead = draw(st.sampled_from(("", ", 1 h", ", 366 d", ", 999999999 d")))
            return f"upstream({draw(names())} > {draw(st.sampled_from(_NUMBERS))} m{ahead})"
    name = draw(names())
    left, right = draw(values(name, depth)), draw(values(name, depth))
    return f"{left} {draw(st.sampled_from(_COMPARISONS))} {right}"


@st.composite
def values(draw: DrawFn, name: str, depth: int = 2) -> str:  # noqa: PLR0911  a form each
    """A value in some unit of one quantity."""
    kind = draw(st.integers(0, 7)) if depth else draw(st.integers(2, 7))
    match kind:
        case 0:
            operator = draw(st.sampled_from("+-"))
            return f"({draw(values(name, depth - 1))} {operator} {draw(values(name, depth - 1))})"
        case 1:
            operator = draw(st.sampled_from("*/"))
            number = draw(st.sampled_from(_NUMBERS))
            return f"{draw(values(name, depth - 1))} {operator} {number}"
        case 2:
            return f"{draw(st.sampled_from(_NUMBERS))} {draw(st.sampled_from(UNITS[name]))}"
        case 3:
            fraction = draw(st.sampled_from(_FRACTIONS))
            return f"quantile({name}, {fraction}, {draw(durations())})"
        case 4:
            same = [key for key, quantity in THRESHOLDS.items() if quantity == name]
            return f"threshold.{draw(st.sampled_from(same))}" if same else name
        case 5:
            return draw(st.sampled_from((name, f"last({name})")))
        case _:
            return f"{draw(st.sampled_from(_OVER_SPANS))}({name}, {draw(durations())})"


def names() -> SearchStrategy[str]:
    """Of a series."""
    return st.sampled_from(tuple(UNITS))


def durations() -> SearchStrategy[str]:
    """With their unit; some beyond what is accepted."""
    return st.sampled_from(_DURATIONS)


@st.composite
def rules(draw: DrawFn, number: int = 0) -> str:
    """A rule of a pack that may have `clear`, `for`, `keep for` and a step."""
    lines = [
        f"- id: flood-edge-{number}",
        '  title: "{site}: edge"',
        f"  when: {draw(conditions())}",
    ]
    if draw(st.booleans()):
        lines.append(f"  clear: {draw(conditions(1))}")
    lines += [
        f"  {key}: {draw(durations())}"
        for key in ("for", "keep for")
        if draw(st.integers(0, 3)) == 0
    ]
    lines.append("  severity: minor")
    if draw(st.integers(0, 2)) == 0:
        lines.append(f"  steps: [{{severity: major, when: '{draw(conditions(1))}'}}]")
    return "\n".join([*lines, "  advice: Look.", "  wrong when: It is not so.", "  tests: []", ""])
