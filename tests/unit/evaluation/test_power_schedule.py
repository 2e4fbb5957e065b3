"""When lamps had their supply: by which plans, where, and how far that is known."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation.facts import SubjectFacts, Supply
from hypervisor.evaluation.power_schedule import PowerSchedule, lightings, planned_level, supplies
from hypervisor.registry.model import Device, Group, Registry, Revision, Site
from rules._inputs import Device as Fed
from rules._inputs import Steps
from sensors._row import NEVER

DAY = datetime(2024, 6, 1, tzinfo=UTC)
HOUR = 3_600_000_000
DAYS = 24 * HOUR
DIMMED = {"title": "Dimmed", "spells": [{"begins": "01:00", "ends": "04:00", "level": 50}]}
NIGHT: dict[str, Any] = {"title": "All night"}
FED = {"plan": "night", "switched": True}
LIT = {"plan": "night", "switched": False}


def at(hours: float) -> int:
    return micros(DAY + timedelta(hours=hours))


def says(kind: str, key: str, value: dict[str, Any] | None, hours: float = -24) -> Revision:
    return Revision(
        kind=kind,
        key=key,
        value=value,
        effective=DAY + timedelta(hours=hours),
        author="test",
        reason="test",
    )


def registry(**lamps: tuple[float, float] | None) -> Registry:
    """Two cabinets, one at a site that is on the map; lamps stand at a site that is not."""
    spots = {name: spot or (None, None) for name, spot in lamps.items()}
    return Registry(
        areas={},
        sites={
            "cab": Site(name="cab", title="", domain="lighting", lon=2.354, lat=48.604, id=1),
            "street": Site(name="street", title="", domain="lighting", id=2),
        },
        devices={
            name: Device(name=name, site="street", commissioned=DAY, lon=lon, lat=lat)
            for name, (lon, lat) in spots.items()
        },
        series={},
        revisions=(),
        groups={
            "a": Group(name="a", title="", kind="cabinet", site="cab"),
            "b": Group(name="b", title="", kind="cabinet", site="street"),
            "c": Group(name="c", title="", kind="section"),
        },
    )


def sorted_out(*revisions: Revision) -> tuple[dict[str, Any], dict[tuple[str, str], Any]]:
    """Members by group and device, and all revisions by kind and key."""
    result: dict[tuple[str, str], list[Revision]] = {}
    members: dict[str, dict[str, list[Revision]]] = {}
    for each in revisions:
        result.setdefault((each.kind, each.key), []).append(each)
    for (kind, key), some in result.items():
        if kind == "member":
            group, _, device = key.rpartition("/")
            members.setdefault(group, {})[device] = some
    return members, result


def supplied(given: Registry, *revisions: Revision) -> dict[str, Supply]:
    return supplies(given, *sorted_out(*revisions), {})


def lit(given: Registry, *revisions: Revision) -> dict[str, Supply]:
    return lightings(given, *sorted_out(*revisions), {})


def member(group: str, lamp: str, hours: float = -24, *, leaves: bool = False) -> Revision:
    return says("member", f"{group}/{lamp}", None if leaves else {}, hours)


def test_a_lamp_is_fed_by_the_plan_of_its_cabinet_while_it_belongs_to_it() -> None:
    result = supplied(
        registry(lamp=None, other=None),
        says("plan", "night", NIGHT),
        says("supply", "a", FED),
        says("supply", "a", LIT, 3),
        says("supply", "a", FED, 4),
        says("plan", "night", DIMMED, 5),
        member("a", "lamp"),
        member("a", "lamp", 6, leaves=True),
        member("c", "other"),
    )
    spells = {"spells": DIMMED["spells"]}
    assert result == {
        "lamp": Supply(
            plans=(
                (BEGINNING, None),
                (at(-24), {}),
                (at(3), None),
                (at(4), {}),
                (at(5), spells),
                (at(6), None),
            ),
            place=(2.35, 48.6),
        )
    }


def test_lamps_that_are_fed_alike_share_one_supply() -> None:
    plan, supply = says("plan", "night", NIGHT), says("supply", "a", FED)
    result = supplied(registry(x=None, y=None), plan, supply, member("a", "x"), member("a", "y"))
    assert result["x"] is result["y"]


def test_a_supply_without_a_plan_is_always_on() -> None:
    bare = says("supply", "a", {"switched": True})
    result = supplied(registry(lamp=None), bare, member("a", "lamp"))
    assert result["lamp"].plans == ((BEGINNING, None),)


def test_of_two_cabinets_the_first_that_feeds_it_counts_and_the_other_after_it() -> None:
    result = supplied(
        registry(lamp=None),
        says("plan", "night", NIGHT),
        says("plan", "late", DIMMED),
        says("supply", "a", FED),
        says("supply", "b", {"plan": "late", "switched": True}),
        member("a", "lamp", leaves=True),
        member("b", "lamp"),
        member("a", "lamp", 2),
    )
    assert [(when, plan) for when, plan in result["lamp"].plans] == [
        (BEGINNING, None),
        (at(-24), {"spells": DIMMED["spells"]}),
        (at(2), {}),
    ]


def test_a_lamp_on_no_map_is_taken_for_always_fed() -> None:
    plan, supply = says("plan", "night", NIGHT), says("supply", "b", FED)
    assert supplied(registry(lamp=None), plan, supply, member("b", "lamp")) == {}
    result = supplied(registry(lamp=(2.346, 48.596)), plan, supply, member("b", "lamp"))
    assert result["lamp"].place == (2.35, 48.6)


def test_a_plan_that_is_withdrawn_or_not_there_feeds_always() -> None:
    supply = says("supply", "a", FED)
    assert supplied(registry(lamp=None), supply, member("a", "lamp"))["lamp"].plans == (
        (BEGINNING, None),
    )
    withdrawn = says("plan", "night", NIGHT), says("plan", "night", None, 2)
    plans = supplied(registry(lamp=None), supply, *withdrawn, member("a", "lamp"))["lamp"].plans
    assert plans == ((BEGINNING, None), (at(-24), {}), (at(2), None))


def test_what_is_not_switched_is_lit_by_its_plan_all_the_same() -> None:
    revisions = (
        *(says("plan", "night", NIGHT), says("supply", "a", LIT), says("supply", "c", LIT)),
        *(member("a", "lamp"), member("c", "far"), says("supply", "b", None)),
    )
    given = registry(lamp=None, far=(3.0, 47.0))
    assert supplied(given, *revisions) == {}
    result = lit(given, *revisions)
    assert sorted(result) == ["cab", "device/far", "device/lamp", "group/a", "group/c"]
    assert result["cab"] is result["group/a"] is result["device/lamp"]
    assert result["group/c"].place == result["device/far"].place == (3.0, 47.0)
    nobody = lit(given, *revisions[:2])
    assert sorted(nobody) == ["cab", "group/a"]


def pairs(steps: Steps) -> list[tuple[float, float]]:
    hours = ((steps.at - at(0)) / HOUR).tolist()
    return list(zip(hours, steps.value.tolist(), strict=True))


def level(*plans: tuple[int, Any], since: float, until: float) -> list[tuple[float, float]]:
    supply = Supply(plans=plans, place=(2.35, 48.6))
    return pairs(planned_level(supply, at(since), at(until)))


def test_a_planned_level_begins_at_dusk_and_ends_at_dawn() -> None:
    """At the Essonne, on the first of June: from about 19:45 to about 03:50, UTC."""
    steps = level((BEGINNING, DIMMED), since=12, until=36)
    assert math.isnan(steps[0][1])
    hours, values = zip(*steps[1:], strict=True)
    assert values == (0, 100, 50, 100, 0)
    assert hours == (12, pytest.approx(19.75, abs=0.2), 23, 26, pytest.approx(27.85, abs=0.2))


def test_a_planned_level_is_of_each_plan_in_its_own_time() -> None:
    steps = level(
        (BEGINNING, None), (at(22), NIGHT), (at(24), None), (at(25), DIMMED), since=20, until=25.5
    )
    assert [hour for hour, _ in steps[1:]] == [22, 24, 25]
    assert [value for _, value in steps if not math.isnan(value)] == [100, 50]
    assert [math.isnan(value) for _, value in steps] == [True, False, True, False]
    beside = level((BEGINNING, NIGHT), (at(10), None), since=10, until=12)
    assert [math.isnan(value) for _, value in beside] == [True]


def test_supplies_are_known_a_season_ahead_and_worked_out_anew_a_month_before_their_end() -> None:
    power_schedule = PowerSchedule(retention=10 * DAYS)
    assert not power_schedule.extend(NEVER, ())
    assert (power_schedule.since, power_schedule.until) == (0, 0)
    assert power_schedule.extend(at(0), ())
    assert (power_schedule.since, power_schedule.until) == (at(-240), at(90 * 24))
    assert not power_schedule.extend(at(60 * 24) - 1, ())
    assert power_schedule.extend(at(60 * 24), ())
    assert (power_schedule.since, power_schedule.until) == (at(50 * 24), at(150 * 24))


def test_nothing_was_expected_before_the_first_deafness_was_over() -> None:
    power_schedule = PowerSchedule(retention=10 * DAYS)
    power_schedule.extend(at(0), ((BEGINNING, at(-24)), (at(-20), at(-10))))
    assert power_schedule.since == at(-24)
    other = PowerSchedule(retention=10 * DAYS)
    other.extend(at(0), ((BEGINNING + 1, at(-24)),))
    assert other.since == at(-240)
    early = PowerSchedule(retention=10 * DAYS)
    early.extend(5, ())
    assert early.since == 0


def subject(**more: Any) -> SubjectFacts:
    serves = Steps.of([(BEGINNING, 1.0)])
    return SubjectFacts(
        key="group/a",
        per="group",
        domain="lighting",
        site=1,
        place="cab",
        titles={},
        series={},
        devices={name: Fed(commissioned=at(0), in_service=serves) for name in ("lamp", "other")},
        thresholds={},
        **more,
    )


SUPPLY = Supply(plans=((BEGINNING, NIGHT), (at(48), None)), place=(2.35, 48.6))


def test_a_subject_takes_its_supply_and_where_a_rule_asks_its_planned_level() -> None:
    power_schedule = PowerSchedule(retention=DAYS)
    plain = subject(supplies={"lamp": SUPPLY}, lighting=SUPPLY)
    assert power_schedule.lit(plain) is plain  # nothing is known as yet
    power_schedule.extend(at(36), ())
    result = power_schedule.lit(plain, planned=True)
    assert result.devices["other"].fed is None
    fed = result.devices["lamp"].fed
    assert fed is not None
    assert set(fed.value.tolist()) == {0.0, 1.0}
    # From the second dusk on it is fed: afterwards there is no plan.
    hour, value = pairs(fed)[-1]
    assert (hour, value) == pytest.approx((43.75, 1.0), abs=0.2)
    assert result.plan is not None
    assert pairs(result.plan)[1] == (12, 0.0)
    assert {100.0, 0.0} < set(np.nan_to_num(result.plan.value, nan=-1).tolist())
    again = power_schedule.lit(plain, planned=True)
    assert again.devices["lamp"].fed is fed
    assert again.plan is result.plan
    unasked = power_schedule.lit(plain)
    assert unasked.plan is None
    assert power_schedule.lit(subject(lighting=SUPPLY), planned=True).plan is result.plan
    bare = subject()
    assert power_schedule.lit(bare, planned=True) is bare
    power_schedule.extend(at(200 * 24), ())
    assert power_schedule.lit(plain).devices["lamp"].fed is not fed
