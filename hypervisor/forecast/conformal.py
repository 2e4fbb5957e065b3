"""How wide errors lie: a scale, and for each regime the quantiles of errors seen out of sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules._forecast import LEVELS, regime_of, scale_of
from rules._forecast_parts import REGIMES, Spread
from rules._inputs import Values

_FEWEST = 60  # rows that give a regime quantiles of its own
_STEP = 0.15  # how far one event moves the level
_CENTRAL = ((0.05, 0.95), (0.1, 0.9), (0.25, 0.75))


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Forecasts and what came, (n,) each. `event`: the flood a row belongs to; -1: none.

    Rows are in order of time within each event, and events in order of time.
    """

    now: Values
    change: Values
    point: Values
    truth: Values
    event: NDArray[np.intp]
    base: Values

    def part(self, rows: NDArray[np.bool_]) -> "Errors":
        """Some of the rows."""
        return Errors(**{name: values[rows] for name, values in vars(self).items()})


def calibrate(errors: Errors, levels: Sequence[float] = LEVELS) -> Spread:
    """The spread of these errors, which must be out of sample."""
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
    regime = regime_of(bare, now, errors.change, point)
    ratio = (errors.truth - errors.point) / scale_of(bare, now, errors.change, point)
    adapted = _adapt(ratio, regime, errors.event, levels)
    return Spread(
        weights=bare.weights,
        offsets=_offsets(ratio, regime, errors.event, adapted, levels),
        rise=min(bare.rise, 1e300),
        high=bare.high,
        base=0.0,
    )


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


def _quantiles(ratio: Values, levels: Sequence[float], floods: int) -> Values:
    """With the correction of split conformal prediction, n + 1 instead of n.

    n counts two for a flood, its rise and its fall: its rows are no independent witnesses.
    """
    ordered = np.sort(ratio)
    grow = (2 * floods + 1) / (2 * floods)
    places = [
        min(max((level - 0.5) * grow + 0.5, 0.0), 1.0) if level != 0.5 else 0.5 for level in levels
    ]
    return np.asarray(np.quantile(ordered, places))


def _rows_of_regime(
    regime: NDArray[np.intp], number: int, flood: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Flood rows of the regime; all flood rows where there are few."""
    rows: NDArray[np.bool_] = (regime == number) & flood
    return flood if int(rows.sum()) < _FEWEST else rows


def _offsets(
    ratio: Values,
    regime: NDArray[np.intp],
    event: NDArray[np.intp],
    adapted: Sequence[float],
    levels: Sequence[float],
) -> tuple[tuple[float, ...], ...]:
    flood = event >= 0
    floods = max(len(np.unique(event[flood])), 1)
    parts = []
    for number in range(len(REGIMES)):
        offsets = _quantiles(ratio[_rows_of_regime(regime, number, flood)], adapted, floods)
        middle = offsets[list(levels).index(0.5)]
        offsets = np.where(np.array(levels) < 0.5, np.minimum(offsets, middle), offsets)
        offsets = np.where(np.array(levels) > 0.5, np.maximum(offsets, middle), offsets)
        parts.append(tuple(np.maximum.accumulate(offsets).tolist()))
    return tuple(parts)


def _adapt(
    ratio: Values, regime: NDArray[np.intp], event: NDArray[np.intp], levels: Sequence[float]
) -> list[float]:
    """The levels after a fold over the events of the past, each judged by the others' errors.

    As in adaptive conformal inference: an event that left the range more often than promised
    widens it for the next, one that stayed inside narrows it.
    """
    adapted = dict(zip(levels, levels, strict=True))
    names = np.unique(event[event >= 0])
    if len(names) < 3:
        return [adapted[level] for level in levels]
    sizes = np.array([(event == name).sum() for name in names])
    share = len(names) * sizes / sizes.sum()
    outside = {pair: 2 * pair[0] for pair in _CENTRAL if pair[0] in adapted}
    path: dict[tuple[float, float], list[float]] = {pair: [] for pair in outside}
    for name, part in zip(names, share, strict=True):
        own, rest = event == name, (event != name) & (event >= 0)
        for pair, level in outside.items():
            missed = 0.0
            for number in range(len(REGIMES)):
                rows = own & (regime == number)
                if rows.any():
                    others = ratio[_rows_of_regime(regime, number, rest)]
                    low, high = np.quantile(others, (level / 2, 1 - level / 2))
                    missed += float(((ratio[rows] < low) | (ratio[rows] > high)).sum())
            error = missed / max(int(own.sum()), 1) - 2 * pair[0]
            outside[pair] = float(np.clip(level - _STEP * part * error, 0.01, 0.9))
            path[pair].append(outside[pair])
    for pair, steps in path.items():
        level = float(np.mean(steps[len(steps) // 2 :]))
        adapted[pair[0]], adapted[pair[1]] = level / 2, 1 - level / 2
    return [adapted[level] for level in levels]


def quantiles_of(spread: Spread, errors: Errors) -> Values:
    """(n, levels) the quantiles that the spread gives around the points."""
    now, point = errors.now - errors.base, errors.point - errors.base
    scale = scale_of(spread, now, errors.change, point)
    offsets = np.array(spread.offsets)[regime_of(spread, now, errors.change, point)]
    return np.asarray(errors.point[:, np.newaxis] + scale[:, np.newaxis] * offsets)


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
