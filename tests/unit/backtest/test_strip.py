"""A year as a strip of days: local days, extremes, and how long it lay beyond a limit."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from hypervisor.backtest.compared_series import Compared
from hypervisor.backtest.strip import ComparedValues, strip
from rules._tree import Name, Number
from sensors._errors import Place
from tests.unit.backtest.making import HOUR, at

_PLACE = Place(file="", line=1, column=1)
_PARIS = ZoneInfo("Europe/Paris")


def seen(*values: float, direction: str = "above", every: float = 1) -> ComparedValues:
    """A reading an hour; nan: not known."""
    times = np.array([at(every * n) for n in range(len(values))], dtype=np.int64)
    low, high = np.array(values, dtype=float), np.array(values, dtype=float)
    low[np.isnan(low)], high[np.isnan(high)] = -np.inf, np.inf
    compared = Compared(
        node=Name(place=_PLACE, name="level"),
        limit=Number(place=_PLACE, value=2.0, unit="m"),
        direction="above" if direction == "above" else "below",
        severity=None,
    )
    return ComparedValues.of(times, low, high, compared, 3 * HOUR)


def test_half_of_the_time() -> None:
    assert seen(1, 3, 3, 1, 1).beyond(2) == pytest.approx(0.5)


def test_how_often_there_is_a_reading() -> None:
    assert seen(1, 3, float("nan"), 3, 1, 1).interval == HOUR
    assert seen(1).interval == 0


def test_a_gap_is_no_time() -> None:
    """Ten hours of nothing after the second reading count as the three that it held."""
    found = seen(1, 3, *[float("nan")] * 9, 1, 1)

    assert found.beyond(2) == pytest.approx(3 / 5)


def test_of_nothing_known_there_is_no_share() -> None:
    assert seen(float("nan")).beyond(2) is None


def test_days_are_local_and_have_their_highest() -> None:
    """In January the local day begins at 23:00 UTC; fifty days are drawn as days."""
    values = [1.0] * (50 * 24)
    values[23] = 5.0
    found = strip(seen(*values), at(0), at(50 * 24), _PARIS)

    assert found.bin == 24 * HOUR
    assert found.points[0] == (at(-1), 1.0)
    assert found.points[1] == (at(23), 5.0)


def test_of_frost_the_lowest() -> None:
    found = strip(seen(3, -2, 4, direction="below"), at(0), at(3), _PARIS)

    assert min(value for _, value in found.points if value is not None) == -2


def test_a_flood_is_drawn_in_hours_or_less_and_a_gap_stays_a_gap() -> None:
    values = [1.0] * 10 + [float("nan")] * 10 + [1.0] * 10
    found = strip(seen(*values), at(0), at(30), _PARIS)

    assert found.bin == HOUR // 4
    assert found.points[15 * 4][1] is None
    assert found.points[25 * 4][1] == 1.0


def test_how_far_it_came() -> None:
    found = seen(1, 2, 7, 3)

    assert found.extreme(at(0), at(1)) == 2
    assert found.extreme(at(1), at(3)) == 7
    assert found.extreme(at(20), at(30)) is None


@pytest.mark.parametrize(
    ("hours", "minutes"),
    [
        *((1, 15), (100, 15), (100.01, 30), (200, 30), (201, 60), (400, 60), (401, 120)),
        *((800, 120), (801, 180), (959, 180), (960, 24 * 60), (9000, 24 * 60)),
    ],
)
def test_a_picture_has_at_most_four_hundred_points(hours: float, minutes: int) -> None:
    found = strip(seen(1, 2), at(0), at(hours), _PARIS)
    assert found.bin == minutes * HOUR // 60
    assert (found.since, found.until) == (at(0), at(hours))
    if minutes < 24 * 60:
        assert len(found.points) <= 401
        assert all(begins % found.bin == 0 for begins, _ in found.points)


def test_each_point_is_of_its_own_span_and_what_is_beyond_the_end_of_none() -> None:
    found = strip(seen(1, 5, 2, 9, every=0.25), at(0), at(0.5), _PARIS)
    assert found.points == ((at(0), 1.0), (at(0.25), 5.0))
    assert strip(seen(1, 5, 2, every=0.25), at(0), at(0.49), _PARIS).points[-1] == (at(0.25), 5.0)


def test_the_farthest_of_a_span_counts_both_of_its_ends() -> None:
    found = seen(1, 5, 2, 9)
    assert found.extreme(at(1), at(2)) == 5
    assert found.extreme(at(2), at(3)) == 9
    assert found.extreme(at(1) + 1, at(3) - 1) == 2
    assert found.extreme(at(4), at(5)) is None
    assert seen(1, 5, 2, direction="below").extreme(at(1), at(2)) == 2
    assert found.last == at(3)
