"""The guided form of a rule and its text: either follows the other."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from hypervisor.base.reader import reading
from hypervisor.rulebook.views_draft import parse_draft
from hypervisor.rulebook.views_guide import (
    SIGNS,
    Guide,
    find_error,
    fit,
    list_limits,
    list_measures,
    list_quantities,
    new_guide,
    parse_guide,
    read_guide,
    suggest_id,
    write_guide,
)
from hypervisor.rulebook.yaml_output import rule_text
from sensors._domain import catalogue
from tests.unit.web.readers import reader

CATALOGUE = catalogue()


def written(guide: Guide, rule: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    rule = {"tests": []} if rule is None else rule
    options: dict[str, Any] = {"before": None, "domain": "flood", "taken": (), **more}
    with reading(reader("fr")):
        return write_guide(rule, guide, CATALOGUE, **options)


@pytest.mark.parametrize("domain", sorted(CATALOGUE.domains))
def test_what_the_pickers_write_is_understood_and_read_again(domain: str) -> None:
    for quantity in list_quantities(CATALOGUE, domain):
        plain = fit(Guide(quantity=quantity.name), CATALOGUE, domain)
        for (measure, _), comparison in product(list_measures(plain, CATALOGUE), SIGNS):
            chosen = fit(replace(plain, measure=measure), CATALOGUE, domain)
            chosen = replace(chosen, comparison=comparison, value="0.5")
            for limit in ("", *dict(list_limits(chosen, CATALOGUE))):
                guide = replace(chosen, limit=limit)
                draft = parse_draft(rule_text(written(guide, domain=domain)), domain)
                assert draft.rule is not None, (guide, draft.slips)
                assert replace(guide, value="", span="") == replace(
                    read_guide(draft.rule, CATALOGUE) or guide, value="", span=""
                )
                assert read_guide(draft.rule, CATALOGUE) is not None


def test_a_new_rule_has_texts_in_both_languages_and_a_name_of_its_own() -> None:
    rule = written(Guide(quantity="level", value="1,5"), taken={"flood-level-above-1-5"})

    assert rule["id"] == "flood-level-above-1-5-2"
    assert rule["when"] == "level > 1.5 m"
    assert rule["title"] == "{site}: water level above 1.5 m"
    assert rule["fr"]["title"] == "{site} : hauteur d'eau au-dessus de 1,5 m"
    assert rule["fr"]["advice"] != rule["advice"]


def test_what_the_author_wrote_stays_and_what_was_suggested_follows() -> None:
    first = Guide(quantity="level")
    rule = written(first)
    rule["fr"]["title"] = "{site} : le moulin"
    rule["labels"] = {"crew": "north"}
    second = replace(first, value="2")
    rule = written(second, rule, before=first)

    assert rule["title"] == "{site}: water level above 2 m"
    assert rule["fr"]["title"] == "{site} : le moulin"
    assert rule["id"] == "flood-level-above-2"
    assert rule["labels"] == {"crew": "north"}


def test_the_identifier_of_a_rule_that_exists_stays() -> None:
    first = Guide(quantity="level")
    rule = written(first, {"id": "flood-level-above-1"}, taken=None, before=first)
    assert written(replace(first, value="2"), rule, taken=None, before=first)["id"] == rule["id"]


@pytest.mark.parametrize(
    "when",
    [
        "level > 1 m and hour > 3",
        "level >= 1 m",
        "level > threshold.attention + 10 cm",
        "upstream(level > threshold.alert)",
        "level - 1 m > 0 m",
        "silent(level, 1 h)",
        "level > threshold.rise * 1 h",
        "forecast(level, 2 h) > 1 m",
        "chance(level > threshold.alert, 2 h) > 0.5",
        "usual(level, 4 weeks) > 1 m",
        "mean(level, 1 h) / usual(level, 4 weeks) > 150 %",
        "mean(discharge, 2 h) / usual(discharge, 4 weeks) > 150 %",
        "max(discharge, 1 h) / usual(discharge, 4 weeks) > 150 %",
    ],
)
def test_a_rule_may_be_beyond_the_pickers(when: str) -> None:
    rule = {**written(Guide(quantity="level")), "when": when}
    draft = parse_draft(rule_text(rule), "flood")
    assert draft.rule is not None, draft.slips
    assert read_guide(draft.rule, CATALOGUE) is None


def test_a_mirrored_condition_and_its_duration_are_read() -> None:
    rule = {
        **written(Guide(quantity="level")),
        "when": "20 cm/h < rate(level, 90 min)",
        "for": "1 h",
    }
    draft = parse_draft(rule_text(rule), "flood")
    assert draft.rule is not None
    assert read_guide(draft.rule, CATALOGUE) == Guide(
        quantity="level", measure="rate", span="90 min", value="0.2", hold="1 h"
    )


def test_choices_that_a_quantity_lacks_are_dropped() -> None:
    form = {"quantity": "level", "measure": "sum", "limit": "flow_alert", "comparison": "near"}
    assert parse_guide(form, CATALOGUE, "flood") == Guide(quantity="level")


@pytest.mark.parametrize(("value", "right"), [("1,5", True), ("150 cm", True), ("high", False)])
def test_a_value_is_a_number(value: str, right: bool) -> None:  # noqa: FBT001  a row of the table
    assert (find_error(Guide(quantity="level", value=value), CATALOGUE) == "") is right


def test_every_domain_has_a_first_guide() -> None:
    for domain in CATALOGUE.domains:
        assert suggest_id(new_guide(CATALOGUE, domain), domain, ()).startswith(f"{domain}-")


def test_an_hour_is_compared_with_what_is_usual() -> None:
    guide = fit(Guide(quantity="discharge", measure="usual"), CATALOGUE, "flood")
    rule = written(guide)
    assert guide == Guide(quantity="discharge", measure="usual", span="4 weeks", value="150")
    assert rule["when"] == "mean(discharge, 1 h) / usual(discharge, 4 weeks) > 150 %"
    assert rule["fr"]["title"] == (
        "{site} : débit, par rapport aux mêmes heures sur 4 semaines : au-dessus de 150 %"
    )
    assert fit(replace(guide, measure="mean"), CATALOGUE, "flood").span == "1 h"
    level = fit(replace(guide, quantity="level"), CATALOGUE, "flood")
    assert level.measure == "value", "a level has an arbitrary zero"
