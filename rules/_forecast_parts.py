"""What a forecast's model is made of: features of series, members, and the spread of its errors.

Everything is computed element by element, without sums whose order depends on how many rows there
are: a forecast has the same bits whether it is issued alone or among thousands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rules._inputs import Instants, SeriesColumns, Values
from sensors._quality import Quality

REGIMES = ("rising", "high", "else")
_UNFIT = int(Quality.SUSPECT | Quality.SATURATED)


@dataclass(frozen=True, kw_only=True)
class Use:
    """How an input is read. `hold`: how long (µs) a value stands, and is joined to the next."""

    hold: int


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A number about an input at an issue time t; `since` and `until` in µs before t.

    `value`: at t - until. `change`: from t - since to t - until. `sum`: of the readings in
    (t - since, t - until], as for rain.
    """

    input: int
    kind: Literal["value", "change", "sum"]
    until: int = 0
    since: int = 0


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Increment = intercept + coefficients x features, in the unit of the own series."""

    intercept: float
    coefficients: tuple[float, ...]
    low: float  # increments seen in training, with a margin
    high: float

    def increment(self, features: Sequence[Values]) -> Values:
        """(n,) from features, each (n,)."""
        total: Values = np.full(len(features[0]) if features else 0, self.intercept)
        for column, coefficient in zip(features, self.coefficients, strict=True):
            if coefficient:
                total += column * coefficient
        clipped: Values = np.clip(total, self.low, self.high)
        return clipped


@dataclass(frozen=True, kw_only=True)
class Trees:
    """Boosted trees, each complete to `depth`: node k's children are 2k + 1 and 2k + 2.

    `feature` (int16), `threshold` (float64) by inner node, `leaf` (float32): bytes, little endian,
    trees one after another. A row goes right where its feature is greater than the threshold.
    `offset`: where it is positive, they give the increment of log(value + offset), so that a flood
    beyond all those of the past goes on growing.
    """

    depth: int
    offset: float = 0.0
    base: float
    feature: bytes
    threshold: bytes
    leaf: bytes

    @cached_property
    def _tables(self) -> tuple[NDArray[np.intp], Values, Values]:
        inner, leaves = 2**self.depth - 1, 2**self.depth
        return (
            np.frombuffer(self.feature, dtype="<i2").astype(np.intp).reshape(-1, inner),
            np.frombuffer(self.threshold, dtype="<f8").astype(np.float64).reshape(-1, inner),
            np.frombuffer(self.leaf, dtype="<f4").astype(np.float64).reshape(-1, leaves),
        )

    def increment(self, features: Sequence[Values], now: Values) -> Values:
        """(n,) from features, each (n,), and the present values; in the unit of the series."""
        total = self.raw(features)
        if not self.offset:
            return total
        present = np.maximum(now, 0.0) + self.offset
        return np.asarray(present * np.expm1(total))

    def raw(self, features: Sequence[Values]) -> Values:
        """The sum of the leaves, (n,)."""
        feature, threshold, leaf = self._tables
        rows = np.stack(features, axis=1)
        number, inner = feature.shape
        flat_feature, flat_threshold = feature.ravel(), threshold.ravel()
        offset = np.arange(number) * inner
        node = np.zeros((len(rows), number), dtype=np.intp)
        lines = np.arange(len(rows))[:, np.newaxis]
        for _ in range(self.depth):
            at = offset + node
            right = rows[lines, flat_feature[at]] > flat_threshold[at]
            node = 2 * node + 1 + right
        leaves = leaf[np.arange(number), node - inner]
        total = np.full(len(rows), self.base)
        for tree in range(number):
            total += leaves[:, tree]
        return total


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How wide the errors lie.

    Their scale is a weighted sum of what makes a forecast uncertain: 1, the size of the forecast
    increment, the own change over `span`, the value above `base`. `offsets`: for each regime
    (`REGIMES`) the errors' quantiles in units of the scale, by level.
    """

    weights: tuple[float, float, float, float]
    offsets: tuple[tuple[float, ...], ...]
    rise: float  # rising: the increment forecast, or seen over `span`, is at least that
    high: float  # high: the value is at least that far above `base`
    base: float  # the usual value


@dataclass(frozen=True, kw_only=True)
class Step:
    """One horizon of a tier: the weights of its members and the spread of its errors.

    What is left of the weights is persistence. `warn`: the chance of a crossing from which a
    warning pays on this gauge's past. `method` names the candidate.
    """

    method: str
    trend: float = 0.0
    linear: Linear | None = None
    linear_weight: float = 0.0
    trees: Trees | None = None
    trees_weight: float = 0.0
    runoff_weight: float = 0.0  # of the model's GR4H
    spread: Spread
    warn: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Tier:
    """What is used while its inputs are there. `steps` by horizon of the model; None: nothing."""

    name: str
    inputs: tuple[int, ...]
    features: tuple[Feature, ...]
    steps: tuple[Step | None, ...]

    @property
    def runs_off(self) -> bool:
        """Whether a step uses GR4H."""
        return any(step is not None and step.runoff_weight > 0 for step in self.steps)


@dataclass(frozen=True, kw_only=True)
class Track:
    """The good readings of a series: ascending times, finite values."""

    time: Instants
    value: Values
    breaks: Instants

    @classmethod
    def of(cls, columns: SeriesColumns) -> "Track":
        """Of columns as the engine holds them."""
        return cls.good(columns.time, columns.value, columns.quality, columns.breaks)

    @classmethod
    def good(
        cls, time: Instants, value: Values, quality: NDArray[np.int16], breaks: Instants
    ) -> "Track":
        """Suspect rows are left out; a saturated value is a lower bound, no number."""
        good = np.isfinite(value) & ((quality & _UNFIT) == 0)
        return cls(time=time[good], value=value[good], breaks=breaks)

    def at(self, times: Instants, lags: Sequence[int], hold: int) -> Values:
        """(n, lags) values at `times` - lag, of readings at or before `times`; nan: none.

        Between two readings no more than `hold` apart: on the line between them.
        """
        if not len(self.time):
            return np.full((len(times), len(lags)), np.nan)
        sought = times[:, np.newaxis] - np.array(lags, dtype=np.int64)
        before = np.searchsorted(self.time, sought, side="right") - 1
        there = before >= 0
        before = np.maximum(before, 0)
        after = np.minimum(before + 1, len(self.time) - 1)
        start, end = self.time[before], self.time[after]
        there &= sought - start <= hold
        if len(self.breaks):
            there &= start >= self._since(times)[:, np.newaxis]
        joined = (end <= times[:, np.newaxis]) & (end - start <= hold) & (end > start)
        share = np.where(joined, (sought - start) / np.maximum(end - start, 1), 0.0)
        first = self.value[before]
        joined_values: Values = first + share * (self.value[after] - first)
        return np.where(there, joined_values, np.nan)

    def total(self, times: Instants, since: int, until: int, hold: int) -> Values:
        """(n,) sums of the readings in (t - since, t - until]; nan: none for longer than `hold`."""
        return self.totals(times, (since, until), hold)[:, 0]

    def totals(self, times: Instants, ages: Sequence[int], hold: int) -> Values:
        """(n, ages - 1) the same between each age (µs before `times`, the longest first)."""
        if not len(self.time):
            return np.full((len(times), len(ages) - 1), np.nan)
        sought = times[:, np.newaxis] - np.array(ages, dtype=np.int64)
        ends = np.searchsorted(self.time, sought, side="right")
        last = np.searchsorted(self.time, times, side="right") - 1
        there = (last >= 0) & (times - self.time[np.maximum(last, 0)] <= hold)
        if len(self.breaks):
            there &= times - ages[0] >= self._since(times)
        total = np.add.reduceat(np.append(self.value, 0.0), ends.ravel()).reshape(ends.shape)
        total = np.where(ends[:, 1:] > ends[:, :-1], total[:, :-1], 0.0)
        return np.where(there[:, np.newaxis], total, np.nan)

    def _since(self, times: Instants) -> Instants:
        number = np.searchsorted(self.breaks, times, side="right")
        starts = np.concatenate(([np.iinfo(np.int64).min], self.breaks))
        return starts[number]


def features_of(
    features: Sequence[Feature], tracks: Sequence[Track], uses: Sequence[Use], times: Instants
) -> list[Values]:
    """The features, each (n,), nan where an input is missing. `tracks` and `uses` by input."""
    columns: list[Values | None] = [None] * len(features)
    for number, (track, use) in enumerate(zip(tracks, uses, strict=True)):
        own = [index for index, feature in enumerate(features) if feature.input == number]
        lags = sorted({lag for index in own for lag in _lags(features[index])})
        sampled = track.at(times, lags, use.hold) if lags else None
        place = {lag: index for index, lag in enumerate(lags)}
        for index in own:
            feature = features[index]
            if sampled is None or feature.kind == "sum":
                columns[index] = track.total(times, feature.since, feature.until, use.hold)
                continue
            column = sampled[:, place[feature.until]]
            if feature.kind == "change":
                column = column - sampled[:, place[feature.since]]
            columns[index] = np.ascontiguousarray(column)
    return [column for column in columns if column is not None]


def _lags(feature: Feature) -> tuple[int, ...]:
    if feature.kind == "sum":
        return ()
    return (feature.until,) if feature.kind == "value" else (feature.until, feature.since)


def slope(track: Track, times: Instants, span: int, number: int, hold: int) -> Values:
    """(n,) change a µs of a straight line through `number` evenly spaced samples of `span`."""
    lags = [round(span * part / (number - 1)) for part in range(number)]
    sampled = track.at(times, lags, hold)
    centre = sum(lags) / number
    square = sum((lag - centre) ** 2 for lag in lags)
    total = np.zeros(len(times))
    for index, lag in enumerate(lags):
        total += sampled[:, index] * ((centre - lag) / square)
    return total


def crossing(levels: Sequence[float], quantiles: Values, threshold: Values) -> Values:
    """(n,) the chance that a value lies above `threshold`, from quantiles (n, levels).

    Between two quantiles on the line between them; beyond the outermost, on the line through the
    last two until it meets 0 or 1.
    """
    chance = np.full(len(quantiles), np.nan)
    there = np.isfinite(quantiles).all(axis=1) & np.isfinite(threshold)
    below = np.zeros(len(quantiles))
    places = list(pairwise(range(len(levels))))
    for low, high in places:
        start, end = quantiles[:, low], quantiles[:, high]
        width = end - start
        share = np.where(
            width > 0,
            (threshold - start) / np.where(width > 0, width, 1.0),
            np.where(threshold >= end, 1.0, 0.0),
        )
        if low != places[0][0]:
            share = np.maximum(share, 0.0)
        if high != places[-1][1]:
            share = np.minimum(share, 1.0)
        below += share * (levels[high] - levels[low])
    chance[there] = 1.0 - np.clip(below + levels[0], 0.0, 1.0)[there]
    return chance
