"""What happens in a substation of a heat network: demand, heating curve, return, leaks.

Water gives 1.13 kWh/(m3.K) at 80 °C. The building loses heat in proportion to 18 °C less the air
outside (degree days); a controller follows the heating curve; the exchanger's return is a few
degrees above the building's. Figures without a source are settings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sensors.heat import DOMAIN
from simulators._calendar import local_times
from simulators._catchment import through
from simulators._field import Place
from simulators._random import Column, chance_of, smooth_noise
from simulators._story import HOUR, SECOND
from simulators._world import Times, World

STEP = 300.0  # s
BEFORE = 24 * HOUR  # µs in which it settles
WATER = 1.13  # kWh/(m3.K): 4.2 kJ/(kg.K) at 972 kg/m3, 80 °C
BASE = 18.0  # Cel: French degree days
MILD, COLD = 15.0, -7.0  # Cel outside, of the heating curve's two points
HEATING_LIMIT = 16.0  # Cel of a day's mean above which no heating runs

# Settings.
SETBACK = 6.0  # K that the curve is lower at night, 22 to 5:30 h
NIGHT, MORNING, DAY = 0.8, 1.35, 1.03  # of the usual demand: their mean over a day is 1
DESIGN_DROP = 20.0  # K between supply and return of the building on the coldest day
PINCH = 4.0  # K between the two returns
FILLING = 250.0  # l/h that the automatic make-up can give
USUAL = {threshold.name: threshold.usual or 0.0 for threshold in DOMAIN.thresholds}


@dataclass(frozen=True, kw_only=True)
class Substation:
    """The true state on `grid` (µs), by quantity in the catalogue's units; counters begin at 0.

    Hidden from trainees.
    """

    grid: Times
    quantities: Mapping[str, Column]

    def at(self, name: str, times: Times) -> Column:
        """A quantity at each time."""
        return np.interp(times, self.grid, self.quantities[name])

    def code(self, name: str, times: Times) -> Column:
        """A code at each time: what held last."""
        place = np.searchsorted(self.grid, times, side="right") - 1
        return np.asarray(self.quantities[name][np.maximum(place, 0)])


def simulate_substation(site: str, places: Sequence[Place], world: World, zone: str) -> Substation:
    """A site with its devices `places`, from a day before the scenario to its end."""
    return _Works(site, places, world, zone).run()


class _Works:
    """The parts of a substation's model on one grid."""

    def __init__(self, site: str, places: Sequence[Place], world: World, zone: str) -> None:
        self.grid = np.arange(
            world.begins - BEFORE, world.ends + HOUR, int(STEP * SECOND), dtype=np.int64
        )
        self.places, self.world = places, world
        self.chance = chance_of(world.seed, site, "substation")
        thresholds = {name: value for place in places for name, value in place.thresholds.items()}
        self.limits = {**USUAL, **thresholds}
        self.hour = local_times(self.grid, zone).hour
        first = places[0]
        self.air = world.temperature(first.lon, first.lat, self.grid)
        self.sun = world.air.irradiance(first.lon, first.lat, self.grid)

    def run(self) -> Substation:
        network = self._network()
        heating, excess = self._heating(), self._event("valve-stuck", "factor", 2.0)
        hot_water = self._hot_water()
        pumped = 1 - 0.95 * self._ongoing("pump-stopped")
        weak = self._ongoing("network-pump")
        served = np.clip((network - 35) / 35, 0.0, 1.0) * (1 - 0.7 * weak)
        heating = heating * np.maximum(excess, 1.0) * pumped * served
        supply = self._supply(network, excess, served)
        back = supply - DESIGN_DROP * heating / max(self._loss() * (BASE - COLD), 1.0)
        power = heating + hot_water * np.clip((network - 50) / 15, 0, 1)
        cool = (heating * (back + PINCH) + hot_water * 32.0) / np.maximum(heating + hot_water, 0.1)
        warm = cool + self._event("exchanger-fouled", "warmer", 18.0)
        returned = np.minimum(warm, network - 5)
        flow = power / (WATER * (network - returned))
        faults = self._event("meter-fault", "code", 3.0)
        counted = np.where(faults > 0, 0.0, power)
        return Substation(
            grid=self.grid,
            quantities={
                "primary_supply_temperature": network,
                "primary_return_temperature": returned,
                "heat_flow": flow,
                "heat_power": counted,
                "heat_energy": np.cumsum(counted) * STEP / 3600,
                "heat_meter_fault": faults,
                "secondary_supply_temperature": supply,
                "secondary_return_temperature": back,
                "hot_water_temperature": self._tap(network),
                "outside_temperature": self.air + 0.0015 * self.sun,
                "differential_pressure": self._differential(flow) * (1 - 0.8 * weak),
                **self._circuit(supply),
            },
        )

    def _ongoing(self, kind: str) -> Column:
        """1 while an event of that kind is in progress here."""
        return np.minimum(self._event(kind, "", 1.0), 1.0)

    def _event(self, kind: str, parameter: str, usual: float) -> Column:
        """Its parameter while an event of that kind is in progress here, else 0."""
        value = np.zeros(len(self.grid))
        for event in self.world.events_of(kind):
            if any(self.world.touches(event, place) for place in self.places):
                inside = (self.grid >= event.begins) & (self.grid < event.ends)
                value[inside] = float(event.parameters.get(parameter, usual))
        return value

    def _slowly(self, column: Column, hours: float) -> Column:
        """Followed with a time constant."""
        ages = np.arange(0, 5 * hours * 3600, STEP)
        response = np.exp(-ages / (hours * 3600))
        return through(column, response / response.sum())

    def _loss(self) -> float:
        """Of the building, kW/K."""
        return self.limits["degree_day_energy"] / 24

    def _network(self) -> Column:
        """The network's supply: warmer in the cold, a little cooler far from its plant."""
        usual = 80 + 25 * (MILD - self._slowly(self.air, 3)) / (MILD - COLD)
        usual = np.clip(usual, 80.0, 105.0) - self.chance.uniform(0, 4)
        usual = usual + 0.6 * smooth_noise(self.chance, len(self.grid), memory=12)
        lost = self._event("network-outage", "supply", 40.0)
        return self._slowly(np.where(lost > 0, lost, usual), 1.5)

    def _daily_profile(self) -> Column:
        """Share of the day's mean that people want at this hour."""
        night = (self.hour >= 22) | (self.hour < 5.5)
        return np.where(night, NIGHT, np.where(self.hour < 8.5, MORNING, DAY))

    def _heating(self) -> Column:
        """Heat for the rooms, kW."""
        cold = np.maximum(BASE - self._slowly(self.air, 6), 0.0)
        heats = self._slowly(self.air, 24) < HEATING_LIMIT
        luck = 1 + 0.03 * smooth_noise(self.chance, len(self.grid), memory=24)
        return np.asarray(
            self._loss() * cold * self._slowly(self._daily_profile(), 0.4) * heats * luck
        )

    def _hot_water(self) -> Column:
        """Heat for taps and the loop, kW, with a peak in the morning and in the evening."""
        mean = self.limits["hot_water_energy"] / 24
        peaks = [
            height * np.exp(-0.5 * ((self.hour - at) / 1.2) ** 2)
            for at, height in ((7.5, 1.9), (20.0, 2.1))
        ]
        luck = np.exp(0.15 * smooth_noise(self.chance, len(self.grid), memory=3))
        return np.asarray(mean * (0.5 + np.sum(peaks, axis=0)) * luck)

    def _supply(self, network: Column, excess: Column, served: Column) -> Column:
        """The building's supply by its heating curve, as far as network and pump allow."""
        mild, cold = self.limits["curve_mild"], self.limits["curve_cold"]
        outside = self._slowly(self.air, 0.7)
        curve = mild + (cold - mild) * (MILD - outside) / (MILD - COLD)
        curve = np.minimum(curve, cold + 5) + 15 * (excess > 0)
        curve = curve - SETBACK * ((self.hour >= 22) | (self.hour < 5.5))
        heats = self._slowly(self.air, 24) < HEATING_LIMIT
        rests = (self._ongoing("pump-stopped") > 0) | ~heats
        target = np.where(rests, 24.0, np.maximum(curve * (0.5 + 0.5 * served), 24.0))
        return np.minimum(self._slowly(target, 0.3), network - 3)

    def _tap(self, network: Column) -> Column:
        drawn = np.exp(-0.5 * ((self.hour - 7.5) / 0.8) ** 2)
        warm = 60.0 + self.chance.uniform(-1, 2) - 2.5 * drawn
        colder = self._event("hot-water-cold", "colder", 12.0)
        return np.minimum(self._slowly(warm - colder, 0.5), network - 5)

    def _differential(self, flow: Column) -> Column:
        most = self.chance.uniform(1.3, 2.1)
        return np.asarray(most - 0.4 * np.clip(flow / 8, 0, 1))

    def _circuit(self, supply: Column) -> dict[str, Column]:
        """Pressure of the building's circuit, and what its make-up meter has counted."""
        leak = self._event("heating-leak", "litres_per_hour", 60.0)
        given = np.minimum(leak, FILLING)
        missing = self._slowly(leak / FILLING, 0.5)
        rest = self.limits["pressure_low"] + self.chance.uniform(0.5, 0.9)
        pressure = rest + 0.004 * (supply - 45) - 0.8 * np.minimum(missing, 1.6)
        tight = self.chance.uniform(0.5, 4.0) / 24  # l/h that joints and vents lose
        return {
            "heating_pressure": np.maximum(pressure, 0.1),
            "make_up_water": np.cumsum(tight + given) * STEP / 3.6e6,
        }
