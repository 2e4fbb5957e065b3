"""A forecast: a model that was fitted to the past, as data, and what it says at an issue time.

Pure: what is issued at a time depends on the model and on readings at or before that time, and on
nothing else. Times are int64 µs, UTC; spans are µs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from rules._forecast_parts import (
    REGIMES,
    Feature,
    Linear,
    Spread,
    Step,
    Tier,
    Track,
    Trees,
    Use,
    crossing,
    features_of,
    slope,
)
from rules._inputs import InputSeries, Instants, Issued, SeriesColumns, Values
from rules._runoff import Runoff
from sensors._errors import TerritoryError

__all__ = [
    "REGIMES",
    "Feature",
    "ForecastModel",
    "InputSeries",
    "Issued",
    "Linear",
    "Spread",
    "Step",
    "Tier",
    "Trees",
    "Use",
    "chance_above",
    "model_from_json",
    "model_to_json",
    "time_to",
    "value_at",
]

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
VERSION = 2
_READ = (1, 2)  # 1: before GR4H
_LONGEST = 31 * 86_400_000_000  # µs, of a horizon
_ROWS = 20_000  # rows at once: memory stays bounded, results do not depend on it


class ForecastError(TerritoryError):
    """A stored model cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """The straight line through the last `span` µs, from `samples` evenly spaced values."""

    span: int
    samples: int


@dataclass(frozen=True, kw_only=True)
class ForecastModel:
    """A fitted model of one series.

    `horizons`: only those whose gate is open. `inputs[0]` is the gauge's own series, `uses` goes
    with `inputs`. `memory`: how long before an issue time readings are looked at. `tiers`: best
    first; the last needs only the own series. `floor`: values are no lower (None: no bound).
    `skill`: what was measured when it was fitted, for people (hypervisor.forecast.verification).
    """

    site: str
    quantity: str
    unit: str
    horizons: tuple[int, ...]
    levels: tuple[float, ...] = LEVELS
    inputs: tuple[InputSeries, ...]
    uses: tuple[Use, ...]
    memory: int
    trend: Trend
    span: int  # over which a rise is judged, for the regime
    tiers: tuple[Tier, ...]
    runoff: Runoff | None = None
    floor: float | None = None
    skill: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError: its parts do not fit together, as of a file that a person changed."""
        if len(self.uses) != len(self.inputs) or any(
            len(tier.steps) != len(self.horizons) for tier in self.tiers
        ):
            raise ValueError("its parts do not fit together")
        if any(not 0 < horizon <= _LONGEST for horizon in self.horizons):
            raise ValueError("a horizon lies outside of 31 days")

    def issue(self, columns: Mapping[InputSeries, SeriesColumns], times: Instants) -> Issued:
        """The forecasts of `times`. An input without columns is missing."""
        empty = Track(time=np.empty(0, np.int64), value=np.empty(0), breaks=np.empty(0, np.int64))
        tracks = [Track.of(columns[key]) if key in columns else empty for key in self.inputs]
        return self.issue_tracks(tracks, times)

    def issue_tracks(self, tracks: list[Track], times: Instants) -> Issued:
        """The same from tracks, in the order of `inputs`."""
        number = len(times)
        current = np.full(number, np.nan)
        values = np.full((number, len(self.horizons), len(self.levels)), np.nan)
        tier = np.full(number, -1, dtype=np.int8)
        for start in range(0, number, _ROWS):
            part = slice(start, start + _ROWS)
            self._fill(tracks, times[part], current[part], values[part], tier[part])
        return Issued(
            times=times,
            horizons=self.horizons,
            levels=self.levels,
            current=current,
            values=values,
            tier=tier,
        )

    def _fill(
        self,
        tracks: list[Track],
        times: Instants,
        current: Values,
        values: Values,
        tier: NDArray[np.int8],
    ) -> None:
        own, use = tracks[0], self.uses[0]
        sampled = own.at(times, (0, self.span), use.hold)
        current[:] = sampled[:, 0]
        change = sampled[:, 0] - sampled[:, 1]
        rate = slope(own, times, self.trend.span, self.trend.samples, use.hold)
        for index, level in enumerate(self.tiers):
            rows = np.flatnonzero((tier < 0) & np.isfinite(change))
            if not len(rows):
                return
            features = features_of(level.features, tracks, self.uses, times[rows])
            complete = np.isfinite(rate[rows])
            for column in features:
                complete &= np.isfinite(column)
            runoff = np.zeros((len(rows), len(self.horizons)))
            if self.runoff is not None and level.runs_off:
                runoff = self._runoff(self.runoff, tracks, times[rows], complete)
                complete &= np.isfinite(runoff).all(axis=1)
            rows, runoff = rows[complete], runoff[complete]
            if not len(rows):
                continue
            features = [column[complete] for column in features]
            tier[rows] = index
            for place, (horizon, step) in enumerate(zip(self.horizons, level.steps, strict=True)):
                if step is None:
                    continue
                now = current[rows]
                point = point_of(step, now, rate[rows] * horizon, features, runoff[:, place])
                values[rows, place] = self._quantiles(step.spread, now, change[rows], point)

    def _runoff(
        self, runoff: Runoff, tracks: list[Track], times: Instants, rows: NDArray[np.bool_]
    ) -> Values:
        """(n, horizons) increments by GR4H of some rows; nan where something is missing."""
        increments = np.full((len(times), len(self.horizons)), np.nan)
        some = np.flatnonzero(rows)
        given = runoff.catchment.antecedents(tracks, self.uses, times[some])
        there = given.complete
        increments[some[there]] = runoff.increments(given.part(there), self.horizons)
        return increments

    def _quantiles(self, spread: Spread, now: Values, change: Values, point: Values) -> Values:
        scale = scale_of(spread, now, change, point)
        offsets = np.array(spread.offsets)[regime_of(spread, now, change, point)]
        quantiles: Values = point[:, np.newaxis] + scale[:, np.newaxis] * offsets
        return quantiles if self.floor is None else np.maximum(quantiles, self.floor)


def point_of(
    step: Step, now: Values, trend: Values, features: list[Values], runoff: Values
) -> Values:
    """(n,) the blend of the members. `trend`, `runoff`: increments of the line and of GR4H."""
    point: Values = now + step.trend * trend if step.trend else now.copy()
    if step.linear is not None:
        point += step.linear_weight * step.linear.increment(features)
    if step.trees is not None:
        point += step.trees_weight * step.trees.increment(features, now)
    if step.runoff_weight:
        point += step.runoff_weight * runoff
    return point


def regime_of(spread: Spread, now: Values, change: Values, point: Values) -> NDArray[np.intp]:
    """(n,) index into `REGIMES`."""
    rising = np.maximum(point - now, change) >= spread.rise
    return np.where(rising, 0, np.where(now - spread.base >= spread.high, 1, 2)).astype(np.intp)


def scale_of(spread: Spread, now: Values, change: Values, point: Values) -> Values:
    """(n,) the scale of the errors, in the unit of the series."""
    constant, increment, own, height = spread.weights
    return (
        constant
        + increment * np.abs(point - now)
        + own * np.abs(change)
        + height * np.maximum(now - spread.base, 0.0)
    )


def value_at(issued: Issued, horizon: int) -> Values:
    """(n,) the median at a horizon (µs), on the line between two; nan beyond the last."""
    if not issued.horizons or horizon > issued.horizons[-1] or horizon < 0:
        return np.full(len(issued.times), np.nan)
    middle = issued.values[:, :, issued.levels.index(0.5)]
    return _between(issued, middle, horizon)


def chance_above(issued: Issued, threshold: Values | float, horizon: int) -> Values:
    """(n,) the chance that the value is above `threshold` at any of the horizons up to this one.

    1 where it is above already; nan where nothing was issued, or beyond the last horizon.
    """
    limit = np.broadcast_to(np.asarray(threshold, dtype=np.float64), issued.times.shape)
    chance = np.full(len(issued.times), np.nan)
    if not issued.horizons or horizon > issued.horizons[-1] or horizon < 0:
        return chance
    for place, end in enumerate(issued.horizons):
        if end <= horizon:
            chance = np.fmax(chance, crossing(issued.levels, issued.values[:, place], limit))
    if horizon not in issued.horizons:
        quantiles = np.stack(
            [
                _between(issued, issued.values[:, :, level], horizon)
                for level in range(len(issued.levels))
            ],
            axis=1,
        )
        chance = np.fmax(chance, crossing(issued.levels, quantiles, limit))
    there = np.isfinite(issued.current) & (issued.tier >= 0)
    chance[~there] = np.nan
    chance[there & (issued.current > limit)] = 1.0
    return chance


def time_to(issued: Issued, threshold: Values | float) -> tuple[Values, Values, Values]:
    """The earliest, median and latest time (µs after issue) at which `threshold` is crossed.

    By the 90 % quantile, the median and the 10 % one, the range whose coverage is measured; each
    (n,); nan: not within the last horizon. 0 where the value is above already.
    """
    limit = np.broadcast_to(np.asarray(threshold, dtype=np.float64), issued.times.shape)
    earliest, median, latest = (
        _first_above(issued, issued.values[:, :, issued.levels.index(level)], limit)
        for level in (0.9, 0.5, 0.1)
    )
    return earliest, median, latest


def _between(issued: Issued, by_horizon: Values, horizon: int) -> Values:
    """`by_horizon` (n, horizons) at a horizon, on the line from `current` at 0."""
    ends = (0, *issued.horizons)
    after = next(place for place, end in enumerate(ends) if end >= horizon)
    if after == 0:
        return issued.current.copy()
    first = issued.current if after == 1 else by_horizon[:, after - 2]
    share = (horizon - ends[after - 1]) / (ends[after] - ends[after - 1])
    return first + share * (by_horizon[:, after - 1] - first)


def _first_above(issued: Issued, by_horizon: Values, limit: Values) -> Values:
    crossed = np.where(issued.current > limit, 0.0, np.nan)
    first, start = issued.current, 0
    for place, end in enumerate(issued.horizons):
        second = by_horizon[:, place]
        crosses = np.isnan(crossed) & (first <= limit) & (second > limit)
        rise = np.where(crosses, second - first, 1.0)
        crossed = np.where(crosses, start + (limit - first) / rise * (end - start), crossed)
        first, start = second, end
    crossed[issued.tier < 0] = np.nan
    return crossed


def model_to_json(model: ForecastModel) -> dict[str, Any]:
    """The model as JSON; numbers keep every digit."""
    built: dict[str, Any] = msgspec.to_builtins(model, enc_hook=_plain)
    return {"version": VERSION, **built}


def _plain(value: object) -> str:
    """A message as its sentence: why a horizon is closed stands in the skill."""
    if isinstance(value, str):
        return "".join(value)
    raise TypeError(f"{type(value)} is no part of a model")


def model_from_json(value: Mapping[str, Any]) -> ForecastModel:
    """The model as it was written.

    Raises:
        ForecastError: its version is not this code's, or a field is missing or of another kind.
    """
    version = value.get("version")
    if version not in _READ:
        raise ForecastError(
            "a forecast's model of version {version!r} cannot be read; this program reads version"
            " {version2}: fit it again with `hypervisor forecast fit`",
            version,
            VERSION,
        )
    try:
        rest = {name: part for name, part in value.items() if name != "version"}
        return msgspec.convert(rest, ForecastModel)
    except msgspec.ValidationError as error:
        raise ForecastError("a forecast's model cannot be read: {problem}", str(error)) from error
