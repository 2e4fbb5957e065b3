"""Verification: what forecasts would have been worth on a record, by gauge, horizon and method."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hypervisor.forecast.candidates import MINUTE, usual_step
from hypervisor.forecast.choice import Choice
from hypervisor.forecast.events import Tally, Watch, find_crossings, find_peaks
from hypervisor.forecast.fit import PERSISTENCE, TREND
from hypervisor.forecast.gate import judge_warnings, worse_in_floods
from hypervisor.forecast.judged_rows import JudgedRows, flood_rows
from hypervisor.forecast.models import Study, Tick, count_floods, model_of, study_record
from hypervisor.forecast.record import Gauge, Record
from hypervisor.forecast.samples import what_came
from hypervisor.forecast.skill import CHOSEN, FloodEvent, GaugeResult, HorizonResult, MethodResult
from hypervisor.forecast.thresholds import Level, levels_of
from rules._forecast import LEVELS, Issued
from rules._forecast_parts import Track, slope
from rules._inputs import Instants, Values
from sensors._errors import Message

SHOWN_METHODS = (PERSISTENCE, TREND, "ridge", "trees", "ridge and trees", "GR4H", "GR4H and ridge")


def verify_study(study: Study, levels: Sequence[Level]) -> GaugeResult:
    """A gauge on its own record: each fold is forecast by what was learned from the others.

    `levels` are what is measured; what may be shown is judged at the gauge's usual levels.
    """
    result = _bare(study, levels)
    if not study.trials:
        return result
    trial = study.trials[0][1]
    sample, part = trial.sample, trial.sample.parts[study.part]
    track = part.track
    usual = levels_of(study.gauge, track, ())
    rows = JudgedRows(
        levels=levels,
        watches=_watches(track, levels, sample.time[part.rows]),
        time=sample.time[part.rows],
        now=sample.now[part.rows],
        line=sample.line[part.rows],
        flood=sample.flood[part.rows],
    )
    usual_rows = replace(rows, levels=usual, watches=_watches(track, usual, rows.time))
    folds = np.unique(sample.fold[part.rows]).tolist()
    tried = {
        method: _of_method(study, method, folds)
        for method in SHOWN_METHODS
        if method in trial.values
    }
    tried[CHOSEN] = _of_choices(study, folds)
    results = []
    for number, choice in enumerate(study.choices()):
        horizons = study.horizons[: number + 1]
        issued = {
            method: rows.issued(values[:, : number + 1], horizons)
            for method, (values, _) in tried.items()
        }
        measured = tuple(
            rows.measure(method, issued[method], warn[:, number], sample.future[part.rows, number])
            for method, (_, warn) in tried.items()
        )
        tallies = {
            method: usual_rows.count(method, issued[method], tried[method][1][:, number])
            for method in (CHOSEN, TREND)
        }
        results.append(_horizon(study, horizons[-1], choice, measured, tallies))
    return replace(
        result,
        horizons=tuple(results),
        events=tuple(
            event
            for number, level in enumerate(levels)
            for event in list_events(track, level.value, number)
        ),
    )


def _watches(track: Track, levels: Sequence[Level], time: Instants) -> list[Watch]:
    return [Watch.of(track.time, track.value, level.value, time) for level in levels]


def _bare(study: Study, levels: Sequence[Level]) -> GaugeResult:
    """The gauge with its floods, and no forecast measured."""
    return GaugeResult(
        site=study.gauge.key.site,
        quantity=study.gauge.key.quantity,
        unit=study.gauge.unit,
        title=study.gauge.title,
        floods=study.floods,
        learned_from=study.learned_from if study.trials else 0,
        tiers=tuple(name for name, _ in study.trials),
        thresholds=tuple(levels),
        refused=study.refused,
        untried=study.untried,
    )


def _horizon(
    study: Study,
    horizon: int,
    choice: Choice,
    methods: tuple[MethodResult, ...],
    tallies: Mapping[str, Tally],
) -> HorizonResult:
    """With why it is closed: by the choice, or by what was measured without each flood.

    `tallies`: the warnings at the gauge's usual levels.
    """
    by_method = {result.method: result for result in methods}
    return HorizonResult(
        horizon=horizon,
        choice=choice.method,
        closed=choice.closed
        or _between_readings(study, horizon)
        or _worse(by_method)
        or judge_warnings(tallies[CHOSEN], tallies[TREND], blind=study.blind),
        warn=choice.warn,
        methods=methods,
    )


def _between_readings(study: Study, horizon: int) -> Message | None:
    """Why a horizon is closed in which no reading comes: what was between them is not known."""
    track = study.own_part.track
    step = usual_step(track.time)
    if horizon >= step * 0.9:
        return None
    return Message("readings come every {step:g} min: nothing measures it", step / MINUTE)


def _worse(by_method: Mapping[str, MethodResult]) -> Message | None:
    """Why what is chosen without a flood was no help in it: a baseline erred less."""
    chosen = by_method[CHOSEN]
    for method in (PERSISTENCE, TREND):
        other = by_method.get(method)
        for name in ("rmse", "crps"):
            mine, its = getattr(chosen, name), getattr(other, name, None)
            if mine is not None and its is not None and mine > its:
                return worse_in_floods(method, name.upper(), mine, its)
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


def _of_choices(study: Study, folds: Sequence[int]) -> tuple[Values, Values]:
    """What would have been issued, and the level of chance of its warnings, by other folds.

    As when it is issued: by the best tier whose inputs are there, and by a lower tier only what
    it may show. What the best tier may not show is measured all the same, to say why.
    """
    best = study.trials[0][1].sample
    part = best.parts[study.part].rows
    own = best.fold[part]
    values = np.full((len(own), len(study.horizons), len(LEVELS)), np.nan)
    warn = np.full((len(own), len(study.horizons)), 0.5)
    for fold in folds:
        open_rows = own == fold
        for place, (_, trial) in enumerate(study.trials):
            complete = open_rows & np.isfinite(trial.values[PERSISTENCE][part]).any(axis=(1, 2))
            for number, choice in enumerate(study.choices(tier=place, without=fold)):
                if place and choice.closed is not None:
                    continue
                values[complete, number] = trial.values[choice.method][part][complete, number]
                warn[complete, number] = choice.warn
            open_rows &= ~complete
    return values, warn


def verify_model(study: Study, record: Record, levels: Sequence[Level]) -> GaugeResult:
    """The model of a study on another record, beside persistence and the straight line.

    A horizon that the study closes is measured by these two alone.
    """
    own_record = verify_study(study, levels)
    if study.plan is None or not study.trials:
        return own_record
    track = record.tracks[study.gauge.key]
    lowest = min((level.value for level in levels), default=float("inf"))
    if not len(find_crossings(track.time, track.value, lowest)):  # a level outside the record
        lowest = study.own_part.flood_level
    span, samples = study.plan.trend
    hold = study.plan.uses[0].hold
    rows = JudgedRows(
        levels=levels,
        watches=_watches(track, levels, track.time),
        time=track.time,
        now=track.value,
        line=slope(track, track.time, span, samples, hold),
        flood=np.where(flood_rows(track.time, track.value, lowest), 0, -1),
    )
    issued = _issue(study, record, closed=own_record.closed)
    return replace(
        own_record,
        floods=len(find_crossings(track.time, track.value, lowest)),
        horizons=tuple(
            replace(
                at_fit,
                methods=tuple(
                    rows.measure_at(
                        at_fit, what_came(track, track.time, at_fit.horizon, hold), issued
                    )
                ),
            )
            for at_fit in own_record.horizons
        ),
        events=(),
    )


def _issue(study: Study, record: Record, *, closed: frozenset[int]) -> Issued | None:
    """What the model of a study issues at each reading of its gauge; None: nothing is shown."""
    model = model_of(study, closed=closed)
    if model is None:
        return None
    empty = Track(time=np.empty(0, np.int64), value=np.empty(0), breaks=np.empty(0, np.int64))
    tracks = [record.tracks.get(key, empty) for key in model.inputs]
    return model.issue_tracks(tracks, record.tracks[study.gauge.key].time)


def verify_files(
    record: Record,
    words: Sequence[str],
    *,
    train: Record | None = None,
    horizons: Sequence[int] | None = None,
    tick: Tick = lambda _: None,
) -> list[GaugeResult]:
    """Every gauge of a record. `train`: where the models learn; None: on its other floods.

    A gauge that only one of the two records has is refused, in words.
    """
    results = []
    for study in study_record(train or record, horizons=horizons, tick=tick):
        track = (train or record).tracks[study.gauge.key]
        levels = levels_of(study.gauge, track, words)
        if train is None:
            results.append(verify_study(study, levels))
        elif study.gauge.key in record.tracks:
            results.append(verify_model(study, record, levels))
        else:
            unread = replace(study, trials=(), refused=Message("the record has no reading of it"))
            results.append(_bare(unread, levels))
    if train is not None:
        results += [
            _without_past(gauge, record, words)
            for gauge in record.gauges
            if gauge.key not in train.tracks
        ]
    return results


def _without_past(gauge: Gauge, record: Record, words: Sequence[str]) -> GaugeResult:
    """A gauge that no model could learn from."""
    track = record.tracks[gauge.key]
    reason = Message("the record that models learn from has no reading of it")
    study = Study(gauge=gauge, plan=None, refused=reason, floods=count_floods(track))
    return _bare(study, levels_of(gauge, track, words))
