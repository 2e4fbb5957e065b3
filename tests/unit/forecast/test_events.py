"""What counts as an event, a warning, a hit and a lead, by hand and against another's scores."""

import numpy as np
import pytest
import xarray as xr
from scores.categorical import BinaryContingencyManager

from hypervisor.forecast.events import (
    HOUR,
    Outcomes,
    Tally,
    Watch,
    find_crossings,
    find_ends,
    find_peaks,
)

LOW, HIGH = 1.0, 5.0


def levels(text: str) -> np.ndarray:
    """An hour a letter: `.` below, `#` above."""
    return np.array([HIGH if letter == "#" else LOW for letter in text])


def hours(number: int) -> np.ndarray:
    return np.arange(number, dtype=np.int64) * HOUR


def crossings(text: str) -> list[int]:
    return [int(row) for row in find_crossings(hours(len(text)), levels(text), 3.0)]


def test_an_event_begins_after_twelve_hours_below() -> None:
    assert crossings("....##......##") == [4]
    assert crossings("....##" + "." * 13 + "##") == [4, 19]
    assert crossings("##........") == []  # it was above when the record began


def test_an_event_that_comes_out_of_a_gap_could_not_be_seen() -> None:
    time = hours(10)
    time[5:] += 7 * HOUR
    assert find_crossings(time, levels(".....#####"), 3.0).tolist() == []


def test_an_event_ends_where_it_is_no_longer_above() -> None:
    value = levels("...##..#")
    begins = find_crossings(hours(8), value, 3.0)
    assert find_ends(value, begins, 3.0).tolist() == [5]


def score(river: str, chance: str, *, horizon: int = 3) -> Tally:
    """`chance`: a digit an hour, in tenths."""
    time = hours(len(river))
    watch = Watch.of(time, levels(river), 3.0, time)
    tenths = np.array([int(letter) / 10 for letter in chance])
    return watch.score(tenths, 0.5, horizon * HOUR)


def test_a_warning_two_hours_ahead_is_a_hit() -> None:
    tally = score("........##....", "00000066000000")
    assert (tally.events, tally.warnings, tally.false_alarms) == (1, 1, 0)
    assert tally.leads == (2 * HOUR,)


def test_a_warning_that_flickers_counts_once() -> None:
    assert score("..........##", "006060600000").warnings == 1
    assert score("....................", "00600000000000600000").warnings == 2


def test_a_warning_goes_on_down_to_half_its_chance() -> None:
    assert score("..........##", "006333333300").leads == (3 * HOUR,)  # no more than the horizon


def test_a_warning_after_which_nothing_comes_is_false() -> None:
    tally = score("..............##", "0600000000000000")
    assert (tally.warnings, tally.false_alarms, tally.detected) == (1, 1, 0.0)
    assert tally.lead is None


def test_above_and_for_twelve_hours_after_no_warning_is_counted() -> None:
    assert score("....##....##....", "0000009900000000").warnings == 0


def test_an_event_without_a_forecast_before_it_is_not_judged() -> None:
    time = hours(12)
    watch = Watch.of(time, levels("..........##"), 3.0, time)
    assert watch.score(np.full(12, np.nan), 0.5, 3 * HOUR).events == 0


def test_shares_are_those_of_the_bureau_of_meteorology() -> None:
    tally = Tally(events=9, warnings=11, false_alarms=4, leads=(HOUR,) * 7)
    counts = {"tp_count": 7, "fn_count": 2, "fp_count": 4, "tn_count": 90, "total_count": 103}
    table = BinaryContingencyManager.__mro__[1](
        {name: xr.DataArray(float(count)) for name, count in counts.items()}
    )
    assert tally.detected == pytest.approx(float(table.probability_of_detection()))
    assert tally.false_share == pytest.approx(float(table.false_alarm_ratio()))
    assert tally.success == pytest.approx(float(table.critical_success_index()))


def test_the_peak_of_an_event_is_looked_for_until_it_was_long_below() -> None:
    value = levels("..#.#" + "." * 13 + "#.")
    value[4], value[18] = 9.0, 99.0
    time = hours(len(value))
    begins = find_crossings(time, value, 3.0)
    assert begins.tolist() == [2, 18]
    assert find_peaks(time, value, begins, 3.0).tolist() == [4, 18]
    assert find_peaks(time, value, find_crossings(time, value, 100.0), 100.0).tolist() == []


def test_each_event_says_how_it_was_warned_of_and_each_false_alarm_when_it_began() -> None:
    text = "......#" + "." * 20 + "#" + "." * 20
    time = hours(len(text))
    watch = Watch.of(time, levels(text), 3.0, time)
    chance = np.zeros(len(text))
    chance[[4, 40]] = 0.9
    outcomes = watch.judge(chance, 0.5, 3 * HOUR)
    assert outcomes == Outcomes(
        events=(6 * HOUR, 27 * HOUR), leads=(2 * HOUR, None), warnings=2, false=(40 * HOUR,)
    )
    assert outcomes.count(3 * HOUR) == watch.score(chance, 0.5, 3 * HOUR)
    assert np.flatnonzero(watch.comes(3 * HOUR)).tolist() == [3, 4, 5, 24, 25, 26]
