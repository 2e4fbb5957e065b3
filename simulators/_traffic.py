"""Traffic on a piece of road: flow, density and speed as one diagram, in dry weather and in rain.

The free branch slows as it fills; the congested branch is a straight line from the capacity to
standstill (Daganzo 1994, Newell 1993), so that a queue's density follows from the flow that its
head lets through. Both meet at the capacity.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulators._field import Place
from simulators._steps import Column

# Settings, of the order of the literature.
JAM_DENSITY = 133.0  # vehicles a km and lane at standstill: one every 7.5 m
SLOWING = 0.15  # of the free speed, lost at the capacity
LOOP = 1.8  # m of a loop in the road
CAR, TRUCK = 4.5, 12.0  # m
# Heavy rain takes some 15 % of capacity and 10 % of speed (the ranges of the Highway Capacity
# Manual and of the US Federal Highway Administration are 10-30 % and 3-16 %); less rain less.
HEAVY_RAIN = 10.0  # mm/h
RAIN_CAPACITY, RAIN_SPEED = 0.15, 0.10
# Capacity that stays beside an incident, by lanes and lanes blocked, from none (the shoulder) on
# (Highway Capacity Manual 2000, exhibit 22-6; that of a single lane is ours).
REMAINING: Mapping[int, tuple[float, ...]] = {
    1: (0.81, 0.0),
    2: (0.81, 0.35, 0.0),
    3: (0.83, 0.49, 0.17, 0.0),
    4: (0.85, 0.58, 0.25, 0.13, 0.0),
}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A class of road. `lane`: capacity of a lane, veh/h; `heavy`: share of trucks by day.

    `night`: share of the peak at the dead of night.
    """

    lanes: int
    lane: float
    free_speed: float
    heavy: float
    night: float


KINDS: Mapping[str, Kind] = {
    "motorway": Kind(lanes=3, lane=2000, free_speed=108, heavy=0.09, night=0.06),
    "trunk": Kind(lanes=2, lane=1800, free_speed=88, heavy=0.07, night=0.04),
    "urban": Kind(lanes=1, lane=900, free_speed=45, heavy=0.04, night=0.03),
    "local": Kind(lanes=1, lane=700, free_speed=38, heavy=0.03, night=0.02),
}


@dataclass(frozen=True, kw_only=True)
class Road:
    """The lanes that a sensor watches. `capacity` in veh/h of all of them."""

    kind: Kind
    lanes: int
    capacity: float
    free_speed: float

    @property
    def standstill(self) -> float:
        """Vehicles a km, of all lanes, that stand."""
        return JAM_DENSITY * self.lanes

    @property
    def wave(self) -> float:
        """Speed (km/h) at which a queue's news travel upstream, in dry weather."""
        critical = self.capacity / (self.free_speed * (1 - SLOWING))
        return self.capacity / (self.standstill - critical)


def road(place: Place) -> Road:
    """As its inventory says, by thresholds `capacity` and `free_speed` and by its properties."""
    kind = KINDS.get(str(place.properties.get("road_class", "trunk")), KINDS["trunk"])
    lanes = int(place.properties.get("lanes", 0))
    capacity = float(place.thresholds.get("capacity", 0.0))
    if not lanes:
        lanes = max(1, round(capacity / kind.lane)) if capacity else kind.lanes
    return Road(
        kind=kind,
        lanes=lanes,
        capacity=capacity or lanes * kind.lane,
        free_speed=float(place.thresholds.get("free_speed", kind.free_speed)),
    )


def wet(rain: Column, most: float) -> Column:
    """What rain (mm/h) leaves of a capacity or speed of which heavy rain takes `most`."""
    return np.asarray(1 - most * np.minimum(rain / HEAVY_RAIN, 1.0) ** 0.7)


def remaining(lanes: int, blocked: int) -> float:
    """Share of the capacity that stays when lanes are blocked, 0: only the shoulder."""
    shares = REMAINING[min(max(lanes, 1), 4)]
    return shares[min(max(blocked, 0), len(shares) - 1)]


def free_density(flow: Column, capacity: Column, free_speed: Column) -> Column:
    """Vehicles a km at a flow (veh/h) that nothing holds up."""
    filled = np.minimum(flow / capacity, 1.0)
    return np.asarray(flow / (free_speed * (1 - SLOWING * filled**4)))


def queue_density(flow: Column, capacity: Column, free_speed: Column, standstill: float) -> Column:
    """Vehicles a km in a queue whose head lets a flow (veh/h) through."""
    critical = capacity / (free_speed * (1 - SLOWING))
    passing = np.minimum(flow / capacity, 1.0)
    return np.asarray(standstill - (standstill - critical) * passing)


def occupancy(density: Column, lanes: int, heavy: Column) -> Column:
    """% of the time that a vehicle stands over the loop of a lane."""
    length = LOOP + CAR * (1 - heavy) + TRUCK * heavy
    return np.asarray(density / lanes * length / 10)
