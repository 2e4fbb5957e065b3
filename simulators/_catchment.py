"""Rain to river: runoff, response of a catchment, the wave's way downstream, level of a discharge.

The parts are the classical ones, named here by their authors; their parameters are ours, of the
right order for small rivers of the Paris basin, fitted to no station.

- runoff: the curve number of the US Soil Conservation Service (National Engineering Handbook,
  section 4, 1972), on the rain that the ground still holds: an index of past rain that fades
  (Kohler and Linsley, 1951), so that the same rain makes a flood on wet ground and none on dry;
- response of a catchment: cascades of equal linear reservoirs (Nash, 1957), each a gamma density,
  beside each other: brooks and sewers near the gauge, the land, the ground under it;
- a reach: again a cascade of linear reservoirs (Kalinin and Milyukov, 1957), so that the wave is
  delayed by the travel time and flattened on its way; what flows above `swift` runs ahead, through
  a faster cascade (linear parts beside each other: Keefer and McQuivey, 1974);
- discharge at the level where a river leaves its bed: grows as area to the 0.8, the exponent of
  the French formula Crupedix (1980);
- level: a power of the discharge with the exponent 3/5, that of a wide bed after Manning.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors._errors import Message

Column = NDArray[np.float64]

RESPONSE_RESERVOIRS = 3
BROOK_RESERVOIRS = 2
REACH_RESERVOIRS = 8
BED_EXPONENT = 5 / 3
THROUGH_GROUND = 0.3  # of what runs off elsewhere, under the surface
SLOWER = 3.0  # times as long as what runs over it
FADES = 10.0  # days in which the ground forgets most of its rain
PLAIN = 0.6  # what a level still rises above the brim, where the water spreads, of what it would
SWIFTER = 0.7  # of the travel time that high water takes
LEAST_LOCAL_SHARE = 0.05  # of a catchment, drained below the last gauge upstream


@dataclass(frozen=True, kw_only=True)
class Basin:
    """What drains to one gauge. `upstream`: (name, travel time in s) of the gauges above it.

    `area`: of the whole catchment, km². `lag`, `brook`: hours from rain to the peak of its own
    part, over the land and near the gauge. `curve_number`: 0…100, how much of the rain runs off.
    `near`: of what runs off, from beside the brooks. `paved`: of the basin, roofs and roads, off
    which all rain runs. `base`: what the ground gives, l/s a km². `swift`: m³/s at the gauge above
    which water travels faster.
    """

    name: str
    area: float
    lag: float
    brook: float
    curve_number: float
    base: float
    near: float = 0.3
    paved: float = 0.015
    upstream: tuple[tuple[str, float], ...] = ()
    swift: float = math.inf


def runoff(rain: Column, curve_number: float, *, dried: Column, step: float) -> Column:
    """What of each step's rain (mm) runs off the land (mm). `dried`: mm a step, by sun and plants.

    Without drying and fading this is the curve number on the rain so far.
    """
    retention = 25.4 * (1000 / curve_number - 10)
    initial = 0.2 * retention
    keeps = math.exp(-step / (FADES * 86_400))
    held, before, ran = 0.0, 0.0, []
    for fallen, loss in zip(rain.tolist(), dried.tolist(), strict=True):
        beyond = held - initial
        before = beyond * beyond / (beyond + retention) if beyond > 0 else 0.0
        beyond += fallen
        after = beyond * beyond / (beyond + retention) if beyond > 0 else 0.0
        ran.append(after - before)
        held = (held + fallen) * keeps - loss
    return np.array(ran)


def cascade(reservoirs: int, constant: float, step: float) -> Column:
    """The response, step by step, of equal linear reservoirs in a row to one step's inflow.

    `constant`: of one reservoir, in the unit of `step`. Its sum is 1: no water is made or lost.
    """
    count = max(2, math.ceil(reservoirs * constant * 6 / step))
    at = (np.arange(count) + 0.5) * step / constant
    density = np.exp((reservoirs - 1) * np.log(at) - at - math.lgamma(reservoirs))
    return np.asarray(density / density.sum())


def answer(lag: float, step: float) -> Column:
    """The response of the land (sum 1): over the ground at once, through it later and longer."""
    quick = cascade(RESPONSE_RESERVOIRS, lag / (RESPONSE_RESERVOIRS - 1), step)
    slow = cascade(RESPONSE_RESERVOIRS, SLOWER * lag / (RESPONSE_RESERVOIRS - 1), step)
    total = (1 - THROUGH_GROUND) * np.pad(quick, (0, len(slow) - len(quick)))
    return np.asarray(total + THROUGH_GROUND * slow)


def through(inflow: Column, response: Column) -> Column:
    """Inflow passed through a response; before its first step it was as at its first step."""
    steps = len(inflow)
    more = inflow - inflow[0]
    size = 1 << (steps + min(steps, len(response)) - 1).bit_length()
    product = np.fft.rfft(more, size) * np.fft.rfft(response[:steps], size)
    return np.asarray(inflow[0] * response.sum() + np.fft.irfft(product, size)[:steps])


def downstream_order(upstream: Mapping[str, Sequence[tuple[str, float]]]) -> list[str]:
    """Each name after all that flow into it; a link from a name that is not here is no link.

    Raises:
        ValueError: the links run in a circle.
    """
    done: dict[str, None] = {}
    left = list(upstream)
    while left:
        ready = [
            name
            for name in left
            if all(above in done or above not in upstream for above, _ in upstream[name])
        ]
        if not ready:
            codes = ", ".join(sorted(left))
            raise ValueError(Message("upstream links run in a circle among {codes}", codes))
        done |= dict.fromkeys(ready)
        left = [name for name in left if name not in done]
    return list(done)


def discharges(
    basins: Sequence[Basin],
    rain: Mapping[str, Column],
    dried: Column,
    *,
    step: float,
    ground: Column | float = 1.0,
) -> dict[str, Column]:
    """Discharge (m3/s) at each gauge, step by step.

    `rain`: mm a step over each basin. `dried`: as `runoff`. `step` in s. `ground`: times each base.
    A basin's own land never answers before the wave from above has come, its brooks do.
    """
    discharge_by_name: dict[str, Column] = {}
    lags: dict[str, float] = {}
    by_name = {basin.name: basin for basin in basins}
    for basin in map(
        by_name.__getitem__, downstream_order({basin.name: basin.upstream for basin in basins})
    ):
        above = [(name, travel) for name, travel in basin.upstream if name in discharge_by_name]
        lags[basin.name] = max(
            [basin.lag * 3600, *(lags[name] + travel for name, travel in above)],
        )
        drained = sum(by_name[name].area for name, _ in above)
        area = max(basin.area - drained, LEAST_LOCAL_SHARE * basin.area)
        ran = _ran(basin, rain[basin.name], dried, lags[basin.name], step)
        total = ran * area * 1000 / step + ground * basin.base * area / 1000
        for name, travel in above:
            total = total + _travelled(discharge_by_name[name], by_name[name].swift, travel, step)
        discharge_by_name[basin.name] = total
    return discharge_by_name


def _ran(basin: Basin, rain: Column, dried: Column, lag: float, step: float) -> Column:
    """What comes to the gauge of a basin's own rain, mm a step. `lag` in s, over the land."""
    off_land = (1 - basin.paved) * runoff(rain, basin.curve_number, dried=dried, step=step)
    brooks = cascade(BROOK_RESERVOIRS, basin.brook * 3600 / (BROOK_RESERVOIRS - 1), step)
    near = through(basin.paved * rain + basin.near * off_land, brooks)
    return near + through((1 - basin.near) * off_land, answer(lag, step))


def _travelled(flow: Column, swift: float, travel: float, step: float) -> Column:
    """The wave at the other end of a reach; no water is made or lost."""

    def reach(time: float) -> Column:
        return cascade(REACH_RESERVOIRS, max(time, step) / REACH_RESERVOIRS, step)

    arrived = through(np.minimum(flow, swift), reach(travel))
    high = np.maximum(flow - swift, 0.0)
    return arrived + through(high, reach(SWIFTER * travel)) if high.any() else arrived


def bankfull(area: float, *, yields: float) -> float:
    """The discharge (m3/s) at which a river leaves its bed; `yields` m3/s for the first km²."""
    return float(yields * area**0.8)


def level_of(discharge: Column, *, bed: float, brim: float, brimful: float) -> Column:
    """Level (m) of a discharge: `bed` when dry, `brim` at the discharge `brimful` (m3/s)."""
    height = (discharge / brimful) ** (1 / BED_EXPONENT)
    return bed + (brim - bed) * np.where(height > 1, 1 + PLAIN * (height - 1), height)


def discharge_of(level: Column, *, bed: float, brim: float, brimful: float) -> Column:
    """The same curve read the other way, as a gauge does that measures only the level."""
    height = np.maximum(level - bed, 0.0) / (brim - bed)
    return brimful * np.where(height > 1, 1 + (height - 1) / PLAIN, height) ** BED_EXPONENT
