"""Thresholds to verify by: names of the inventory, values with a unit, or return levels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypervisor.forecast.record import Gauge
from rules._forecast_parts import Track
from sensors._errors import TerritoryError
from sensors._scalars import ScalarError, measure

_YEAR = 365.25 * 86_400_000_000
_FEWEST_YEARS = 3
_EULER = 0.5772156649015329


class ThresholdError(TerritoryError):
    """A threshold that no gauge has, or that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """A threshold of a gauge. `estimated`: from the record itself, no official level."""

    name: str
    value: float
    estimated: bool = False


def levels_of(gauge: Gauge, track: Track, words: Sequence[str]) -> list[Level]:
    """The thresholds that words mean at a gauge, each value once; those it lacks are left out.

    Without words: those of the inventory that were crossed, else the record's usual ones.
    """
    levels: list[Level] = []
    for word in words or gauge.thresholds or ("2y", "5y"):
        years = re.fullmatch(r"(\d+(?:\.\d+)?)\s*y", word)
        names = [name for name in (word, f"flow_{word}") if name in gauge.thresholds]
        if years:
            levels.append(return_level(track, float(years[1])))
        elif names:
            levels.append(Level(name=word, value=gauge.thresholds[names[0]]))
        elif word[:1].isdigit() or word[:1] in "+-.":
            try:
                levels.append(Level(name=word, value=measure(word, gauge.unit)))
            except ScalarError:
                continue  # of another quantity
    return list({level.value: level for level in reversed(levels)}.values())[::-1]


def check_words(gauges: Sequence[Gauge], words: Sequence[str]) -> None:
    """Raises ThresholdError: a word is no threshold of any gauge."""
    names = {name for gauge in gauges for name in gauge.thresholds}
    names |= {name.removeprefix("flow_") for name in names}
    units = {gauge.unit for gauge in gauges}
    for word in words:
        years = re.fullmatch(r"(\d+(?:\.\d+)?)\s*y", word)
        if word in names or (years and float(years[1]) > 1):
            continue
        if any(_is_measure(word, unit) for unit in units):
            continue
        raise ThresholdError(
            "threshold {word!r} means nothing here: expected one of {names}, a value such as"
            " '150 m3/s', or a return level such as '2y'",
            word,
            ", ".join(sorted(names)) or "-",
        )


def _is_measure(word: str, unit: str) -> bool:
    try:
        measure(word, unit)
    except ScalarError:
        return False
    return True


def return_level(track: Track, years: float) -> Level:
    """The level of a return period (years): Gumbel's law through the annual maxima.

    In a record of less than three years there is no such law; the level is then a quantile of the
    record, rarer for more years.
    """
    span = (track.time[-1] - track.time[0]) / _YEAR
    name = f"{years:g}y"
    if span < _FEWEST_YEARS:
        top, usual = float(track.value.max()), float(np.quantile(track.value, 0.9))
        share = 0.5 if years <= 2 else 0.75  # of the way from what is high to the record's peak
        return Level(name=name, value=usual + share * (top - usual), estimated=True)
    year = ((track.time - track.time[0]) / _YEAR).astype(int)
    complete = year < max(round(span), 1)
    maxima = np.array([track.value[year == number].max() for number in np.unique(year[complete])])
    scale = float(maxima.std(ddof=1)) * np.sqrt(6) / np.pi
    mode = float(maxima.mean()) - _EULER * scale
    reduced = -np.log(-np.log(1 - 1 / max(years, 1.01)))
    return Level(name=name, value=float(mode + scale * reduced), estimated=True)
