"""What would differ, and how much there is to bear: from alarms made by hand."""

import pytest

from hypervisor.backtest.differences import compare
from hypervisor.backtest.load import by_rule, load
from hypervisor.backtest.model import RaisedAlarm
from hypervisor.backtest.tables import lasted, lead
from tests.unit.backtest.making import HOUR, alarm, at, judged


def words(
    before: list[RaisedAlarm], after: list[RaisedAlarm]
) -> list[tuple[tuple[str, int | None], ...]]:
    return [change.words for change in compare(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (alarm(1, 5), alarm(1, 5), []),
        (alarm(1, 5), alarm(0, 5), [("earlier", HOUR), ("longer", HOUR)]),
        (alarm(1, 5), alarm(3, 6), [("later", 2 * HOUR), ("shorter", HOUR)]),
        (alarm(1, 5), alarm(2, 6), [("later", HOUR)]),
        (alarm(1, 5), alarm(1, None), [("longer", None)]),
        (alarm(1, 5, severity="major"), alarm(1, 5), [("less severe", None)]),
        (alarm(1, 5), alarm(1, 5, worse=(2, "critical")), [("more severe", None)]),
    ],
)
def test_an_alarm_that_stays(
    before: RaisedAlarm, after: RaisedAlarm, said: list[tuple[str, int]]
) -> None:
    assert words([before], [after]) == ([tuple(said)] if said else [])


def test_alarms_that_come_and_go() -> None:
    before = [alarm(1, 5), alarm(10, 12, site="moulin")]
    after = [alarm(6, 8), alarm(10, 12, site="moulin")]
    assert words(before, after) == [(("gone", None),), (("new", None),)]


def test_alarms_that_touch_are_one_alarm_and_of_others_none_is() -> None:
    assert words([alarm(1, 5)], [alarm(5, 9)]) == [(("later", 4 * HOUR),)]
    assert words([alarm(5, 9)], [alarm(1, 5)]) == [(("earlier", 4 * HOUR),)]
    assert words([alarm(1, 5)], [alarm(1, 5, rule="flood-rise")]) == [
        (("gone", None),),
        (("new", None),),
    ]
    assert words([alarm(1, None)], [alarm(100, None)]) == [(("later", 99 * HOUR),)]
    assert words([alarm(1, None)], [alarm(1, 7)]) == [(("shorter", None),)]


def test_changes_come_by_when_their_alarm_begins() -> None:
    before = [alarm(30, 31), alarm(10, 12, site="moulin")]
    after = [alarm(20, 21), alarm(5, 12, site="moulin")]
    assert [
        (change.alarm.episode.began, change.alarm.place) for change in compare(before, after)
    ] == [
        (at(5), "moulin"),
        (at(20), "pont"),
        (at(30), "pont"),
    ]


def test_one_that_splits_is_changed_and_new() -> None:
    assert words([alarm(1, 9)], [alarm(1, 4), alarm(6, 9)]) == [
        (("shorter", 5 * HOUR),),
        (("new", None),),
    ]


def test_time_in_alarm_is_of_the_span_and_of_all_subjects() -> None:
    judgement = judged(alarm(-5, 10), alarm(230, None, site="moulin"), hours=240)
    (rule,) = by_rule(judgement)
    assert (rule.alarms, rule.in_alarm, rule.standing_at_end) == (2, 20 * HOUR, 1)
    assert rule.part == pytest.approx(20 / 480)


def test_the_load_of_a_bad_day() -> None:
    burst = [alarm(50 + minute / 60, 51, site=f"s{minute}") for minute in (0, 4, 9, 10, 30)]
    found = load(judged(*burst, alarm(-3, 2), alarm(100, 101), hours=240))
    assert found.alarms == 7
    assert found.a_day == pytest.approx(0.6)  # that which stood before is no arrival
    assert found.busiest == (at(48), 5)
    assert found.in_ten_minutes == 3
    assert found.standing == 5


def test_one_that_ends_as_another_begins_makes_room() -> None:
    assert load(judged(alarm(1, 2), alarm(2, 3))).standing == 1


def test_durations_are_told_as_people_say_them() -> None:
    assert [lasted(h * HOUR) for h in (0.5, 2, 2.25, 24, 49)] == [
        *("30 min", "2 h", "2 h 15 min"),
        *("1 d", "2 d 1 h"),
    ]
    assert (lead(HOUR), lead(-HOUR), lead(0), lead(None)) == ("1 h before", "1 h late", "0", "-")
