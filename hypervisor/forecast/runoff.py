"""GR4H at a gauge: parameters by search, those of each fold by the floods of the others."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypervisor.forecast.samples import Mask, Sample
from rules._inputs import Values
from rules._runoff import LONGEST_BASE, Antecedents, Catchment, Moisture, Runoff, moisten

_MOST_ROWS = 4_000
_FEWEST_ROWS = 100
_CALM_WEIGHT = 0.3
_CAPACITIES = (60.0, 120.0, 240.0, 450.0, 850.0, 1500.0)  # mm
_DRAWS = 100  # of the other parameters at each capacity
_STEPS = (0.35, 0.2, 0.1)  # of the search around the best, in parts of a parameter
_NEAR = 40  # tries in each step
_NAMES = ("capacity", "exchange", "routing", "base", "fading", "carry")
_SIZES = np.array((True, False, True, True, False, False))  # searched by factors
_STRIDES = np.array((1.0, 0.3, 1.0, 1.0, 1.0, 1.0))
_LEAST = np.array((20.0, -3.0, 1.0, 0.5, 0.0, 0.0))
_MOST = np.array((3_000.0, 3.0, 2_000.0, LONGEST_BASE, 0.95, 0.95))
_DIGITS = 6
Parameters = tuple[float, ...]  # in the order of `_NAMES`


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """`runoff`: by all floods. `increments` (n, horizons): each fold's by the other folds."""

    runoff: Runoff
    increments: Values


def calibrate(sample: Sample) -> Calibrated | None:
    """GR4H at a sample's gauge; None where inputs are missing, or floods to calibrate by."""
    catchment, given = sample.parts[0].plan.catchment, sample.antecedents
    folds = np.unique(sample.fold).tolist()
    if not isinstance(catchment, Catchment) or given is None or len(folds) < 2:
        return None
    rows = _choose_rows(sample, given)
    if len(rows) < _FEWEST_ROWS:
        return None
    search = _Search(sample, catchment, given, rows)
    increments = np.full(sample.future.shape, np.nan)
    for fold in folds:
        own = np.flatnonzero(sample.fold == fold)
        runoff = search.best(without=fold)
        increments[own] = runoff.increments(given.part(own), sample.horizons)
    return Calibrated(runoff=search.best(), increments=increments)


def _choose_rows(sample: Sample, given: Antecedents) -> NDArray[np.intp]:
    """Numbers of the rows to calibrate by: mostly of floods."""
    usable: Mask = given.complete & np.asarray(np.isfinite(sample.future).any(axis=1))
    flood = np.flatnonzero(usable & (sample.event >= 0))
    calm = np.flatnonzero(usable & (sample.event < 0))
    most = _MOST_ROWS * 2 // 3
    flood = flood[:: max(-(-len(flood) // most), 1)]
    calm = calm[:: max(-(-len(calm) // (_MOST_ROWS - most)), 1)]
    return np.sort(np.concatenate([flood, calm]))


class _Search:
    """Parameters and the errors that they make, in each fold at each horizon."""

    def __init__(
        self, sample: Sample, catchment: Catchment, given: Antecedents, rows: NDArray[np.intp]
    ) -> None:
        self._catchment, self._horizons = catchment, sample.horizons
        self._given = given.part(rows)
        self._aim = sample.future[rows] - sample.now[rows, np.newaxis]
        flood = sample.event[rows] >= 0
        calm = min(_CALM_WEIGHT * max(flood.sum(), 1) / max((~flood).sum(), 1), 1.0)
        self._weight = np.where(flood, 1.0, calm)[:, np.newaxis]
        self._folds, self._fold = np.unique(sample.fold[rows], return_inverse=True)
        self._errors: dict[Parameters, Values] = {}
        self._still = self._sum(np.zeros_like(self._aim))
        self._first = list(_draw())
        moisture: dict[float, Moisture] = {}
        for parameters in self._first:
            capacity = parameters[0]
            if capacity not in moisture:
                moisture = {capacity: moisten(capacity, self._given)}
            self._try(parameters, moisture[capacity])

    def best(self, *, without: int | None = None) -> Runoff:
        """What errs least, searched for with all folds but one."""
        folds = np.array([fold != without for fold in self._folds.tolist()])
        tried, best = self._first, self._first[0]
        for step in (*_STEPS, 0.0):
            best = min(tried, key=lambda parameters: self._cost(parameters, folds))
            tried = [best, *(_near(best, step) if step else ())]
        return self._runoff(best)

    def _cost(self, parameters: Parameters, folds: NDArray[np.bool_]) -> float:
        """Mean absolute and root mean square error, in parts of those of the last value."""
        if parameters not in self._errors:
            self._try(parameters, moisten(parameters[0], self._given))
        errors, still = (
            each[folds].sum(axis=0) for each in (self._errors[parameters], self._still)
        )
        share = errors / np.maximum(still, 1e-12)
        return float((share[0] + np.sqrt(share[1])).mean())

    def _try(self, parameters: Parameters, moisture: Moisture) -> None:
        increments = self._runoff(parameters).route(self._given, moisture, self._horizons)
        self._errors[parameters] = self._sum(np.stack(increments, axis=1))

    def _sum(self, increments: Values) -> Values:
        """(folds, 2, horizons) sums of absolute and squared errors."""
        error = np.nan_to_num(np.abs(increments - self._aim))
        sums = np.zeros((len(self._folds), 2, error.shape[1]))
        for place, size in enumerate((error, error * error)):
            for horizon in range(error.shape[1]):
                sums[:, place, horizon] = np.bincount(
                    self._fold,
                    weights=(size * self._weight)[:, horizon],
                    minlength=len(self._folds),
                )
        return sums

    def _runoff(self, parameters: Parameters) -> Runoff:
        named = dict(zip(_NAMES, parameters, strict=True))
        return Runoff(catchment=self._catchment, **named)


def _draw() -> Iterator[Parameters]:
    """Parameters all over their range, the same for every gauge."""
    rng = np.random.default_rng(0)
    for capacity in _CAPACITIES:
        exchange = rng.normal(0.0, 0.15, _DRAWS)
        routing, base = np.exp(
            rng.uniform(np.log((3.0, 1.0)), np.log((500.0, 30.0)), (_DRAWS, 2))
        ).T
        fading, carry = rng.choice((0.0, 0.5, 0.7, 0.85), (2, _DRAWS))
        capacities = np.full(_DRAWS, capacity)
        drawn = np.stack([capacities, exchange, routing, base, fading, carry], axis=1)
        yield from _bounded(drawn)


def _near(parameters: Parameters, step: float) -> Iterator[Parameters]:
    moves = np.random.default_rng(1).normal(0.0, step * _STRIDES, (_NEAR, len(_NAMES)))
    centre = np.array(parameters)
    yield from _bounded(np.where(_SIZES, centre * np.exp(moves), centre + moves))


def _bounded(drawn: Values) -> Iterator[Parameters]:
    for row in np.clip(drawn, _LEAST, _MOST).tolist():
        yield tuple(round(value, _DIGITS) for value in row)
