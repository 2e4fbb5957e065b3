"""How a text is read, word by word: units of time, precedence, and what each operator decides."""

import numpy as np
import pytest

from rules._duration import duration_text, parse_duration
from rules._errors import RuleError
from rules._expression import parse
from rules._interval import (
    FALSE,
    LEFT_OUT,
    TRUE,
    UNKNOWN,
    Interval,
    compare,
    every,
    negation,
    rounded,
    some,
)
from rules._tree import Arithmetic, Comparison, Name, Node, Number, Some
from sensors._errors import Place
from sensors._quantity import Kind
from tests.unit.rules.test_by_hand import GAUGE, column, truth

PLACE = Place(file="f", line=1, column=1)
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("250 ms", 0.25), ("1 s", 1), ("2 sec", 2), ("1 second", 1), ("1.5 seconds", 1.5)),
        *(("1 min", 60), ("1 minute", 60), ("90 minutes", 5_400), ("1 h", 3_600)),
        *(("1 hour", 3_600), ("2 hours", 7_200), ("1 d", 86_400), ("1 day", 86_400)),
        *(("2 days", 172_800), ("1 week", 604_800), ("2 weeks", 1_209_600), ("0 s", 0)),
        *((" 5min ", 300), ("0.5 h", 1_800), ("1 h 30 min", 5_400), ("1,5 h", 5_400)),
    ],
)
def test_a_duration_is_as_long_as_it_says(text: str, seconds: float) -> None:
    assert parse_duration(text, PLACE) == round(seconds * SECOND)


@pytest.mark.parametrize("text", ["", "h", "-1 h", "1 h 30", "1 h x", "1 m", "1e3 s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        parse_duration(text, PLACE)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0 s"), (1, "1 s"), (90, "90 s"), (60, "1 min"), (3_600, "1 h"), (5_400, "90 min")),
        *((86_400, "1 d"), (129_600, "36 h"), (604_800, "7 d"), (0.5, "0.5 s"), (61.5, "61.5 s")),
    ],
)
def test_a_duration_is_told_in_its_largest_whole_unit(seconds: float, text: str) -> None:
    assert duration_text(round(seconds * SECOND)) == text


def shown(node: Node) -> str:
    """With every bracket."""
    match node:
        case Arithmetic() | Comparison():
            return f"({shown(node.left)} {node.operator} {shown(node.right)})"
        case Number():
            return f"{node.value:g}"
        case Name():
            return node.name
        case Some():
            return " or ".join(shown(part) for part in node.conditions)
    return type(node).__name__.lower() + "(" + ", ".join(map(shown, node.parts)) + ")"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a - b - c > 1", "(((a - b) - c) > 1)"),
        ("a / b / c > 1", "(((a / b) / c) > 1)"),
        ("a / b * c > 1", "(((a / b) * c) > 1)"),
        ("a - b * c > 1", "((a - (b * c)) > 1)"),
        ("(a - b) * c > 1", "(((a - b) * c) > 1)"),
        ("a + b > c - 1", "((a + b) > (c - 1))"),
        ("-2 * a > -1", "((-2 * a) > -1)"),
        ("-a * b > 1", "(((-1 * a) * b) > 1)"),
        ("--2 > a", "(2 > a)"),
        ("a > 1 or b > 2 or c > 3", "(a > 1) or (b > 2) or (c > 3)"),
        ("not a > 1", "negation((a > 1))"),
        ("not a > 1 and b > 1", "every(negation((a > 1)), (b > 1))"),
        ("a > 1 and not b > 1", "every((a > 1), negation((b > 1)))"),
        ("a in (1, 2)", "(a == 1) or (a == 2)"),
        ("a not in (1, 2)", "negation((a == 1) or (a == 2))"),
        (".5 > a", "(0.5 > a)"),
        ("1e3 > a", "(1000 > a)"),
        ("1.5e-3 > a", "(0.0015 > a)"),
        ("true == a", "(1 == a)"),
        ("false == a", "(0 == a)"),
    ],
)
def test_operators_bind_as_everybody_expects(text: str, read: str) -> None:
    assert shown(parse(text, PLACE)) == read


def interval(lo: float, hi: float) -> Interval:
    return Interval(np.array([float(lo)]), np.array([float(hi)]))


@pytest.mark.parametrize(
    ("operator", "left", "right", "said"),
    [
        (">", (2, 3), (1, 2), UNKNOWN),
        (">", (2.1, 3), (1, 2), TRUE),
        (">", (1, 2), (2, 3), FALSE),
        (">=", (2, 3), (1, 2), TRUE),
        (">=", (1, 2), (2, 3), UNKNOWN),
        (">=", (1, 1.9), (2, 3), FALSE),
        ("<", (1, 2), (2, 3), UNKNOWN),
        ("<", (1, 1.9), (2, 3), TRUE),
        ("<", (2, 3), (1, 2), FALSE),
        ("<=", (1, 2), (2, 3), TRUE),
        ("<=", (2, 3), (1, 2), UNKNOWN),
        ("<=", (2.1, 3), (1, 2), FALSE),
        ("==", (2, 2), (2, 2), TRUE),
        ("==", (1, 2), (2, 2), UNKNOWN),
        ("==", (1, 2), (2.1, 3), FALSE),
        ("==", (2.1, 3), (1, 2), FALSE),
        ("!=", (2, 2), (2, 2), FALSE),
        ("!=", (1, 2), (2, 2), UNKNOWN),
        ("!=", (1, 2), (2.1, 3), TRUE),
        ("!=", (2.1, 3), (1, 2), TRUE),
    ],
)
def test_a_comparison_holds_for_the_whole_of_both_intervals(
    operator: str, left: tuple[float, float], right: tuple[float, float], said: int
) -> None:
    assert compare(operator, interval(*left), interval(*right)).tolist() == [said]


def test_three_values_follow_kleene_and_what_is_left_out_has_no_say() -> None:
    values = (FALSE, UNKNOWN, TRUE, LEFT_OUT)
    left = np.repeat(np.array(values, dtype=np.int8), 4)
    right = np.tile(np.array(values, dtype=np.int8), 4)
    f, u, t, out = (int(value) for value in values)
    assert every([left, right]).tolist() == [f, f, f, f, f, u, u, u, f, u, t, t, f, u, t, out]
    assert some([left, right]).tolist() == [f, u, t, f, u, u, t, u, t, t, t, t, f, u, t, out]
    assert negation(np.array(values, dtype=np.int8)).tolist() == [t, u, f, out]


def test_what_is_computed_is_rounded_to_nine_decimals() -> None:
    found = rounded(interval(0.1234567894, 0.1234567896))
    assert (found.lo[0], found.hi[0]) == (0.123456789, 0.12345679)
    assert rounded(interval(-np.inf, np.inf)).hi[0] == np.inf
    assert rounded(interval(1e300, 1e300)).lo[0] == 1e300


@pytest.mark.parametrize(
    ("when", "at", "said"),
    [
        ("stuck(x, 20 min)", 30, "true"),
        ("stuck(x, 30 min)", 30, "true"),
        ("stuck(x, 31 min)", 30, "unknown"),
        ("quantile(x, 0.5, 20 min) == 2", 30, "true"),
        ("quantile(y, 0.5, 20 min) == 22.5", 30, "true"),
        ("quantile(y, 0, 20 min) == 15", 30, "true"),
        ("quantile(y, 1, 20 min) == 30", 30, "true"),
        ("quantile(y, 0.25, 20 min) == 18.75", 30, "true"),
        ("last(y) == 30", 30, "true"),
        ("last_change(y, 10 min) == 10", 30, "true"),
        ("change(y, 10 min) == 10", 30, "true"),
        ("change(y, 8 min) == 10", 30, "true"),  # the last reading at or before, an interval older
        ("increase(energy, 10 min) == 8", 30, "true"),  # 3 up, then a restart to 5
        ("count(y, 20 min) == 4", 30, "true"),
        ("mean(y, 20 min) == 22.5", 30, "true"),
    ],
)
def test_functions_by_hand(when: str, at: float, said: str) -> None:
    energy = [(0, 10.0, 0), (5, 11.0, 0), (10, 12.0, 0), (15, 13.0, 0), (20, 14.0, 0)]
    series = {
        "x": column(GAUGE),
        "y": column([(t, float(t), 0) for t in range(0, 31, 5)]),
        "energy": column([*energy, (25, 17.0, 0), (30, 5.0, 0)], kind=Kind.COUNTER),
    }
    assert truth(when, series, at).name.lower() == said
