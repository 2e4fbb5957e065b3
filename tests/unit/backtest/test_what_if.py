"""A recorded flood laid over another gauge: by its thresholds, and by whole days."""

import numpy as np
import pytest

from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.sources import FOREVER
from hypervisor.backtest.what_if import (
    AFTER,
    LaidSource,
    find_anchors,
    lay,
    lay_over,
    list_floods,
    scale_levels,
)
from sensors._row import ROW
from tests.unit.backtest.making import HOUR, at
from tests.unit.backtest.river import LEVEL, NUMBERS, recorded, registry

THERE = {"attention": 1.0, "alert": 2.0, "danger": 3.0}
HERE = {"attention": 0.5, "danger": 1.5}


def test_thresholds_there_become_those_here() -> None:
    anchors = find_anchors(THERE, HERE)
    assert [anchor.threshold for anchor in anchors] == ["attention", "danger"]
    scaled = scale_levels(np.array([1.0, 2.0, 3.0, 5.0, np.nan]), anchors)
    assert scaled == pytest.approx([0.5, 1.0, 1.5, 2.5, np.nan], nan_ok=True)


def test_by_one_threshold_levels_are_in_proportion() -> None:
    anchors = find_anchors(THERE, {"alert": 1.0})
    assert scale_levels(np.array([0.0, 2.0, 5.0]), anchors).tolist() == [0.0, 1.0, 2.5]


def test_times_move_by_whole_days_and_gaps_stay() -> None:
    rows = np.zeros(4, dtype=ROW)
    rows["time"] = [at(0), at(1), at(7), at(24 * 30)]
    rows["value"] = [1, 3, np.nan, 2]
    part, shift = lay(rows, find_anchors(THERE, HERE), at(24 * 400) + 5)
    assert shift % (24 * HOUR) == 0
    assert 0 <= at(24 * 400) + 5 - (at(1) + AFTER + shift) < 24 * HOUR
    assert (part["time"] - shift).tolist() == [at(0), at(1), at(7)]
    assert part["value"] == pytest.approx([0.5, 1.5, np.nan], nan_ok=True)


def test_the_recorded_flood_of_the_garonne_reaches_what_it_reached() -> None:
    """It peaked above its attention level at Saint-Beat: so it does here."""
    assert ("saint-beat", "pont") not in list_floods()
    laid, by_series = lay_over(registry(LEVEL), "pont", "saint-beat", at(24 * 60))
    assert list(by_series) == [NUMBERS["pont"]]
    attention = laid.anchors[0]
    assert attention.here == 3.0
    assert (laid.peak_there > attention.there) == (laid.peak > attention.here)
    source = LaidSource(source=recorded(pont=(9, 9), moulin=(1, 2)), laid=by_series)
    seen = source.rows(sorted(NUMBERS.values()), 0, FOREVER)
    assert seen[NUMBERS["moulin"]]["value"].tolist() == [1, 2]
    assert np.nanmax(seen[NUMBERS["pont"]]["value"]) == laid.peak


def test_a_flood_that_is_none_is_refused() -> None:
    with pytest.raises(BacktestError):
        lay_over(registry(LEVEL), "pont", "nowhere", at(0))
