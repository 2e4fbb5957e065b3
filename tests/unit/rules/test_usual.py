"""What is usual: the hours that are compared with, what authors write, and what it needs."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules._engine import lookback
from rules._errors import RuleError
from rules._lateness import SiteFacts, warnings
from rules._usual import past_hours, weeks_needed
from tests.unit.rules.reference_usual import same_hours
from tests.unit.rules.test_engine_by_hand import HOUR, MINUTE, ZERO, column, rule, subject

DAY = 24 * HOUR
CHANGES = [ZERO + day * DAY + HOUR for day in (90, 300)]  # of the clock in Paris, 2024
HOLIDAYS = [ZERO + day * DAY for day in (0, 91, 121, 128, 129, 140)]


@given(
    st.sampled_from(["Europe/Paris", "Australia/Lord_Howe", "America/St_Johns"]),
    st.lists(
        st.one_of(
            st.integers(ZERO - 400 * DAY, ZERO + 800 * DAY),
            st.builds(
                lambda turn, weeks, minutes: turn + weeks * 7 * DAY + minutes * MINUTE,
                st.sampled_from(CHANGES),
                st.integers(0, 8),
                st.integers(-90, 90),
            ),
            st.builds(
                lambda day, weeks, minutes: day + weeks * 7 * DAY + minutes * MINUTE,
                st.sampled_from(HOLIDAYS),
                st.integers(0, 8),
                st.integers(-180, 1620),
            ),
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(2, 8),
)
def test_the_hours_are_those_of_the_local_clock(zone: str, times: list[int], weeks: int) -> None:
    ends, comparable = past_hours(zone, np.array(times, dtype=np.int64), weeks)
    for column_of, time in enumerate(times):
        own = ends[comparable[:, column_of], column_of].tolist()
        assert own == list(same_hours(zone, time, weeks))
        assert all(time - weeks * 7 * DAY - HOUR <= end < time for end in own)


def test_half_of_the_weeks_suffice_and_two_at_least() -> None:
    assert [weeks_needed(weeks) for weeks in range(2, 9)] == [2, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(
    ("when", "error"),
    [
        ("level > usual(level, 1 week)", "compares with 2 to 8 whole weeks, such as usual(…, 4 w"),
        ("level > usual(level, 9 weeks)", "2 to 8 whole weeks"),
        ("level > usual(level, 2.5 weeks)", "2 to 8 whole weeks"),
        ("level > usual(level, 28 d)", "2 to 8 whole weeks"),
        ("level > usual(level, 4)", "2 to 8 whole weeks"),
        ("level > usual(level)", "usual takes (a series, a number of weeks, such as 4 weeks)"),
        ("level > usual(level + 1, 4 weeks)", "expected a series"),
        ("upstream(level > usual(level, 4 weeks))", "usual cannot be used inside upstream"),
        ("silent(level, 1 h) and level > usual(level, 4 weeks)", "cannot be combined with silent"),
    ],
)
def test_what_authors_get_wrong(when: str, error: str) -> None:
    with pytest.raises(RuleError, match=re.escape(error)):
        rule(when)


def test_it_looks_back_its_weeks_and_the_hour_before_them() -> None:
    site = subject(level=column((0, 1), interval=60))
    more = lookback([rule("level > usual(level, 4 weeks)")], site)
    assert more - lookback([rule("level > 3")], site) == 28 * DAY + 2 * HOUR


def test_a_gauge_that_reads_more_rarely_than_hourly_has_nothing_usual() -> None:
    rare = SiteFacts(name="mill", intervals={"level": 3 * HOUR})
    often = SiteFacts(name="ford", intervals={"level": HOUR})
    usual = rule("level > usual(level, 4 weeks)")
    ((_, text),) = warnings(usual, [rare, often])
    assert str(text) == (
        "usual(level, …) compares hours, and mill reads every 3 h: what is usual there is mostly "
        "unknown"
    )
    assert list(warnings(usual, [often])) == []
