"""What an author is told of a forecast in a rule, and how a pack's test gives one."""

import json
from dataclasses import replace

import pytest

from rules._errors import RuleError
from rules._forecast import model_from_json, model_to_json
from rules._pack import load_pack
from rules._pack_test import run_tests
from rules._vocabulary import vocabulary
from sensors._domain import catalogue
from sensors._errors import Message
from tests.unit.rules.forecasting import small_model
from tests.unit.rules.test_language_by_hand import read, slip

WORDS = vocabulary(catalogue())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("forecast(level, 5 min) > 1 m", "25: forecast looks from 15 min to 1 d ahead"),
        ("forecast(level, 25 h) > 1 m", "25: forecast looks from 15 min to 1 d ahead"),
        ("forecast(level, 0 h) > 1 m", "25: forecast needs a duration above zero"),
        ("chance(level > 2 m, 2 d) > 0.5", "29: chance looks from 15 min to 1 d ahead"),
        ("chance(level > 2 m, 2 h) > 30", "36: a chance lies between 0 and 1; write 0.3 or 30 %"),
        ("chance(level > 2, 2 h) > 0.5", "24: a number without a unit is next to one in m"),
        ("chance(level > 2 m3/s, 2 h) > 0.5", "22: "),
        *(
            (f"chance({crossing}, 2 h) > 0.5", f"{column}: expected one series compared with a")
            for crossing, column in (
                ("level > last(level)", 22),
                ("level == 2 m", 22),
                ("2 m > 3 m", 20),
                ("level > discharge", 22),
                ("hour > 3", 21),
                ("level * 2 > 3 m", 26),
                ("level", 16),
                ("level > 2 m and level > 1 m", 16),
            )
        ),
        ("upstream(forecast(level, 2 h)) > 1 m", "18: forecast cannot be used inside upstream"),
        ("total(chance(level > 1 m, 2 h)) > 1", "15: chance cannot be used inside total"),
    ],
)
def test_what_is_no_forecast_is_told_with_what_was_meant(text: str, told: str) -> None:
    assert slip(lambda: read(text, WORDS)).startswith(told)


def test_a_limit_may_stand_on_either_side_and_percentages_are_parts() -> None:
    assert read("chance(1 m - 10 cm < level, 2 h) >= 50 %", WORDS) == read(
        "chance(level > 1 m - 0.1 m, 120 min) >= 0.5", WORDS
    )


PACK = """
- id: flood-x
  title: "{site}: x"
  when: chance(level > threshold.attention, 2 h) >= 50 %
  clear: forecast(level, 2 h) < threshold.attention - 0.2 m
  severity: minor
  steps:
    - {severity: major, when: "forecast(discharge, 30 min) > 100 m3/s"}
  advice: Look.
  wrong when: It is not so.
  tests:
    - name: told when it is as likely as not
      every: 15 min
      thresholds: {attention: 3 m}
      level: 2*6 2.5 -
      discharge: 20*7
      forecast: {level: {2 h: 2*2 2.9~0.2 - 3~0.2 2.7*3}}
      expect: [{began: "01:00", ended: "01:15"}]
"""


def differences(text: str) -> list[str]:
    (tested,) = run_tests(load_pack(text, file="f", domain="flood", words=WORDS), catalogue())
    return list(tested.differences)


def test_a_test_of_a_pack_gives_what_was_issued() -> None:
    # 00:30: 2.9, and 3 with less than a quarter of a chance; 00:45: nothing; 01:00: 3
    assert differences(PACK) == []
    # What is unknown ends no alarm.
    assert differences(PACK.replace("2.9~0.2", "3.0~0.2").replace("01:00", "00:30")) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("forecast: {level: {2 h: 2*2 2.9~0.2 - 3~0.2 2.7*3}}", "", "give a forecast of level"),
        ("2.9~0.2", "2.9?", "'2.9?' is not a forecast; expected a number or - (none), then ~"),
        ("{2 h: 2*2 2.9~0.2 - 3~0.2 2.7*3}", "{2 h: ''}", "expected `forecast`: {level: {2 h: 1.2"),
        ("{2 h: 2*2 2.9~0.2 - 3~0.2 2.7*3}", "{}", "expected `forecast`: {level: {2 h: 1.2"),
        ("{level: {2 h", "{levle: {2 h", "a forecast has no 'levle'; did you mean 'level'?"),
        ("{2 h:", "{soon:", "'soon' is not a duration"),
    ],
)
def test_what_a_test_gives_wrongly_is_told(before: str, after: str, told: str) -> None:
    assert before in PACK
    (difference,) = differences(PACK.replace(before, after))
    assert told in difference


def test_only_rules_of_sites_forecast() -> None:
    with pytest.raises(RuleError, match="uses a forecast and is not `per: site`"):
        load_pack(
            PACK.replace("severity: minor", "per: device\n  severity: minor", 1),
            file="f",
            domain="flood",
            words=WORDS,
        )


def test_a_rule_with_silence_knows_no_forecast() -> None:
    with pytest.raises(RuleError, match="chance cannot be combined with silent"):
        load_pack(
            PACK.replace("when: chance", "when: silent(level, 1 h) and chance"),
            file="f",
            domain="flood",
            words=WORDS,
        )


def test_a_rule_needs_the_forecasts_of_when_and_clear_only() -> None:
    (rule,) = load_pack(PACK, file="f", domain="flood", words=WORDS).rules
    assert rule.forecasts == ("discharge", "level")
    assert rule.needed_forecasts == ("level",)


def test_a_model_says_in_its_skill_why_a_horizon_is_closed() -> None:
    closed = Message("nothing forecasts floods here better than {method}", "the last value")
    model = replace(small_model(), skill={"horizons": [{"closed": closed}]})
    written = json.loads(json.dumps(model_to_json(model)))
    assert written["skill"]["horizons"] == [{"closed": str(closed)}]
    assert model_from_json(written) == model
