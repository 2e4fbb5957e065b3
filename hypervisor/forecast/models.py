"""Models of a record's gauges: fitted, chosen and gated; each with what was measured of it."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hypervisor.forecast.candidates import HOUR, MINUTE, Plan, name_runoff, plan_pooled, usual_step
from hypervisor.forecast.choice import Choice, Trial, spread_of, try_methods, units_of
from hypervisor.forecast.conformal import of_gauge
from hypervisor.forecast.events import find_crossings
from hypervisor.forecast.fit import METHODS, Members, fit_members, held_out
from hypervisor.forecast.record import Gauge, Record
from hypervisor.forecast.runoff import calibrate
from hypervisor.forecast.samples import (
    Part,
    Sample,
    alike,
    flood_level,
    pool,
    sample_gauge,
    span_of,
    usual_horizons,
)
from rules._forecast import ForecastModel, Trend
from rules._forecast_parts import Step, Tier, Track
from rules._runoff import Runoff
from sensors._errors import Message

FEWEST_FLOODS = 3  # by which a gauge can be judged alone
_FEWEST_TOGETHER = 4  # gauges of which each can learn from the others
_INPUT_BONUS = 0.01  # what upstream shows early counts for more than its mean error says
_SHORT = 180 * 24 * HOUR  # a record in which a gauge has too few floods of its own
_FINE = 20 * MINUTE  # between readings of gauges that learn together
_POOLED = (30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR)
Tick = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A gauge as it was studied: its trials by tier, best first, and the part that is its own.

    `learned_from`: the number of gauges. `refused`: why there is no trial. `floods`: in its record.
    """

    gauge: Gauge
    plan: Plan | None
    trials: tuple[tuple[str, Trial], ...] = ()
    part: int = 0
    learned_from: int = 1
    refused: Message | None = None
    runoff: Runoff | None = None
    floods: int = 0

    @property
    def own_part(self) -> Part:
        """Its own part of the samples of what it is judged by."""
        return self.trials[0][1].sample.parts[self.part]

    @property
    def horizons(self) -> tuple[int, ...]:
        return self.trials[0][1].sample.horizons if self.trials else ()

    @property
    def untried(self) -> Message | None:
        """Why GR4H was not tried."""
        if self.plan is None or self.runoff is not None:
            return None
        if isinstance(self.plan.catchment, Message):
            return self.plan.catchment
        return Message("there are too few floods in the record to calibrate it")

    @property
    def blind(self) -> bool:
        """Whether nothing but the gauge itself could show a flood."""
        return self.plan is None or len(self.plan.inputs) == 1

    def choices(self, *, tier: int = 0, without: int | None = None) -> list[Choice]:
        """Of each horizon, in a tier: 0 is the best."""
        trial = self.trials[tier][1]
        part = self.part if self.learned_from > 1 else None
        return [
            trial.choose(number, without=without, part=part if without is None else None)
            for number in range(len(self.horizons))
        ]


def study_record(
    record: Record, *, horizons: Sequence[int] | None = None, tick: Tick = lambda _: None
) -> list[Study]:
    """Every gauge: by its own floods, or with others where it has too few."""
    studies: dict[int, Study] = {}
    together: dict[tuple[str, bool], list[int]] = {}
    for number, gauge in enumerate(record.gauges):
        track = record.tracks[gauge.key]
        if len(track.time) and track.time[-1] - track.time[0] < _SHORT:
            fine = usual_step(track.time) <= _FINE
            together.setdefault((gauge.key.quantity, fine), []).append(number)
    for (_, fine), numbers in together.items():
        if len(numbers) >= _FEWEST_TOGETHER and fine:
            gauges = [record.gauges[number] for number in numbers]
            made = study_together(gauges, record, horizons=horizons)
            studies |= dict(zip(numbers, made, strict=True))
    for number, gauge in enumerate(record.gauges):
        floods = count_floods(record.tracks[gauge.key])
        if number not in studies:
            studies[number] = (
                study_alone(gauge, record, horizons=horizons)
                if floods >= FEWEST_FLOODS
                else _refuse(gauge, record)
            )
        studies[number] = replace(studies[number], floods=floods)
        tick(gauge.key.site)
    return [studies[number] for number in range(len(record.gauges))]


def count_floods(track: Track) -> int:
    """The floods of a record: crossings of the level that is crossed about four times a year."""
    return len(find_crossings(track.time, track.value, flood_level(track)))


def _refuse(gauge: Gauge, record: Record) -> Study:
    """A gauge whose floods are too few, and why it does not learn with others."""
    track = record.tracks[gauge.key]
    reason = Message(
        "there are fewer than {number} floods in the record, so none is left to judge by",
        FEWEST_FLOODS,
    )
    if len(track.time) > 1 and (step := usual_step(track.time)) > _FINE:
        reason = Message(
            "{reason}; gauges learn together where readings come every {most} min or more often,"
            " here it is every {step:g} min",
            reason,
            _FINE // MINUTE,
            step / MINUTE,
        )
    return Study(gauge=gauge, plan=None, refused=reason)


def study_alone(gauge: Gauge, record: Record, *, horizons: Sequence[int] | None = None) -> Study:
    """By its own floods: members of every tier, the best one with trees."""
    sample = sample_gauge(gauge, record, horizons or usual_horizons(gauge, record))
    if sample is None:
        return _refuse(gauge, record)
    plan = sample.parts[0].plan
    thresholds = [usual_thresholds(sample)]
    ranked = _rank(sample, {name: held_out(sample, name, trees=False) for name, _, _ in plan.tiers})
    calibrated = calibrate(sample)
    trials = []
    for place, (name, members) in enumerate(ranked):
        if place == 0:
            members = held_out(sample, name, trees=True)  # noqa: PLW2901  with trees
        if place == 0 and calibrated is not None:
            plan, every = plan.with_runoff(name), members.with_runoff(calibrated.increments)
            trial = try_methods(sample.with_runoff(name), every, thresholds)
            trials += [(name_runoff(name), trial), (name, trial.without_runoff())]
            continue
        trials.append((name, try_methods(sample, members, thresholds)))
    return Study(
        gauge=gauge,
        plan=plan,
        trials=tuple(trials),
        runoff=None if calibrated is None else calibrated.runoff,
    )


def _rank(sample: Sample, members: Mapping[str, Members]) -> list[tuple[str, Members]]:
    """Tiers that are worth their inputs, best first; the gauge's own is the last."""
    inputs = {name: set(numbers) for name, numbers, _ in sample.parts[0].plan.tiers}
    rising = (sample.event >= 0) & (sample.change > 0)
    aim = (sample.future - sample.now[:, np.newaxis])[rising]
    size = np.nanmean(np.abs(aim), axis=0) if rising.any() else np.zeros(aim.shape[1])

    def miss(name: str) -> float:
        error = np.abs(members[name].ridge[rising] - aim)
        usable = np.isfinite(error).any(axis=0) & (size > 0)
        if not usable.any():
            return float("inf")
        mean = float((np.nanmean(error[:, usable], axis=0) / size[usable]).mean())
        return mean * (1 - _INPUT_BONUS * len(inputs[name]))

    ranked: list[tuple[str, Members]] = []
    for name in sorted(members, key=miss):
        if all(inputs[name] < inputs[better] for better, _ in ranked):
            ranked.append((name, members[name]))
    return ranked


def study_together(
    gauges: Sequence[Gauge], record: Record, *, horizons: Sequence[int] | None = None
) -> list[Study]:
    """By the floods of all: each is forecast by what the others taught."""
    spans = tuple(horizons or _POOLED)
    plans = [plan_pooled(gauge, record) for gauge in gauges]
    samples = [
        sample_gauge(gauge, record, spans, plan=plan)
        for gauge, plan in zip(gauges, plans, strict=True)
    ]
    there = [number for number, sample in enumerate(samples) if sample is not None]
    some = [sample for sample in samples if sample is not None]
    folds = dict(zip(there, alike(some), strict=True))
    trials: dict[str, tuple[Trial, list[int]]] = {}
    for tier in ("upstream", "own"):
        numbers = [
            number for number in there if tier in {name for name, _, _ in plans[number].tiers}
        ]
        if len(numbers) >= _FEWEST_TOGETHER:
            mine = [sample for sample in (samples[number] for number in numbers) if sample]
            joined = pool(mine, tier, [folds[number] for number in numbers])
            members = held_out(joined, tier, trees=True)
            levels = [usual_thresholds(sample) for sample in mine]
            trials[tier] = try_methods(joined, members, levels), numbers
    studies = []
    for number, gauge in enumerate(gauges):
        mine_by_tier = [
            (tier, trial, numbers.index(number))
            for tier, (trial, numbers) in trials.items()
            if number in numbers
        ]
        if not mine_by_tier:
            studies.append(_refuse(gauge, record))
            continue
        tier, trial, part = mine_by_tier[0]
        studies.append(
            Study(
                gauge=gauge,
                plan=plans[number],
                trials=((tier, trial),),
                part=part,
                learned_from=len(trial.sample.parts),
            )
        )
    return studies


def usual_thresholds(sample: Sample) -> list[float]:
    """Levels whose crossings decide when a warning pays: between its floods, and its own."""
    part = sample.parts[0]
    top = float(part.track.value.max())
    between = [part.flood_level + share * (top - part.flood_level) for share in (0.0, 0.2, 0.45)]
    own = [level for level in part.gauge.thresholds.values() if part.flood_level <= level < top]
    return sorted({*between, *sorted(own)[:2]})


def model_of(study: Study, *, closed: Container[int] = ()) -> ForecastModel | None:
    """The model of what may be shown; None: nothing may. `closed`: horizons (µs) to leave out."""
    if study.plan is None or not study.trials:
        return None
    choices = study.choices()
    shown = [
        number
        for number, (horizon, choice) in enumerate(zip(study.horizons, choices, strict=True))
        if choice.closed is None and horizon not in closed
    ]
    if not shown:
        return None
    plan, gauge = study.plan, study.gauge
    tiers = []
    inputs = {name: (numbers, features) for name, numbers, features in plan.tiers}
    for place, (name, trial) in enumerate(study.trials):
        numbers, features = inputs[name]
        chosen = study.choices(tier=place) if place else choices
        tier = Tier(
            name=name,
            inputs=numbers,
            features=features,
            steps=tuple(_step(study, name, trial, number, chosen[number]) for number in shown),
        )
        if tier.runs_off or trial.members.runoff is None:  # else the next one is the same
            tiers.append(tier)
    return ForecastModel(
        site=gauge.key.site,
        quantity=gauge.key.quantity,
        unit=gauge.unit,
        horizons=tuple(study.horizons[number] for number in shown),
        inputs=plan.inputs,
        uses=plan.uses,
        memory=plan.memory,
        trend=Trend(span=plan.trend[0], samples=plan.trend[1]),
        span=span_of(plan),
        tiers=tuple(tiers),
        runoff=study.runoff if any(tier.runs_off for tier in tiers) else None,
        floor=0.0 if gauge.nonnegative else None,
    )


def _step(study: Study, tier: str, trial: Trial, horizon: int, choice: Choice) -> Step | None:
    """A horizon of a tier, fitted on everything; None: in this tier it is not worth showing."""
    if choice.closed is not None:
        return None
    sample = trial.sample
    everything = np.ones(len(sample.time), dtype=np.bool_)
    trend, ridge, trees, runoff = METHODS[choice.method]
    fitted = (
        fit_members(sample, tier, everything, horizon, trees=trees > 0) if ridge or trees else None
    )
    spread = spread_of(sample, trial.members, choice.method, horizon, everything)
    if spread is None or ((ridge or trees) and fitted is None):
        return None
    linear, forest = fitted or (None, None)
    own = sample.parts[study.part]
    point = trial.members.point(sample, choice.method, horizon)
    unit = float(units_of(sample, point, horizon)[own.rows.start])
    return Step(
        method=choice.method,
        trend=trend,
        linear=linear if ridge else None,
        linear_weight=ridge,
        trees=forest if trees else None,
        trees_weight=trees,
        runoff_weight=runoff,
        spread=of_gauge(spread, unit, own.base),
        warn=choice.warn,
    )
