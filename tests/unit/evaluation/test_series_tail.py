"""A tail says at any time what the store holds from its edge on."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from hypervisor.evaluation.series_tail import Fresh, SeriesTail, is_good, merge
from hypervisor.evaluation.tail_budget import TailBudget
from sensors._row import NEVER, ROW, Rows


def take(tail: SeriesTail, new: Rows) -> Fresh | None:
    """As the watch does: behind what is there, or among it."""
    ascending = bool((np.diff(new["time"]) > 0).all())
    if ascending and int(new["time"][0]) > tail.newest:
        tail.append(new)
        return None
    return tail.absorb(new, cursor=0)


def rows(*given: tuple[int, float], received: int | None = None) -> Rows:
    return np.array(
        [(1, time, time if received is None else received, value, 0) for time, value in given],
        dtype=ROW,
    )


def test_what_comes_in_order_is_appended() -> None:
    tail = SeriesTail(keep=100)

    tail.append(rows((1, 1.0), (2, 2.0)))
    tail.append(rows((5, 3.0)))

    assert tail.newest == 5
    assert tail.rows["time"].tolist() == [1, 2, 5]


def test_a_repeated_row_says_nothing() -> None:
    tail = SeriesTail(keep=100)
    take(tail, rows((1, 1.0), (2, np.nan)))

    assert take(tail, rows((1, 1.0), (2, np.nan))) is None


def test_a_correction_is_doubted_and_tells_both_arrivals() -> None:
    tail = SeriesTail(keep=100)
    take(tail, rows((1, 1.0), (2, 2.0)))

    fresh = take(tail, rows((2, 9.0), received=40))

    assert fresh is not None
    assert (fresh.first, fresh.arrived, fresh.overwritten) == (2, 2, (2,))


def test_an_earlier_arrival_of_the_same_row_touches_no_value() -> None:
    tail = SeriesTail(keep=100)
    take(tail, rows((2, 2.0), received=40))

    fresh = take(tail, rows((2, 2.0), received=30))

    assert fresh is not None
    assert (fresh.first, fresh.arrived) == (None, 30)


def test_the_last_good_row_outlives_the_tail() -> None:
    tail = SeriesTail(keep=10)
    take(tail, rows(*((time, float(time)) for time in range(16))))
    for time in range(100, 140):
        take(tail, np.array([(1, time, time, np.nan, 2)], dtype=ROW))

    held = tail.since(130)

    assert tail.complete_from > 15
    assert float(held["value"][is_good(held)][-1]) == 15.0


def test_what_arrived_lately_is_known_however_old() -> None:
    tail = SeriesTail(keep=10)
    take(tail, rows(*((time, float(time)) for time in range(100, 140))))
    take(tail, rows((200, 1.0)))

    fresh = take(tail, rows((5, 0.5), received=201))

    assert fresh is not None
    assert fresh.first == 5
    assert 5 in tail.since(NEVER)["time"].tolist()


def test_rows_read_from_the_store_before_the_feed_told_of_them_are_news() -> None:
    tail = SeriesTail(keep=100)
    tail.fill(rows((1, 1.0), (2, 2.0), (3, 3.0)), complete_from=NEVER)
    tail.ahead_to = 7

    early = tail.absorb(rows((2, 2.0)), cursor=6)
    late = tail.absorb(rows((3, 3.0)), cursor=7)

    assert early is not None
    assert (early.first, early.newest_before) == (2, 3)
    assert late is None
    assert tail.absorb(rows((3, 3.0)), cursor=9) is None


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3)), min_size=1, max_size=12),
            st.none() | st.integers(0, 300),
        ),
        max_size=30,
    )
)
def test_it_holds_what_the_store_would(
    batches: list[tuple[list[tuple[int, int]], int | None]],
) -> None:
    tail = SeriesTail(keep=50)
    stored = np.empty(0, dtype=ROW)
    for batch, since in batches:
        new = rows(*((time, float(value)) for time, value in sorted(batch, key=lambda one: one[0])))
        take(tail, new)
        stored = merge(stored, new)
        if since is not None:
            asked = stored[(stored["time"] >= since) & (stored["time"] < tail.complete_from)]
            held = stored[(stored["time"] < since) & is_good(stored)][-1:]
            tail.extend(merge(held, asked), since=since, ahead_to=0)
            assert tail.complete_from <= since

        recent = stored[stored["time"] >= tail.complete_from]
        assert tail.rows["time"].tolist() == recent["time"].tolist()
        assert tail.rows["value"].tolist() == recent["value"].tolist()
        older = stored[(stored["time"] < tail.complete_from) & is_good(stored)]
        if len(older):
            assert int(older["time"][-1]) in tail.older["time"].tolist()


def filled(keep: int, last: int = 15) -> SeriesTail:
    """Sixteen rows or so, one after another: as many as there is room for at first."""
    tail = SeriesTail(keep=keep)
    assert not tail.append(rows(*((time, float(time)) for time in range(last + 1))))
    return tail


def test_what_is_older_than_is_kept_goes_when_room_is_wanted() -> None:
    tail = filled(keep=5)
    assert tail.append(rows((16, 16.0)))
    assert tail.rows["time"].tolist() == [11, 12, 13, 14, 15, 16]
    assert tail.complete_from == 11
    # The last good row stays, and what arrived within as long before the last arrival.
    assert tail.older["time"].tolist() == [10]
    assert not tail.append(rows((17, 17.0)))


def test_little_that_is_old_stays_until_there_is_more() -> None:
    tail = filled(keep=13)
    assert not tail.append(rows((16, 16.0)))
    assert (len(tail.rows), tail.complete_from) == (17, NEVER)
    quarter = filled(keep=12)
    assert quarter.append(rows((16, 16.0)))
    assert quarter.rows["time"].tolist() == [*range(4, 17)]


def asked(tail: SeriesTail, since: int) -> None:
    """Late readings ask for all rows from a time on."""
    tail.extend(rows(*((time, 1.0) for time in range(since, 11))), since=since, ahead_to=9)


def test_what_late_readings_asked_for_is_held_while_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hypervisor.evaluation.series_tail._TURNS", 2)
    budget = TailBudget(most=10**6)
    tail = filled(keep=5)
    budget.watch({1: tail})
    tail.append(rows((16, 16.0)))
    asked(tail, 3)
    assert (tail.complete_from, tail.ahead_to) == (3, 9)
    assert tail.rows["time"].tolist() == [*range(3, 17)]
    assert tail.older["time"].tolist() == []
    assert budget.held == tail.nbytes
    for newest in range(17, 60):
        budget.shorten()
        assert tail.since(newest - 14)["time"][0] <= newest - 13
        tail.append(rows((newest, 1.0)))
        assert tail.complete_from <= newest - 13
    for newest in range(60, 100):
        budget.shorten()
        tail.append(rows((newest, 1.0)))
    assert tail.complete_from > 80


def test_what_is_too_much_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    tail = filled(keep=5)
    tail.append(rows((16, 16.0)))
    TailBudget(most=10).watch({1: tail})
    tail._budget.most = 10  # type: ignore[union-attr]  # noqa: SLF001  below its least
    asked(tail, 3)
    assert tail.complete_from == 11
    free = filled(keep=5)
    free.append(rows((16, 16.0)))
    monkeypatch.setattr("hypervisor.evaluation.series_tail._MOST", 12)
    asked(free, 3)
    assert free.complete_from == 11
    asked(free, 8)
    assert free.complete_from == 8
    asked(free, 9)
    assert free.complete_from == 8


def test_a_shortened_tail_holds_no_longer_what_late_readings_asked_for() -> None:
    tail = filled(keep=5)
    tail.append(rows((16, 16.0)))
    asked(tail, 3)
    assert tail.shorten(4, keep_arrived=False)
    assert tail.complete_from == 13
    tail.append(rows(*((time, 1.0) for time in range(17, 60))))
    assert tail.complete_from > 13


def test_of_very_many_rows_only_some_stay_however_long_they_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hypervisor.evaluation.series_tail._MOST", 6)
    tail = filled(keep=1_000)
    assert tail.append(rows((16, 16.0)))
    assert tail.rows["time"].tolist() == [10, 11, 12, 13, 14, 15, 16]
    assert tail.older["time"].tolist() == [*range(10)]  # all of it arrived lately
