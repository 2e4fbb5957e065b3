"""The engine's arrays, worked out by hand: zones, facts, scans, arrivals, sums and windows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rules._arrivals import Arrivals
from rules._axis import BEFORE, Axis, Fact, lying_in, merged
from rules._block import members_of
from rules._in_service import changes, interrupted, services
from rules._in_service import rows_of as rows_sent
from rules._inputs import Calendar, Device, Instants, SeriesColumns, Steps, Subject, Upstream
from rules._interval import LEFT_OUT, Interval, compute, exactly, scaled, where_known
from rules._scan import NONE, before, carried, last, rows_of, run_starts
from rules._tally import Tally, amounts, answers, total
from rules._track import Track, fixed, floating
from rules._upstream import arriving, longest
from rules._window import Window, look
from rules._windows import increase, maximum, mean, minimum, quantile, slope
from rules._windows import total as summed
from sensors._quality import Quality
from sensors._quantity import Kind, Reporting
from sensors._row import NEVER

NAN = float("nan")
INF = float("inf")
FULL = int(Quality.SATURATED)
AXIS = Axis(base=100, stride=50, count=3)
HOUR = 3_600_000_000


def whole(values: Sequence[Any]) -> Instants:
    return np.array(values, dtype=np.int64)


def test_each_subject_has_a_zone_of_keys() -> None:
    assert AXIS.origins().tolist() == [0, 50, 100]
    times = whole([90, 100, 149, 150, 300])
    assert AXIS.keys(times, [2, 0, 3]).tolist() == [0, 0, 149, 149, 149]
    assert AXIS.keys(whole([101, 102, 103]), [1, 1, 1]).tolist() == [1, 52, 103]
    assert [AXIS.key(1, time) for time in (90, 100, 120, 149, 150, 999)] == [
        *(50, 50, 70, 99, 99, 99),
    ]
    assert AXIS.key(0, 120) == 20
    assert AXIS.everywhere(120).tolist() == [20, 70, 120]
    assert AXIS.everywhere(0).tolist() == [0, 50, 100]
    assert AXIS.everywhere(1000).tolist() == [49, 99, 149]
    keys = whole([0, 49, 50, 149])
    assert AXIS.subjects(keys).tolist() == [0, 0, 1, 2]
    assert AXIS.times(keys).tolist() == [100, 149, 100, 149]
    alone = Axis(base=100, stride=50, count=1)
    assert alone.keys(times, [5]).tolist() == [0, 0, 49, 49, 49]
    assert alone.subjects(keys).tolist() == [0, 0, 0, 0]
    assert alone.times(whole([7])).tolist() == [107]


def seen(fact: Fact, keys: Sequence[int]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in fact.at(whole(keys)).tolist()]


KEYS = (0, 9, 10, 29, 30, 49, 50, 99, 100, 149)


def test_a_fact_holds_from_its_revision_to_the_next() -> None:
    steps = [Steps.of([(110, 1.0), (130, 2.0)]), None, Steps.of([(0, 5.0)])]
    fact = Fact(AXIS, steps)
    assert seen(fact, KEYS) == [None, None, 1, 1, 2, 2, None, None, 5, 5]
    assert fact.changes().tolist() == [10, 30, 100]
    assert fact.constant is None
    back = Fact(AXIS, steps, reaches_back=True)
    assert seen(back, KEYS) == [1, 1, 1, 1, 2, 2, None, None, 5, 5]
    assert back.changes().tolist() == [0, 30, 100]
    assert back.constant is None


def test_a_fact_that_never_changes_is_known_to() -> None:
    five, six = Steps.of([(0, 5.0)]), Steps.of([(100, 6.0)])
    same = Fact(AXIS, [five, five, five])
    assert same.constant == 5
    assert seen(same, KEYS) == [5] * 10
    mixed = Fact(AXIS, [five, six, five])
    assert mixed.constant is None
    assert seen(mixed, KEYS) == [5] * 6 + [6, 6, 5, 5]
    late = Fact(AXIS, [five, five, Steps.of([(101, 5.0)])])
    assert late.constant is None
    assert seen(late, (99, 100, 101)) == [5, None, 5]
    other = Fact(AXIS, [Steps.of([(100, 5.0), (130, 5.0)]), None, five])
    assert seen(other, KEYS) == [5] * 6 + [None, None, 5, 5]
    nothing = Fact(AXIS, [None, None, None])
    assert seen(nothing, KEYS) == [None] * 10
    assert nothing.constant is None
    assert seen(Fact(AXIS, [None, five, None]), (0, 49, 50, 99, 100)) == [None, None, 5, 5, None]


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ([], []),
        ([[]], []),
        ([[3]], [3]),
        ([[5, 3, 3, 9]], [3, 5, 9]),
        ([[3, 3]], [3]),
        ([[5, 3, 9]], [3, 5, 9]),
        ([[1, 5, 9], [5, 2], [9, 0, 12]], [0, 1, 2, 5, 9, 12]),
        ([[1, 5, 9], [5]], [1, 5, 9]),
        ([[1, 5], [7, 8, 7]], [1, 5, 7, 8]),
        ([[], [4, 4, 2]], [2, 4]),
    ],
)
def test_keys_are_merged_ascending_each_once(arrays: list[list[int]], expected: list[int]) -> None:
    assert merged([whole(one) for one in arrays]).tolist() == expected


def test_which_keys_lie_in_others() -> None:
    assert lying_in(whole([2, 4, 6]), whole([1, 2, 3, 6, 7])).tolist() == [
        *(False, True, False, True, False),
    ]
    assert lying_in(whole([]), whole([1, 2])).tolist() == [False, False]


ROWS = rows_of(whole([1, 2, 3, 51, 52, 101]), whole([0, 0, 0, 1, 1, 2]))
SEEDS = whole([NONE, 40, 90])


def marks(text: str) -> np.ndarray:
    return np.array([one == "x" for one in text], dtype=np.bool_)


def test_where_each_subject_begins() -> None:
    assert ROWS.heads.tolist() == [True, False, False, True, False, True]
    assert ROWS.head.tolist() == [0, 0, 0, 3, 3, 5]
    empty = rows_of(whole([]), whole([]))
    assert (empty.heads.tolist(), empty.head.tolist()) == ([], [])


def test_the_last_marked_row_is_of_the_same_subject() -> None:
    assert last(marks("x-x---"), ROWS).tolist() == [0, 0, 2, -1, -1, -1]
    assert last(marks("---x-x"), ROWS).tolist() == [-1, -1, -1, 3, 3, 5]


def test_what_held_before_is_the_seed_at_a_subjects_first_row() -> None:
    found = before(marks("x-x-xx"), ROWS, np.array([True, False, True]))
    assert found.tolist() == [True, True, False, False, False, True]


def test_a_run_begins_where_it_was_not_so_before() -> None:
    assert run_starts(marks("xx-xxx"), ROWS, SEEDS).tolist() == [1, 1, NONE, 40, 40, 90]
    assert run_starts(marks("-xx-x-"), ROWS, SEEDS).tolist() == [NONE, 2, 2, NONE, 52, NONE]
    cut = marks("-x-x--")
    assert run_starts(marks("xxxxxx"), ROWS, SEEDS, cut=cut).tolist() == [1, 2, 2, 51, 51, 90]
    assert run_starts(marks("x-xxxx"), ROWS, SEEDS, cut=cut).tolist() == [1, NONE, 3, 51, 51, 90]


def test_a_value_is_carried_from_the_last_mark_else_from_the_seed() -> None:
    values = whole([10, 20, 30, 40, 50, 60])
    found = carried(values, marks("-x--x-"), ROWS, whole([7, 8, 9]))
    assert found.tolist() == [7, 20, 20, 8, 50, 9]


def test_what_had_arrived_by_then_is_found_whatever_the_order() -> None:
    late = Arrivals(whole([BEFORE, 10, 20, 30, 40]), whole([BEFORE, 12, 50, 32, 41]))
    asked = [
        (45, 45),
        (45, 40),
        (45, 41),
        (45, 31),
        (45, 11),
        (45, 12),
        (25, 49),
        (25, 50),
        (5, 99),
    ]
    found = late.find(whole([key for key, _ in asked]), whole([upto for _, upto in asked]))
    assert found.tolist() == [4, 3, 4, 1, 0, 1, 1, 2, 0]
    assert late.newest(whole([11, 12, 31, 32, 41, 50, 99])).tolist() == [0, 1, 1, 3, 4, 4, 4]
    ordered = Arrivals(whole([BEFORE, 10, 20, 30]), whole([BEFORE, 12, 22, 22]))
    assert ordered.find(whole([35, 35, 25, 5]), whole([99, 21, 22, 99])).tolist() == [3, 1, 2, 0]
    assert ordered.newest(whole([11, 12, 21, 22])).tolist() == [0, 1, 1, 3]


def test_a_long_outage_is_stepped_over_to_what_had_arrived_before() -> None:
    times = whole([BEFORE, *range(10, 200, 10)])
    got = whole([BEFORE, *range(10, 50, 10), *[500] * 13, 180, 190])
    arrivals = Arrivals(times, got)
    assert arrivals.find(whole([185] * 4), whole([499, 180, 179, 500])).tolist() == [18, 18, 4, 18]
    assert arrivals.find(whole([170, 60, 45, 10]), whole([499] * 4)).tolist() == [4, 4, 4, 1]


def test_members_add_up_at_instants_of_their_own() -> None:
    owners = whole([0, 0, 1, 1, 2])
    at = whole([0, 10, 0, 20, 100])
    parts = whole([1, 2, 4, 4, 7])[:, None] * whole([[1, 10]])
    tally = Tally(owners, at, parts, whole([0, 100]))
    keys, groups = whole([0, 9, 10, 25, 100, 150]), whole([0, 0, 0, 0, 1, 1])
    assert tally.sums(keys, groups)[:, 0].tolist() == [5, 5, 6, 6, 7, 7]
    assert tally.sums(keys, groups)[:, 1].tolist() == [50, 50, 60, 60, 70, 70]


def test_answers_and_amounts_of_members_add_up_to_what_is_known() -> None:
    truths = np.array([0, 1, 2, LEFT_OUT], dtype=np.int8)
    assert answers(truths).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    value = Interval(np.array([1.5, -INF, 2.0, 3.0]), np.array([1.5, 4.0, INF, 3.0]))
    found = amounts(value, np.array([True, True, True, False]))
    assert found.tolist() == [
        [1, 0, 1_500_000_000, 0, 1_500_000_000],
        [1, 1, 0, 0, 4_000_000_000],
        [1, 0, 2_000_000_000, 1, 0],
        [0, 0, 0, 0, 0],
    ]
    sums = whole([[2, 0, 3 * 10**9, 0, 5 * 10**9], [1, 1, 0, 0, 7], [1, 0, 7, 1, 0], [0] * 5])
    both = total(sums)
    assert both.lo.tolist() == [3, -INF, 7e-9, -INF]
    assert both.hi.tolist() == [5, 7e-9, INF, INF]


def test_sums_are_of_whole_billionths() -> None:
    values = np.array([1.5, -2.25, 1.4e-9, 1.6e-9, NAN, INF, -INF, 9e9, 9.1e9, -9.1e9])
    assert fixed(values).tolist() == [
        *(1_500_000_000, -2_250_000_000, 1, 2, 0),
        *(9 * 10**18, 0, 9 * 10**18, 9 * 10**18, -9 * 10**18),
    ]
    assert floating(whole([1_500_000_000, 1])).tolist() == [1.5, 1e-9]


def test_a_value_that_is_not_known_may_be_anything() -> None:
    known = np.array([1.0, 2.0])
    assert exactly(known).exact
    missing = exactly(np.array([1.0, NAN]))
    assert (missing.lo.tolist(), missing.hi.tolist()) == ([1, -INF], [1, INF])
    assert where_known(marks("xx"), exactly(known)).exact
    partly = where_known(marks("x-"), exactly(known))
    assert (partly.lo.tolist(), partly.hi.tolist()) == ([1, -INF], [1, INF])
    fahrenheit = scaled(Interval(known, known + 1), 1.8, 32.0)
    assert fahrenheit.lo.tolist() == [33.8, 35.6]
    assert fahrenheit.hi.tolist() == [35.6, 37.4]
    assert scaled(exactly(known), 2.0, 0.0).exact


def test_what_is_added_to_what_is_partly_known_is_partly_known() -> None:
    known, partly = exactly(np.array([2.0])), Interval(np.array([1.0]), np.array([4.0]))
    for left, operator, right, expected in (
        (partly, "+", known, (3, 6)),
        (known, "+", partly, (3, 6)),
        (partly, "-", known, (-1, 2)),
        (known, "-", partly, (-2, 1)),
        (known, "+", known, (4, 4)),
        (known, "-", known, (0, 0)),
        (known, "*", partly, (2, 8)),
        (partly, "/", known, (0.5, 2)),
    ):
        assert bounds(compute(operator, left, right)) == [expected], (operator, expected)
    assert compute("+", known, known).exact
    assert compute("-", known, known).exact


def column(
    readings: Sequence[tuple[float, ...]],
    *,
    device: str = "one",
    kind: Kind = Kind.GAUGE,
    reporting: Reporting = Reporting.PERIODIC,
    breaks: Sequence[int] = (),
) -> SeriesColumns:
    """Readings as hour, value and perhaps quality, once an hour, each holding for three."""
    hours = [round(one[0] * HOUR) for one in readings]
    return SeriesColumns(
        time=whole(hours),
        value=np.array([one[1] for one in readings], dtype=np.float64),
        quality=np.array([one[2] if len(one) > 2 else 0 for one in readings], dtype=np.int16),
        received_at=whole(hours),
        device=device,
        kind=kind,
        reporting=reporting,
        nonnegative=kind is not Kind.GAUGE,
        interval=Steps.of([(0, float(HOUR))]),
        stale_after=Steps.of([(0, 3.0 * HOUR)]),
        breaks=whole(breaks),
    )


DAYS = Axis(base=0, stride=100_000 * HOUR, count=1)


def track(of: SeriesColumns, signs: Sequence[float] = ()) -> Track:
    heard = whole([round(hour * HOUR) for hour in signs])
    return Track(DAYS, [of], lambda _: (heard, heard))


def bounds(found: Interval) -> list[tuple[float, float]]:
    return list(zip(found.lo.tolist(), found.hi.tolist(), strict=True))


def window(of: Track, hours: Sequence[float], span: float, *, closed: bool = False) -> Window:
    keys = whole([round(hour * HOUR) for hour in hours])
    return look(of, keys, round(span * HOUR), np.zeros(len(keys), dtype=np.intp), closed=closed)


def test_a_slope_is_of_least_squares() -> None:
    level = track(column([(0, 0.0), (1, 1.0), (4, 10.0), (5, 9.0), (6, 8.0)]))
    found = bounds(slope(window(level, [4, 6], 4, closed=True)))
    # of 0, 1 and 10 at 0, 1 and 4 h: deviations -5/3, -2/3 and 7/3 of the mean hour
    assert found[0] == pytest.approx((34 / 13, 34 / 13))
    assert found[1] == pytest.approx((-1, -1))
    few = window(level, [1, 6, 6], 2, closed=True)
    assert bounds(slope(few)) == [(-INF, INF), (-1, -1), (-1, -1)]
    assert bounds(slope(window(level, [6], 1, closed=True))) == [(-INF, INF)]


def test_windows_of_several_sizes_are_each_summed_whole() -> None:
    level = track(column([(1, 2), (4, 8), (5, 10), (6, 12), (8, 16), (9, 20)]))
    found = bounds(slope(window(level, [6, 9, 6], 5, closed=True)))
    # 4, 5, 6, 8 and 9 h: deviations of the hours 39.6 with the values', 17.2 with their own
    assert [lo for lo, _ in found] == pytest.approx([2, 39.6 / 17.2, 2])


@pytest.mark.parametrize(
    ("full", "expected"),
    [(0, (-INF, 1.0)), (1, (-INF, 1.0)), (2, (1.0, 1.0)), (3, (1.0, INF)), (4, (1.0, INF))],
)
def test_a_saturated_reading_bounds_a_slope_on_its_side_of_the_middle(
    full: int, expected: tuple[float, float]
) -> None:
    readings = [(float(at), float(at), FULL if at == full else 0) for at in range(5)]
    assert bounds(slope(window(track(column(readings)), [4], 4, closed=True))) == [expected]


def test_many_windows_are_summed_as_one_is() -> None:
    level = track(column([(float(at), float(at % 40)) for at in range(20_000)]))
    hours = [float(at) for at in range(40, 20_000)]
    steep = slope(window(level, hours, 39, closed=True))
    middle = quantile(window(level, hours, 40), 0.5)
    rising = [i for i, hour in enumerate(hours) if hour % 40 == 39]
    assert len(rising) == 499
    assert {round(float(steep.lo[i]), 9) for i in rising} == {1.0}
    assert set(middle.lo.tolist()) == {19.5}


def test_a_quantile_lies_between_two_readings_by_their_distance() -> None:
    level = track(column([(0, 4.0), (1, 1.0), (2, 2.0, FULL), (3, 8.0)]))
    four = window(level, [3], 4)
    assert bounds(quantile(four, 0.0)) == [(-INF, INF)]
    covered = window(level, [3, 3, 2], 3)
    assert bounds(quantile(covered, 0.0)) == [(1.0, 1.0), (1.0, 1.0), (-INF, INF)]
    assert bounds(quantile(covered, 1.0))[:1] == [(8.0, INF)]
    assert bounds(quantile(covered, 0.25))[:1] == [(1.5, 4.5)]


def door(*readings: tuple[float, float]) -> SeriesColumns:
    return column(readings, kind=Kind.STATE, reporting=Reporting.ON_CHANGE)


def test_a_state_is_held_where_a_window_opens() -> None:
    state = track(door((0, 4.0), (5, 2.0), (8, 6.0)), signs=range(11))
    at = window(state, [5, 7, 8, 10], 2)
    assert at.held.tolist() == [1, 2, 2, 3]
    assert at.size.tolist() == [1, 0, 1, 0]
    assert at.covered.tolist() == [True] * 4
    between = window(state, [4, 7.5, 10.5], 1)
    assert between.held.tolist() == [1, 2, 3]
    assert between.size.tolist() == [0, 0, 0]


def test_what_was_held_is_one_of_the_readings_of_a_state() -> None:
    state = track(door((0, 4.0), (5, 2.0), (8, 6.0)), signs=range(11))
    at = window(state, [5, 8], 2)
    assert bounds(mean(at)) == [(3, 3), (4, 4)]
    assert bounds(maximum(at)) == [(4, 4), (6, 6)]
    assert bounds(minimum(at)) == [(2, 2), (2, 2)]
    assert bounds(quantile(at, 0.5)) == [(3, 3), (4, 4)]
    assert bounds(quantile(at, 0.25)) == [(2.5, 2.5), (3, 3)]
    alone = window(state, [7], 2)
    assert bounds(mean(alone)) == bounds(maximum(alone)) == bounds(minimum(alone)) == [(2, 2)]
    unheard = track(door((0, 4.0), (5, 2.0)), signs=[0, 5])
    assert bounds(mean(window(unheard, [5, 5], 2))) == [(-INF, INF), (-INF, INF)]
    assert bounds(maximum(window(unheard, [5, 5], 2)))[0] == (4, INF)  # held at 3 h
    assert bounds(maximum(window(unheard, [5], 1.5))) == [(2, INF)]
    assert bounds(minimum(window(unheard, [5], 1.5))) == [(-INF, 2)]


def test_what_is_below_zero_is_no_less_than_what_is_not_there() -> None:
    readings = [(0, -4.0, 0), (5, -2.0, 0), (8, -6.0, FULL)]
    state = track(column(readings, kind=Kind.STATE, reporting=Reporting.ON_CHANGE), range(11))
    at = window(state, [5, 7, 8, 10], 2)
    assert bounds(maximum(at)) == [(-2, -2), (-2, -2), (-2, INF), (-6, INF)]
    assert bounds(minimum(at)) == [(-4, -4), (-2, -2), (-6, -2), (-6, INF)]
    positive = [(hour, -value, mark) for hour, value, mark in readings]
    state = track(column(positive, kind=Kind.STATE, reporting=Reporting.ON_CHANGE), range(11))
    at = window(state, [5, 7, 8, 10], 2)
    assert bounds(maximum(at)) == [(4, 4), (2, 2), (6, INF), (6, INF)]
    assert bounds(minimum(at)) == [(2, 2), (2, 2), (2, 2), (6, INF)]


def test_what_a_window_holds_of_readings_at_the_top_of_their_scale() -> None:
    rain = track(column([(0, 1.0), (1, 2.0, FULL), (2, 3.0), (3, 4.0)], kind=Kind.INCREMENT))
    at = window(rain, [1, 2, 3], 1)
    assert bounds(summed(at)) == [(2, INF), (3, 3), (4, 4)]
    assert bounds(mean(at)) == [(2, INF), (3, 3), (4, 4)]
    assert bounds(maximum(at)) == [(2, INF), (3, 3), (4, 4)]
    assert bounds(minimum(at)) == [(2, INF), (3, 3), (4, 4)]
    wide = window(rain, [3, 3], 4)
    assert wide.covered.tolist() == [False, False]
    assert bounds(summed(wide))[0] == (10, INF)
    assert bounds(maximum(wide))[0] == (4, INF)
    assert bounds(minimum(wide))[0] == (-INF, 1)


def test_what_a_counter_gained_counts_from_the_reading_before_if_it_still_held() -> None:
    readings = [(0, 10.0), (1, 12.0), (2, 15.0), (3, 3.0), (7, 9.0), (8, 9.5, FULL), (9, 4.0)]
    energy = track(column(readings, kind=Kind.COUNTER))
    at = window(energy, [1, 2, 3, 7, 9], 1)
    assert bounds(increase(at)) == [(2, 2), (3, 3), (3, 3), (0, INF), (4, 4)]
    assert bounds(increase(window(energy, [3], 2))) == [(6, 6)]
    assert bounds(increase(window(energy, [8, 9], 1)))[0] == (0.5, INF)
    assert bounds(increase(window(energy, [3], 4))) == [(8, INF)]
    broken = track(column(readings[:3], kind=Kind.COUNTER, breaks=[2 * HOUR]))
    assert bounds(increase(window(broken, [1, 2, 3], 1)))[:2] == [(2, 2), (0, INF)]
    negative = track(column([(0, 5.0), (1, -3.0), (2, -1.0)], kind=Kind.COUNTER))
    assert bounds(increase(window(negative, [1, 2], 1))) == [(0, 0), (2, 2)]


def hours(keys: Instants) -> list[float]:
    return [key / HOUR for key in keys.tolist()]


def test_a_gauge_is_known_from_a_reading_to_its_stale_limit_or_a_break() -> None:
    level = track(column([(0, 1.0), (3, 1.0), (7, 1.0), (8, 1.0, 4), (9, NAN)]))
    assert hours(level.known_from[1:]) == [0, 7]
    assert hours(level.known_to[1:]) == [6, 10]
    assert level.known_from[0] == level.known_to[0] == BEFORE
    assert hours(level.ceased) == [6, 10]
    assert hours(level.expiries(level.good[1:])) == [3, 6, 10]
    broken = track(column([(0, 1.0), (2, 1.0), (3, 1.0)], breaks=[HOUR, 2 * HOUR]))
    assert hours(broken.known_from[1:]) == [0, 2]
    assert broken.known_to[1:].tolist() == [HOUR - 1, 6 * HOUR]
    assert hours(broken.ceased) == [6]
    keys = whole([0, HOUR - 1, HOUR, 2 * HOUR, 9 * HOUR])
    assert broken.broke(keys).tolist() == [BEFORE, BEFORE, HOUR, 2 * HOUR, 2 * HOUR]
    assert level.broke(keys).tolist() == [BEFORE] * 5
    assert level.position(keys).tolist() == [1, 1, 1, 1, 3]
    assert level.span(keys).tolist() == [1, 1, 1, 1, 2]


def test_what_is_sent_on_change_is_known_while_its_device_is_heard() -> None:
    state = track(door((2, 1.0), (9, 0.0)), signs=[0, 1, 4, 9])
    assert hours(state.known_from[1:]) == [2, 9]
    assert hours(state.known_to[1:]) == [7, 12]
    tips = replace(door((2, 1.0)), kind=Kind.INCREMENT)
    assert hours(track(tips, signs=[0, 1, 4, 9]).known_from[1:]) == [0, 9]
    silent = track(door((2, 1.0)))
    assert (hours(silent.known_from[1:]), hours(silent.signs[0][1:])) == ([], [])


def test_imported_history_is_no_arrival_and_was_always_there() -> None:
    history = replace(column([(5, 1.0), (6, 2.0)]), received_at=whole([NEVER, 7 * HOUR]))
    level = track(history)
    assert hours(level.received[1:]) == [0, 7]
    assert level.came.tolist() == [False, False, True]
    assert hours(level.arrivals) == [7]


ALWAYS = Steps.of([(0, 1.0)])


def serving(*pairs: tuple[float, float]) -> Device:
    return Device(
        commissioned=0, in_service=Steps.of((round(hour * HOUR), value) for hour, value in pairs)
    )


def told(steps: Steps | None) -> list[tuple[float, float]] | None:
    if steps is None:
        return None
    return list(zip(hours(steps.at), steps.value.tolist(), strict=True))


def test_a_series_is_in_service_while_its_device_is_and_it_is_wanted() -> None:
    always, paused = serving((0, 1)), serving((0, 1), (5, 0), (8, 1))
    assert interrupted([always, None, paused]) == [None, None, paused.in_service]
    assert interrupted([always, None]) == [None, None]
    assert interrupted([]) == []

    def found(series: SeriesColumns, **devices: Device) -> list[tuple[float, float]] | None:
        subject = Subject(key="s", series={"x": series}, devices=devices)
        (steps,) = services([series], [subject])
        return told(steps)

    level = column([(0, 1.0)])
    assert found(level, one=always) is None
    assert found(level, one=paused) == [(0, 1), (5, 0), (8, 1)]
    unwanted = replace(level, withdrawn=Steps.of([(2 * HOUR, 1.0), (6 * HOUR, 0.0)]))
    assert found(unwanted, one=always) == [(2, 0), (6, 1)]
    assert found(unwanted, one=paused) == [(2, 0), (8, 1)]
    assert found(replace(level, withdrawn=Steps.of([(0, 0.0)])), one=always) is None
    subject = Subject(key="a", series={}, devices={"one": paused})
    assert services([None, level], [subject] * 2) == [None, paused.in_service]


def spliced(*earlier: tuple[str, float]) -> SeriesColumns:
    series = column([(hour, 1.0) for hour in range(10)])
    return replace(series, earlier=tuple((name, round(at * HOUR)) for name, at in earlier))


def test_a_spliced_series_is_in_service_as_each_of_its_devices_in_its_time() -> None:
    def found(**devices: Device) -> list[tuple[float, float]] | None:
        earlier = [(name, 4.0) for name in devices if name != "one"]
        series = spliced(*earlier)
        subject = Subject(key="s", series={"x": series}, devices=devices)
        return told(services([series], [subject])[0])

    assert found(old=serving((0, 1)), one=serving((0, 1))) is None
    assert found(old=serving((0, 1)), one=serving((6, 1))) == [(4, 0), (6, 1)]
    assert found(old=serving((0, 1), (2, 0), (5, 1)), one=serving((0, 1))) == [(2, 0), (4, 1)]
    assert found(old=serving((0, 1)), one=serving((0, 1), (7, 0))) == [(7, 0)]


def test_which_rows_of_a_spliced_series_a_device_sent() -> None:
    series = spliced(("a", 3.0), ("b", 3.5), ("a", 7.0))
    numbers = np.arange(10)
    assert numbers[rows_sent(series, "a")].tolist() == [0, 1, 2, 4, 5, 6]
    assert numbers[rows_sent(series, "b")].tolist() == [3]
    assert numbers[rows_sent(series, "one")].tolist() == [7, 8, 9]
    assert numbers[rows_sent(series, "none")].tolist() == []
    assert numbers[rows_sent(column([(h, 1.0) for h in range(10)]), "one")].tolist() == [*numbers]
    assert numbers[rows_sent(column([(h, 1.0) for h in range(10)]), "two")].tolist() == []


def test_the_times_at_which_a_series_becomes_another() -> None:
    plain = column([(0, 1.0)])
    broken = replace(plain, breaks=whole([3, 5]))
    withdrawn = replace(plain, withdrawn=Steps.of([(7, 1.0)]))
    found = changes([plain, broken, withdrawn, spliced(("a", 2.0), ("b", 4.0))])
    assert [one.tolist() for one in found] == [[3, 5], [7], [2 * HOUR, 4 * HOUR]]


CALENDAR = Calendar(zone="Europe/Paris", lon=2.4, lat=48.6)


def test_what_passes_a_site_upstream_arrives_a_way_later() -> None:
    series = replace(
        column([(0, 1.0), (1, 2.0), (2, 3.0)]),
        received_at=whole([HOUR // 2, NEVER, 9 * HOUR]),
        breaks=whole([HOUR]),
        withdrawn=Steps.of([(HOUR, 1.0)]),
        earlier=(("old", HOUR),),
    )
    device = Device(
        commissioned=HOUR,
        in_service=Steps.of([(0, 1.0)]),
        fed=Steps.of([(HOUR, 0.0)]),
        answers=Steps.of([(2 * HOUR, 0.0)]),
    )
    mill = Upstream(
        site="mill",
        lag=4 * HOUR,
        series={"level": series},
        devices={"one": device},
        thresholds={"alert": Steps.of([(HOUR, 2.0)])},
    )
    subject = Subject(
        key="s", series={}, devices={}, calendar=CALENDAR, plan=ALWAYS, upstream=(mill,)
    )
    (found,) = arriving(subject, HOUR)
    assert (found.key, found.calendar, found.plan) == ("s<mill", CALENDAR, ALWAYS)
    level = found.series["level"]
    assert hours(level.time) == [3, 4, 5]
    assert level.received_at.tolist() == [3 * HOUR, NEVER, 9 * HOUR]
    assert level.value.tolist() == [1, 2, 3]
    assert hours(level.breaks) == [4]
    assert told(level.withdrawn) == [(4, 1)]
    assert level.earlier == (("old", 4 * HOUR),)
    assert told(level.interval) == [(3, HOUR)]
    moved = found.devices["one"]
    assert moved.commissioned == 4 * HOUR
    assert (told(moved.in_service), told(moved.fed)) == ([(3, 1)], [(4, 0)])
    assert told(moved.answers) == [(5, 0)]
    assert told(found.thresholds["alert"]) == [(4, 2)]
    (soon,) = arriving(subject, 9 * HOUR)
    assert hours(soon.series["level"].time) == [0, 1, 2]
    assert soon.series["level"].received_at.tolist() == [HOUR // 2, NEVER, 9 * HOUR]
    assert longest(subject) == 4 * HOUR
    assert longest(replace(subject, upstream=())) == 0


def test_what_is_overtaken_on_its_way_is_lost() -> None:
    lag = Steps.of([(0, 4.0 * HOUR), (2 * HOUR, NAN), (3 * HOUR, 2.0 * HOUR)])
    mill = Upstream(
        site="mill",
        lag=lag,
        series={"level": column([(-1, 0.0), (0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)])},
        devices={"one": serving((0, 1), (1, 0), (2, 1))},
        thresholds={"alert": Steps.of([])},
    )
    subject = Subject(key="s", series={}, devices={}, upstream=(mill, replace(mill, lag=HOUR)))
    (found, _) = arriving(subject, 0)
    assert hours(found.series["level"].time) == [2, 5]
    assert found.series["level"].value.tolist() == [3, 4]
    assert told(found.devices["one"].in_service) == [(4, 1), (5, 0), (5, 1)]
    assert told(found.thresholds["alert"]) == []
    assert longest(subject) == 4 * HOUR


def test_a_member_has_its_own_series_and_the_group_s_beside_them() -> None:
    def of(device: str, *earlier: str) -> SeriesColumns:
        series = column([(0, 1.0)], device=device)
        return replace(series, earlier=tuple((name, HOUR) for name in earlier))

    group = Subject(
        key="g",
        series={
            "level": of("gauge"),
            "fault@a": of("a", "old"),
            "power@a": of("a"),
            "fault@b": of("b"),
            "burning@old": of("old"),
        },
        devices={"gauge": serving((0, 1))},
        thresholds={"alert": ALWAYS},
        group={"fault": ("fault@a", "fault@b", "fault@c"), "power": ("power@a",)},
        calendar=CALENDAR,
        plan=ALWAYS,
    )
    found = list(members_of(group))
    assert [one.key for one in found] == ["g#0", "g#1", "g#2"]
    assert [sorted(one.series) for one in found] == [
        ["burning@old", "burning@old ", "fault", "fault@a ", "level", "power", "power@a "],
        ["burning@old", "fault", "fault@b ", "level"],
        ["burning@old", "level"],
    ]
    assert found[0].series["fault"] is group.series["fault@a"]
    assert found[1].series["fault"] is group.series["fault@b"]
    for one in found:
        assert one.devices is group.devices
        assert one.thresholds is group.thresholds
        assert (one.calendar, one.plan) == (CALENDAR, ALWAYS)
    assert list(members_of(replace(group, group={}))) == []
