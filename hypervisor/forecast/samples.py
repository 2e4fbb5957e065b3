"""Rows of a gauge's past: what was seen at each issue time, what came, and which flood it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hypervisor.forecast.candidates import HOUR, MINUTE, Plan, name_runoff, plan_inputs, usual_step
from hypervisor.forecast.events import QUIET, find_crossings, find_ends
from hypervisor.forecast.record import Gauge, Record
from rules._forecast_parts import Track, features_of, slope
from rules._inputs import Instants, Values
from rules._runoff import Antecedents, Catchment

DAY = 24 * HOUR
_YEAR = 365.25 * DAY
_QUANTILES = (0.999, 0.998, 0.995, 0.99, 0.98, 0.97, 0.95, 0.93, 0.9, 0.85, 0.8)
_USUAL_FLOOD = 0.95  # of a single flood, what is above that quantile
_LEAD_IN = 6 * HOUR
_HIGH = 0.6  # high: above that part of the way from the usual value to the flood level
_RISING = 0.05  # fast: at least that part of it in an hour, or between two readings
_SPAN = HOUR  # over which a rise is judged
_MOST_ROWS = 60_000
_FOLDS = 6
_POOL_FOLDS = 6
_FEWEST_ROWS = 50
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A gauge's rows in a sample."""

    gauge: Gauge
    plan: Plan
    track: Track
    flood_level: float
    base: float  # the usual value
    rows: slice


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Rows of one gauge, ascending by time, or of several, one after another.

    (n,) or (n, horizons). `event`: what high or rising water a row belongs to, as it shows at that
    time, by number; -1: none. It teaches and judges. `flood`: the flood that a row turned out to
    belong to, from six hours before the crossing until it is below; for intervals that hold in
    floods. `fold`: events that are held back together. `features` by tier of the plan.
    `antecedents`: what GR4H starts from, where it may be tried.
    """

    parts: tuple[Part, ...]
    horizons: tuple[int, ...]
    time: Instants
    now: Values
    change: Values
    line: Values  # change a µs of the straight line
    future: Values  # (n, horizons); nan: not known
    base: Values
    event: NDArray[np.intp]
    flood: NDArray[np.intp]
    fold: NDArray[np.intp]
    features: Mapping[str, Values]
    antecedents: Antecedents | None = None

    def complete(self, tier: str) -> Mask:
        """Rows that have everything a forecast of that tier needs."""
        there = np.isfinite(self.features[tier]).all(axis=1)
        return np.asarray(there & np.isfinite(self.line) & np.isfinite(self.change))

    def with_runoff(self, tier: str) -> "Sample":
        """The same, with the tier that adds GR4H to another; its features are those."""
        return replace(self, features={**self.features, name_runoff(tier): self.features[tier]})


def sample_gauge(
    gauge: Gauge, record: Record, horizons: Sequence[int], *, plan: Plan | None = None
) -> Sample | None:
    """The rows of a gauge; None where it has hardly any readings."""
    plan = plan or plan_inputs(gauge, record)
    tracks = [record.tracks[key] for key in plan.inputs]
    own = tracks[0]
    if len(own.time) < _FEWEST_ROWS:
        return None
    level = flood_level(own)
    hold = plan.uses[0].hold
    base = float(np.median(own.value))
    event = _events(own, level, base, span_of(plan), hold)
    kept = _choose_rows(own, event)
    times, event = own.time[kept], event[kept]
    begins = find_crossings(own.time, own.value, level)
    floods = own.time[begins]
    recent = own.at(times, (0, span_of(plan)), hold)
    part = Part(
        gauge=gauge,
        plan=plan,
        track=own,
        flood_level=level,
        base=base,
        rows=slice(0, len(times)),
    )
    return Sample(
        parts=(part,),
        horizons=tuple(horizons),
        time=times,
        now=recent[:, 0],
        change=recent[:, 0] - recent[:, 1],
        line=slope(own, times, *plan.trend, hold),
        future=np.stack([what_came(own, times, horizon, hold) for horizon in horizons], axis=1),
        base=np.full(len(times), base),
        event=event,
        flood=_floods(own, begins, find_ends(own.value, begins, level))[kept],
        fold=_folds(times, event, floods),
        features={
            name: np.stack(features_of(features, tracks, plan.uses, times), axis=1)
            for name, _, features in plan.tiers
        },
        antecedents=plan.catchment.antecedents(tracks, plan.uses, times)
        if isinstance(plan.catchment, Catchment)
        else None,
    )


def pool(samples: Sequence[Sample], tier: str, folds: Sequence[int]) -> Sample:
    """Several gauges as one sample; those of one of the `folds` (by sample) are held back together.

    Their plans have the same features in `tier`.
    """
    starts = np.cumsum([0, *(len(sample.time) for sample in samples)])
    parts = tuple(
        replace(sample.parts[0], rows=slice(int(start), int(end)))
        for sample, start, end in zip(samples, starts, starts[1:], strict=False)
    )
    columns = {
        name: np.concatenate([getattr(sample, name) for sample in samples])
        for name in ("time", "now", "change", "line", "future", "base")
    }
    return Sample(
        parts=parts,
        horizons=samples[0].horizons,
        **columns,
        event=_number([sample.event for sample in samples]),
        flood=_number([sample.flood for sample in samples]),
        fold=np.concatenate(
            [np.full(len(sample.time), fold) for sample, fold in zip(samples, folds, strict=True)]
        ),
        features={tier: np.concatenate([sample.features[tier] for sample in samples])},
        antecedents=None,
    )


def _number(parts: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Events of several gauges, none of which has the number of another."""
    first = np.cumsum([0, *(int(part.max(initial=-1)) + 1 for part in parts)])
    return np.concatenate(
        [np.where(part >= 0, part + start, -1) for part, start in zip(parts, first, strict=False)]
    )


def alike(samples: Sequence[Sample]) -> list[int]:
    """A fold for each sample: gauges that show the same water are held back together."""
    hours = [_hourly(sample.parts[0].track) for sample in samples]
    cluster = list(range(len(samples)))
    for first in range(len(samples)):
        for second in range(first):
            if _same_water(hours[first], hours[second]):
                old, new = cluster[first], cluster[second]
                cluster = [new if name == old else name for name in cluster]
    order = {name: number for number, name in enumerate(dict.fromkeys(cluster))}
    return [order[name] % _POOL_FOLDS for name in cluster]


def _hourly(track: Track) -> dict[int, float]:
    return dict(zip((track.time // HOUR).tolist(), track.value.tolist(), strict=True))


def _same_water(first: Mapping[int, float], second: Mapping[int, float]) -> bool:
    shared = sorted(first.keys() & second.keys())
    if len(shared) < 48:
        return False
    one_side = np.array([first[hour] for hour in shared])
    other_side = np.array([second[hour] for hour in shared])
    if one_side.std() == 0 or other_side.std() == 0:
        return False
    return bool(np.corrcoef(one_side, other_side)[0, 1] > 0.99)


def span_of(plan: Plan) -> int:
    """Over which a rise is judged (µs)."""
    return max(_SPAN, plan.step)


def what_came(own: Track, times: Instants, horizon: int, hold: int) -> Values:
    """(n,) the value a horizon later, between the readings around; nan in gaps, across breaks."""
    value = own.at(times + horizon + hold, (hold,), 2 * hold)[:, 0]
    place = np.searchsorted(own.time, times + horizon)
    after = np.append(own.time, np.iinfo(np.int64).max)[place]
    value[after - (times + horizon) > hold] = np.nan
    if len(own.breaks):
        broken = np.searchsorted(own.breaks, times + horizon, side="right") > np.searchsorted(
            own.breaks, times, side="right"
        )
        value[broken] = np.nan
    return value


def flood_level(own: Track) -> float:
    """A level that is crossed often enough to learn from: four times a year, six times at least."""
    years = (own.time[-1] - own.time[0]) / _YEAR
    enough = min(max(6, round(4 * years)), 40)
    best, most = float(np.quantile(own.value, _QUANTILES[-1])), 0
    for quantile in _QUANTILES:
        level = float(np.quantile(own.value, quantile))
        number = len(find_crossings(own.time, own.value, level))
        if number >= enough:
            return level
        if number > most or (number == most and quantile >= _USUAL_FLOOD):
            best, most = level, number
    return best


def _events(own: Track, level: float, base: float, span: int, hold: int) -> NDArray[np.intp]:
    """(n,) the flood that each reading belongs to, by number; -1: none.

    High or fast rising as it is at that time: what comes later plays no part, or a forecast would
    be judged, and taught, by rows that are known to end in a flood.
    """
    change = own.value - own.at(own.time, (span,), hold)[:, 0]
    height = max(level - base, 0.0)
    busy = own.value > base + _HIGH * height
    if height > 0:
        busy |= np.nan_to_num(change) >= _RISING * height
    rows = np.flatnonzero(busy)
    event = np.full(len(own.time), -1, dtype=np.intp)
    if len(rows):
        event[rows] = np.cumsum(np.append(0, np.diff(own.time[rows]) > QUIET))
    return event


def _floods(own: Track, begins: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """(n,) the flood of each reading: from six hours before a crossing until it is below again."""
    flood = np.full(len(own.time), -1, dtype=np.intp)
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        flood[np.searchsorted(own.time, own.time[begin] - _LEAD_IN) : end] = number
    return flood


def _choose_rows(own: Track, event: NDArray[np.intp]) -> Mask:
    """All rows, or all of floods and some of the others."""
    if len(own.time) <= _MOST_ROWS:
        return np.ones(len(own.time), dtype=np.bool_)
    share = _MOST_ROWS / len(own.time)
    rng = np.random.default_rng(0)
    high = own.value >= np.quantile(own.value, 1 - share / 2)
    return np.asarray(high | (event >= 0) | (rng.random(len(own.time)) < share / 2))


def _folds(times: Instants, event: NDArray[np.intp], floods: Instants) -> NDArray[np.intp]:
    """Blocks of time with about as many floods each, cut where no flood is."""
    folds = min(_FOLDS, len(floods))
    rows = np.flatnonzero(event >= 0)
    between = np.flatnonzero(np.diff(event[rows]) > 0)
    if folds < 2:
        return np.zeros(len(times), dtype=np.intp)
    calm = (times[rows[between]] + times[rows[between + 1]]) // 2
    cuts = []
    for number in range(1, folds):
        place = round(number * len(floods) / folds)
        first, second = floods[place - 1], floods[place]
        middle = (first + second) // 2
        low = calm[(calm > first) & (calm < second)]  # none: the water is never low between
        cuts.append(low[np.argmin(np.abs(low - middle))] if len(low) else middle)
    return np.searchsorted(np.array(cuts, dtype=np.int64), times, side="right")


def usual_horizons(gauge: Gauge, record: Record) -> tuple[int, ...]:
    """From a quarter of an hour to six hours, no shorter than readings come; slow rivers: a day."""
    own = record.tracks[gauge.key]
    step = usual_step(own.time)
    horizons = [
        horizon
        for horizon in (15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR)
        if horizon >= step * 0.9
    ]
    level = flood_level(own)
    begins = find_crossings(own.time, own.value, level)
    ends = np.minimum(find_ends(own.value, begins, level), len(own.time) - 1)
    if len(begins) and np.median(own.time[ends] - own.time[begins]) >= 36 * HOUR:
        horizons += [12 * HOUR, 24 * HOUR]
    return tuple(horizons)
