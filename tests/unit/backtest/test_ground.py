"""What the past is judged by: rules and thresholds chosen, tried in another's place, or refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.past_events import parse_number
from hypervisor.backtest.registries import (
    Trial,
    choose_rules,
    only_rules,
    parse_trial,
    with_trial,
)
from hypervisor.base.instants import BEGINNING, micros
from sensors._scalars import ScalarError
from tests.unit.backtest.making import at
from tests.unit.backtest.river import CATALOGUE, LEVEL, RISE, SILENT, fact, registry, rules

WHOLE = registry(LEVEL + RISE + SILENT)
LOWER = LEVEL.replace("threshold.attention", "2 m")


def facts_of(revisions: object) -> list[tuple[str, str, object, int]]:
    assert isinstance(revisions, tuple)
    return [(each.kind, each.key, each.value, micros(each.effective)) for each in revisions]


def test_what_is_tried_has_always_been_so_in_the_place_of_all_that_was() -> None:
    moved = fact("threshold", "pont/attention", {"value": 2.5, "unit": "m"}, since=at(5))
    whole = replace(WHOLE, revisions=(*WHOLE.revisions, moved))
    (lower,) = rules(LOWER)
    trial = Trial(rules=(lower,), thresholds={"pont/attention": "250 cm"})
    result = facts_of(with_trial(whole, trial, CATALOGUE).revisions)
    assert [each for each in result if each[:2] == ("threshold", "pont/attention")] == [
        ("threshold", "pont/attention", {"value": 2.5, "unit": "m"}, BEGINNING)
    ]
    assert [each for each in result if each[:2] == ("rule", "flood-level")] == [
        ("rule", "flood-level", lower.to_json(), BEGINNING)
    ]
    others = [each for each in result if each[1] not in ("pont/attention", "flood-level")]
    assert others == [
        each
        for each in facts_of(WHOLE.revisions)
        if each[1] not in ("pont/attention", "flood-level")
    ]
    assert [each[:2] for each in result] == sorted(each[:2] for each in result)


def test_where_nothing_is_tried_the_registry_is_itself() -> None:
    assert with_trial(WHOLE, Trial(), CATALOGUE) is WHOLE
    assert not Trial(thresholds={})
    assert Trial(thresholds={"pont/attention": "1 m"})


def test_a_threshold_may_be_of_a_device() -> None:
    result = with_trial(WHOLE, Trial(thresholds={"device/pont/attention": "1 m"}), CATALOGUE)
    assert (
        "threshold",
        "device/pont/attention",
        {"value": 1.0, "unit": "m"},
        BEGINNING,
    ) in facts_of(result.revisions)


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        (
            "ponts/attention",
            "1 m",
            "there is no site 'ponts' (expected SITE/THRESHOLD); did you mean 'pont'?",
        ),
        (
            "device/ponts/attention",
            "1 m",
            "there is no device 'ponts' (expected SITE/THRESHOLD); did you mean 'pont'?",
        ),
        (
            "attention",
            "1 m",
            "there is no site '' (expected SITE/THRESHOLD); expected one of moulin, pont",
        ),
        ("pont/atention", "1 m", "there is no threshold 'atention'; did you mean 'attention'?"),
        ("pont/attention", "1 mm/h", "'1 mm/h': expected a value in m"),
    ],
)
def test_a_threshold_that_cannot_be_tried_is_refused(key: str, text: str, problem: str) -> None:
    with pytest.raises(BacktestError) as caught:
        with_trial(WHOLE, Trial(thresholds={key: text}), CATALOGUE)
    assert str(caught.value).startswith(f"{key}: {problem}")


def test_rules_are_chosen_by_id_or_by_what_they_begin_with() -> None:
    longer = LEVEL.replace("flood-level", "flood-level-long")
    whole = registry(LEVEL + RISE + longer)
    assert choose_rules(whole, (), CATALOGUE) == ["flood-level", "flood-level-long", "flood-rise"]
    assert choose_rules(whole, ["flood"], CATALOGUE) == [
        "flood-level",
        "flood-level-long",
        "flood-rise",
    ]
    assert choose_rules(whole, ["flood-level"], CATALOGUE) == ["flood-level"]
    assert choose_rules(whole, ["flood-rise", "flood"], CATALOGUE) == [
        *("flood-rise", "flood-level", "flood-level-long"),
    ]
    with pytest.raises(BacktestError) as caught:
        choose_rules(whole, ["flood-rise", "flod"], CATALOGUE)
    assert str(caught.value) == ("'flod' is no file, no rule and no domain; did you mean 'flood'?")


def test_a_rule_that_was_withdrawn_for_good_is_not_chosen() -> None:
    gone = fact("rule", "flood-rise", None, since=at(5))
    whole = replace(WHOLE, revisions=(*WHOLE.revisions, gone))
    assert choose_rules(whole, (), CATALOGUE) == ["flood-level", "flood-silent"]
    assert choose_rules(WHOLE, (), CATALOGUE) == ["flood-level", "flood-rise", "flood-silent"]


def test_the_registry_without_other_rules_keeps_all_else() -> None:
    result = only_rules(WHOLE, ["flood-rise"])
    assert choose_rules(result, (), CATALOGUE) == ["flood-rise"]
    assert [each for each in facts_of(result.revisions) if each[0] != "rule"] == [
        each for each in facts_of(WHOLE.revisions) if each[0] != "rule"
    ]
    assert len(result.revisions) == len(WHOLE.revisions) - 2


def test_words_try_packs_and_thresholds(tmp_path: Path) -> None:
    pack = tmp_path / "flood.yaml"
    pack.write_text(LEVEL + RISE, encoding="utf-8")
    result = parse_trial([str(pack), " pont/attention = 2.4 m"])
    assert [rule.id for rule in result.rules] == ["flood-level", "flood-rise"]
    assert result.thresholds == {"pont/attention": "2.4 m"}


@pytest.mark.parametrize("word", ["pont/attention", "attention=2 m", "nowhere.yaml", ""])
def test_a_word_that_tries_nothing_is_refused(word: str) -> None:
    with pytest.raises(BacktestError) as caught:
        parse_trial([word])
    assert str(caught.value) == (
        f"{word!r} is neither a file nor a threshold such as 'SITE/attention=2.4 m'"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1,78", 1.78), ("1.78 m", 1.78), ("178 cm", 1.78), (" -2 ", -2.0)),
        *(("\u22120,5", -0.5), ("\u22125 cm", -0.05), ("0", 0.0)),
    ],
)
def test_numbers_are_read_as_people_type_them(text: str, value: float) -> None:
    assert parse_number(text, "m") == pytest.approx(value)


def test_what_is_no_number_is_told_with_an_example() -> None:
    for text in ("inf", "nan"):
        with pytest.raises(ScalarError) as caught:
            parse_number(text, "m")
        assert str(caught.value) == f"{text!r} is not a number; expected one such as 1.78 m"
    with pytest.raises(ScalarError, match="'high': expected a number"):
        parse_number("high", "m")
