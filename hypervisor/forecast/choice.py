"""What is used at each horizon, chosen on floods its members never saw, and what may be shown.

The members' forecasts of a fold come from the other folds, and so does the spread around them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hypervisor.forecast import conformal
from hypervisor.forecast.conformal import Errors
from hypervisor.forecast.events import Tally, Watch
from hypervisor.forecast.fit import PERSISTENCE, TREND, Members, runs_off
from hypervisor.forecast.gate import FEWEST_EVENTS, Measures, judge_method, warnings_worth
from hypervisor.forecast.samples import Mask, Part, Sample
from rules._forecast import LEVELS, Issued, chance_above
from rules._forecast_parts import Spread
from rules._inputs import Values
from sensors._errors import Message

WARN_LEVELS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
USUAL_WARN = 0.5
_FEWEST_FLOODS = 2
_FEWEST_ROWS = 30
_LEAST_UNIT = 1e-3  # m or m³/s: what a gauge can resolve


Group = tuple[int, int]  # a fold, and a part of the sample


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Squared errors and CRPS, summed over a number of rows."""

    rows: int = 0
    square: float = 0.0
    crps: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            rows=self.rows + other.rows,
            square=self.square + other.square,
            crps=self.crps + other.crps,
        )

    @property
    def means(self) -> tuple[float, float]:
        """RMSE and mean CRPS; nan without rows."""
        if not self.rows:
            return float("nan"), float("nan")
        return float(np.sqrt(self.square / self.rows)), self.crps / self.rows


@dataclass(frozen=True, kw_only=True)
class FoldScore:
    """A method at a horizon on one fold: sums of errors, and its warnings by level.

    `seen`: over rows that were high or rising by what showed then; `flood`: over those of floods.
    """

    seen: Sums
    flood: Sums
    events: frozenset[int]
    warnings: Mapping[float, Tally]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was decided for a horizon. `closed`: why nothing is shown; None: it is shown."""

    method: str
    warn: float
    closed: Message | None
    measures: Mapping[str, Measures]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Every method of a tier at every horizon, on folds it never saw.

    `values` by method: quantiles (n, horizons, levels). `scores` by method, horizon and group: a
    fold of a part of the sample.
    """

    sample: Sample
    members: Members
    values: Mapping[str, Values]
    scores: Mapping[tuple[str, int, Group], FoldScore]

    def choose(
        self, horizon: int, *, without: int | None = None, part: int | None = None
    ) -> Choice:
        """The method of a horizon, and whether it may be shown.

        From all folds but one; the gate is judged at one part of the sample alone, if it is given.
        """
        groups = self._groups(lambda group: group[0] != without)
        measures = self.measure(horizon, groups)
        if PERSISTENCE not in measures:
            return Choice(
                method=TREND,
                warn=USUAL_WARN,
                closed=Message("there are too few floods in the record to judge a forecast"),
                measures={},
            )
        judged = measures
        if part is not None:
            judged = self.measure(horizon, self._groups(lambda group: group[1] == part), floods=1)
        reasons = {method: judge_method(method, judged) for method in measures if method in judged}
        good = [method for method, closed in reasons.items() if closed is None]
        method = _best({name: measures[name] for name in good or measures})
        return Choice(
            method=method,
            warn=measures[method].warn,
            closed=reasons.get(
                method, Message("there are too few floods in the record to judge a forecast")
            ),
            measures=judged,
        )

    def without_runoff(self) -> "Trial":
        """The same of the methods that do without GR4H."""
        members = replace(self.members, runoff=None)
        return replace(
            self,
            members=members,
            values={name: self.values[name] for name in members.methods()},
        )

    def _groups(self, chosen: Callable[[Group], bool]) -> list[Group]:
        return sorted({group for _, _, group in self.scores if chosen(group)})

    def measure(
        self, horizon: int, groups: Sequence[Group], *, floods: int = _FEWEST_FLOODS
    ) -> dict[str, Measures]:
        """Every method at a horizon over some groups, those that have enough floods there."""
        measures = {
            method: self._measure(method, horizon, groups, floods) for method in self.values
        }
        return {name: measured for name, measured in measures.items() if measured is not None}

    def _measure(
        self, method: str, horizon: int, groups: Sequence[Group], floods: int
    ) -> Measures | None:
        scores = [
            self.scores[method, horizon, group]
            for group in groups
            if (method, horizon, group) in self.scores
        ]
        seen = sum((score.seen for score in scores), Sums())
        rows = seen.rows
        events = frozenset[int]().union(*(score.events for score in scores))
        if rows < _FEWEST_ROWS * floods // _FEWEST_FLOODS or len(events) < floods:
            return None
        tallies = {
            level: sum((score.warnings[level] for score in scores), Tally())
            for level in WARN_LEVELS
        }
        warn = USUAL_WARN
        if tallies[USUAL_WARN].events >= FEWEST_EVENTS:
            warn = _warn_level([warnings_worth(tallies[level]) for level in WARN_LEVELS])
        rmse, crps = seen.means
        return Measures(
            rmse=rmse,
            crps=crps,
            in_floods=sum((score.flood for score in scores), Sums()).means,
            warn=warn,
            warnings=tallies[warn],
        )


def _warn_level(worth: Sequence[float]) -> float:
    """The level whose warnings are worth most together with its neighbours': no lucky peak.

    Drawn towards the usual one: some sixty events do not tell levels apart, chances that hold do.
    """
    padded = [worth[0], *worth, worth[-1]]
    smooth = [sum(padded[place : place + 3]) / 3 for place in range(len(worth))]
    near = [
        value - abs(level - USUAL_WARN) for level, value in zip(WARN_LEVELS, smooth, strict=True)
    ]
    return WARN_LEVELS[near.index(max(near))]


def _best(measures: Mapping[str, Measures]) -> str:
    """The least RMSE and CRPS, each against the best of its kind, and warnings that are worth.

    Their worth counts half: it comes of some sixty events, the errors of thousands of rows. GR4H
    brings inputs that may be missing: it must err less than what does without it.
    """
    rmse = min(measured.rmse for measured in measures.values()) or 1.0
    crps = min(measured.crps for measured in measures.values()) or 1.0
    errors = {
        name: measured.rmse / rmse + measured.crps / crps for name, measured in measures.items()
    }
    without = [error for name, error in errors.items() if not runs_off(name)]
    least = min(without, default=np.inf)
    candidates = [name for name, error in errors.items() if not runs_off(name) or error < least]
    return min(candidates, key=lambda name: errors[name] - measures[name].worth / 2)


def try_methods(sample: Sample, members: Members, thresholds: Sequence[Sequence[float]]) -> Trial:
    """Every method on the folds it never saw. `thresholds`: of each part, to count warnings."""
    folds = [int(fold) for fold in np.unique(sample.fold)]
    values: dict[str, Values] = {}
    scores: dict[tuple[str, int, Group], FoldScore] = {}
    watches = [
        [
            Watch.of(part.track.time, part.track.value, level, sample.time[part.rows])
            for level in levels
        ]
        for part, levels in zip(sample.parts, thresholds, strict=True)
    ]
    for method in members.methods():
        values[method] = quantiles = _held_out_quantiles(sample, members, method, folds)
        for number, part in enumerate(sample.parts):
            own = sample.fold[part.rows]
            for horizon, span in enumerate(sample.horizons):
                chances = [
                    chance_above(
                        issued_of(sample, quantiles, part.rows, horizon + 1), threshold, span
                    )
                    for threshold in thresholds[number]
                ]
                for fold in np.unique(own).tolist():
                    warnings = _warnings(watches[number], chances, own == fold, span)
                    score = _score(sample, quantiles, horizon, part, fold, warnings)
                    if score is not None:
                        scores[method, horizon, (fold, number)] = score
    return Trial(sample=sample, members=members, values=values, scores=scores)


def _held_out_quantiles(
    sample: Sample, members: Members, method: str, folds: Sequence[int]
) -> Values:
    shape = (len(sample.time), len(sample.horizons), len(LEVELS))
    quantiles = np.full(shape, np.nan)
    for horizon in range(len(sample.horizons)):
        for fold in folds:
            rows = sample.fold == fold
            spread = spread_of(sample, members, method, horizon, ~rows)
            if spread is not None:
                errors = errors_of(sample, members, method, horizon, rows, judged=False)
                quantiles[rows, horizon] = bounded(sample, conformal.quantiles_of(spread, errors))
    return quantiles


def issued_of(sample: Sample, quantiles: Values, rows: slice, horizons: int) -> Issued:
    """Quantiles as what was issued at some rows, for the first horizons."""
    values = quantiles[rows, :horizons]
    return Issued(
        times=sample.time[rows],
        horizons=sample.horizons[:horizons],
        levels=LEVELS,
        current=sample.now[rows],
        values=values,
        tier=np.where(np.isfinite(values).any(axis=(1, 2)), 0, -1).astype(np.int8),
    )


def bounded(sample: Sample, quantiles: Values) -> Values:
    """No less than the quantity may be."""
    return np.maximum(quantiles, 0.0) if sample.parts[0].gauge.nonnegative else quantiles


def errors_of(  # noqa: PLR0913  what, where
    sample: Sample,
    members: Members,
    method: str,
    horizon: int,
    rows: Mask,
    *,
    judged: bool = True,
) -> Errors:
    """A method's errors at a horizon in flood rows; not `judged`: at all rows, with no truth."""
    point = members.point(sample, method, horizon)
    truth = sample.future[:, horizon] if judged else point
    usable = rows
    if judged:
        usable = rows & np.isfinite(point) & np.isfinite(truth) & (sample.flood >= 0)
    return Errors(
        now=sample.now,
        change=sample.change,
        point=point,
        truth=truth,
        event=sample.flood,
        base=sample.base,
        unit=units_of(sample, point, horizon),
    ).part(usable)


def units_of(sample: Sample, point: Values, horizon: int) -> Values:
    """(n,) the usual error of the row's gauge: the mean outside its floods.

    Gauges that learn together differ by a hundred; what a range promises must hold at each.
    """
    units = np.ones(len(point))
    error = np.abs(sample.future[:, horizon] - point)
    usable = np.isfinite(error) & (sample.flood < 0)
    for part in sample.parts if len(sample.parts) > 1 else ():
        own = error[part.rows][usable[part.rows]]
        units[part.rows] = max(float(own.mean()), _LEAST_UNIT) if len(own) else _LEAST_UNIT
    return units


def spread_of(
    sample: Sample, members: Members, method: str, horizon: int, rows: Mask
) -> Spread | None:
    """The spread of a method at a horizon from the floods in `rows`; None: there are too few."""
    errors = errors_of(sample, members, method, horizon, rows)
    if len(np.unique(errors.event)) < _FEWEST_FLOODS - 1 or len(errors.now) < _FEWEST_ROWS:
        return None
    return conformal.calibrate(errors)


def _score(  # noqa: PLR0913, PLR0917  of what, where
    sample: Sample,
    quantiles: Values,
    horizon: int,
    part: Part,
    fold: int,
    warnings: Mapping[float, Tally],
) -> FoldScore | None:
    own = quantiles[part.rows, horizon]
    truth = sample.future[part.rows, horizon]
    event = sample.event[part.rows]
    usable = (sample.fold[part.rows] == fold) & np.isfinite(truth) & np.isfinite(own[:, 0])
    rows, flood = usable & (event >= 0), usable & (sample.flood[part.rows] >= 0)
    if not rows.any():
        return None
    return FoldScore(
        seen=_sums(own[rows], truth[rows]),
        flood=_sums(own[flood], truth[flood]),
        events=frozenset(event[rows].tolist()),
        warnings=warnings,
    )


def _sums(quantiles: Values, truth: Values) -> Sums:
    middle = quantiles[:, LEVELS.index(0.5)]
    return Sums(
        rows=len(truth),
        square=float(((truth - middle) ** 2).sum()),
        crps=float(conformal.crps(quantiles, truth).sum()),
    )


def _warnings(
    watches: Sequence[Watch], chances: Sequence[Values], rows: Mask, span: int
) -> dict[float, Tally]:
    """Warnings at some rows by level."""
    tallies = dict.fromkeys(WARN_LEVELS, Tally(horizon=span))
    for watch, chance in zip(watches, chances, strict=True):
        mine = np.where(rows, chance, np.nan)
        for level in WARN_LEVELS:
            tallies[level] += watch.score(mine, level, span)
    return tallies
