"""Intervals hold what they promise on floods that were left out; scores as others compute them."""

import numpy as np
import pytest
from crepes import ConformalRegressor
from scores.continuous import quantile_score

from hypervisor.forecast.conformal import (
    Errors,
    calibrate,
    coverage,
    crps,
    of_gauge,
    quantiles_of,
)
from rules._forecast import LEVELS, scale_of


def floods(number: int, *, seed: int = 0, factor: float = 1.0) -> Errors:
    """Errors that grow with the increment, each flood with a bias of its own."""
    rng = np.random.default_rng(seed)
    rows = 60
    event = np.repeat(np.arange(number), rows)
    increment = np.abs(rng.normal(size=len(event)))
    bias = np.repeat(rng.normal(size=number) * 0.2, rows)
    now = 1 + np.abs(rng.normal(size=len(event)))
    error = (0.05 + 0.3 * increment) * (rng.standard_t(4, size=len(event)) + bias) * factor
    return Errors(
        now=now,
        change=increment * 0.3,
        point=now + increment,
        truth=now + increment + error,
        event=event,
        base=np.ones(len(event)),
        unit=np.ones(len(event)),
    )


@pytest.mark.parametrize(
    ("low", "high", "least", "most"), [(0.1, 0.9, 0.75, 0.88), (0.05, 0.95, 0.85, 0.97)]
)
def test_floods_that_were_left_out_stay_inside(
    low: float, high: float, least: float, most: float
) -> None:
    spread = calibrate(floods(12))
    others = floods(80, seed=1)
    share = coverage(quantiles_of(spread, others), others.truth, low, high)
    assert share is not None
    assert least <= share <= most


def test_quantiles_do_not_cross() -> None:
    errors = floods(5)
    assert (np.diff(quantiles_of(calibrate(errors), errors), axis=1) >= 0).all()


def test_an_event_outside_widens_the_range() -> None:
    calm, wild = floods(12), floods(4, seed=2, factor=6.0)
    both = Errors(
        **{
            name: np.concatenate([values, getattr(wild, name) + (12 if name == "event" else 0)])
            for name, values in vars(calm).items()
        }
    )
    own = quantiles_of(calibrate(calm), calm)
    wider = quantiles_of(calibrate(both), calm)
    assert np.median(wider[:, -1] - wider[:, 0]) > np.median(own[:, -1] - own[:, 0])


def test_where_each_row_is_a_flood_the_range_is_that_of_split_conformal_prediction() -> None:
    residuals = np.random.default_rng(3).normal(size=400)
    nothing = np.zeros(len(residuals))
    errors = Errors(
        now=nothing,
        change=nothing,
        point=nothing,
        truth=residuals,
        event=np.arange(len(residuals)),
        base=nothing,
        unit=nothing + 1,
    )
    low, *_, high = quantiles_of(calibrate(errors), errors)[0]
    regressor = ConformalRegressor()
    regressor.fit(residuals=np.abs(residuals))
    interval = regressor.predict_int(y_hat=np.array([0.0]), confidence=0.9)[0]
    assert (high - low) / 2 == pytest.approx((interval[1] - interval[0]) / 2, rel=0.04)


def test_the_ranges_of_a_short_record_hold_what_they_promise_on_average() -> None:
    others = floods(60, seed=1)
    shares = np.zeros(2)
    for seed in range(20):
        quantiles = quantiles_of(calibrate(floods(5, seed=100 + seed)), others)
        for place, (low, high) in enumerate(((0.1, 0.9), (0.05, 0.95))):
            shares[place] += coverage(quantiles, others.truth, low, high) or 0.0
    narrow, wide = shares / 20
    assert 0.77 <= narrow <= 0.83
    assert 0.86 <= wide <= 0.94


def test_gauges_that_learn_together_each_get_a_range_of_their_own_width() -> None:
    small, large = floods(8), floods(8, seed=2)
    factor = 20.0
    grown = {name: values * factor for name, values in vars(large).items() if name != "event"}
    both = Errors(
        **{
            name: np.concatenate([values, grown.get(name, getattr(large, name) + 8)])
            for name, values in vars(small).items()
        }
    )
    spread = calibrate(both)
    for rows in (both.event < 8, both.event >= 8):
        own = both.part(rows)
        share = coverage(quantiles_of(spread, own), own.truth, 0.1, 0.9)
        assert share is not None
        assert 0.7 <= share <= 0.9
    model = of_gauge(spread, factor, 0.0)
    now = np.array([30.0, 50.0])
    change, point = now / 10, now * 1.2
    assert scale_of(model, now, change, point) == pytest.approx(
        factor * scale_of(spread, now / factor, change / factor, point / factor)
    )


def test_crps_is_twice_the_mean_quantile_score_of_the_bureau_of_meteorology() -> None:
    import xarray as xr  # noqa: PLC0415  with the oracle

    errors = floods(3)
    quantiles = quantiles_of(calibrate(errors), errors)
    theirs = [
        float(
            quantile_score(
                xr.DataArray(quantiles[:, place]), xr.DataArray(errors.truth), alpha=level
            )
        )
        for place, level in enumerate(LEVELS)
    ]
    assert float(crps(quantiles, errors.truth).mean()) == pytest.approx(2 * np.mean(theirs))
