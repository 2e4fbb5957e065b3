"""How wide errors lie: a scale, and for each regime the quantiles of errors seen out of sample."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rules._forecast import LEVELS, regime_of, scale_of
from rules._forecast_parts import REGIMES, Spread
from rules._inputs import Values

_PRIOR = 10  # floods of a regime that count as much as all regimes together
_LONGEST = 5  # a flood counts for this many usual ones at most
_STRETCH = (0.5, 3.0)
_ENDLESS = 1e300  # JSON has no infinity


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Forecasts and what came, (n,) each. `event`: the flood a row belongs to; -1: none.

    Rows are in order of time within each event, and events in order of time. `unit`: the usual
    error of the row's gauge, by which gauges are compared.
    """

    now: Values
    change: Values
    point: Values
    truth: Values
    event: NDArray[np.intp]
    base: Values
    unit: Values

    def part(self, rows: NDArray[np.bool_]) -> "Errors":
        """Some of the rows."""
        return Errors(**{name: values[rows] for name, values in vars(self).items()})

    def in_units(self) -> "Errors":
        """The same rows, in units of their gauge's usual error."""
        own = ("now", "change", "point", "truth", "base")
        return replace(
            self,
            **{name: getattr(self, name) / self.unit for name in own},
            unit=np.ones(len(self.unit)),
        )


def calibrate(errors: Errors, levels: Sequence[float] = LEVELS) -> Spread:
    """The spread of these errors, which must be out of sample; in units of the usual error."""
    errors = errors.in_units()
    flood = errors.event >= 0
    weights = _fit_scale(errors)
    rise = max(float(np.quantile((errors.point - errors.now)[flood], 0.7)), 0.0)
    height = (errors.now - errors.base)[flood]
    bare = Spread(
        weights=weights,
        offsets=((0.0,) * len(levels),) * len(REGIMES),
        rise=rise if rise > 0 else float("inf"),
        high=float(np.quantile(height, 0.6)),
        base=0.0,
    )
    now = errors.now - errors.base
    point = errors.point - errors.base
    ratios = _Ratios.of(
        (errors.truth - errors.point) / scale_of(bare, now, errors.change, point),
        regime_of(bare, now, errors.change, point),
        errors.event,
    )
    return replace(bare, offsets=_calibrated_offsets(ratios, levels), rise=min(bare.rise, _ENDLESS))


def _fit_scale(errors: Errors) -> tuple[float, float, float, float]:
    """Weights that are no less than 0, so that the scale of any row is positive."""
    from scipy.optimize import nnls  # noqa: PLC0415  slow to import

    parts = np.stack(
        [
            np.ones(len(errors.now)),
            np.abs(errors.point - errors.now),
            np.abs(errors.change),
            np.maximum(errors.now - errors.base, 0.0),
        ],
        axis=1,
    )
    size = np.abs(errors.truth - errors.point)
    # Relative to its size, or a single peak would set the width of all.
    typical = max(float(np.median(size)), 1e-9)
    balance = 1.0 / (size + 3 * typical + parts[:, 1])
    width = parts.std(axis=0)
    width[0] = 1.0
    width[width == 0] = 1.0
    solution, _ = nnls(parts / width * balance[:, np.newaxis], size * balance)
    constant, increment, own, height = (solution / width).tolist()
    least = max(0.1 * typical, 1e-9)
    return max(constant, least), increment, own, height


@dataclass(frozen=True, kw_only=True)
class _Ratios:
    """Errors in floods in units of their scale, ascending, (n,) each. `flood`: from 0 on."""

    value: Values
    weight: Values
    regime: NDArray[np.intp]
    flood: NDArray[np.intp]
    floods: int

    @classmethod
    def of(cls, value: Values, regime: NDArray[np.intp], event: NDArray[np.intp]) -> "_Ratios":
        rows = np.flatnonzero(event >= 0)
        rows = rows[np.argsort(value[rows], kind="stable")]
        names, flood, sizes = np.unique(event[rows], return_inverse=True, return_counts=True)
        weight = np.minimum(_LONGEST * np.median(sizes) / sizes, 1.0) if len(names) else sizes
        return cls(
            value=value[rows],
            weight=np.asarray(weight, dtype=np.float64)[flood],
            regime=regime[rows],
            flood=flood,
            floods=len(names),
        )

    def offsets(self, levels: Values, rows: NDArray[np.bool_]) -> Values:
        """(regimes, levels) quantiles of some rows: of the regime, drawn towards those of all."""
        everywhere = _quantiles(self.value[rows], self.weight[rows], levels)
        offsets = np.repeat(everywhere[np.newaxis], len(REGIMES), axis=0)
        for number in range(len(REGIMES)):
            own = rows & (self.regime == number)
            if own.any():
                floods = np.count_nonzero(np.bincount(self.flood[own]))
                share = floods / (floods + _PRIOR)
                of_regime = _quantiles(self.value[own], self.weight[own], levels)
                offsets[number] += share * (of_regime - everywhere)
        return offsets


def _quantiles(ascending: Values, weight: Values, levels: Values) -> Values:
    """(levels,) weighted quantiles of ascending values."""
    place = np.cumsum(weight) - weight / 2
    return np.asarray(np.interp(levels * weight.sum(), place, ascending))


def _calibrated_offsets(ratios: _Ratios, levels: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    """The quantiles, each range stretched until it holds what it promises.

    As in jackknife+ and CV+, where what is left out is a flood, whose rows are no independent
    witnesses: each is judged by the errors of the others.
    """
    taus = np.array(levels)
    middle = list(levels).index(0.5)
    offsets = ratios.offsets(taus, np.ones(len(ratios.value), dtype=np.bool_))
    if ratios.floods > 1:
        judging = np.empty((len(ratios.value), len(levels)))
        for flood in range(ratios.floods):
            own = ratios.flood == flood
            judging[own] = ratios.offsets(taus, ~own)[ratios.regime[own]]
        for low in range(middle):
            high = len(levels) - 1 - low
            stretch = _stretch(ratios, judging[:, [low, middle, high]], 1 - 2 * levels[low])
            for place in (low, high):
                away = offsets[:, place] - offsets[:, middle]
                offsets[:, place] = offsets[:, middle] + stretch * away
    return tuple(tuple(row) for row in np.maximum.accumulate(offsets, axis=1).tolist())


def _stretch(ratios: _Ratios, judging: Values, promised: float) -> float:
    """By how much ranges (n, low, middle and high) are too narrow for the rows they judge."""
    low, middle, high = judging.T
    reach = np.where(ratios.value < middle, middle - low, high - middle)
    needed = np.abs(ratios.value - middle) / np.maximum(reach, 1e-12)
    order = np.argsort(needed, kind="stable")
    stretch = _quantiles(needed[order], ratios.weight[order], np.array([promised]))
    return float(np.clip(stretch[0], *_STRETCH))


def quantiles_of(spread: Spread, errors: Errors) -> Values:
    """(n, levels) the quantiles that the spread gives around the points, in the series' unit."""
    scaled = errors.in_units()
    now, point = scaled.now - scaled.base, scaled.point - scaled.base
    scale = scale_of(spread, now, scaled.change, point) * errors.unit
    offsets = np.array(spread.offsets)[regime_of(spread, now, scaled.change, point)]
    return np.asarray(errors.point[:, np.newaxis] + scale[:, np.newaxis] * offsets)


def of_gauge(spread: Spread, unit: float, base: float) -> Spread:
    """The spread as a gauge's model computes with it, in the series' unit."""
    constant, increment, own, height = spread.weights
    return replace(
        spread,
        weights=(constant * unit, increment, own, height),
        rise=min(spread.rise * unit, _ENDLESS),
        high=spread.high * unit,
        base=base,
    )


def crps(quantiles: Values, truth: Values, levels: Sequence[float] = LEVELS) -> Values:
    """(n,) the continuous ranked probability score, from quantiles: twice the mean pinball loss."""
    taus = np.array(levels)
    above = truth[:, np.newaxis] - quantiles
    return np.asarray(2 * np.maximum(taus * above, (taus - 1) * above).mean(axis=1))


def coverage(quantiles: Values, truth: Values, low: float, high: float) -> float | None:
    """The share of what came that lay between two levels; None without rows."""
    if not len(truth):
        return None
    levels = list(LEVELS)
    first, last = quantiles[:, levels.index(low)], quantiles[:, levels.index(high)]
    return float(((truth >= first) & (truth <= last)).mean())
