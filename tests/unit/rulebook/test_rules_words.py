"""Rules told to people: titles without their site, and where an alarm ends, as a number."""

import pytest

from hypervisor.backtest.compared_series import find_compared
from hypervisor.base.reader import reading
from hypervisor.rulebook import views_texts
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


def test_a_title_says_what_it_is_about() -> None:
    with reading(reader("en")):
        assert views_texts.rule_title(rule("level > 1 m")) == "Tried"


@pytest.mark.parametrize(
    ("part", "said"), [(0.0036, "0,36\N{NO-BREAK SPACE}%"), (0.5, "50\N{NO-BREAK SPACE}%")]
)
def test_shares_have_the_figures_that_count(part: float, said: str) -> None:
    with reading(reader("fr")):
        assert views_texts.format_percent(part) == said
