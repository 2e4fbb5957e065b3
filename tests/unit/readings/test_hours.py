"""Which hours an entry of the feed tells of, and how long who follows it rests."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypervisor.base.instants import BEGINNING, moment
from hypervisor.database.feed import HOUR, Entry, hours_of
from hypervisor.readings import rollup
from sensors._row import ROW, Rows


def rows(times: Iterable[int], series: int = 1) -> Rows:
    return np.array([(series, time, 0, 1.0, 0) for time in times], dtype=ROW)


def spans(told: str) -> list[tuple[str, str]]:
    inner = told.strip("{}")
    each = inner.removeprefix("[").removesuffix(")").split("),[") if inner else []
    return [(one.split(",")[0], one.split(",")[1]) for one in each]


def test_hours_that_follow_each_other_are_one_span() -> None:
    told = hours_of(rows([5 * HOUR, 6 * HOUR + 7, 4 * HOUR]))
    assert told == "{[1970-01-01T04:00:00+00:00,1970-01-01T07:00:00+00:00)}"
    assert hours_of(rows([])) == "{}"


def test_very_many_spans_are_one() -> None:
    assert len(spans(hours_of(rows(range(0, 60 * 3 * HOUR, 3 * HOUR))))) == 60
    assert len(spans(hours_of(rows(range(0, 99 * 3 * HOUR, 3 * HOUR))))) == 1


@given(times=st.lists(st.integers(BEGINNING, 60_000_000 * HOUR), min_size=1, max_size=90))
def test_each_reading_lies_in_a_span_that_is_told(times: list[int]) -> None:
    told = spans(hours_of(rows(times)))
    assert told == sorted(told)
    for time in times:
        at = moment(time).isoformat()
        assert any(first <= at < last for first, last in told)


@given(
    pairs=st.sets(
        st.tuples(st.integers(1, 2**31 - 1), st.integers(BEGINNING // HOUR, 10**7)), min_size=1
    )
)
def test_pairs_of_series_and_hour_survive_being_numbers(pairs: set[tuple[int, int]]) -> None:
    entries = [
        Entry(kind="readings", worker="", at=None, rows=rows([hour * HOUR + 5] * 2, series))
        for series, hour in pairs
    ]
    assert rollup.unpack_pairs(rollup.pack_changed_hours(entries)) == sorted(pairs)


@pytest.mark.parametrize(
    ("took", "more", "rests"),
    [(0.01, False, 5.0), (2.0, False, 18.0), (60.0, False, 60.0), (2.0, True, 2.0)],
)
def test_it_rests_nine_tenths_of_its_time(took: float, rests: float, *, more: bool) -> None:
    assert rollup.pause_after(took, more=more) == rests


def test_who_follows_a_replay_does_not_rest() -> None:
    live = [(series, hour) for series in range(5) for hour in (7, 8)]  # the hour has just turned
    assert not rollup.hurries(live)
    assert not rollup.hurries([])
    assert rollup.hurries([(series, hour) for series in range(5) for hour in range(4)])
