"""Which rule applies where, what it listens to and how far back."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.evaluation import memory
from hypervisor.evaluation.memory import Memory
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.queries_setbacks import EVERY
from hypervisor.evaluation.territory import Territory, arrange
from hypervisor.registry.model import Group, Registry, Revision
from rules._inputs import Closing
from rules._rule import Rule
from rules._rule_state import Phase, StateChange, Truth
from tests.unit.evaluation import test_rule_histories as book
from tests.unit.evaluation.test_subjects import CATALOGUE, DAY, device, registry, says
from tests.unit.packs.judging import registry_of

HOUR = 3_600_000_000
TICK = 1_000_000
LONG = 400 * 24 * HOUR


def written(rule: Rule, hours: float = -48) -> Revision:
    return says("rule", rule.id, rule.to_json(), hours)


def rule(when: str, name: str = "flood-x", **more: str) -> Rule:
    return book.rule(when, id=name, **more)


def gauge(*revisions: Revision, quantities: tuple[str, ...] = ("level",)) -> Registry:
    """A gauge of which a word is expected every hour; it holds for three."""
    return registry(
        (device("mill", site="mill"),),
        {"mill": quantities},
        *(says("series", f"mill/{name}", {"interval_s": 3600}) for name in quantities),
        *revisions,
        sites={"mill": SITE},
    )


SITE = replace(
    registry((), {}).sites["cab"], name="mill", title="Mill", domain="flood", lon=2.0, lat=48.0
)
ATTENTION = says("threshold", "mill/attention", {"value": 3.0, "unit": "m"})


def arranged(given: Registry, *, retention: int = LONG) -> Territory:
    return arrange(given, CATALOGUE, PowerSchedule(retention=retention))


def test_a_rule_applies_where_nothing_is_lacking() -> None:
    high = rule("level > threshold.attention")
    rain = rule("catchment_rain > 1 mm", "flood-rain")
    per_device = rule("level > 1 m", "flood-each", per="device")
    given = gauge(ATTENTION, written(high), written(rain), written(per_device))
    result = arranged(given)
    assert result.revisions == {
        ("flood-x", "mill"): ((micros(DAY) - 48 * HOUR, high),),
        ("flood-each", "device/mill"): ((micros(DAY) - 48 * HOUR, per_device),),
    }
    assert sorted(result.rules) == ["flood-each", "flood-rain", "flood-x"]
    assert sorted(result.subjects) == ["device/mill", "mill"]
    assert result.quantity_of == {1: "level"}
    assert (result.inapplicable, result.failed) == ({}, {})
    assert not result.lit


def reach(when: str, **more: Any) -> dict[int, float]:
    """How many hours a rule looks back on each series, without the tick."""
    result = arranged(gauge(ATTENTION, written(rule(when)), **more))
    return {
        number: (each - TICK) / HOUR for number, each in result.listens["flood-x", "mill"].items()
    }


def test_a_rule_looks_back_its_windows_and_twice_the_stale_limit() -> None:
    assert reach("level > threshold.attention") == {1: 6}
    assert reach("change(level, 5 h) > 1 m") == {1: 11}
    both = ("level", "discharge")
    assert reach("change(level, 5 h) > 1 m", quantities=both) == {1: 11}
    assert reach("level > 1 m or discharge > 1 m3/s", quantities=both) == {1: 6, 2: 6}


def test_it_looks_back_an_hour_at_least_for_the_trend() -> None:
    """On what is told every minute, from the beginning on."""
    often = replace(says("series", "mill/level", {"interval_s": 60}), effective=moment(BEGINNING))
    given = gauge(written(rule("level > 1 m")))
    given = replace(
        given, revisions=(often, *(each for each in given.revisions if each.kind != "series"))
    )
    assert arranged(given).listens["flood-x", "mill"] == {1: HOUR}


def test_of_several_rules_the_farthest_look_is_how_long_rows_are_kept() -> None:
    near, far = rule("level > 1 m"), rule("change(level, 9 h) > 1 m", "flood-far")
    result = arranged(gauge(written(near), written(far)))
    assert result.longest == {1: 15 * HOUR + TICK}
    assert result.keep(1) == 18 * HOUR + TICK
    assert result.keep(99) == 3 * HOUR


def test_a_rule_that_looks_back_too_far_is_set_aside_with_the_reason() -> None:
    given = gauge(written(rule("change(level, 20 d) > 1 m")))
    assert arranged(given, retention=42 * 24 * HOUR).failed == {}
    result = arranged(given, retention=40 * 24 * HOUR)
    assert result.revisions == {}
    assert {pair: str(error) for pair, error in result.failed.items()} == {
        ("flood-x", "mill"): (
            "it looks back 20 d, stale limits and travel times included; at most 20 d, half of"
            " the time for which readings are kept"
        )
    }


def test_a_rule_that_cannot_be_read_and_a_site_that_cannot_be_made_are_set_aside() -> None:
    bad = says("rule", "flood-x", {"id": "flood-x", "domain": "flood", "when": "nothing ("})
    broken = says("series", "mill/level", {"interval_s": -1}, -1)
    result = arranged(gauge(bad, broken, written(rule("level > 1 m", "flood-y"))))
    assert sorted(result.failed) == [(EVERY, "mill"), ("flood-x", EVERY)]
    assert result.revisions == {}
    assert str(result.failed["flood-x", EVERY]) == result.rules["flood-x"].problem


def test_two_devices_that_measure_what_a_rule_asks_for_are_worth_saying() -> None:
    given = registry(
        (device("mill", site="mill"), device("other", 3, site="mill")),
        {"mill": ("level", "battery"), "other": ("level",)},
        written(rule("level > 1 m")),
        written(rule("level > threshold.attention", "flood-limit")),
        written(rule("battery < 20 %", "flood-battery")),
        sites={"mill": SITE},
    )
    result = arranged(given)
    assert result.inapplicable == {("flood-x", "mill"): "two devices in service measure level"}
    assert [when for when, _ in result.revisions["flood-x", "mill"]] == [
        *(micros(DAY) - 48 * HOUR, micros(DAY) + 3 * HOUR),
    ]


def test_of_a_site_upstream_a_rule_looks_back_as_long_as_water_takes_besides() -> None:
    sites = {
        name: replace(SITE, name=name, id=number) for number, name in enumerate(("low", "up"), 1)
    }
    given = registry(
        (device("low", site="low"), device("up", site="up")),
        {"low": ("level",), "up": ("level",)},
        *(says("series", f"{name}/level", {"interval_s": 3600}) for name in sites),
        says("link", "up>low", {"travel_s": 7200}),
        written(rule("upstream(level > 2 m)")),
        written(rule("level > 2 m and upstream(level > 2 m)", "flood-both")),
        sites=sites,
    )
    listens = arranged(given).listens
    assert listens["flood-x", "low"] == {2: 8 * HOUR + TICK}
    assert listens["flood-both", "low"] == {1: 6 * HOUR + TICK, 2: 8 * HOUR + TICK}
    assert ("flood-x", "up") not in listens


def test_a_journal_is_open_from_its_first_moment_if_that_is_inactive() -> None:
    def judged(time: int, phase: Phase) -> StateChange:
        return StateChange(time=time, phase=phase, when=Truth.FALSE, clear=Truth.FALSE)

    assert memory.opened([]) is None
    states = [judged(5, Phase.INACTIVE), judged(9, Phase.ACTIVE)]
    assert memory.opened(states) == 5
    assert memory.opened(states[1:]) is None


def test_the_next_closing_is_the_first_after_a_time() -> None:
    given: Any = SimpleNamespace(
        closings={("a", "b"): [Closing(at=9, reason=""), Closing(at=5, reason="")]}
    )
    after = Memory.closing_after
    assert [after(given, ("a", "b"), time) for time in (4, 5, 8, 9)] == [5, 9, 9, None]
    assert after(given, ("a", "c"), 0) is None


@pytest.mark.parametrize("share", ["supplies", "lighting", None])
def test_a_territory_is_lit_where_a_plan_says_anything_to_anybody(share: str | None) -> None:
    dark: Any = SimpleNamespace(supplies={}, lighting=None)
    lamp: Any = SimpleNamespace(supplies={}, lighting=None)
    if share is not None:
        setattr(lamp, share, {"lamp": 1})
    given = replace(Territory.empty(), subjects={"dark": dark, "lamp": lamp})
    assert given.lit == (share is not None)


def test_nothing_is_known_before_the_registry_was_read() -> None:
    empty = Territory.empty()
    assert (empty.subjects, empty.rules, empty.revisions, empty.listens) == ({}, {}, {}, {})
    assert (empty.longest, empty.quantity_of, empty.inapplicable, empty.failed) == ({}, {}, {}, {})
    assert empty.keep(BEGINNING) == 3 * HOUR


def test_a_lighting_plan_that_cannot_be_computed_stops_no_other_site() -> None:
    dark = rule("lamp_power < 1 W", "lighting-dark", per="device", domain="lighting")
    plans = {"odd": {"spells": [{"begins": "soon", "ends": "04:00", "level": 50}]}, "night": {}}
    sites = {
        name: replace(SITE, name=name, domain="lighting", id=number)
        for number, name in enumerate(plans, 1)
    }
    schedule = PowerSchedule(retention=LONG)
    schedule.extend(micros(DAY), ())
    result = arrange(
        registry(
            tuple(device(name, site=name) for name in plans),
            dict.fromkeys(plans, ("lamp_power",)),
            written(dark),
            *(says("plan", name, plan) for name, plan in plans.items()),
            *(says("member", f"{name}/{name}", {}) for name in plans),
            *(says("supply", name, {"plan": name, "switched": True}) for name in plans),
            groups=tuple(Group(name=name, title="", kind="cabinet", site=name) for name in plans),
            sites=sites,
        ),
        CATALOGUE,
        schedule,
    )
    assert sorted(result.failed) == [(EVERY, "device/odd"), (EVERY, "group/odd")]
    assert sorted(result.subjects) == ["device/night", "group/night", "night", "odd"]
    assert list(result.revisions) == [("lighting-dark", "device/night")]
    assert list(result.listens) == list(result.revisions)


def test_subjects_of_a_shape_have_the_rules_that_each_would_have_alone() -> None:
    territory = arrange(registry_of("essonne"), CATALOGUE, PowerSchedule(retention=0))
    alone = {
        (rule.id, subject.key): rule.for_subject(subject)
        for rule in territory.rules.values()
        for subject in territory.subjects.values()
        if subject.per in rule.kinds
    }
    applying = {
        pair: written
        for pair, written in alone.items()
        if any(revision is not None for _, revision in written)
    }
    assert len(territory.revisions) > 100
    assert territory.revisions == {
        pair: written for pair, written in applying.items() if pair not in territory.failed
    }
