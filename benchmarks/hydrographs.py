"""How rivers of a record answer rain, flood by flood: simulated ones beside measured ones.

Levels and discharges are compared by figures without a unit, or in hours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypervisor.forecast.candidates import HOUR
from hypervisor.forecast.events import find_crossings, find_ends
from hypervisor.forecast.record import Gauge, Record, read_record
from hypervisor.forecast.samples import Mask, flood_level
from rules._forecast_parts import Track, slope
from rules._inputs import Instants, Values
from sensors._domain import catalogue

_LEAD_IN = 36  # h before a crossing in which the flood may have begun
_SPREAD = 3  # h through which the straight line goes
_AHEAD = (2, 6)  # h
_RAIN_LAGS = range(25)  # h
FLOW_EXPONENT = 0.6  # a level beside a discharge, after Manning


@dataclass(frozen=True, kw_only=True)
class Hydrograph:
    """Of a gauge's floods the medians, in hours; nan: not measured.

    `steepest`: the most that it rose in an hour, of the whole rise. `again`: how alike the
    increments of an hour are to those `n` hours before. `line`: the error of the straight line to
    that of the last value, by hours ahead. `rain_lag`: hours from rain to the rise it makes.
    `tremble`: the deviation between neighbouring readings in calm water, of the median rise.
    """

    gauge: str
    floods: int
    rise: float
    steepest: float
    halved: float
    again: tuple[float, float, float]  # after 1, 3, 6 h
    line: tuple[float, float]
    rain_lag: float
    tremble: float


def table(
    files: Sequence[Path], inventory: Sequence[str], *, sites: Sequence[str]
) -> Iterator[str]:
    """The figures of a record's gauges as text lines."""
    record = read_record(files, inventory, catalogue(), sites=sites)
    yield (
        f"{'gauge':24} floods  rise h  steepest  half h  alike after 1, 3, 6 h   line 2 h, 6 h"
        "  rain h  tremble"
    )
    for each in describe(record):
        alike = " ".join(f"{value:5.2f}" for value in each.again)
        line = " ".join(f"{value:5.2f}" for value in each.line)
        yield (
            f"{each.gauge:24} {each.floods:6} {each.rise:7.1f} {each.steepest:9.2f}"
            f" {each.halved:7.1f} {alike:>22} {line:>16} {each.rain_lag:7.0f} {each.tremble:8.4f}"
        )


def describe(record: Record) -> list[Hydrograph]:
    """The hydrographs of a record's gauges."""
    return [_describe(gauge, record) for gauge in record.gauges]


def _describe(gauge: Gauge, record: Record) -> Hydrograph:
    track = record.tracks[gauge.key]
    own = _as_height(track) if gauge.key.quantity == "discharge" else track
    hours = np.arange(-(-own.time[0] // HOUR), own.time[-1] // HOUR + 1) * HOUR
    value = own.at(hours, (0,), 3 * HOUR)[:, 0]
    level = flood_level(own)
    begins = find_crossings(own.time, own.value, level)
    ends = np.minimum(find_ends(own.value, begins, level), len(own.time) - 1)
    shapes: list[tuple[float, ...]] = []
    flood = np.zeros(len(hours), dtype=bool)
    for begin, end in zip(own.time[begins], own.time[ends], strict=True):
        span = slice(*np.searchsorted(hours, (begin - _LEAD_IN * HOUR, end + 96 * HOUR)))
        flood[slice(*np.searchsorted(hours, (begin - 12 * HOUR, end)))] = True
        peak = int(np.searchsorted(hours, begin)) + _peak(value, hours, begin, end)
        shape = _shape(value[span], peak - span.start)
        if shape is not None:
            shapes.append(shape)
    rise, size, steepest, halved = np.nanmedian(np.array(shapes or [(np.nan,) * 4]), axis=0)
    return Hydrograph(
        gauge=str(gauge.key.site),
        floods=len(begins),
        rise=rise,
        steepest=steepest,
        halved=halved,
        again=tuple(_again(value, flood, lag) for lag in (1, 3, 6)),  # type: ignore[arg-type]
        line=tuple(_line(own, hours[flood], ahead) for ahead in _AHEAD),  # type: ignore[arg-type]
        rain_lag=_rain_lag(gauge, record, hours, value),
        tremble=_tremble(own, level) / size,
    )


def _as_height(track: Track) -> Track:
    return Track(
        time=track.time,
        value=np.maximum(track.value, 0.0) ** FLOW_EXPONENT,
        breaks=track.breaks,
    )


def _peak(value: Values, hours: Instants, begin: int, end: int) -> int:
    part = value[slice(*np.searchsorted(hours, (begin, end + HOUR)))]
    return int(np.nanargmax(part)) if np.isfinite(part).any() else 0


def _shape(value: Values, peak: int) -> tuple[float, float, float, float] | None:
    """Hours from a fifth of the rise to the peak, the rise, its steepest hour, hours to half."""
    if peak < 2 or peak >= len(value) or not np.isfinite(value[peak]):
        return None
    foot = int(np.nanargmin(value[:peak]))
    size = value[peak] - value[foot]
    above = np.flatnonzero(value[foot:peak] < value[foot] + 0.2 * size)
    after = np.flatnonzero(value[peak:] < value[peak] - 0.5 * size)
    return (
        float(peak - foot - above[-1]),
        float(size),
        float(np.nanmax(np.diff(value[foot : peak + 1])) / size),
        float(after[0]) if len(after) else np.nan,
    )


def _again(value: Values, flood: Mask, lag: int) -> float:
    steps = np.diff(value, prepend=np.nan)
    here, before = steps[lag:], steps[:-lag]
    good = flood[lag:] & np.isfinite(here) & np.isfinite(before)
    return float(np.corrcoef(here[good], before[good])[0, 1]) if good.sum() > 10 else np.nan


def _line(own: Track, times: Instants, ahead: int) -> float:
    now = own.at(times, (0,), HOUR)[:, 0]
    later = own.at(times + ahead * HOUR, (0,), HOUR)[:, 0]
    line = slope(own, times, _SPREAD * HOUR, 4, 2 * HOUR) * ahead * HOUR
    good = np.isfinite(now) & np.isfinite(later) & np.isfinite(line)
    change = (later - now)[good]
    return float(np.sqrt(((change - line[good]) ** 2).mean() / (change**2).mean()))


def _rain_lag(gauge: Gauge, record: Record, hours: Instants, value: Values) -> float:
    """The lag at which rain of an hour is most alike to the rise within the hour."""
    if not gauge.rain or gauge.rain[0].site != gauge.key.site:
        return np.nan
    track = record.tracks[gauge.rain[0]]
    rain = track.total(hours, HOUR, 0, 2 * HOUR)
    steps = np.diff(value, prepend=np.nan)
    alike = []
    for lag in _RAIN_LAGS:
        later, now = steps[lag:], rain[: len(rain) - lag]
        good = np.isfinite(later) & np.isfinite(now)
        alike.append(float(np.corrcoef(later[good], now[good])[0, 1]))
    return float(np.argmax(alike))


def _tremble(own: Track, level: float) -> float:
    """Of calm water: the deviation of the second difference, which a slow change has not."""
    bend = np.diff(own.value, 2) / np.sqrt(6)
    calm = own.value[1:-1] < np.median(own.value) + 0.2 * (level - np.median(own.value))
    return float(bend[calm].std()) if calm.any() else np.nan
