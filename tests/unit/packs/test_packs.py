"""What every pack owes its operators, and where the examples and the packs must agree."""

import pytest

from rules._pack import Pack, packs
from tests.unit.packs.judging import registry_of

PACKS = packs()
each_pack = pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.domain)
DEMONSTRATED = {site.domain for site in registry_of("essonne").sites.values()}


@each_pack
def test_a_pack_watches_hazards_and_what_the_example_has_its_own_equipment(pack: Pack) -> None:
    categories = {rule.category for rule in pack.rules}
    assert "hazard" in categories
    assert "maintenance" in categories or pack.domain not in DEMONSTRATED


@each_pack
def test_every_rule_says_what_to_do_and_when_it_is_wrong(pack: Pack) -> None:
    for rule in pack.rules:
        for said in (rule.advice, rule.wrong_when):
            assert len(said) > 30, rule.id
            assert said.endswith("."), rule.id
        assert rule.tests, rule.id


def test_forty_lamps_are_their_cabinet_s() -> None:
    rules = {rule.id: rule for pack in PACKS for rule in pack.rules}
    lamps = {"lighting-lamp-silent", "lighting-lamp-fault"}
    for cabinet in ("lighting-supply-lost", "lighting-lamps-out"):
        assert lamps <= set(rules[cabinet].inhibits)
    assert "lighting-lamp-silent" in rules["lighting-cabinet-silent"].inhibits
    assert {"mobility-no-traffic"} <= set(rules["flood-asset-reached"].inhibits)


def test_a_gauge_that_is_lost_rising_escalates_and_reminds() -> None:
    rules = {rule.id: rule for pack in PACKS for rule in pack.rules}
    for name in ("flood-level-lost-rising", "flood-discharge-lost-rising"):
        assert rules[name].escalate
        assert rules[name].remind


def test_a_flood_alarm_is_never_inhibited_by_doubt() -> None:
    inhibited = {name for pack in PACKS for rule in pack.rules for name in rule.inhibits}
    assert not inhibited & {"flood-level", "flood-discharge", "flood-asset-reached"}


def test_what_announces_is_told_at_once_and_silent_once_it_is_here() -> None:
    rules = {rule.id: rule for pack in PACKS for rule in pack.rules}
    announcing = [rule for rule in rules.values() if rule.forecasts]
    assert len(announcing) == 7
    assert {rule.grace for rule in announcing} == {0}
    assert "flood-attention-likely" in rules["flood-level"].inhibits
    assert "flood-discharge-attention-likely" in rules["flood-discharge"].inhibits
    assert "flood-asset-likely" in rules["flood-asset-reached"].inhibits


def test_the_first_asset_is_the_lowest_reach() -> None:
    registry = registry_of("essonne")
    lowest: dict[str, float] = {}
    found: dict[str, float] = {}
    for revision in registry.revisions:
        value = revision.value or {}
        if revision.kind == "reach":
            gauge, level = str(value["gauge"]), float(value["level"])
            lowest[gauge] = min(level, lowest.get(gauge, level))
        elif revision.kind == "threshold" and revision.key.endswith("/first_asset"):
            found[revision.key.partition("/")[0]] = float(value["value"])
    assert found == lowest
