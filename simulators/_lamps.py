"""A luminaire: its power at each level, its ageing, its faults."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from simulators._field import Place
from simulators._orders import Order
from simulators._random import chance_of
from simulators._steps import Column, Steps, combine, constant, indicator, steps_from

# Settings, of the right order for street luminaires; a place may have its own (`properties`).
RATED = 45.0  # W, where the lamp's rated power is not given
SPREAD = 0.02  # of the power of luminaires of one type
AGEING = 0.002  # a thousand hours: the driver holds the light flux up with more current
METERING = 0.002  # noise of one power reading
OLDEST = 30_000  # h that the oldest of ours has burnt

CODES = {"lamp": 1, "driver": 2, "cycling": 3, "relay": 4, "control_gear": 5}
DARK = ("lamp", "driver")


@dataclass(frozen=True, kw_only=True)
class Technology:
    """How a kind of luminaire draws power.

    `floor`: share of the rated power that the gear takes as soon as it burns. `standby`: W of a
    fed luminaire that does not burn; the ecodesign regulation (EU) 2019/2020 allows 0.5 W.
    `reactive`: of the input filter, as a share of the rated power: it is what spoils the power
    factor of a dimmed lamp. `distortion`: the harmonics' share in the power factor.
    """

    floor: float
    standby: float
    reactive: float
    distortion: float


TECHNOLOGIES = {
    "led": Technology(floor=0.06, standby=0.5, reactive=0.12, distortion=0.98),
    "sodium": Technology(floor=0.30, standby=1.5, reactive=0.30, distortion=0.95),
}


@dataclass(frozen=True, kw_only=True)
class Luminaire:
    """`full`: W that it draws at 100 %. `hours`, `energy` (kWh): on its counters at first."""

    technology: Technology
    full: float
    hours: float
    energy: float

    def power(self, level: Column) -> Column:
        """W at each level (%) while it is fed."""
        share = self.technology.floor + (1 - self.technology.floor) * level / 100
        return np.where(level > 0, self.full * share, self.technology.standby)

    def power_factor(self, power: Column) -> Column:
        """Displacement by the input filter, times the harmonics' share; 0 without power."""
        filtered = self.full * self.technology.reactive
        apparent = np.hypot(power, filtered)
        return np.asarray(self.technology.distortion * power / apparent)


def luminaire(place: Place, seed: int) -> Luminaire:
    """The luminaire of a place: by its inventory, with a spread and an age of its own."""
    chance = chance_of(seed, place.device, "luminaire")
    rated = float(place.thresholds.get("lamp_rated_power", place.properties.get("rated_w", RATED)))
    name = str(place.properties.get("technology", "led"))
    hours = float(place.properties.get("burnt_h", chance.uniform(0.05, 1.0) * OLDEST))
    grown = 1 + AGEING * hours / 1000
    return Luminaire(
        technology=TECHNOLOGIES.get(name, TECHNOLOGIES["led"]),
        full=rated * grown * float(np.exp(chance.normal(0, SPREAD))),
        hours=hours,
        energy=rated * hours / 1000,
    )


def follow_orders(plan: Steps, orders: Iterable[Order]) -> Steps:
    """The levels (%) of a plan, and of orders from each of them on; `plan` gives back to it."""
    in_time = sorted(orders, key=lambda order: order.at)
    if not in_time:
        return plan
    ordered = steps_from(
        np.array([order.at for order in in_time], dtype=np.int64),
        np.array([_ordered_level(order) for order in in_time]),
        before=np.nan,
    )

    def level(planned: Column, own: Column) -> Column:
        return np.where(np.isnan(own), planned, own)

    return combine(level, plan, ordered)


def _ordered_level(order: Order) -> float:
    """In %; nan: as planned."""
    if "level" in order.parameters:
        return float(order.parameters["level"])
    return {"on": 100.0, "off": 0.0}.get(str(order.parameters["state"]), np.nan)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A fault of CODES from `begins` to `ends` (µs); `outs`: when a cycling driver is dark."""

    kind: str
    begins: int
    ends: int
    outs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class LampState:
    """The true state of a luminaire: commanded and actual level (%), power (W), reported fault."""

    supply: Steps
    command: Steps
    level: Steps
    power: Steps
    fault: Steps

    @property
    def lit(self) -> Steps:
        """1 where it burns."""
        return combine(lambda level: (level > 0) * 1.0, self.level)


def simulate_lamp(
    which: Luminaire,
    command: Steps,
    supply: Steps,
    troubles: tuple[Trouble, ...],
    *,
    by_itself: bool,
) -> LampState:
    """Follow a command as far as supply and faults allow.

    `by_itself`: its only switch is the supply, so it burns fully when that is on without a command.
    """
    steps = command
    if by_itself:
        steps = combine(lambda level: np.where(level > 0, level, 100.0), command)
    level = combine(np.multiply, steps, supply)
    fault = constant(0.0)
    if troubles:
        level = _faulty_level(steps, supply, troubles)
        fault = _reported_fault(command, supply, troubles)
    power = combine(lambda lit, fed: fed * which.power(lit), level, supply)
    return LampState(supply=supply, command=command, level=level, power=power, fault=fault)


def _faulty_level(command: Steps, supply: Steps, troubles: tuple[Trouble, ...]) -> Steps:
    """A dead lamp or driver gives no light, a stuck relay full light, dead gear no dimming."""
    dark = indicator(
        [
            *((trouble.begins, trouble.ends) for trouble in troubles if trouble.kind in DARK),
            *(out for trouble in troubles for out in trouble.outs),
        ]
    )
    sticks = indicator(
        (trouble.begins, trouble.ends) for trouble in troubles if trouble.kind == "relay"
    )
    blunt = indicator(
        (trouble.begins, trouble.ends) for trouble in troubles if trouble.kind == "control_gear"
    )

    def level(want: Column, fed: Column, out: Column, stuck: Column, full: Column) -> Column:
        forced = (stuck > 0) | ((full > 0) & (want > 0))
        return np.where(out > 0, 0.0, np.where(forced, 100.0, want)) * fed

    return combine(level, command, supply, dark, sticks, blunt)


MINUTE = 60_000_000
NOTICED = {  # time until a controller reports a fault: a setting
    "lamp": 3 * MINUTE,
    "driver": 3 * MINUTE,
    "cycling": 40 * MINUTE,
    "relay": 3 * MINUTE,
    "control_gear": 3 * MINUTE,
}


def _reported_fault(command: Steps, supply: Steps, troubles: tuple[Trouble, ...]) -> Steps:
    """The reported fault: noticed only where the lamp differs from the command."""
    faults = []
    for trouble in troubles:
        if trouble.kind == "relay":
            shows = combine(lambda want, fed: (want == 0) * fed, command, supply)
        else:
            shows = combine(lambda want, fed: (want > 0) * fed, command, supply)
        seen = shows.first(trouble.begins)
        if seen is not None and seen + NOTICED[trouble.kind] < trouble.ends:
            spell = indicator([(seen + NOTICED[trouble.kind], trouble.ends)])
            code = float(CODES[trouble.kind])
            faults.append(combine(lambda on, code=code: on * code, spell))
    return combine(lambda *codes: np.max(codes, axis=0), *faults) if faults else constant(0.0)
