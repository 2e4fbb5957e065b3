"""Members of a forecast, fitted on floods of the past and judged on those they never saw."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hypervisor.forecast.candidates import fit_ridge, fit_trees
from hypervisor.forecast.samples import Mask, Sample
from rules._forecast_parts import Linear, Trees
from rules._inputs import Values

PERSISTENCE, TREND = "persistence", "trend"
# Weights of the straight line, the ridge, the trees and GR4H; what is left is persistence.
METHODS: Mapping[str, tuple[float, float, float, float]] = {
    PERSISTENCE: (0.0, 0.0, 0.0, 0.0),
    TREND: (1.0, 0.0, 0.0, 0.0),
    "half trend": (0.5, 0.0, 0.0, 0.0),
    "ridge": (0.0, 1.0, 0.0, 0.0),
    "trees": (0.0, 0.0, 1.0, 0.0),
    "ridge and trees": (0.0, 0.5, 0.5, 0.0),
    "ridge and half trend": (0.25, 0.5, 0.0, 0.0),
    "GR4H": (0.0, 0.0, 0.0, 1.0),
    "GR4H and ridge": (0.0, 0.5, 0.0, 0.5),
    "GR4H and trees": (0.0, 0.0, 0.5, 0.5),
}
_TRAIN_ROWS = 12_000
_CALM_WEIGHT = 0.3
_FEWEST_ROWS = 100
_FEWEST_FOR_TREES = 300


def runs_off(method: str) -> bool:
    """Whether a method uses GR4H."""
    return METHODS[method][3] > 0


@dataclass(frozen=True, kw_only=True)
class Members:
    """Increments of each member in a tier, (n, horizons), of rows it was not fitted on."""

    ridge: Values
    trees: Values | None
    runoff: Values | None = None

    def with_runoff(self, runoff: Values) -> "Members":
        """The same with GR4H, at the rows where all are there: so they are judged by the same."""
        there = np.isfinite(runoff) & np.isfinite(self.ridge)
        return replace(self, ridge=np.where(there, self.ridge, np.nan), runoff=runoff)

    def point(self, sample: Sample, method: str, horizon: int) -> Values:
        """(n,) the method's forecast; nan where the tier issues nothing."""
        trend, ridge, trees, runoff = METHODS[method]
        there = np.isfinite(self.ridge[:, horizon])
        point = np.where(there, sample.now, np.nan)
        if trend:
            point = point + trend * sample.line * sample.horizons[horizon]
        if ridge:
            point = point + ridge * self.ridge[:, horizon]
        if trees and self.trees is not None:
            point = point + trees * self.trees[:, horizon]
        if runoff and self.runoff is not None:
            point = point + runoff * self.runoff[:, horizon]
        return point

    def methods(self) -> list[str]:
        """Those whose members are there."""
        return [
            name
            for name, (_, _, trees, runoff) in METHODS.items()
            if (not trees or self.trees is not None) and (not runoff or self.runoff is not None)
        ]


def fit_members(
    sample: Sample, tier: str, rows: Mask, horizon: int, *, trees: bool
) -> tuple[Linear, Trees | None] | None:
    """The members of a horizon, fitted on `rows`; None where these are too few."""
    chosen = _choose_rows(sample, tier, rows, horizon)
    if len(chosen) < _FEWEST_ROWS:
        return None
    features = sample.features[tier][chosen]
    now = sample.now[chosen]
    target = sample.future[chosen, horizon] - now
    flood = sample.event[chosen] >= 0
    calm = min(_CALM_WEIGHT * max(flood.sum(), 1) / max((~flood).sum(), 1), 1.0)
    weight = np.where(flood, 1.0, calm)
    linear = fit_ridge(features, target, weight, sample.fold[chosen])
    if not trees or len(chosen) < _FEWEST_FOR_TREES:
        return linear, None
    return linear, fit_trees(features, now, target, weight, offset=_offset(sample))


def _choose_rows(sample: Sample, tier: str, rows: Mask, horizon: int) -> NDArray[np.intp]:
    """Numbers of the rows to fit on: all of floods, some others."""
    usable = rows & sample.complete(tier) & np.isfinite(sample.future[:, horizon])
    flood = np.flatnonzero(usable & (sample.event >= 0))
    calm = np.flatnonzero(usable & (sample.event < 0))
    most = _TRAIN_ROWS * 2 // 3
    flood = flood[:: max(-(-len(flood) // most), 1)]
    calm = calm[:: max(-(-len(calm) // (_TRAIN_ROWS // 3)), 1)]
    return np.sort(np.concatenate([flood, calm]))


def _offset(sample: Sample) -> float:
    """The trees of a discharge grow in proportion; of a level, whose zero is arbitrary, not."""
    part = sample.parts[0]
    if not part.gauge.nonnegative:
        return 0.0
    return max(part.base, 0.02 * part.flood_level, 1e-3)


def held_out(sample: Sample, tier: str, *, trees: bool) -> Members:
    """Increments of members that never saw the fold of the row they forecast."""
    shape = sample.future.shape
    ridge, boosted = np.full(shape, np.nan), np.full(shape, np.nan)
    complete = sample.complete(tier)
    folds = np.unique(sample.fold)
    for fold in folds if len(folds) > 1 else ():
        rows = np.flatnonzero(complete & (sample.fold == fold))
        columns = columns_of(sample.features[tier][rows])
        for horizon in range(shape[1] if len(rows) else 0):
            fitted = fit_members(sample, tier, sample.fold != fold, horizon, trees=trees)
            if fitted is None:
                continue
            linear, forest = fitted
            ridge[rows, horizon] = linear.increment(columns)
            if forest is not None:
                boosted[rows, horizon] = forest.increment(columns, sample.now[rows])
    there = np.isfinite(boosted).any()
    return Members(ridge=ridge, trees=boosted if there else None)


def columns_of(rows: Values) -> list[Values]:
    """Contiguous columns, as the model computes with."""
    return [np.ascontiguousarray(rows[:, index]) for index in range(rows.shape[1])]
