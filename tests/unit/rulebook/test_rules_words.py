"""Rules told to people: titles without their site, and where an alarm ends, as a number."""

import pytest

from hypervisor.backtest.compared_series import find_compared, find_condition
from hypervisor.base.reader import reading
from hypervisor.rulebook import views_texts
from sensors._domain import catalogue
from tests.unit.backtest.test_compared import rule
from tests.unit.web.readers import reader


@pytest.mark.parametrize(
    ("clear", "ends"),
    [
        ("level < threshold.attention - 0.10 m", 1.9),
        ("level < threshold.attention * 0.5", 1.0),
        ("level < 1 m", None),
        ("rate(level, 3 h) < 0 m/h", None),
    ],
)
def test_where_an_alarm_ends(clear: str, ends: float | None) -> None:
    made = rule("level > threshold.attention", f"  clear: {clear}")
    found = find_compared(made, "attention")

    assert found is not None
    assert made.clear is not None
    worked = views_texts.clearing_value(made.clear, "attention", 2.0, found)
    assert worked == (None if ends is None else pytest.approx(ends))


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("forecast(level, 2 h) > 1 m", "Water level: forecast in 2\N{NO-BREAK SPACE}h"),
        ("chance(level > 1 m, 2 h) > 0.5", "Water level: probability within 2\N{NO-BREAK SPACE}h"),
    ],
)
def test_what_is_compared_of_a_forecast(when: str, said: str) -> None:
    found = find_condition(rule(when))
    assert found is not None
    with reading(reader("en")):
        assert views_texts.describe_node(found.node, catalogue()) == said


def test_the_limit_of_a_chance_is_not_what_a_rule_compares() -> None:
    soon = "chance(level > threshold.attention, 2 h) > 0.5"
    assert find_compared(rule(soon), "attention") is None
    both = find_compared(rule(f"{soon} and level < threshold.attention"), "attention")
    assert both is not None
    assert both.direction == "below"


def test_a_title_says_what_it_is_about() -> None:
    with reading(reader("en")):
        assert views_texts.rule_title(rule("level > 1 m")) == "Tried"


@pytest.mark.parametrize(
    ("part", "said"), [(0.0036, "0,36\N{NO-BREAK SPACE}%"), (0.5, "50\N{NO-BREAK SPACE}%")]
)
def test_shares_have_the_figures_that_count(part: float, said: str) -> None:
    with reading(reader("fr")):
        assert views_texts.format_percent(part) == said
