"""Weather stations, air probes and rain gauges under one weather."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sensors.weather import DOMAIN
from simulators._field import Place
from simulators._random import Column, chance_of
from simulators._readings import Times
from simulators._simulator import Observation, Reading, default_simulator
from simulators._story import SECOND
from simulators._weather import Atmosphere

LOOKS = 5  # at the sky within an interval
SUNSHINE = 120.0  # W/m2 from the sun itself: the World Meteorological Organization's threshold
TIP = 0.2  # mm
FINE = 0.1  # mm: of gauges that report at an interval
GATHER = 60.0  # s in which tips are sent together


Element = Callable[[float | None, float | None, Times], Column]  # at a place and times


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """`tip`: mm. `catch`: the share of the rain that its funnel catches. `held`: of a tip."""

    tip: float
    catch: float
    held: float

    @classmethod
    def of(cls, place: Place, seed: int) -> "Bucket":
        """The bucket of a device; its property `tip_mm` is its size."""
        chance = chance_of(seed, place.device, "bucket")
        usual = TIP if "rain" in place.on_change else FINE
        return cls(
            tip=float(place.properties.get("tip_mm", usual)),
            catch=float(np.clip(chance.normal(0.98, 0.02), 0.9, 1.03)),
            held=float(chance.uniform()),
        )

    def counted(self, fallen: Column) -> Column:
        """Mm reported, of mm fallen."""
        return np.floor(fallen * self.catch / self.tip + self.held) * self.tip


def tips(
    fallen: Callable[[Times], Column],
    span: tuple[int, int],
    bucket: Bucket,
    heartbeat: float,
) -> tuple[Times, Column]:
    """Times (µs) and amounts: the tips, and 0 after each `heartbeat` s without."""
    grid = np.arange(span[0], span[1] + 1, int(GATHER * SECOND), dtype=np.int64)
    amounts = np.diff(bucket.counted(fallen(grid)), prepend=np.nan)
    amounts[0] = 0.0  # its first message
    report_indexes = [0]
    wait = max(1, round(heartbeat / GATHER))
    for place in np.flatnonzero(amounts > 0).tolist():
        report_indexes.extend(range(report_indexes[-1] + wait, place, wait))
        report_indexes.append(place)
    report_indexes.extend(range(report_indexes[-1] + wait, len(grid), wait))
    return grid[report_indexes], np.round(amounts[report_indexes], 3)


def _measured(element_of: Callable[[Atmosphere], Element], deviation: float = 0.0) -> Reading:
    """An element of the weather with a sensor's noise."""

    def read(seen: Observation) -> Column:
        true = seen.at_place(element_of(seen.world.air))
        return true + seen.noise(deviation) if deviation else true

    return read


def _mean(seen: Observation, element: Element) -> Column:
    """The mean over the interval that ends at each time."""
    place = seen.place
    lags = (np.arange(LOOKS) + 0.5) / LOOKS * seen.interval
    looks = [element(place.lon, place.lat, seen.times - int(lag * SECOND)) for lag in lags]
    return np.asarray(np.mean(looks, axis=0))


def _wind(seen: Observation) -> Column:
    """As its anemometer has it: gusts are never below it."""
    chance = chance_of(seen.world.seed, seen.place.device, "gusts")
    turbulence = chance.lognormal(0, 0.12, len(seen.times))
    return np.asarray(np.minimum(seen.at_place(seen.world.air.wind) * turbulence, 49.0))


def _gust(seen: Observation) -> Column:
    wind = _wind(seen)
    blown = seen.at_place(seen.world.air.gust) * seen.chance.lognormal(0, 0.1, len(seen.times))
    return np.maximum(wind * 1.15, blown)


def _wind_direction(seen: Observation) -> Column:
    return np.asarray((seen.at_place(seen.world.air.wind_direction) + seen.noise(9)) % 360)


def _rain(seen: Observation) -> Column | tuple[Times, Column]:
    """Amounts of each interval, or the tips as they come."""
    air, place, world = seen.world.air, seen.place, seen.world
    bucket = Bucket.of(place, world.seed)

    def fallen(at: Times) -> Column:
        return air.fallen(place.lon, place.lat, at)

    if "rain" in place.on_change:
        return tips(fallen, (world.begins, world.ends), bucket, seen.interval)
    edges = np.concatenate([seen.times[:1] - int(seen.interval * SECOND), seen.times])
    return np.diff(bucket.counted(fallen(edges)))


def _solar(seen: Observation) -> Column:
    """J/m2 of the interval."""
    return _mean(seen, seen.world.air.irradiance) * seen.interval


def _sunshine(seen: Observation) -> Column:
    """Minutes of the interval: the open part of the sky while the sun is high enough."""
    direct = _mean(seen, seen.world.air.irradiance)
    clear = 1 - _mean(seen, seen.world.air.cloud)
    shining = np.clip((direct - SUNSHINE / 2) / SUNSHINE, 0, 1) * np.clip(clear * 1.3, 0, 1)
    return np.asarray(shining * seen.interval / 60)


def _visibility(seen: Observation) -> Column:
    spread = seen.chance.lognormal(0, 0.05, len(seen.times))
    return np.asarray(seen.at_place(seen.world.air.visibility) * spread)


READINGS: Mapping[str, Reading] = {
    "air_temperature": _measured(lambda air: air.temperature, 0.06),
    "dew_point": _measured(lambda air: air.dew_point, 0.08),
    "gust": _gust,
    "gust_direction": _wind_direction,
    "humidity": _measured(lambda air: air.humidity, 0.7),
    "pressure": _measured(lambda air: air.pressure, 0.05),
    "rain": _rain,
    "snow_depth": _measured(lambda air: air.snow),
    "soil_temperature": _measured(lambda air: air.soil, 0.02),
    "solar_radiation": _solar,
    "sunshine": _sunshine,
    "visibility": _visibility,
    "wind_direction": _wind_direction,
    "wind_speed": _wind,
}
SIMULATOR = default_simulator(DOMAIN, READINGS)
