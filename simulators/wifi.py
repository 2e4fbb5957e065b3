"""Public Wi-Fi: terminals by hour and day, what they load, hotspots and links that fail.

A place may give `daily_clients`: the sum of its hourly terminals on a working day.
"""

import numpy as np

from sensors.wifi import DOMAIN
from simulators._bicycles import shape
from simulators._calendar import local_times
from simulators._field import Field, Place
from simulators._random import Column
from simulators._readings import Times, ticks
from simulators._simulator import Kinds, Observation, default_simulator, number
from simulators._world import World

EVENTS: Kinds = {
    "wifi-crowd": {"times": number(0, 50)},
    "wifi-interference": {},
    "hotspot-down": {},
    "backhaul-down": {},
}
# Settings.
HOURS = ((12.5, 2.2, 0.5), (18.0, 2.5, 0.5))
DAILY = 240.0
EACH = 0.7  # Mbit/s that a terminal loads
RETRIES, NOISY = 4.0, 42.0  # % of the frames, usually and beside an interferer


def truth(field: Field, world: World) -> dict[str, tuple[Times, Column]]:
    """By hotspot: times and terminals expected; hidden from trainees."""
    times = ticks(world.begins, world.ends, 300)
    return {
        place.device: (times, _expected(place, world, times))
        for place in field.of("wifi")
        if "wifi_clients" in place.quantities
    }


def _up(place: Place, world: World, at: Times) -> Column:
    down = world.during("hotspot-down", place, at) | world.during("backhaul-down", place, at)
    return np.where(down, 0.0, 1.0)


def _expected(place: Place, world: World, at: Times) -> Column:
    """Terminals connected; none while the hotspot is down."""
    when = local_times(at, world.field.zone)
    daily = float(place.properties.get("daily_clients", DAILY))
    clients = daily * np.where(when.workday, 1.0, 0.7) * shape(HOURS, when.hour)
    for event in world.events_of("wifi-crowd"):
        if world.touches(event, place):
            during = (at >= event.begins) & (at < event.ends)
            clients = np.where(during, clients * float(event.parameters.get("times", 4)), clients)
    return np.asarray(clients * _up(place, world, at))


def _count_clients(hotspot: Observation) -> Column:
    expected = _expected(hotspot.place, hotspot.world, hotspot.times)
    return hotspot.chance.poisson(expected).astype(np.float64)


def _load(hotspot: Observation) -> Column:
    expected = _expected(hotspot.place, hotspot.world, hotspot.times)
    return EACH * expected * hotspot.chance.gamma(4, 1 / 4, len(hotspot.times))


def _errors(hotspot: Observation) -> Column:
    place, world, at = hotspot.place, hotspot.world, hotspot.times
    share = np.where(world.during("wifi-interference", place, at), NOISY, RETRIES)
    return (share + hotspot.noise(1)) * _up(place, world, at)


def _link(router: Observation) -> Column:
    return np.where(router.world.during("backhaul-down", router.place, router.times), 0.0, 1.0)


SIMULATOR = default_simulator(
    DOMAIN,
    {
        "hotspot_reachable": lambda seen: _up(seen.place, seen.world, seen.times),
        "backhaul_up": _link,
        "wifi_clients": _count_clients,
        "wifi_throughput": _load,
        "wifi_errors": _errors,
    },
    EVENTS,
)
