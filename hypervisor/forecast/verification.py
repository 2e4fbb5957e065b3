"""Verification: what forecasts would have been worth on a record, by gauge, horizon and method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hypervisor.forecast import conformal
from hypervisor.forecast.choice import Choice
from hypervisor.forecast.events import (
    Outcomes,
    Tally,
    Watch,
    find_crossings,
    find_ends,
    find_peaks,
)
from hypervisor.forecast.fit import PERSISTENCE, TREND
from hypervisor.forecast.gate import judge_warnings, worse_in_floods
from hypervisor.forecast.models import Study, Tick, model_of, study_record
from hypervisor.forecast.record import Record
from hypervisor.forecast.samples import Mask, what_came
from hypervisor.forecast.skill import (
    CHOSEN,
    FloodCover,
    FloodEvent,
    GaugeResult,
    HorizonResult,
    MethodResult,
    Reliability,
)
from hypervisor.forecast.thresholds import Level, levels_of
from rules._forecast import LEVELS, Issued, chance_above
from rules._forecast_parts import Track, slope
from rules._inputs import Instants, Values
from sensors._errors import Message

SHOWN_METHODS = (PERSISTENCE, TREND, "ridge", "trees", "ridge and trees", "GR4H", "GR4H and ridge")
_MIDDLE = LEVELS.index(0.5)
_LEAD_IN = 6 * 3_600_000_000
_CHANCES = (0.1, 0.3, 0.5, 0.7, 0.9)  # between them the chances of a reliability diagram are joined


@dataclass(frozen=True, kw_only=True)
class _Rows:
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


def verify_study(study: Study, levels: Sequence[Level]) -> GaugeResult:
    """A gauge on its own record: each fold is forecast by what was learned from the others."""
    result = _bare(study, levels)
    if not study.trials:
        return result
    trial = study.trials[0][1]
    sample, part = trial.sample, trial.sample.parts[study.part]
    rows = _Rows(
        levels=levels,
        watches=_watches(part.track, levels, sample.time[part.rows]),
        time=sample.time[part.rows],
        now=sample.now[part.rows],
        line=sample.line[part.rows],
        flood=sample.flood[part.rows],
    )
    folds = np.unique(sample.fold[part.rows]).tolist()
    tried = {
        method: _of_method(study, method, folds)
        for method in SHOWN_METHODS
        if method in trial.values
    }
    tried[CHOSEN] = _of_choices(study, {fold: study.choices(without=fold) for fold in folds})
    results = []
    for number, choice in enumerate(study.choices()):
        horizons = study.horizons[: number + 1]
        measured = tuple(
            rows.measure(
                method,
                rows.issued(values[:, : number + 1], horizons),
                warn[:, number],
                sample.future[part.rows, number],
            )
            for method, (values, warn) in tried.items()
        )
        results.append(_horizon(study, horizons[-1], choice, measured))
    return replace(
        result,
        floods=len(find_crossings(part.track.time, part.track.value, part.flood_level)),
        horizons=tuple(results),
        events=tuple(
            event
            for number, level in enumerate(levels)
            for event in list_events(part.track, level.value, number)
        ),
    )


def _watches(track: Track, levels: Sequence[Level], time: Instants) -> list[Watch]:
    return [Watch.of(track.time, track.value, level.value, time) for level in levels]


def _bare(study: Study, levels: Sequence[Level]) -> GaugeResult:
    """The gauge, with nothing measured."""
    return GaugeResult(
        site=study.gauge.key.site,
        quantity=study.gauge.key.quantity,
        unit=study.gauge.unit,
        title=study.gauge.title,
        floods=0,
        learned_from=study.learned_from if study.trials else 0,
        tiers=tuple(name for name, _ in study.trials),
        thresholds=tuple(levels),
        refused=study.refused,
        untried=study.untried,
    )


def _horizon(
    study: Study, horizon: int, choice: Choice, methods: tuple[MethodResult, ...]
) -> HorizonResult:
    """With why it is closed: by the choice, or by what was measured at the given thresholds."""
    by_method = {result.method: result for result in methods}
    chosen, line = by_method[CHOSEN], by_method[TREND]
    return HorizonResult(
        horizon=horizon,
        choice=choice.method,
        closed=choice.closed
        or _worse(by_method)
        or judge_warnings(chosen.tally, line.tally, blind=study.blind),
        warn=choice.warn,
        methods=methods,
    )


def _worse(by_method: Mapping[str, MethodResult]) -> Message | None:
    """Why what is chosen without a flood was no help in it: a baseline erred less."""
    chosen = by_method[CHOSEN]
    for method in (PERSISTENCE, TREND):
        other = by_method.get(method)
        for name in ("rmse", "crps"):
            mine, its = getattr(chosen, name), getattr(other, name, None)
            if mine is not None and its is not None and mine > its:
                return worse_in_floods(method, name.upper())
    return None


def list_events(track: Track, threshold: float, number: int) -> list[FloodEvent]:
    """The events of a threshold with their peaks; `number`: its place in the list."""
    begins = find_crossings(track.time, track.value, threshold)
    peaks = find_peaks(track.time, track.value, begins, threshold)
    return [
        FloodEvent(
            threshold=number,
            time=int(track.time[begin]),
            peak=float(track.value[peak]),
            peak_at=int(track.time[peak]),
        )
        for begin, peak in zip(begins, peaks, strict=True)
    ]


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


def _of_method(study: Study, method: str, folds: Sequence[int]) -> tuple[Values, Values]:
    """A method's quantiles, and the level of chance of its warnings, chosen by other folds."""
    trial = study.trials[0][1]
    part = trial.sample.parts[study.part].rows
    own = trial.sample.fold[part]
    warn = np.full((len(own), len(study.horizons)), 0.5)
    for fold in folds:
        for number in range(len(study.horizons)):
            measures = trial.choose(number, without=fold).measures
            if method in measures:
                warn[own == fold, number] = measures[method].warn
    return trial.values[method][part], warn


def _of_choices(study: Study, by_fold: Mapping[int, Sequence[Choice]]) -> tuple[Values, Values]:
    trial = study.trials[0][1]
    part = trial.sample.parts[study.part].rows
    own = trial.sample.fold[part]
    values = np.full((len(own), len(study.horizons), len(LEVELS)), np.nan)
    warn = np.full((len(own), len(study.horizons)), 0.5)
    for fold, choices in by_fold.items():
        rows = own == fold
        for number, choice in enumerate(choices):
            values[rows, number] = trial.values[choice.method][part][rows, number]
            warn[rows, number] = choice.warn
    return values, warn


def verify_model(study: Study, record: Record, levels: Sequence[Level]) -> GaugeResult:
    """The model of a study on another record, beside persistence and the straight line."""
    gauge = study.gauge
    own_record = verify_study(study, levels)
    model = model_of(study, closed=own_record.closed)
    result = replace(own_record, horizons=(), events=())
    if model is None or gauge.key not in record.tracks:
        return result
    track = record.tracks[gauge.key]
    lowest = min(level.value for level in levels)
    empty = Track(time=np.empty(0, np.int64), value=np.empty(0), breaks=np.empty(0, np.int64))
    hold = model.uses[0].hold
    line = slope(track, track.time, model.trend.span, model.trend.samples, hold)
    rows = _Rows(
        levels=levels,
        watches=_watches(track, levels, track.time),
        time=track.time,
        now=track.value,
        line=line,
        flood=np.where(flood_rows(track.time, track.value, lowest), 0, -1),
    )
    tracks = [record.tracks.get(key, empty) for key in model.inputs]
    issued = model.issue_tracks(tracks, track.time).values
    results = []
    for number, horizon in enumerate(model.horizons):
        at_fit = next(each for each in own_record.horizons if each.horizon == horizon)
        truth = what_came(track, track.time, horizon, hold)
        warn = np.full(len(track.time), at_fit.warn)
        methods = [
            replace(  # without a range there is nothing that could hold
                rows.measure(method, rows.issued(_sharp(point), (horizon,)), warn, truth),
                covered={"80": None, "90": None},
            )
            for method, point in (
                (PERSISTENCE, np.where(np.isfinite(line), track.value, np.nan)),
                (TREND, track.value + line * horizon),
            )
        ]
        chosen = rows.issued(issued[:, : number + 1], model.horizons[: number + 1])
        methods.append(rows.measure(CHOSEN, chosen, warn, truth))
        results.append(replace(at_fit, methods=tuple(methods)))
    floods = len(find_crossings(track.time, track.value, lowest))
    return replace(result, floods=floods, horizons=tuple(results))


def _sharp(point: Values) -> Values:
    """(n, 1, levels) a forecast without a range."""
    return np.repeat(point[:, np.newaxis, np.newaxis], len(LEVELS), axis=2)


def flood_rows(time: Instants, value: Values, threshold: float) -> Mask:
    """Rows of floods: from six hours before a crossing until it is below again."""
    rows = np.zeros(len(time), dtype=np.bool_)
    begins = find_crossings(time, value, threshold)
    for begin, end in zip(begins, find_ends(value, begins, threshold), strict=True):
        rows[np.searchsorted(time, time[begin] - _LEAD_IN) : end] = True
    return rows


def verify_files(
    record: Record,
    words: Sequence[str],
    *,
    train: Record | None = None,
    horizons: Sequence[int] | None = None,
    tick: Tick = lambda _: None,
) -> list[GaugeResult]:
    """Every gauge of a record. `train`: where the models learn; None: on its other floods."""
    results = []
    for study in study_record(train or record, horizons=horizons, tick=tick):
        if train is None:
            levels = levels_of(study.gauge, record.tracks[study.gauge.key], words)
            results.append(verify_study(study, levels))
        elif study.gauge.key in record.tracks:
            levels = levels_of(study.gauge, train.tracks[study.gauge.key], words)
            results.append(verify_model(study, record, levels))
    return results
