"""Rain to discharge: GR4H, whose routing store starts from the discharge that was measured.

The equations are those of Perrin, Michel and Andréassian (2003), for hours as in Mathevet (2005);
that the last discharge sets the routing store is from Tangara (2005) and Berthet et al. (2009).
Nothing is carried from one issue time to the next: the production store starts ten days before, as
full as the lowest flow of the days around told. Only sums, products, quotients and square roots: a
row has the same bits alone and among thousands.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules._forecast_parts import Track, Use
from rules._inputs import Instants, Values

HOUR = 3_600_000_000
_DAY = 24 * HOUR
_HOURS = 72  # hour by hour, as long as the longer unit hydrograph; whole days before them
_DAYS = 7
LONGEST_BASE = _HOURS / 2  # h
WINDOW = _HOURS * HOUR + _DAYS * _DAY
_AGES = (*range(_HOURS + 24 * _DAYS, _HOURS, -24), *range(_HOURS, -1, -1))  # h before the issue
_LENGTHS = tuple(before - after for before, after in pairwise(_AGES))
_LOW_FLOW = tuple(WINDOW - part * _DAY // 2 for part in range(5))
_PERCOLATION = (4 / 21) ** 4
_ROUTED = 0.9  # of the effective rain; the rest bypasses the routing store
_KNEE = 1 - 2**-0.25  # outflow of a routing store that is as full as its capacity
_FEW = 6  # rows that are faster one after another
_MEAN, _NORTHWARD = 11.5, -0.6  # °C at 46.5° N, and by degree of latitude: lowland France
_SWING, _WARMEST = 8.0, 205.0  # °C, day of the year
Amount = Any  # a float, or an array of rows


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """What floats and arrays have under different names; the results have the same bits."""

    sqrt: Callable[[Amount], Amount]
    larger: Callable[[Amount, Amount], Amount]
    smaller: Callable[[Amount, Amount], Amount]


ARRAYS = Arithmetic(sqrt=np.sqrt, larger=np.maximum, smaller=np.minimum)
_FLOATS = Arithmetic(sqrt=math.sqrt, larger=max, smaller=min)


@dataclass(frozen=True, kw_only=True)
class Catchment:
    """`rain`: the inputs whose mean falls on it (mm); `area` in km², `latitude` in degrees."""

    rain: tuple[int, ...]
    area: float
    latitude: float

    @property
    def depth(self) -> float:
        """mm/h of one m³/s."""
        return 3.6 / self.area

    def antecedents(
        self, tracks: Sequence[Track], uses: Sequence[Use], times: Instants
    ) -> "Antecedents":
        """What is known at issue times; nan where something is missing."""
        own = tracks[0].at(times, (0, HOUR, *_LOW_FLOW), uses[0].hold)
        rain = np.zeros((len(times), len(_LENGTHS)))
        for number in self.rain:
            rain += tracks[number].totals(times, [age * HOUR for age in _AGES], uses[number].hold)
        rain /= len(self.rain)
        day = (times // _DAY) % 365
        return Antecedents(
            rain=tuple(np.ascontiguousarray(rain[:, block]) for block in range(len(_LENGTHS))),
            evaporation=np.array(evapotranspiration(self.latitude))[day] / 24,
            low=np.maximum(np.fmin.reduce(own[:, 2:], axis=1), 0.0) * self.depth,
            before=np.maximum(own[:, 1], 0.0) * self.depth,
            now=np.maximum(own[:, 0], 0.0) * self.depth,
        )


@dataclass(frozen=True, kw_only=True)
class Antecedents:
    """What is known of a catchment at issue times, (n,) each.

    `rain` of each block (mm), the oldest first; `evaporation`: potential, mm/h; `low`: the lowest
    discharge (mm/h) of the two days in which the production store starts; `before`: an hour ago.
    """

    rain: tuple[Amount, ...]
    evaporation: Amount
    low: Amount
    before: Amount
    now: Amount

    @property
    def complete(self) -> NDArray[np.bool_]:
        """(n,) the rows of which nothing is missing."""
        return np.asarray(np.isfinite(self.rain[0] + self.low + self.before + self.now))

    def part(self, rows: Any) -> "Antecedents":
        """Some of the rows."""
        return Antecedents(
            rain=tuple(block[rows] for block in self.rain),
            evaporation=self.evaporation[rows],
            low=self.low[rows],
            before=self.before[rows],
            now=self.now[rows],
        )

    def row(self, number: int) -> "Antecedents":
        """One row, as floats."""
        return Antecedents(
            rain=tuple(float(block[number]) for block in self.rain),
            evaporation=float(self.evaporation[number]),
            low=float(self.low[number]),
            before=float(self.before[number]),
            now=float(self.now[number]),
        )


@dataclass(frozen=True, kw_only=True)
class Moisture:
    """The production store (mm) at the issue times, and the effective rain of the last hours."""

    store: Amount
    effective: tuple[Amount, ...]


@dataclass(frozen=True, kw_only=True)
class Runoff:
    """GR4H at a catchment: its four parameters, and how rain goes on.

    `capacity`: X1 (mm), `exchange`: X2 (mm/h), `routing`: X3 (mm), `base`: X4 (h). `fading`: the
    rain of an hour to come, as a part of that of the hour before; 0: none. `carry`: of the last
    hour's error of the change, what the next hour has.
    """

    catchment: Catchment
    capacity: float
    exchange: float
    routing: float
    base: float
    fading: float
    carry: float

    def increments(self, given: Antecedents, horizons: Sequence[int]) -> Values:
        """(n, horizons) how much the discharge (m³/s) changes until each horizon (µs)."""
        number = len(given.now)
        if number <= _FEW:
            rows = [self._increments(given.row(row), horizons, _FLOATS) for row in range(number)]
            return np.array(rows, dtype=np.float64).reshape(number, len(horizons))
        return np.stack(self._increments(given, horizons, ARRAYS), axis=1)

    def _increments(
        self, given: Antecedents, horizons: Sequence[int], arithmetic: Arithmetic
    ) -> list[Amount]:
        moisture = moisten(self.capacity, given, arithmetic)
        return self.route(given, moisture, horizons, arithmetic)

    def route(
        self,
        given: Antecedents,
        moisture: Moisture,
        horizons: Sequence[int],
        arithmetic: Arithmetic = ARRAYS,
    ) -> list[Amount]:
        """The increments from the state of the production store."""
        ahead = -(-max(horizons) // HOUR)
        effective = [*moisture.effective, *self._to_come(given, moisture.store, ahead, arithmetic)]
        last = len(moisture.effective) - 1
        first, second = _ordinates(self.base)
        slow = [_routed(effective, first, last + hour) for hour in range(ahead + 1)]
        quick = [_routed(effective, second, last + hour) for hour in range(-1, ahead + 1)]
        share, flow = self._start(given.before, quick[0], arithmetic)
        _, expected = self._step(share, slow[0], quick[1], arithmetic)
        error = given.now - given.before - (expected - flow)
        share, flow = self._start(given.now, quick[1], arithmetic)
        flows, correction = [flow], 0.0
        for hour in range(1, ahead + 1):
            share, routed = self._step(share, slow[hour], quick[hour + 1], arithmetic)
            error = error * self.carry
            correction = correction + error
            flows.append(routed + correction)
        increments = []
        for horizon in horizons:
            hour, rest = divmod(horizon, HOUR)
            value = flows[hour]
            if rest:
                value = value + rest / HOUR * (flows[hour + 1] - value)
            increments.append((value - flow) / self.catchment.depth)
        return increments

    def _to_come(
        self, given: Antecedents, store: Amount, ahead: int, arithmetic: Arithmetic
    ) -> list[Amount]:
        """The effective rain of the hours to come."""
        rain, effective = given.rain[-1], []
        for _ in range(ahead):
            rain = rain * self.fading
            store, excess = _produce(self.capacity, store, rain, given.evaporation, 1, arithmetic)
            effective.append(excess)
        return effective

    def _step(
        self, share: Amount, slow: Amount, quick: Amount, arithmetic: Arithmetic
    ) -> tuple[Amount, Amount]:
        """How full the routing store is after an hour, and the flow (mm/h) at its end."""
        leak = self._leak(share, arithmetic)
        full = arithmetic.larger(share + (slow + leak) / self.routing, 0.0)
        share = _left(full, arithmetic)
        return share, self.routing * (full - share) + arithmetic.larger(quick + leak, 0.0)

    def _leak(self, share: Amount, arithmetic: Arithmetic) -> Amount:
        """Exchange with the ground, mm/h, by how full the routing store is."""
        return self.exchange * share * share * share * arithmetic.sqrt(share)

    def _start(self, now: Amount, quick: Amount, arithmetic: Arithmetic) -> tuple[Amount, Amount]:
        """How full the routing store is if the measured flow left it, and the flow (mm/h)."""
        leak: Amount = 0.0
        for _ in range(2):
            direct = arithmetic.larger(quick + leak, 0.0)
            outflow = arithmetic.larger(now - direct, 0.0) / self.routing
            full = _content(outflow, arithmetic)
            share = _left(full, arithmetic)
            leak = self._leak(share, arithmetic)
        return share, self.routing * (full - share) + direct


def moisten(capacity: float, given: Antecedents, arithmetic: Arithmetic = ARRAYS) -> Moisture:
    """The production store through the rain of the last days.

    It starts as full as low flow tells, which percolation feeds: the fifth root forgives much.
    """
    share = _fifth_root(4 * given.low / (_PERCOLATION * capacity), arithmetic)
    store, effective = capacity * share, []
    for rain, hours in zip(given.rain, _LENGTHS, strict=True):
        evaporation = given.evaporation * hours
        store, excess = _produce(capacity, store, rain, evaporation, hours, arithmetic)
        effective.append(excess)
    return Moisture(store=store, effective=tuple(effective[_DAYS:]))


def _produce(  # noqa: PLR0913, PLR0917  the terms of one equation
    capacity: float,
    store: Amount,
    rain: Amount,
    evaporation: Amount,
    hours: int,
    arithmetic: Arithmetic,
) -> tuple[Amount, Amount]:
    """The production store (mm) after some hours, and what it did not keep."""
    net = rain - evaporation
    wet, dry = arithmetic.larger(net, 0.0), arithmetic.larger(-net, 0.0)
    share = store / capacity
    pull = _tanh(wet / capacity, arithmetic)
    gain = capacity * (1 - share * share) * pull / (1 + share * pull)
    pull = _tanh(dry / capacity, arithmetic)
    loss = store * (2 - share) * pull / (1 + (1 - share) * pull)
    store = store + gain - loss
    square = store / capacity
    square = square * square
    left = store / arithmetic.sqrt(arithmetic.sqrt(1 + _PERCOLATION * hours * (square * square)))
    return left, store - left + (wet - gain)


def _routed(effective: Sequence[Amount], ordinates: Sequence[float], last: int) -> Amount:
    """The effective rain that a unit hydrograph lets through in an hour."""
    total: Amount = 0.0
    for lag, part in enumerate(ordinates[: last + 1]):
        total = total + part * effective[last - lag]
    return total


@lru_cache(maxsize=4096)
def _ordinates(base: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Both unit hydrographs, by hour: of what is routed, and of what is not."""

    def first(time: float) -> float:
        return float(min(time / base, 1.0) ** 1.25)

    def second(time: float) -> float:
        return 0.5 * first(time) if time <= base else 1 - 0.5 * first(max(2 * base - time, 0.0))

    return (
        tuple(_ROUTED * (first(hour + 1) - first(hour)) for hour in range(math.ceil(base))),
        tuple(
            (1 - _ROUTED) * (second(hour + 1) - second(hour)) for hour in range(math.ceil(2 * base))
        ),
    )


def _left(full: Amount, arithmetic: Arithmetic) -> Amount:
    """What an hour leaves of the routing store, both in parts of its capacity."""
    square = full * full
    return full / arithmetic.sqrt(arithmetic.sqrt(1 + square * square))


def _content(outflow: Amount, arithmetic: Arithmetic) -> Amount:
    """The content from which an hour lets that flow out, in parts of the capacity.

    By Newton's method, from above.
    """
    outflow = arithmetic.larger(outflow, 1e-9)
    low = arithmetic.smaller(outflow / _KNEE, 1.0)
    content = _root_16(low * low * low, arithmetic) + arithmetic.larger(outflow - _KNEE, 0.0) / 0.57
    for _ in range(6):
        square = content * content
        power = 1 + square * square
        root = arithmetic.sqrt(arithmetic.sqrt(power))
        excess = content - content / root - outflow
        content = content - excess / (1 - 1 / (root * power))
    return content


def _fifth_root(value: Amount, arithmetic: Arithmetic) -> Amount:
    """Of values from 1e-9 to 0.6, where others are set."""
    value = arithmetic.smaller(arithmetic.larger(value, 1e-9), 0.6)
    root = _root_16(value * value * value, arithmetic)
    for _ in range(4):
        square = root * root
        root = 0.8 * root + 0.2 * value / (square * square)
    return root


def _root_16(value: Amount, arithmetic: Arithmetic) -> Amount:
    for _ in range(4):
        value = arithmetic.sqrt(value)
    return value


def _tanh(value: Amount, arithmetic: Arithmetic) -> Amount:
    """The hyperbolic tangent of what is not negative, to 0.5 %."""
    value = arithmetic.smaller(value, 3.0)
    square = value * value
    return value * (945 + square * (105 + square)) / (945 + square * (420 + 15 * square))


@lru_cache(maxsize=1024)
def evapotranspiration(latitude: float) -> tuple[float, ...]:
    """Potential evapotranspiration (mm/d) of each day of the year.

    By Oudin et al. (2005), from usual temperatures: those of the day tell a catchment's discharge
    no better, as they found.
    """
    place = math.radians(latitude)
    depths = []
    for day in range(1, 366):
        angle = 2 * math.pi * day / 365
        sun = 0.409 * math.sin(angle - 1.39)
        noon = math.acos(min(max(-math.tan(place) * math.tan(sun), -1.0), 1.0))
        height = noon * math.sin(place) * math.sin(sun)
        height += math.cos(place) * math.cos(sun) * math.sin(noon)
        radiation = 37.6 * (1 + 0.033 * math.cos(angle)) * max(height, 0.0)  # MJ/m²/d
        mean = _MEAN + _NORTHWARD * (latitude - 46.5)
        temperature = mean + _SWING * math.cos(2 * math.pi * (day - _WARMEST) / 365)
        depths.append(radiation / 2.45 * max(temperature + 5, 0.0) / 100)
    return tuple(depths)
