"""Verification: what forecasts would have been worth on a record, by gauge, horizon and method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypervisor.forecast import conformal
from hypervisor.forecast.choice import Choice, issued_of, worse_in_floods
from hypervisor.forecast.events import (
    Outcomes,
    Tally,
    Watch,
    find_crossings,
    find_ends,
    find_peaks,
)
from hypervisor.forecast.fit import PERSISTENCE, TREND
from hypervisor.forecast.models import Study, Tick, model_of, study_record
from hypervisor.forecast.record import Record
from hypervisor.forecast.samples import Mask, what_came
from hypervisor.forecast.thresholds import Level, levels_of
from rules._forecast import LEVELS, Issued, chance_above
from rules._forecast_parts import Track, slope
from rules._inputs import Instants, Values
from sensors._errors import Message

CHOSEN = "chosen"
SHOWN_METHODS = (PERSISTENCE, TREND, "ridge", "trees", "ridge and trees")
_MIDDLE = LEVELS.index(0.5)
_LEAD_IN = 6 * 3_600_000_000
_CHANCES = (0.1, 0.3, 0.5, 0.7, 0.9)  # between them the chances of a reliability diagram are joined


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Forecasts whose chance was about the same: their mean chance, and how often it came."""

    chance: float
    came: float
    forecasts: int


@dataclass(frozen=True, kw_only=True)
class FloodCover:
    """A flood: how many of its forecasts had what came inside their 80 % range. Times in µs."""

    begins: int
    ends: int
    forecasts: int
    inside: int

    @property
    def held(self) -> bool:
        """Whether its range held what it promises."""
        return self.inside >= 0.8 * self.forecasts


@dataclass(frozen=True, kw_only=True)
class FloodEvent:
    """A threshold was crossed. `threshold`: its place in the list; `peak_at` in µs."""

    threshold: int
    time: int
    peak: float
    peak_at: int


@dataclass(frozen=True, kw_only=True)
class MethodResult:
    """A method at a horizon: its warnings, errors and ranges in floods, all out of sample.

    `covered`: the share of what came that lay in the range of a nominal probability. `outcomes`:
    of each threshold, what `tally` counts. `floods` and `reliability`: of what is issued only.
    """

    method: str
    tally: Tally
    rows: int
    rmse: float | None
    crps: float | None
    covered: Mapping[str, float | None]
    outcomes: tuple[Outcomes, ...] = ()
    floods: tuple[FloodCover, ...] = ()
    reliability: tuple[Reliability, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HorizonResult:
    """A horizon of a gauge. `shown` None: it is; else why it is not."""

    horizon: int
    choice: str
    closed: Message | None
    warn: float
    methods: tuple[MethodResult, ...]

    def of(self, method: str) -> MethodResult | None:
        """The result of a method, if it was tried."""
        return next((result for result in self.methods if result.method == method), None)


@dataclass(frozen=True, kw_only=True)
class GaugeResult:
    """A gauge with its thresholds; `horizons` is empty where nothing could be tried (`refused`)."""

    site: str
    quantity: str
    unit: str
    title: str
    floods: int
    learned_from: int
    tiers: tuple[str, ...]
    thresholds: tuple[Level, ...]
    horizons: tuple[HorizonResult, ...] = ()
    refused: Message | None = None
    events: tuple[FloodEvent, ...] = ()

    @property
    def closed(self) -> frozenset[int]:
        """The horizons (µs) that may not be shown."""
        return frozenset(result.horizon for result in self.horizons if result.closed is not None)


def verify_study(study: Study, levels: Sequence[Level]) -> GaugeResult:
    """A gauge on its own record: each fold is forecast by what was learned from the others."""
    gauge = study.gauge
    if not study.trials:
        return GaugeResult(
            site=gauge.key.site,
            quantity=gauge.key.quantity,
            unit=gauge.unit,
            title=gauge.title,
            floods=0,
            learned_from=0,
            tiers=(),
            thresholds=tuple(levels),
            refused=study.refused,
        )
    trial = study.trials[0][1]
    sample, part = trial.sample, trial.sample.parts[study.part]
    folds = np.unique(sample.fold[part.rows]).tolist()
    by_fold = {fold: study.choices(without=fold) for fold in folds}
    methods = [name for name in SHOWN_METHODS if name in trial.values]
    issued: dict[str, tuple[Values, Values]] = {
        method: _of_method(study, method, folds) for method in methods
    }
    issued[CHOSEN] = _of_choices(study, by_fold)
    final = study.choices()
    watches = [
        Watch.of(part.track.time, part.track.value, level.value, sample.time[part.rows])
        for level in levels
    ]
    results = []
    for number, horizon in enumerate(study.horizons):
        future = sample.future[part.rows, number]
        flood = (sample.flood[part.rows] >= 0) & np.isfinite(future)
        rows = []
        for method, (values, warn) in issued.items():
            of_part = replace(
                issued_of(sample, trial.values[TREND], part.rows, number + 1),
                values=values[:, : number + 1],
                tier=np.where(np.isfinite(values[:, number, 0]), 0, -1).astype(np.int8),
            )
            outcomes = _judge(of_part, method, watches, levels, warn[:, number], horizon)
            result = _result(method, horizon, outcomes, values[:, number], future, flood)
            if method == CHOSEN:
                result = replace(
                    result,
                    floods=_floods(
                        sample.time[part.rows],
                        np.where(flood, sample.flood[part.rows], -1),
                        values[:, number],
                        future,
                    ),
                    reliability=_reliability(of_part, watches, levels, horizon),
                )
            rows.append(result)
        choice = final[number]
        results.append(
            HorizonResult(
                horizon=horizon,
                choice=choice.method,
                closed=choice.closed or _worse(rows),
                warn=choice.warn,
                methods=tuple(rows),
            )
        )
    return GaugeResult(
        site=gauge.key.site,
        quantity=gauge.key.quantity,
        unit=gauge.unit,
        title=gauge.title,
        floods=len(find_crossings(part.track.time, part.track.value, part.flood_level)),
        learned_from=study.learned_from,
        tiers=tuple(name for name, _ in study.trials),
        thresholds=tuple(levels),
        horizons=tuple(results),
        events=tuple(
            event
            for number, level in enumerate(levels)
            for event in list_events(part.track, level.value, number)
        ),
    )


def _worse(results: Sequence[MethodResult]) -> Message | None:
    """Why what is chosen without a flood was no help in it: a baseline erred less."""
    by_method = {result.method: result for result in results}
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
    rows = (flood >= 0) & np.isfinite(quantiles).all(axis=1)
    low, high = (quantiles[:, LEVELS.index(level)] for level in (0.1, 0.9))
    inside = (truth >= low) & (truth <= high)
    covers = []
    for number in np.unique(flood[rows]):
        own = rows & (flood == number)
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


def _reliability(
    issued: Issued, watches: Sequence[Watch], levels: Sequence[Level], horizon: int
) -> tuple[Reliability, ...]:
    """What was said against what came, over all thresholds, while the water was below them."""
    given, came = [np.empty(0)], [np.empty(0, dtype=np.bool_)]
    for watch, level in zip(watches, levels, strict=True):
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


def _judge(  # noqa: PLR0913, PLR0917  of what, how
    issued: Issued,
    method: str,
    watches: Sequence[Watch],
    levels: Sequence[Level],
    warn: Values,
    horizon: int,
) -> tuple[Outcomes, ...]:
    """Warnings for each threshold: where the chance is at least the level of its rows.

    Persistence never warns; the straight line warns where it crosses, as it does today.
    """
    outcomes = []
    for watch, level in zip(watches, levels, strict=True):
        chance = chance_above(issued, level.value, horizon)
        if method == PERSISTENCE:
            signal = np.where(np.isfinite(chance), 0.0, np.nan)
        elif method == TREND:
            highest = issued.values[:, :, _MIDDLE].max(axis=1)
            signal = np.where(np.isfinite(highest), (highest > level.value) * 1.0, np.nan)
        else:
            signal = chance / warn
        outcomes.append(watch.judge(np.minimum(signal, 1.0), 1.0, horizon))
    return tuple(outcomes)


def _result(  # noqa: PLR0913, PLR0917  of what, where
    method: str,
    horizon: int,
    outcomes: tuple[Outcomes, ...],
    quantiles: Values,
    truth: Values,
    flood: Mask,
) -> MethodResult:
    rows = np.asarray(flood & np.isfinite(quantiles).all(axis=1), dtype=np.bool_)
    inside, came = quantiles[rows], truth[rows]
    number = int(rows.sum())
    return MethodResult(
        method=method,
        tally=sum((outcome.count(horizon) for outcome in outcomes), Tally(horizon=horizon)),
        rows=number,
        rmse=float(np.sqrt(((came - inside[:, _MIDDLE]) ** 2).mean())) if number else None,
        crps=float(conformal.crps(inside, came).mean()) if number else None,
        covered={
            "80": conformal.coverage(inside, came, 0.1, 0.9),
            "90": conformal.coverage(inside, came, 0.05, 0.95),
        },
        outcomes=outcomes,
    )


def verify_model(study: Study, record: Record, levels: Sequence[Level]) -> GaugeResult:
    """The model of a study of another record, beside persistence and the straight line."""
    gauge = study.gauge
    bare = verify_study(study, levels)
    model = model_of(study, closed=bare.closed)
    if model is None or gauge.key not in record.tracks:
        return replace(bare, thresholds=tuple(levels), horizons=())
    track = record.tracks[gauge.key]
    empty = type(track)(time=np.empty(0, np.int64), value=np.empty(0), breaks=np.empty(0, np.int64))
    tracks = [record.tracks.get(key, empty) for key in model.inputs]
    issued = model.issue_tracks(tracks, track.time)
    step = model.uses[0].hold
    line = slope(track, track.time, model.trend.span, model.trend.samples, step)
    flood = flood_rows(track.time, track.value, min(level.value for level in levels))
    choices = study.choices()
    watches = [Watch.of(track.time, track.value, level.value, track.time) for level in levels]
    results = []
    for number, horizon in enumerate(model.horizons):
        choice = choices[study.horizons.index(horizon)]
        truth = what_came(track, track.time, horizon, step)
        rows = []
        for method in (PERSISTENCE, TREND, CHOSEN):
            if method == CHOSEN:
                some = replace(
                    issued,
                    horizons=issued.horizons[: number + 1],
                    values=issued.values[:, : number + 1],
                )
            else:
                point = track.value + (line * horizon if method == TREND else 0.0)
                some = _sharp(track.time, track.value, point, horizon)
            warn = np.full(len(track.time), choice.warn)
            outcomes = _judge(some, method, watches, levels, warn, horizon)
            judged = flood & np.isfinite(truth)
            result = _result(method, horizon, outcomes, some.values[:, -1], truth, judged)
            if method != CHOSEN:  # without a range there is nothing that could hold
                result = replace(result, covered=dict.fromkeys(result.covered))
            rows.append(result)
        results.append(
            HorizonResult(
                horizon=horizon,
                choice=choice.method,
                closed=choice.closed,
                warn=choice.warn,
                methods=tuple(rows),
            )
        )
    floods = len(find_crossings(track.time, track.value, min(level.value for level in levels)))
    return replace(bare, floods=floods, horizons=tuple(results))


def _sharp(time: Instants, now: Values, point: Values, horizon: int) -> Issued:
    """A forecast without a range."""
    return Issued(
        times=time,
        horizons=(horizon,),
        levels=LEVELS,
        current=now,
        values=np.repeat(point[:, np.newaxis, np.newaxis], len(LEVELS), axis=2),
        tier=np.where(np.isfinite(point), 0, -1).astype(np.int8),
    )


def flood_rows(time: Instants, value: Values, threshold: float) -> Mask:
    """Rows of floods: from six hours before a crossing until it is below again."""
    rows = np.zeros(len(time), dtype=np.bool_)
    begins = find_crossings(time, value, threshold)
    for begin, end in zip(begins, find_ends(value, begins, threshold), strict=True):
        rows[np.searchsorted(time, time[begin] - _LEAD_IN) : end] = True
    return rows


def format_result(result: GaugeResult) -> dict[str, Any]:
    """As JSON; times in seconds."""
    return {
        "site": result.site,
        "quantity": result.quantity,
        "unit": result.unit,
        "floods": result.floods,
        "learned_from_gauges": result.learned_from,
        "inputs": list(result.tiers),
        "thresholds": [
            {"name": level.name, "value": level.value, "estimated": level.estimated}
            for level in result.thresholds
        ],
        "refused": _plain(result.refused),
        "horizons": [_format_horizon(horizon) for horizon in result.horizons],
    }


def _plain(message: Message | None) -> str | None:
    """Without its template, as a model's JSON takes it."""
    return None if message is None else "".join(message)


def _format_horizon(result: HorizonResult) -> dict[str, Any]:
    base, line = result.of(PERSISTENCE), result.of(TREND)
    return {
        "horizon_s": result.horizon // 1_000_000,
        "shown": result.closed is None,
        "why": _plain(result.closed),
        "method": result.choice,
        "warns_from": result.warn,
        "methods": [
            {
                "method": method.method,
                "events": method.tally.events,
                "warnings": method.tally.warnings,
                "false_alarms": method.tally.false_alarms,
                "median_lead_s": _seconds(method.tally.lead),
                "pod": method.tally.detected,
                "far": method.tally.false_share,
                "csi": method.tally.success,
                "flood_rows": method.rows,
                "rmse": method.rmse,
                "crps": method.crps,
                "rmse_skill_over_persistence": skill(method, base, _rmse),
                "rmse_skill_over_trend": skill(method, line, _rmse),
                "crps_skill_over_persistence": skill(method, base, _crps),
                "crps_skill_over_trend": skill(method, line, _crps),
                "coverage_80": method.covered["80"],
                "coverage_90": method.covered["90"],
            }
            for method in result.methods
        ],
    }


def _rmse(result: MethodResult) -> float | None:
    return result.rmse


def _crps(result: MethodResult) -> float | None:
    return result.crps


def skill(
    method: MethodResult,
    other: MethodResult | None,
    measure: Callable[[MethodResult], float | None],
) -> float | None:
    """1 - its error over the other's: above 0 it is better."""
    own = measure(method)
    theirs = None if other is None else measure(other)
    if own is None or not theirs:
        return None
    return 1 - own / theirs


def _seconds(span: float | None) -> float | None:
    return None if span is None else span / 1e6


def skill_table(result: GaugeResult) -> dict[str, Any]:
    """What a model keeps of its verification, for people."""
    table = format_result(result)
    for horizon in table["horizons"]:
        horizon["methods"] = [
            method
            for method in horizon["methods"]
            if method["method"] in {PERSISTENCE, TREND, CHOSEN}
        ]
    return table


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
