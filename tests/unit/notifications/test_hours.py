"""On-call hours: both nights of a clock's change, public holidays, spans past midnight."""

from datetime import UTC, date, datetime

import pytest

from hypervisor.base.instants import micros
from hypervisor.notifications.hours import WEEKDAYS, Hours, day_names, is_holiday, is_on_call
from hypervisor.notifications.on_call import describe_gaps
from hypervisor.notifications.route_file import Vocabulary, read_routes

PARIS = "Europe/Paris"
NIGHT = (Hours(days=frozenset({"sat"}), begins=22 * 60, ends=6 * 60),)
OFFICE = (Hours(days=frozenset({"workday"}), begins=8 * 60, ends=18 * 60),)
REST = (
    Hours(days=frozenset(WEEKDAYS), begins=18 * 60, ends=8 * 60),
    Hours(days=frozenset({"restday"})),
)


def held(hours: tuple[Hours, ...], at: str) -> bool:
    return is_on_call(hours, datetime.fromisoformat(at), PARIS, is_holiday)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # The night of 26 to 27 October 2024: 03:00 is 02:00 again.
        ("2024-10-26T19:59Z", False),
        ("2024-10-26T20:00Z", True),
        ("2024-10-27T00:30Z", True),  # 02:30 for the first time
        ("2024-10-27T01:30Z", True),  # and for the second
        ("2024-10-27T04:59Z", True),  # 05:59, after eleven hours of night
        ("2024-10-27T05:00Z", False),
        # The night of 30 to 31 March 2024: 02:00 is 03:00.
        ("2024-03-30T20:59Z", False),
        ("2024-03-30T21:00Z", True),
        ("2024-03-31T01:00Z", True),  # 03:00
        ("2024-03-31T03:59Z", True),  # 05:59, after seven
        ("2024-03-31T04:00Z", False),
    ],
)
def test_a_night_past_midnight_in_the_nights_of_a_change(at: str, *, expected: bool) -> None:
    assert held(NIGHT, at) is expected


def test_an_hour_that_comes_twice_and_one_that_never_comes() -> None:
    hour = (Hours(days=frozenset({"sun"}), begins=120, ends=180),)
    october = [held(hour, f"2024-10-27T{h:02}:{m:02}Z") for h in range(4) for m in (0, 59)]
    march = [held(hour, f"2024-03-31T{h:02}:{m:02}Z") for h in range(4) for m in (0, 59)]
    assert october == [True, True, True, True, False, False, False, False]
    assert march == [False] * 8


@pytest.mark.parametrize(
    ("at", "office"),
    [
        ("2024-05-07T08:00Z", True),  # a Tuesday
        ("2024-05-08T08:00Z", False),  # Victory Day, a Wednesday
        ("2024-05-09T08:00Z", False),  # Ascension Day
        ("2024-05-10T08:00Z", True),
        ("2024-05-11T08:00Z", False),  # a Saturday
        ("2024-05-20T08:00Z", False),  # Whit Monday
        ("2024-05-21T06:00Z", True),  # 08:00
        ("2024-05-21T05:59Z", False),
        ("2024-05-21T15:59Z", True),
        ("2024-05-21T16:00Z", False),  # 18:00
    ],
)
def test_office_and_the_rest_share_the_year_out(at: str, *, office: bool) -> None:
    assert held(OFFICE, at) is office
    assert held(REST, at) is not office


def test_a_night_that_begins_on_a_working_day_lasts_into_the_holiday() -> None:
    night = (Hours(days=frozenset({"workday"}), begins=18 * 60, ends=8 * 60),)
    assert held(night, "2024-05-08T04:00Z")  # 06:00 of Victory Day, since Tuesday evening
    assert not held(night, "2024-05-09T04:00Z")  # no night began on Victory Day


def test_a_public_holiday_keeps_the_name_of_its_day() -> None:
    assert day_names(date(2024, 7, 14), is_holiday) == {"sun", "restday", "weekend", "holiday"}
    assert day_names(date(2024, 11, 11), is_holiday) == {"mon", "restday", "holiday"}
    assert day_names(date(2024, 11, 12), is_holiday) == {"tue", "workday"}


def test_without_hours_always() -> None:
    assert is_on_call((), datetime(2024, 1, 1, tzinfo=UTC), PARIS, is_holiday)


def test_hours_that_nobody_covers_are_told() -> None:
    known = Vocabulary(domains=frozenset({"flood", "lighting"}))
    nights = "{days: [workday], from: '18:00', to: '08:00'}, {days: restday}"  # the usual slip
    routes = read_routes(
        "routes: [{name: office, when: {domains: flood}, hours: [{days: workday, from: '08:00',"
        " to: '18:00'}], channels: ['json://x.example']}, {name: night, when: {domains: flood},"
        f" hours: [{nights}], channels: ['json://x.example']}}]",
        file="r",
        vocabulary=known,
    )
    mornings = "Tue 21 May 00:00 to Tue 08:00, Mon 27 May 00:00 to Mon 08:00"
    assert describe_gaps(routes, known, micros(datetime(2024, 5, 13, 10, tzinfo=UTC))) == [
        f"no one is on call for a critical alarm of flood: {mornings}",
        "no route takes every critical alarm of lighting",
    ]


def test_hours_that_end_as_they_begin_last_a_day() -> None:
    day = (Hours(days=frozenset({"wed"}), begins=600, ends=600),)
    assert [
        held(day, at)
        for at in (
            "2024-01-03T08:59Z",
            "2024-01-03T09:00Z",
            "2024-01-04T08:59Z",
            "2024-01-04T09:00Z",
        )
    ] == [False, True, True, False]
    assert held((Hours(days=frozenset({"wed"})),), "2024-01-02T23:00Z"), "from midnight on"
    assert not held((Hours(days=frozenset({"wed"})),), "2024-01-03T23:00Z")
