"""Each function of the language: what its record says is whole, and the manual names it."""

import re

import pytest

from hypervisor.base.words import describe_function
from rules import _functions
from rules._functions import FORECASTS, FUNCTIONS, Bound, Function, Gives, Takes
from tests.documents import ROOT, find_example
from tests.unit.rules.test_by_hand import GAUGE, column, truth

EVERY = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda each: str(each.name))


@EVERY
def test_what_an_alarm_may_be_judged_by_has_a_name_in_each_language(function: Function) -> None:
    judges = function.takes[-1] is Takes.DURATION and (
        function.gives in {Gives.SAME, Gives.PER_HOUR} or function.name in FORECASTS
    )
    assert bool(function.label) == bool(function.french)
    assert function.label or not judges


@EVERY
def test_a_window_is_evaluated_and_needs_a_reading(function: Function) -> None:
    if function.evaluate is not None:
        assert function.windowed
        assert function.intervals >= 1
        assert function.takes[0] is Takes.SERIES
        assert function.takes[-1] is Takes.DURATION
    if function.bound is not Bound.NONE:
        assert function.gives is Gives.SAME


@pytest.mark.parametrize("page", ["docs/rules.md", "docs/fr/rules.md"])
@EVERY
def test_the_manual_has_a_row_of_it(function: Function, page: str) -> None:
    rows = [
        line.split("|")[1]
        for line in (ROOT / page).read_text("utf-8").splitlines()
        if line[:1] == "|"
    ]
    assert any(re.search(rf"\b{function.name}\b", row) for row in rows)


def test_the_example_in_contributing_md_is_a_whole_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = find_example("CONTRIBUTING.md", __file__)
    function = eval(code, vars(_functions))  # noqa: S307  our own document
    monkeypatch.setitem(FUNCTIONS, function.name, function)
    series = {"x": column(GAUGE), "y": column([(t, float(t), 0) for t in range(0, 31, 5)])}
    assert truth("median(y, 20 min) == 22.5", series, 30).name.lower() == "true"
    assert describe_function("median", "3 h") == "médiane sur 3 h"  # as a reader without a choice
