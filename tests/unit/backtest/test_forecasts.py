"""Rules that forecast, on the past: by the models of each time, and where there was none."""

from typing import Any

from hypervisor.backtest import registries
from hypervisor.backtest.formatting import format_answer
from hypervisor.backtest.model import Span
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.scoring import score
from hypervisor.backtest.service import Answer
from hypervisor.registry.model import Revision
from rules._forecast import model_to_json
from rules._written_forecast import WrittenModel
from sensors._errors import Place
from tests.unit.backtest.making import HOUR, at
from tests.unit.backtest.river import CATALOGUE, LEVEL, fact, recorded, registry, rules
from tests.unit.backtest.test_judging import hours, judge

SOON = """
- id: flood-soon
  title: "{site} soon high"
  when: forecast(level, 2 h) > threshold.attention
  severity: minor
  advice: look
  wrong when: never
  tests: []
"""
RISING = [1.0, 1.0, 1.5, 1.5, 2.0, 2.5, 2.5, 2.0, 2.6, 2.6]


def model(times: float, *, of: str = "level") -> dict[str, Any]:
    terms = {2 * HOUR: {f"change({of}, 1 h)": times}}
    written = WrittenModel(series="level", terms=terms, spread=0.2, hold=2 * HOUR)
    return model_to_json(written.model("pont", Place(file="f", line=1, column=1)))


def modelled(value: dict[str, Any] | None, since: float, *, site: str = "pont") -> Revision:
    return fact("forecast", f"{site}/level", value, since=at(since))


def test_each_time_is_judged_by_the_model_of_its_time_and_never_by_a_later_one() -> None:
    whole = registry(SOON, modelled(model(2.0), 3), modelled(model(0.0), 6), modelled(model(5), 8))
    found = judge(whole, recorded(RISING))
    # 4 h: 2.0 + 2 x 0.5 is no more than 3; 5 h: 2.5 + 1.0; 6 h: by the second; 8 h: 2.6 + 3.0
    assert hours(found) == [("flood-soon", "pont", 5, 6), ("flood-soon", "pont", 8, 9)]


def test_a_period_that_begins_later_finds_the_same() -> None:
    whole = registry(SOON, modelled(model(2.0, of="level@moulin"), 3))
    record = recorded(pont=[2.0] * 10, moulin=RISING)
    assert hours(judge(whole, record)) == [("flood-soon", "pont", 8, 9)]
    late = judge(whole, record, span=Span(since=at(7)), sites=frozenset({"pont"}))
    assert hours(late) == [("flood-soon", "pont", 8, 9)]


def noted(*models: Revision, written: str = SOON) -> list[str]:
    found = judge(registry(written, *models), recorded(RISING, RISING))
    notes: list[str] = format_answer(Answer(evaluation=found, scored=score([], found, [])))["notes"]
    return notes


def test_where_there_was_no_model_is_told_and_until_when() -> None:
    nowhere = "flood-soon: no forecast at moulin: no model"
    first, second = noted(modelled(model(1.0), 3))
    assert first == nowhere
    assert second.startswith(
        "not evaluated before the rule, its thresholds and models were in force"
    )
    assert second.endswith(": flood-soon at pont 2022-01-01 03:00")
    assert noted(modelled(model(1.0), -9)) == [nowhere]
    both = [modelled(model(1.0), -9), modelled(model(1.0), 50, site="moulin")]
    (only,) = noted(*both)
    assert only.endswith(": flood-soon at moulin 2022-01-03 02:00")
    assert noted(both[0], modelled(model(1.0), -9, site="moulin")) == []


def test_rules_that_forecast_nowhere_are_not_spoken_of() -> None:
    assert noted(written=LEVEL + SOON) == []
    assert noted(modelled(None, 3), written=LEVEL + SOON) == []


def test_a_trial_has_the_models_too() -> None:
    whole = registry(LEVEL, modelled(model(2.0), 3))
    tried = registries.with_trial(whole, Trial(rules=rules(SOON)), CATALOGUE)
    found = judge(tried, recorded(RISING))
    assert ("flood-soon", "pont", 5, 6) in hours(found)
