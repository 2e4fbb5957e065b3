"""A lighting plan against the almanac, curfews, summer months and the change of clocks."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from sensors._plan import (
    LightingPlan,
    Spell,
    levels,
    micros_of,
    night,
    plan_from_json,
    plan_to_json,
)

ORSAY = (2.19, 48.70)
CURFEW = Spell(begins=time(1), ends=time(5), level=0.0)


def steps(plan: LightingPlan, begins: datetime, days: float) -> list[tuple[str, float]]:
    first = round(begins.timestamp() * 1e6)
    found = levels(plan, *ORSAY, (first, first + round(days * 86_400e6)))
    return [
        (datetime.fromtimestamp(at / 1e6, UTC).isoformat(" ", "minutes")[:16], level)
        for at, level in zip(found.at.tolist(), found.level.tolist(), strict=True)
    ]


def test_night_is_that_of_the_almanac() -> None:
    # Paris, 21 June: the sun sets at 21:58 and rises at 05:47, summer time.
    dusk, dawn = night(2.35, 48.85, datetime(2024, 6, 21, tzinfo=UTC).date())
    assert abs(dusk - datetime(2024, 6, 21, 19, 58, tzinfo=UTC)) < timedelta(minutes=2)
    assert abs(dawn - datetime(2024, 6, 22, 3, 47, tzinfo=UTC)) < timedelta(minutes=2)


def test_a_curfew_is_local_time_over_the_change_of_clocks() -> None:
    plan = LightingPlan(spells=(CURFEW,))
    found = steps(plan, datetime(2024, 10, 26, 12, tzinfo=UTC), 1.5)
    assert ("2024-10-25 23:00", 0.0) in found  # 01:00 summer time
    assert ("2024-10-26 23:00", 0.0) in found
    assert ("2024-10-27 04:00", 100.0) in found  # 05:00 winter time
    assert ("2024-10-28 00:00", 0.0) in found


def test_months_without_relighting_stay_dark_after_the_curfew() -> None:
    plan = LightingPlan(spells=(CURFEW,), no_relighting=frozenset({5, 6, 7, 8}))
    may = [level for _, level in steps(plan, datetime(2024, 5, 10, 12, tzinfo=UTC), 2)]
    april = [level for _, level in steps(plan, datetime(2024, 4, 10, 12, tzinfo=UTC), 2)]
    assert may == [100.0, 0.0] * 4
    assert april == [100.0, 0.0] * 8


def test_a_spell_belongs_to_the_evening_s_weekday() -> None:
    saturday = Spell(begins=time(2), ends=time(5), level=0.0, weekdays=frozenset({5}))
    found = steps(LightingPlan(spells=(saturday,)), datetime(2024, 1, 12, 12, tzinfo=UTC), 3)
    assert [at for at, level in found if level == 0.0 and at.endswith("01:00")] == [
        "2024-01-14 01:00"
    ]


def test_levels_are_read_at_any_time_and_a_plan_survives_its_writing() -> None:
    plan = LightingPlan(
        on_after=timedelta(minutes=10),
        off_after=timedelta(minutes=-20),
        spells=(Spell(begins=time(22), ends=time(5), level=50.0, months=frozenset({1})),),
        no_relighting=frozenset({7}),
    )
    assert plan_from_json(plan_to_json(plan)) == plan
    noon = round(datetime(2024, 1, 10, 12, tzinfo=UTC).timestamp() * 1e6)
    found = levels(plan, *ORSAY, (noon, noon + 86_400_000_000))
    times = noon + np.array([0, 6, 12, 18]) * 3_600_000_000  # 13:00, 19:00, 01:00, 07:00 local
    assert found.of(times).tolist() == [0.0, 100.0, 50.0, 100.0]


def test_where_the_sun_does_not_set_there_is_no_night() -> None:
    """A lamp at 89 degrees north ended every evaluation."""
    for day in (date(2024, 6, 21), date(2024, 12, 21)):
        dusk, dawn = night(2.35, 89.0, day)
        assert dusk == dawn
    span = micros_of(datetime(2024, 1, 1, tzinfo=UTC)), micros_of(datetime(2025, 1, 1, tzinfo=UTC))
    lit = levels(LightingPlan(), 2.35, 70.0, span)
    assert {*lit.level.tolist()} == {0.0, 100.0}, "in spring and autumn"
    assert (lit.at[1:] > lit.at[:-1]).all()
    summer = micros_of(datetime(2024, 6, 1, tzinfo=UTC))
    dark = levels(LightingPlan(), 2.35, 89.0, (summer, summer + 10**11))
    assert dark.of(np.array([summer])).tolist() == [0.0]
