"""What a batch says, and the few numbers of every series that the cheap look is made of."""

import numpy as np
import pytest

from hypervisor.evaluation import arrivals
from hypervisor.evaluation.arrivals import Arrived
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import SeriesTail
from sensors._quality import Quality
from sensors._row import NEVER, ROW, Rows

SATURATED, FAULT = int(Quality.SATURATED), int(Quality.SENSOR_FAULT)
Given = tuple[int, int, float] | tuple[int, int, float, int] | tuple[int, int, float, int, int]


def rows(*given: Given) -> Rows:
    """Of series, time, value, then quality and arrival; it arrives when it was measured."""
    return np.array(
        [
            (series, time, more[1] if len(more) > 1 else time, value, more[0] if more else 0)
            for series, time, value, *more in given
        ],
        dtype=ROW,
    )


def tails(*given: Given, numbers: tuple[int, ...] = (4, 7)) -> dict[int, SeriesTail]:
    """Of each series what is in memory."""
    made = {number: SeriesTail(keep=1_000) for number in numbers}
    for number, tail in made.items():
        own = [each for each in given if each[0] == number]
        if own:
            tail.append(rows(*own))
    return made


def shown(stats: SeriesStats) -> dict[str, list[float]]:
    """By place; the first is nobody's."""
    names = ("newest", "low", "high", "rise", "fall", "arrived", "paused")
    return {name: getattr(stats, name).tolist() for name in names}


def test_dials_are_of_the_good_values_in_memory() -> None:
    stats = SeriesStats.of(
        tails((4, 10, 1.5), (4, 20, -2.0), (4, 30, 9.0, FAULT), (4, 40, np.nan), (4, 50, 3.0))
    )
    assert stats.place == {4: 1, 7: 2}
    assert stats.numbers.tolist() == [4, 7]
    assert shown(stats) == {
        "newest": [NEVER, 50, NEVER],
        "low": [np.inf, -2.0, np.inf],
        "high": [-np.inf, 3.0, -np.inf],
        "rise": [0.0, 4.5, 0.0],
        "fall": [0.0, -2.0, 0.0],
        "arrived": [NEVER, 50, NEVER],
        "paused": [LATER, LATER, LATER],
    }
    low, high = stats.span(np.array([1, 0]))
    assert (low.tolist(), high.tolist()) == ([-2.0, np.inf], [3.0, -np.inf])
    fall, rise = stats.sums(np.array([1, 0]))
    assert (fall.tolist(), rise.tolist()) == ([-2.0, 0.0], [4.5, 0.0])


def test_a_saturated_value_has_no_bound_above() -> None:
    stats = SeriesStats.of(tails((4, 10, 1.5), (4, 20, 2.0, SATURATED)))
    assert (stats.low[1], stats.high[1], stats.rise[1], stats.fall[1]) == (1.5, np.inf, np.inf, 0)


def test_dials_count_what_is_old_but_arrived_lately() -> None:
    given = tails((4, 10, 1.5), (7, 5, 1.0))
    given[4].older = rows((4, 2, -7.0, 0, 90))
    stats = SeriesStats.of(given)
    assert (stats.low[1], stats.arrived[1], stats.newest[1]) == (-7.0, 90, 10)
    assert (stats.low[2], stats.arrived[2], stats.newest[2]) == (1.0, 5, 5)


def test_dials_are_read_again_of_those_asked_for() -> None:
    given = tails((4, 10, 1.5), (7, 10, 1.5))
    stats = SeriesStats.of(given)
    for tail in given.values():
        tail.fill(rows((4, 20, 6.0)), complete_from=NEVER)
    stats.read(given, [7])
    assert stats.low.tolist() == [np.inf, 1.5, 6.0]
    assert stats.newest.tolist() == [NEVER, 10, 20]
    given[7].fill(rows(), complete_from=NEVER)
    stats.read(given, [7])
    assert (stats.newest[2], stats.low[2], stats.high[2], stats.arrived[2]) == (
        *(NEVER, np.inf),
        *(-np.inf, NEVER),
    )


def taken(
    memory: dict[int, SeriesTail], *given: Given, cursor: int = 0
) -> tuple[Arrived, SeriesStats]:
    stats = SeriesStats.of(memory)
    return arrivals.take_rows(rows(*given), memory, stats, cursor=cursor), stats


def test_a_batch_in_order_moves_the_dials_and_says_when_it_begins() -> None:
    given = tails((4, 10, 1.0), (7, 10, 1.0))
    batch = ((4, 20, -1.0, 0, 25), (4, 30, 5.0, 0, 26), (7, 40, 2.0, FAULT, 41))
    result, stats = taken(given, *batch)
    assert result.first.tolist() == [LATER, 20, 40]
    assert result.arrived.tolist() == [LATER, 25, 41]
    assert result.before.tolist() == [NEVER, 10, 10]
    assert result.heard_before.tolist() == [NEVER, 10, 10]
    assert result.late.tolist() == [False, False, False]
    assert result.longest.tolist()[:2] == [0, 15]
    assert result.longest[2] >= 9e18  # one that is not good is no arrival
    assert (result.fresh, result.trimmed) == ({}, [])
    assert shown(stats) == {
        "newest": [NEVER, 30, 40],
        "low": [np.inf, -1.0, 1.0],
        "high": [-np.inf, 5.0, 1.0],
        "rise": [0.0, 6.0, 1.0],
        "fall": [0.0, -1.0, 0.0],
        "arrived": [NEVER, 26, 10],
        "paused": [LATER, LATER, LATER],
    }
    assert given[4].rows["time"].tolist() == [10, 20, 30]
    assert given[7].rows["time"].tolist() == [10, 40]


def test_the_longest_pause_is_between_any_two_arrivals() -> None:
    result, _ = taken(
        tails((4, 10, 1.0)), (4, 20, 1.0, 0, 60), (4, 30, 1.0, 0, 30), (4, 40, 1.0, 0, 70)
    )
    assert result.longest[1] == 50  # from the last before, to 60; back by 30, and on by 40
    imported, _ = taken(tails((4, 10, 1.0)), (4, 20, 1.0, 0, NEVER))
    assert imported.arrived[1] == LATER
    assert imported.longest[1] >= 9e18


def test_rows_of_nobody_say_nothing() -> None:
    result, stats = taken(tails((4, 10, 1.0)), (5, 20, 9.0), (9, 20, 9.0))
    assert result.first.tolist() == [LATER] * 3
    assert stats.high.tolist() == [-np.inf, 1.0, -np.inf]
    nothing, _ = taken(tails((4, 10, 1.0)))
    assert nothing.first.tolist() == [LATER] * 3


@pytest.mark.parametrize("time", [5, 10], ids=["before", "again"])
def test_what_is_late_or_says_otherwise_is_told_and_the_dials_are_read_again(time: int) -> None:
    given = tails((4, 10, 1.0), (7, 10, 1.0))
    result, stats = taken(given, (4, time, 7.0, 0, 50), (7, 20, 2.0))
    assert result.late.tolist() == [False, True, False]
    assert result.first.tolist() == [LATER, time, 20]
    assert result.before.tolist() == [NEVER, 10, 10]
    assert list(result.fresh) == [1]
    assert result.fresh[1].overwritten == (() if time == 5 else (10,))
    assert result.arrived[1] == (50 if time == 5 else 10)
    assert stats.high.tolist() == [-np.inf, 7.0, 2.0]
    assert stats.newest.tolist() == [NEVER, 10, 20]
    assert stats.rise.tolist() == [0.0, 8.0 if time == 5 else 7.0, 3.0]


def test_what_is_late_and_says_nothing_new_makes_nothing_due() -> None:
    result, _ = taken(tails((4, 10, 1.0)), (4, 10, 1.0))
    assert result.late.tolist() == [False, True, False]
    assert (result.first[1], result.arrived[1], result.fresh) == (LATER, LATER, {})


def test_two_rows_of_one_time_are_no_order() -> None:
    result, _ = taken(tails((4, 10, 1.0)), (4, 20, 1.0), (4, 20, 2.0))
    assert result.late[1]
    assert result.fresh[1].overwritten == (20,)


def test_what_memory_took_before_the_feed_told_of_it_is_news() -> None:
    given = tails((4, 10, 1.0), (4, 20, 2.0))
    given[4].ahead_to = 7
    result, _ = taken(given, (4, 20, 2.0), cursor=6)
    assert result.late[1]
    assert (result.first[1], result.before[1]) == (20, 10)
    again, _ = taken(given, (4, 30, 2.0), cursor=7)
    assert not again.late[1]


def test_a_series_of_which_old_rows_had_to_go_is_to_be_read_again() -> None:
    given = tails((4, 10, 1.0))
    given[4].keep = 5
    long_ago = [(4, 10 + n, 50.0) for n in range(1, 16)]
    _, stats = taken(given, *long_ago)
    assert stats.high[1] == 50.0
    result = arrivals.take_rows(rows((4, 500, 2.0)), given, stats, cursor=0)
    assert result.trimmed == [4]


def test_a_pause_counts_while_it_ended_after_what_was_judged() -> None:
    given = tails((4, 10, 1.0), (7, 30, 1.0))
    stats = SeriesStats.of(given)
    stats.paused[:] = 99
    result = arrivals.take_rows(rows((4, 20, 1.0), (7, 45, 1.0)), given, stats, cursor=0)
    arrivals.record_pauses(result, stats, watermark=10)
    assert stats.paused.tolist() == [0, 10, 99]
    late = arrivals.take_rows(rows((4, 15, 1.0)), given, stats, cursor=0)
    arrivals.record_pauses(late, stats, watermark=0)
    assert stats.paused[1] == LATER
