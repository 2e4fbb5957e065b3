"""A lighting cabinet: its supply, breaker and contactor, water in it, and when it can send."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators._calendar import local_times
from simulators._field import Place
from simulators._lamps_faults import YEAR
from simulators._random import chance_of, smooth_noise
from simulators._steps import SECOND, Column, Instants, Steps, combine, constant, indicator
from simulators._story import HOUR, Event
from simulators._world import World

MINUTE = 60 * SECOND
GRID = 5 * MINUTE

# Settings: a cabinet stands on a plinth whose foot is the asset's level.
TRIP_DEPTH, DROWN_DEPTH = 0.10, 0.30  # m of water over the foot: breaker, controller
LEAK_AFTER, TRIP_AFTER, DROWN_AFTER = (
    3 * MINUTE,
    20 * MINUTE,
    20 * MINUTE,
)  # each after the one before
DRYING = 12 * HOUR  # leakage after the water has gone
BATTERY = 12.0  # h that the controller sends without a supply
WET_LEAKAGE = 40.0  # times as likely at HEAVY rain as dry
HEAVY = 5.0  # mm/h
# Voltage of the low-voltage network.
# V; EN 50160 allows 230 V ± 10 %.
USUAL = 233.0
EVENING = -3.5  # when everybody cooks
NIGHT = 1.5
PLACE = 1.5  # standard deviation between cabinets
WANDERING = 0.8
HEALING = 6 * HOUR  # wet joints dry
DRIFT = 90.0  # s, standard deviation of the controllers' clocks that are not set by a network
WORST_DRIFT = 300.0  # s


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """The true state of a cabinet, each as 1 or 0.

    `grid`: the operator supplies. `breaker`: closed. `contactor`: the outgoing circuits are
    switched on. `alive`: its controller can send. `error`, `leakage`, `door`: as reported.
    """

    grid: Steps
    breaker: Steps
    contactor: Steps
    alive: Steps
    error: Steps
    leakage: Steps
    door: Steps

    @property
    def live(self) -> Steps:
        """Whether its busbar has a voltage."""
        return combine(np.multiply, self.grid, self.breaker)

    @property
    def fed(self) -> Steps:
        """Whether the switched circuits have a supply."""
        return combine(np.multiply, self.live, self.contactor)


def circuit(
    site: str, places: Sequence[Place], plan: Steps | None, world: World, seed: int
) -> Circuit:
    """The cabinet of a site. `places`: the controller and the lamps.

    `plan`: the levels that its contactor follows; None: its lamps are always supplied.
    """
    mine = _Events(site=site, places=places, world=world)
    losses = [*mine.of("cabinet-outage"), *mine.of("supply-loss")]
    leak, trip, drown = _water(site, world)
    leaks = _leaks(site, places, mine, seed)
    steps = constant(1.0) if plan is None else combine(lambda level: (level > 0) * 1.0, plan)
    contactor, error = _contactor(steps, mine.of("contactor-error"))
    silences = [
        (lost.begins + _battery(lost), lost.ends)
        for lost in losses
        if _battery(lost) < lost.ends - lost.begins
    ]
    if drown is not None:
        silences.append((drown, world.ends + 1))
    trips = [(begins + 10 * MINUTE, ends) for begins, ends, off in leaks if off]
    if trip is not None:
        trips.append((trip, world.ends + 1))  # a wet breaker is not closed remotely
    return Circuit(
        grid=_complement(_spans(losses)),
        breaker=_complement(trips),
        contactor=contactor,
        alive=_complement(silences),
        error=error,
        leakage=indicator(
            [*((begins, ends) for begins, ends, _ in leaks), *([leak] if leak else [])]
        ),
        door=indicator(_spans(mine.of("door"))),
    )


def drift(name: str, seed: int) -> int:
    """µs by which a controller's clock is late, at most five minutes."""
    off = chance_of(seed, name, "clock").normal(0, DRIFT)
    return int(np.clip(off, -WORST_DRIFT, WORST_DRIFT)) * SECOND


def depth(site: str, world: World, times: Instants) -> Column:
    """Depth of water over the foot of the asset at a site, m; negative without water."""
    over = np.full(len(times), -np.inf)
    for asset in world.field.assets:
        if site in (asset.name, asset.site):
            over = np.fmax(over, world.level(asset.gauge, times) - asset.level)
    return over


@dataclass(frozen=True, kw_only=True)
class _Events:
    site: str
    places: Sequence[Place]
    world: World

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.world.events_of(kind) if self._mine(event)]

    def _mine(self, event: Event) -> bool:
        """Whether it is at the site, a group of these lamps, or the controller."""
        if self.site in event.where:
            return True
        keepers = [place for place in self.places if "cabinet_power" in place.quantities]
        groups = {group for place in self.places for group in place.groups}
        return not event.where.isdisjoint(groups | {place.device for place in keepers})


def _spans(events: Iterable[Event]) -> list[tuple[int, int]]:
    return [(event.begins, event.ends) for event in events]


def _complement(spans: Sequence[tuple[int, int]]) -> Steps:
    return combine(lambda value: 1 - value, indicator(spans)) if spans else constant(1.0)


def _battery(lost: Event) -> int:
    return int(float(lost.parameters.get("battery_h", BATTERY)) * HOUR)


def _water(site: str, world: World) -> tuple[tuple[int, int] | None, int | None, int | None]:
    """When current leaks to earth, the breaker trips, and the controller drowns, as water rises."""
    times = np.arange(world.begins, world.ends + 1, MINUTE, dtype=np.int64)
    over = depth(site, world, times)
    wet = times[over > 0]
    if not wet.size:
        return None, None, None
    leak = int(wet[0]) + LEAK_AFTER
    trip = _time_reached(times, over > TRIP_DEPTH, leak + TRIP_AFTER)
    drown = None if trip is None else _time_reached(times, over > DROWN_DEPTH, trip + DROWN_AFTER)
    return (leak, int(wet[-1]) + DRYING), trip, drown


def _time_reached(times: Instants, deep: NDArray[np.bool_], earliest: int) -> int | None:
    """When the water is that deep, at `earliest`; None: never."""
    if not deep.any():
        return None
    return max(int(times[deep.argmax()]), earliest)


def _leaks(
    site: str, places: Sequence[Place], mine: _Events, seed: int
) -> list[tuple[int, int, bool]]:
    """Spans of leakage, and whether they trip the breaker."""
    leaks = [
        (event.begins, event.ends, bool(event.parameters.get("trips", False)))
        for event in mine.of("leakage")
    ]
    world = mine.world
    for event in world.events_of("wear"):
        rate = float(event.parameters.get("leakage", 0.0))
        if rate <= 0 or (event.where and event not in mine.of("wear")):
            continue
        times = np.arange(event.begins, event.ends, GRID, dtype=np.int64)
        rain = world.rain(places[0].lon, places[0].lat, times)
        likelier = 1 + (WET_LEAKAGE - 1) * np.minimum(rain / HEAVY, 1.0)
        hazard = np.cumsum(likelier) * rate * GRID / YEAR
        after = int(np.searchsorted(hazard, chance_of(seed, site, "leakage").exponential()))
        if after < len(times):
            leaks.append((int(times[after]), int(times[after]) + HEALING, False))
    return leaks


def _contactor(commanded: Steps, errors: Sequence[Event]) -> tuple[Steps, Steps]:
    """What the contactor does, and where its auxiliary contact differs from the command.

    An error's `stuck` is `open` (no light by night) or `closed` (light by day).
    """
    if not errors:
        return commanded, constant(0.0)
    shut = indicator(_spans(event for event in errors if event.parameters.get("stuck") == "closed"))
    open_ = indicator(
        _spans(event for event in errors if event.parameters.get("stuck") != "closed")
    )
    actual = combine(
        lambda want, on, off: np.where(off > 0, 0.0, np.maximum(want, on)), commanded, shut, open_
    )
    return actual, combine(lambda want, does: (want != does) * 1.0, commanded, actual)


@dataclass(frozen=True, kw_only=True)
class Mains:
    """Voltage (V) at the busbar of each cabinet, on `grid`."""

    grid: Instants
    daily: Column

    def at(self, site: str, seed: int) -> Column:
        chance = chance_of(seed, site, "mains")
        own = chance.normal(0, PLACE) + WANDERING * smooth_noise(chance, len(self.grid), memory=12)
        return np.asarray(self.daily + own)


def mains(begins: int, ends: int, zone: str) -> Mains:
    """The low-voltage network between two times (µs)."""
    grid = np.arange(begins, ends + GRID, GRID, dtype=np.int64)
    hour = local_times(grid, zone).hour
    evening = np.exp(-0.5 * ((hour - 19) / 2) ** 2)
    night = np.exp(-0.5 * (((hour - 3 + 12) % 24 - 12) / 2.5) ** 2)
    return Mains(grid=grid, daily=USUAL + EVENING * evening + NIGHT * night)
