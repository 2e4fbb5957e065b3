"""Forecasts as a person writes them: a linear model of a worked case, what a pack's test issues."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rules._bounds import READINGS, bounded_size, read_number
from rules._duration import HOUR, parse_duration
from rules._errors import RuleError
from rules._forecast import (
    LEVELS,
    Feature,
    ForecastModel,
    InputSeries,
    Issued,
    Linear,
    Spread,
    Step,
    Tier,
    Trend,
    Use,
)
from rules._inputs import Instants, SeriesColumns, Values
from sensors._errors import Place

AT = "@"  # `level@mill`: the level at the site mill
# Of each level's quantile, how far it lies from the median: parts of half of the 90 % range.
OFFSETS = (-1.0, -0.8, -0.4, 0.0, 0.4, 0.8, 1.0)
_TERM = re.compile(r"(?P<kind>change|sum)\((?P<series>[\w-]+(?:@[\w-]+)?), *(?P<span>[^)]+)\)")
_FREE = 1e9  # no bound to an increment


@dataclass(frozen=True, kw_only=True)
class WrittenModel:
    """A model of one series: what it adds to the value, by horizon (µs), term by term.

    A term is `change(level, 30 min)` or `sum(rain@mill, 1 h)`, with its coefficient. `spread`: half
    of the range that holds 90 %. `hold` (µs): how long a reading counts.
    """

    series: str
    terms: Mapping[int, Mapping[str, float]]
    spread: float
    hold: int = HOUR

    def model(self, site: str, place: Place) -> ForecastModel:
        """The model; with series of other sites it has a second tier without them.

        Raises:
            RuleError: a term is not understood.
        """
        read = {term: _read(term, place) for terms in self.terms.values() for term in terms}
        names = list(dict.fromkeys([self.series, *(name for _, name, _ in read.values())]))
        horizons = tuple(sorted(self.terms))
        own = [term for term, (_, name, _) in read.items() if name == self.series]
        tiers = [list(read)] if len(own) == len(read) else [list(read), own]
        return ForecastModel(
            site=site,
            quantity=self.series,
            unit="",
            horizons=horizons,
            inputs=tuple(input_of(name, site) for name in names),
            uses=tuple(Use(hold=self.hold) for _ in names),
            memory=max((span for _, _, span in read.values()), default=0) + self.hold,
            trend=Trend(span=1, samples=2),
            span=1,
            tiers=tuple(
                Tier(
                    name=f"{len(tier)} terms",
                    inputs=tuple(sorted({0, *(names.index(read[term][1]) for term in tier)})),
                    features=tuple(_feature(read[term], names) for term in tier),
                    steps=tuple(self._step(horizon, tier) for horizon in horizons),
                )
                for tier in tiers
            ),
        )

    def _step(self, horizon: int, tier: Sequence[str]) -> Step:
        coefficients = tuple(self.terms[horizon].get(term, 0.0) for term in tier)
        linear = Linear(intercept=0.0, coefficients=coefficients, low=-_FREE, high=_FREE)
        return Step(
            method="written",
            linear=linear if tier else None,
            linear_weight=1.0,
            spread=Spread(
                weights=(self.spread, 0.0, 0.0, 0.0),
                offsets=(OFFSETS, OFFSETS, OFFSETS),
                rise=0.0,
                high=0.0,
                base=0.0,
            ),
        )


def input_of(name: str, site: str) -> InputSeries:
    """`level@mill` as an input; without a site it is of this one."""
    quantity, _, elsewhere = name.partition(AT)
    return InputSeries(site=elsewhere or site, quantity=quantity)


def _read(term: str, place: Place) -> tuple[str, str, int]:
    match = _TERM.fullmatch(term.strip())
    if match is None:
        raise RuleError(
            place, "{text!r} is not a term; expected one such as change(level, 30 min)", term
        )
    return match["kind"], match["series"], parse_duration(match["span"], place)


def _feature(term: tuple[str, str, int], names: Sequence[str]) -> Feature:
    kind, name, span = term
    number = names.index(name)
    return Feature(input=number, kind="sum" if kind == "sum" else "change", since=span)


_GIVEN = re.compile(
    r"(?P<value>-|[-+]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++))(?:~(?P<spread>(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)))?(?:\*(?P<times>[0-9]{1,5}))?"
)


@dataclass(frozen=True, kw_only=True)
class GivenForecasts:
    """What a pack's test says was issued, at times (µs), by horizon (µs): a median and its spread.

    nan: nothing was issued. It is a model that reads nothing.
    """

    series: str
    times: Instants
    horizons: tuple[int, ...]
    medians: Values  # (times, horizons)
    spreads: Values

    @property
    def inputs(self) -> tuple[InputSeries, ...]:
        return (InputSeries(site="", quantity=self.series),)

    @property
    def memory(self) -> int:
        return 0

    def issue(self, columns: Mapping[InputSeries, SeriesColumns], times: Instants) -> Issued:
        """What was given for these times; the value is that of the reading."""
        column = columns[self.inputs[0]]
        rows = np.minimum(np.searchsorted(self.times, times), len(self.times) - 1)
        given = (self.times[rows] == times)[:, np.newaxis]
        medians, spreads = np.where(given, self.medians[rows], np.nan), self.spreads[rows]
        offsets = np.array(OFFSETS)
        return Issued(
            times=times,
            horizons=self.horizons,
            levels=LEVELS,
            current=column.value[np.searchsorted(column.time, times)],
            values=medians[:, :, np.newaxis] + spreads[:, :, np.newaxis] * offsets,
            tier=np.where(np.isnan(medians).all(axis=1), -1, 0).astype(np.int8),
        )


def read_given(
    series: str, rows: Mapping[str, str], origin: int, every: int, place: Place
) -> GivenForecasts:
    """What a pack's test writes: `2 h: 1.2*4 1.4 2.1~0.4 -`, a step of the table each.

    Raises:
        RuleError: a forecast is not understood.
    """
    by_horizon: dict[int, list[tuple[float, float]]] = {}
    for horizon, text in rows.items():
        given: list[tuple[float, float]] = []
        for word in text.split():
            match = _GIVEN.fullmatch(word)
            if match is None:
                raise RuleError(
                    place,
                    "{word!r} is not a forecast; expected a number or - (none), then ~ and half "
                    "of the range that holds 90 %, then *times",
                    word,
                )
            median = np.nan if match["value"] == "-" else read_number(match["value"], place)
            given += [(median, float(match["spread"] or 0))] * int(match["times"] or 1)
            bounded_size(given, READINGS, "forecasts of one test", place)
        by_horizon[parse_duration(horizon, place)] = given
    longest = max((len(given) for given in by_horizon.values()), default=0)
    if not longest:
        raise RuleError(place, "expected `forecast`: {example}", "{level: {2 h: 1.2 1.4 2.1~0.4}}")
    horizons = tuple(sorted(by_horizon))
    table = np.full((longest, len(horizons), 2), np.nan)
    for number, span in enumerate(horizons):
        table[: len(by_horizon[span]), number] = by_horizon[span]
    return GivenForecasts(
        series=series,
        times=origin + np.arange(longest, dtype=np.int64) * every,
        horizons=horizons,
        medians=table[:, :, 0],
        spreads=table[:, :, 1],
    )
