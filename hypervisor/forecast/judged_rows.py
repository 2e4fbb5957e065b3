"""Rows of a gauge at which forecasts are judged: their warnings, errors and ranges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hypervisor.forecast import conformal
from hypervisor.forecast.events import Outcomes, Tally, Watch, find_crossings, find_ends
from hypervisor.forecast.fit import PERSISTENCE, TREND
from hypervisor.forecast.samples import Mask
from hypervisor.forecast.skill import (
    CHOSEN,
    FloodCover,
    HorizonResult,
    MethodResult,
    Reliability,
)
from hypervisor.forecast.thresholds import Level
from rules._forecast import LEVELS, Issued, chance_above
from rules._inputs import Instants, Values

_MIDDLE = LEVELS.index(0.5)
_LEAD_IN = 6 * 3_600_000_000
_CHANCES = (0.1, 0.3, 0.5, 0.7, 0.9)  # between them the chances of a reliability diagram are joined


@dataclass(frozen=True, kw_only=True)
class JudgedRows:
    """The times at which a gauge's forecasts are judged, (n,) each. `flood`: its number, -1."""

    time: Instants
    now: Values
    line: Values  # change a µs of the straight line
    flood: NDArray[np.intp]
    levels: Sequence[Level]
    watches: Sequence[Watch]

    def issued(self, values: Values, horizons: Sequence[int]) -> Issued:
        """Quantiles (n, horizons, levels) as what was issued; nothing where the last has none."""
        return Issued(
            times=self.time,
            horizons=tuple(horizons),
            levels=LEVELS,
            current=self.now,
            values=values,
            tier=np.where(np.isfinite(values[:, -1, 0]), 0, -1).astype(np.int8),
        )

    def measure(self, method: str, issued: Issued, warn: Values, truth: Values) -> MethodResult:
        """A method at its last horizon. `warn`: (n,) the chance from which it warns."""
        horizon = issued.horizons[-1]
        flood = np.where(np.isfinite(truth), self.flood, -1)
        quantiles = issued.values[:, -1]
        rows = (flood >= 0) & np.isfinite(quantiles).all(axis=1)
        inside, came = quantiles[rows], truth[rows]
        outcomes = self._judge(method, issued, warn)
        result = MethodResult(
            method=method,
            tally=sum((outcome.count(horizon) for outcome in outcomes), Tally(horizon=horizon)),
            rows=len(came),
            rmse=float(np.sqrt(((came - inside[:, _MIDDLE]) ** 2).mean())) if len(came) else None,
            crps=float(conformal.crps(inside, came).mean()) if len(came) else None,
            covered={
                "80": conformal.coverage(inside, came, 0.1, 0.9),
                "90": conformal.coverage(inside, came, 0.05, 0.95),
            },
            outcomes=outcomes,
        )
        if method != CHOSEN:
            return result
        return replace(
            result,
            floods=_floods(self.time, np.where(rows, flood, -1), quantiles, truth),
            reliability=self._reliability(issued),
        )

    def measure_at(
        self, at_fit: HorizonResult, truth: Values, issued: Issued | None
    ) -> Iterator[MethodResult]:
        """The baselines and what is `issued` at a horizon of a fit; closed there: only those."""
        warn = np.full(len(self.time), at_fit.warn)
        there = np.isfinite(self.line)
        for method, point in (
            (PERSISTENCE, np.where(there, self.now, np.nan)),
            (TREND, self.now + self.line * at_fit.horizon),
        ):
            sharp = np.repeat(point[:, np.newaxis, np.newaxis], len(LEVELS), axis=2)
            result = self.measure(method, self.issued(sharp, (at_fit.horizon,)), warn, truth)
            # Without a range there is nothing that could hold.
            yield replace(result, covered={"80": None, "90": None})
        if issued is not None and at_fit.horizon in issued.horizons:
            number = issued.horizons.index(at_fit.horizon) + 1
            first = self.issued(issued.values[:, :number], issued.horizons[:number])
            yield self.measure(CHOSEN, first, warn, truth)

    def count(self, method: str, issued: Issued, warn: Values) -> Tally:
        """The warnings of a method at its last horizon, over all levels."""
        horizon = issued.horizons[-1]
        outcomes = self._judge(method, issued, warn)
        return sum((outcome.count(horizon) for outcome in outcomes), Tally(horizon=horizon))

    def _judge(self, method: str, issued: Issued, warn: Values) -> tuple[Outcomes, ...]:
        """Warnings for each threshold: where the chance is at least the level of its rows.

        Persistence never warns; the straight line warns where it crosses, as it does today.
        """
        horizon = issued.horizons[-1]
        outcomes = []
        for watch, level in zip(self.watches, self.levels, strict=True):
            chance = chance_above(issued, level.value, horizon)
            if method == PERSISTENCE:
                signal = np.where(np.isfinite(chance), 0.0, np.nan)
            elif method == TREND:
                crosses = self.now + np.maximum(self.line, 0.0) * horizon > level.value
                signal = np.where(np.isfinite(chance), crosses * 1.0, np.nan)
            else:
                signal = chance / warn
            outcomes.append(watch.judge(np.minimum(signal, 1.0), 1.0, horizon))
        return tuple(outcomes)

    def _reliability(self, issued: Issued) -> tuple[Reliability, ...]:
        """What was said against what came, over all thresholds, while the water was below them."""
        horizon = issued.horizons[-1]
        given, came = [np.empty(0)], [np.empty(0, dtype=np.bool_)]
        for watch, level in zip(self.watches, self.levels, strict=True):
            chance = chance_above(issued, level.value, horizon)
            rows = watch.free & np.isfinite(chance)
            given.append(chance[rows])
            came.append(watch.comes(horizon)[rows])
        chances, truths = np.concatenate(given), np.concatenate(came)
        place = np.searchsorted(_CHANCES, chances, side="right")
        return tuple(
            Reliability(
                chance=float(chances[own].mean()),
                came=float(truths[own].mean()),
                forecasts=int(own.sum()),
            )
            for number in range(len(_CHANCES) + 1)
            if (own := place == number).any()
        )


def _floods(
    time: Instants, flood: NDArray[np.intp], quantiles: Values, truth: Values
) -> tuple[FloodCover, ...]:
    """How the range held in each flood. `flood`: (n,) its number, -1: none."""
    low, high = (quantiles[:, LEVELS.index(level)] for level in (0.1, 0.9))
    inside = (truth >= low) & (truth <= high)
    covers = []
    for number in np.unique(flood[flood >= 0]):
        own = flood == number
        times = time[own]
        covers.append(
            FloodCover(
                begins=int(times[0]),
                ends=int(times[-1]),
                forecasts=len(times),
                inside=int(inside[own].sum()),
            )
        )
    return tuple(covers)


def flood_rows(time: Instants, value: Values, threshold: float) -> Mask:
    """Rows of floods: from six hours before a crossing until it is below again."""
    rows = np.zeros(len(time), dtype=np.bool_)
    begins = find_crossings(time, value, threshold)
    for begin, end in zip(begins, find_ends(value, begins, threshold), strict=True):
        rows[np.searchsorted(time, time[begin] - _LEAD_IN) : end] = True
    return rows
