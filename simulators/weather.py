"""Weather stations, air probes and rain gauges under one weather."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors.weather import DOMAIN
from simulators._battery import charge
from simulators._bucket import Bucket, tips
from simulators._chance import Column, chance_of
from simulators._field import Field, Place
from simulators._gauging import DeviceReadings, Times, as_read, saturated, table, ticks
from simulators._simulator import Simulator
from simulators._story import SECOND
from simulators._weather import Atmosphere
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
GLIMPSES = 5  # looks at the sky within an interval
SUNSHINE = 120.0  # W/m2 from the sun itself: the World Meteorological Organization's threshold

Reading = Callable[["Observation"], Column]


class Observation:
    """A device at its place, at its times (µs), with the noise of its own sensors."""

    def __init__(self, place: Place, world: World, at: Times, interval: float, name: str) -> None:
        self.place = place
        self.air: Atmosphere = world.air
        self.times = at
        self.seed = world.seed
        self.interval = interval
        self.chance = chance_of(world.seed, place.device, name)
        self.gust_chance = chance_of(world.seed, place.device, "gusts")

    def here(self, tells: Callable[[float | None, float | None, Times], Column]) -> Column:
        return tells(self.place.lon, self.place.lat, self.times)

    def noise(self, deviation: float) -> Column:
        return self.chance.normal(0, deviation, len(self.times))

    def over(self, tells: Callable[[float | None, float | None, Times], Column]) -> Column:
        """The mean over the interval that ends at each time."""
        lags = (np.arange(GLIMPSES) + 0.5) / GLIMPSES * self.interval
        return np.asarray(
            np.mean(
                [
                    tells(self.place.lon, self.place.lat, self.times - int(lag * SECOND))
                    for lag in lags
                ],
                axis=0,
            )
        )

    def wind(self) -> Column:
        """As its anemometer has it: gusts never below it."""
        turbulence = self.gust_chance.lognormal(0, 0.12, len(self.times))
        return np.asarray(np.minimum(self.here(self.air.wind) * turbulence, 49.0))


def emit(field: Field, world: World, _chance_seed: int) -> pd.DataFrame:
    """What the devices of the domain tell."""
    return table(_device_readings(field, world))


def _device_readings(field: Field, world: World) -> Iterator[DeviceReadings]:
    for place in field.of("weather"):
        for name, interval in sorted(place.quantities.items()):
            if name == "rain" and name in place.on_change:
                yield _tips(place, world, interval)
                continue
            at = ticks(world.begins, world.ends, interval)
            reads = READINGS.get(name)
            if reads is not None:
                true = reads(Observation(place, world, at, interval, name))
                top = place.saturates.get(name)
                yield DeviceReadings(
                    device=place.device,
                    quantity=CATALOGUE[name],
                    times=at,
                    value=as_read(CATALOGUE[name], true, top),
                    status=saturated(true, top),
                )


def _tips(place: Place, world: World, heartbeat: float) -> DeviceReadings:
    """The tips of a bucket, and a sign of life where it does not rain."""
    bucket_tips = tips(
        lambda at: world.air.fallen(place.lon, place.lat, at),
        (world.begins, world.ends),
        Bucket.of(place, world.seed),
        heartbeat,
    )
    return DeviceReadings(
        device=place.device, quantity=CATALOGUE["rain"], times=bucket_tips[0], value=bucket_tips[1]
    )


def _rain(look: Observation) -> Column:
    bucket = Bucket.of(look.place, look.seed)
    first = look.times[:1] - int(look.interval * SECOND)
    edges = np.concatenate([first, look.times])
    return np.diff(bucket.counted(look.air.fallen(look.place.lon, look.place.lat, edges)))


def _air_temperature(look: Observation) -> Column:
    return np.asarray(look.here(look.air.temperature) + look.noise(0.06))


def _dew_point(look: Observation) -> Column:
    return np.asarray(look.here(look.air.dew_point) + look.noise(0.08))


def _humidity(look: Observation) -> Column:
    return np.asarray(look.here(look.air.humidity) + look.noise(0.7))


def _pressure(look: Observation) -> Column:
    return np.asarray(look.here(look.air.pressure) + look.noise(0.05))


def _wind_speed(look: Observation) -> Column:
    return look.wind()


def _gust(look: Observation) -> Column:
    wind = look.wind()
    blown = look.here(look.air.gust) * look.chance.lognormal(0, 0.1, len(look.times))
    return np.maximum(wind * 1.15, blown)


def _wind_direction(look: Observation) -> Column:
    return np.asarray((look.here(look.air.wind_direction) + look.noise(9)) % 360)


def _solar(look: Observation) -> Column:
    """J/m2 of the interval."""
    return look.over(look.air.irradiance) * look.interval


def _sunshine(look: Observation) -> Column:
    """Minutes of the interval: as much of the sky as is open while the sun stands high enough."""
    direct = look.over(look.air.irradiance)
    clear = 1 - look.over(look.air.cloud)
    shining = np.clip((direct - SUNSHINE / 2) / SUNSHINE, 0, 1) * np.clip(clear * 1.3, 0, 1)
    return np.asarray(shining * look.interval / 60)


def _snow(look: Observation) -> Column:
    return look.here(look.air.snow)


def _visibility(look: Observation) -> Column:
    return np.asarray(
        look.here(look.air.visibility) * look.chance.lognormal(0, 0.05, len(look.times))
    )


def _soil(look: Observation) -> Column:
    return np.asarray(look.here(look.air.soil) + look.noise(0.02))


def _battery(look: Observation) -> Column:
    return charge(look.times, look.chance)


READINGS: Mapping[str, Reading] = {
    "air_temperature": _air_temperature,
    "battery": _battery,
    "dew_point": _dew_point,
    "gust": _gust,
    "gust_direction": _wind_direction,
    "humidity": _humidity,
    "pressure": _pressure,
    "rain": _rain,
    "snow_depth": _snow,
    "soil_temperature": _soil,
    "solar_radiation": _solar,
    "sunshine": _sunshine,
    "visibility": _visibility,
    "wind_direction": _wind_direction,
    "wind_speed": _wind_speed,
}

SIMULATOR = Simulator(domain="weather", emit=emit)
