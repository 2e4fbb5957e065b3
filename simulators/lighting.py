"""Public lighting: lamps that follow their plan, the cabinets that feed them, their faults.

Physics and timing are in `simulators._lamps` and `simulators._cabinets`; figures without a source
there are settings. Lamps of a switched supply burn while their cabinet's contactor is closed, and
are silent when it is not; the others are fed by day too and switch themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sensors._common import COMMON
from sensors._plan import LightingPlan, levels
from sensors.lighting import DOMAIN
from simulators import _cabinet_readings, _lamp_readings
from simulators._cabinet_readings import Cabinet
from simulators._cabinets import Circuit, Mains, circuit, drift, mains
from simulators._field import Field, Place
from simulators._lamp_readings import Lamp
from simulators._lamps import CODES, follow_orders, luminaire, simulate_lamp
from simulators._lamps_faults import troubles
from simulators._orders import Order
from simulators._readings import DeviceReadings, table
from simulators._simulator import Kinds, Simulator, check_events, choice, flag, number
from simulators._steps import EVER, Column, Steps, combine, constant, steps_from
from simulators._weather import CENTRE
from simulators._world import World

CATALOGUE = {quantity.name: quantity for quantity in (*DOMAIN.quantities, *COMMON)}
WORKING = 0.95  # share of the installed power that burns, where no lamp has a controller: a setting
SHARE = number(0, 1)  # of the lamps that an event is of
EVENTS: Kinds = {
    "cabinet-outage": {"battery_h": number(0, 1000)},
    "contactor-error": {"stuck": choice("open", "closed")},
    "door": {},
    "driver-cycling": {"share": SHARE},
    "lamp-failure": {"share": SHARE, "fault": choice(*CODES)},
    "leakage": {"trips": flag()},
    "relay-fault": {"share": SHARE},
    "supply-loss": {"battery_h": number(0, 1000)},
    "wear": {"lamps": number(0, 1000), "leakage": number(0, 1000)},
}


class PlanCache:
    """The levels of a plan at a place, worked out once."""

    def __init__(self, world: World, zone: str) -> None:
        self._span = (world.begins, world.ends)
        self._zone = zone
        self._levels: dict[tuple[LightingPlan, float, float], Steps] = {}

    def of(self, plan: LightingPlan | None, place: Place, late: int) -> Steps:
        """In %, for a controller whose clock is late by `late` µs.

        Without a plan lamps burn from sunset to sunrise.
        """
        lon, lat = (place.lon, place.lat) if place.lon and place.lat else CENTRE
        key = (plan or LightingPlan(), round(lon, 2), round(lat, 2))
        if key not in self._levels:
            plan_levels = levels(*key, self._span, self._zone)
            self._levels[key] = steps_from(plan_levels.at, plan_levels.level)
        steps = self._levels[key]
        return Steps(at=np.where(steps.at == EVER, EVER, steps.at + late), value=steps.value)


@dataclass(frozen=True, kw_only=True)
class LightingModel:
    """Common inputs of cabinets and lamps."""

    plans: PlanCache
    network: Mains
    world: World
    seed: int

    def cabinet(self, site: str, places: Sequence[Place]) -> Cabinet:
        """A cabinet with its lamps; without a controller a lamp stands in for it."""
        keeper = next((place for place in places if "cabinet_power" in place.quantities), places[0])
        bulbs = [place for place in places if "light_level" in place.quantities]
        switched = next((place for place in (*bulbs, keeper) if place.switched), None)
        late = drift(site, self.seed)
        plan = None if switched is None else self.plans.of(switched.plan, switched, late)
        orders = self.world.orders_of(keeper.device) if keeper not in bulbs else ()
        runs = circuit(site, places, plan and follow_orders(plan, orders), self.world, self.seed)
        volts = self.network.at(site, self.seed)

        def lamp(place: Place) -> Lamp:
            """One that the contactor does not switch is supplied even beside those that it does."""
            supply = runs.fed if place.switched or switched is None else runs.live
            return self._lamp(place, supply, volts, orders)

        return Cabinet(
            place=keeper,
            circuit=runs,
            lamps=[lamp(place) for place in bulbs],
            grid=self.network.grid,
            volts=volts,
            estimate=None if bulbs else self._estimate(keeper, runs, late),
        )

    def _lamp(self, place: Place, supply: Steps, volts: Column, orders: Sequence[Order]) -> Lamp:
        """A switched lamp has its cabinet's clock, another one its own.

        `orders`: of the cabinet, which its lamps follow as they do their own.
        """
        watch = place.site if place.switched else place.device
        planned = self.plans.of(place.plan, place, drift(watch, self.seed))
        does = simulate_lamp(
            luminaire(place, self.seed),
            follow_orders(planned, [*orders, *self.world.orders_of(place.device)]),
            supply,
            troubles(place, self.world, self.seed),
            by_itself=place.switched,
        )
        return Lamp(
            place=place,
            which=luminaire(place, self.seed),
            does=does,
            grid=self.network.grid,
            volts=volts,
        )

    def _estimate(self, keeper: Place, runs: Circuit, late: int) -> Steps:
        """W of lamps without controllers: the installed power by the plan."""
        rated = keeper.thresholds.get("cabinet_rated_power", 0.0) * 1000
        plan = constant(0.0) if keeper.plan is None else self.plans.of(keeper.plan, keeper, late)
        plan = follow_orders(plan, self.world.orders_of(keeper.device))
        return combine(lambda level, fed: WORKING * rated * level / 100 * fed, plan, runs.fed)


def truth(field: Field, world: World, seed: int) -> dict[str, Cabinet]:
    """The true state of each cabinet (by site) and its lamps: hidden from trainees.

    Raises:
        SimulatorError: an event has an invalid parameter.
    """
    check_events(world, EVENTS)
    making = LightingModel(
        plans=PlanCache(world, field.zone),
        network=mains(world.begins, world.ends, field.zone),
        world=world,
        seed=seed,
    )
    places = field.by_site("lighting")
    return {site: making.cabinet(site, here) for site, here in places.items()}


def emit(field: Field, world: World, chance_seed: int) -> pd.DataFrame:
    """Readings of the devices as rows of a recording, by time."""
    return table(_device_readings(truth(field, world, chance_seed), world, chance_seed))


def _device_readings(
    cabinets: dict[str, Cabinet], world: World, seed: int
) -> Iterator[DeviceReadings]:
    for cabinet in cabinets.values():
        if "cabinet_power" in cabinet.place.quantities:
            yield from _cabinet_readings.cabinet_readings(cabinet, world, seed, CATALOGUE)
        for lamp in cabinet.lamps:
            yield from _lamp_readings.lamp_readings(lamp, world, seed, CATALOGUE)


def _moved_by(field: Field, place: Place) -> tuple[Place, ...]:
    """A cabinet and its lamps: what one of them draws, the cabinet measures."""
    return tuple(other for other in field.of(DOMAIN.name) if other.site == place.site)


def _awake(field: Field, world: World, at: int) -> frozenset[str]:
    """A cabinet until its battery is empty or it drowns, a lamp while it is fed."""
    time = np.array([at], dtype=np.int64)
    awake: set[str] = set()
    for cabinet in truth(field, world, world.seed).values():
        if cabinet.circuit.alive.of(time)[0] > 0:
            awake.add(cabinet.place.device)
        lamps = [lamp for lamp in cabinet.lamps if lamp.does.supply.of(time)[0] > 0]
        awake.update(lamp.place.device for lamp in lamps)
    return frozenset(awake)


SIMULATOR = Simulator(
    domain="lighting", emit=emit, events=tuple(EVENTS), moved_by=_moved_by, awake=_awake
)
