"""Mobility: traffic on sections of road with its queues, and bicycles and pedestrians at counters.

People want to drive by hour, day and weather (`_traffic_demand`); the road lets them through as
far as lanes, rain, incidents and closures allow (`_traffic`, `_traffic_queues`); sensors count
what passes (`_traffic_counting`). A place may give `road_class` (motorway, trunk, urban, local),
`lanes`, `direction` (in: towards Paris, out, both), `pk_km` and `peak_share`; a counter its
`daily_bicycles` and `daily_pedestrians`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensors._common import COMMON
from sensors.mobility import DOMAIN
from simulators import _bicycles, _traffic_counting
from simulators._actuators import actuator_readings, is_actuator
from simulators._calendar import LocalTimes, local_times
from simulators._field import Field, Place
from simulators._random import chance_of
from simulators._readings import DeviceReadings, table
from simulators._simulator import Kinds, Simulator, check_events, choice, number
from simulators._steps import SECOND, Column, Instants
from simulators._story import HOUR
from simulators._traffic import (
    RAIN_CAPACITY,
    RAIN_SPEED,
    free_density,
    occupancy,
    queue_density,
    wet,
)
from simulators._traffic_counting import FAULTS, TrafficState
from simulators._traffic_demand import demand_share, rain_factor, random_factor, trucks
from simulators._traffic_queues import Passing, Stretch, simulate_passing
from simulators._traffic_sections import (
    Section,
    divert_traffic,
    is_closed,
    is_sensor,
    list_sections,
    open_share,
)
from simulators._world import World

Shut = NDArray[np.bool_]

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
EVENTS: Kinds = {
    "closure": {},
    "incident": {"lanes_blocked": number(0, 8), "capacity": number(0, 1)},
    "loop-fault": {"mode": choice(*FAULTS)},
}
STEP = 60.0  # s
WARMING = HOUR  # µs before the story in which roads fill

# Settings.
PEAK = 0.78  # of the capacity that the highest usual peak fills: below, so that a calm day is calm
AHEAD = 0.3  # km after a sensor, where its road's bottleneck is


@dataclass(frozen=True, kw_only=True)
class TrafficModel:
    """Common inputs of traffic. `when`: the kind of day and hour of each of `times`."""

    world: World
    times: Instants
    when: LocalTimes
    seed: int

    def demand(self, section: Section) -> Column:
        """Vehicles (per h) that want to enter a section."""
        first = section.places[0]
        share = float(first.properties.get("peak_share", PEAK))
        usual = demand_share(self.when, section.roads[0].kind, section.direction)
        luck = random_factor(self.when, section.name, self.seed, STEP)
        rain = self.world.rain(first.lon, first.lat, self.times)
        return np.asarray(share * section.capacity * usual * luck * rain_factor(rain))

    def driven(
        self, section: Section, entering: Column, shut: Sequence[Shut]
    ) -> dict[str, TrafficState]:
        """Vehicles enter at random and drive as far as the road allows.

        `shut`: whether the road is closed, by sensor.
        """
        chance = chance_of(self.seed, section.name, "entering")
        come = chance.poisson(entering * STEP / 3600).astype(np.float64)
        stretches = [self._stretch(section, number) for number in range(len(section.places))]
        passed = simulate_passing(come, stretches, STEP)
        return {
            place.device: self._state(section, number, passed[number], shut[number])
            for number, place in enumerate(section.places)
        }

    def _in_rain(self, section: Section, number: int) -> tuple[Column, Column]:
        """Capacity and free speed at a sensor."""
        place, road = section.places[number], section.roads[number]
        rain = self.world.rain(place.lon, place.lat, self.times)
        return road.capacity * wet(rain, RAIN_CAPACITY), road.free_speed * wet(rain, RAIN_SPEED)

    def _stretch(self, section: Section, number: int) -> Stretch:
        road = section.roads[number]
        capacity, _ = self._in_rain(section, number)
        left = open_share(section, number, self.world, self.times)
        return Stretch(
            at=section.along[number],
            ahead=AHEAD,
            capacity=capacity * left * STEP / 3600,
            speed=road.free_speed,
            wave=road.wave,
            standstill=road.standstill,
        )

    def _state(self, section: Section, number: int, passed: Passing, shut: Shut) -> TrafficState:
        road = section.roads[number]
        capacity, speed = self._in_rain(section, number)
        vehicles = np.where(shut, 0.0, np.diff(passed.count, prepend=0.0))
        flow = vehicles * 3600 / STEP
        density = np.where(
            passed.queued & ~shut,
            queue_density(flow, capacity, speed, road.standstill),
            free_density(flow, capacity, speed),
        )
        heavy = trucks(self.when, road.kind)
        return TrafficState(
            times=self.times,
            count=np.cumsum(vehicles),
            density=np.cumsum(density),
            occupied=np.cumsum(occupancy(density, road.lanes, heavy)),
            trucks=np.cumsum(heavy),
            free_speed=road.free_speed,
        )


def truth(field: Field, world: World, seed: int) -> dict[str, TrafficState]:
    """The true traffic at each sensor (by device): hidden from trainees.

    Raises:
        SimulatorError: an event has an invalid parameter.
    """
    check_events(world, EVENTS)
    times = np.arange(world.begins - WARMING, world.ends + 1, int(STEP * SECOND), dtype=np.int64)
    making = TrafficModel(world=world, times=times, when=local_times(times, field.zone), seed=seed)
    all_sections = list_sections(field)
    shut = {
        section.name: [is_closed(place, world, times) for place in section.places]
        for section in all_sections
    }
    entering = divert_traffic(
        all_sections,
        {section.name: making.demand(section) for section in all_sections},
        {name: np.any(section, axis=0) for name, section in shut.items()},
    )
    states: dict[str, TrafficState] = {}
    for section in all_sections:
        states |= making.driven(section, entering[section.name], shut[section.name])
    return states


def emit(field: Field, world: World, chance_seed: int) -> pd.DataFrame:
    """Readings of the devices as rows of a recording, by time."""
    return table(_device_readings(field, world, chance_seed))


def _device_readings(field: Field, world: World, seed: int) -> Iterator[DeviceReadings]:
    places = field.of(DOMAIN.name)
    states = truth(world.field, world, seed) if any(map(is_sensor, places)) else {}
    for place in places:
        if place.device in states:
            yield from _traffic_counting.sensor_readings(
                place, states[place.device], world, seed, CATALOGUE
            )
        elif is_actuator(place):
            yield from actuator_readings(place, world, seed, CATALOGUE)
        else:
            yield from _bicycles.counter_readings(place, world, seed, CATALOGUE)


def _moved_by(field: Field, place: Place) -> tuple[Place, ...]:
    """An actuator; of a barrier also the traffic that it lets through, at its own site."""
    if "barrier_position" not in place.quantities:
        return (place,)
    mine = (other for other in field.of(DOMAIN.name) if other.site == place.site)
    return (place, *(other for other in mine if is_sensor(other)))


SIMULATOR = Simulator(domain="mobility", emit=emit, events=tuple(EVENTS), moved_by=_moved_by)
