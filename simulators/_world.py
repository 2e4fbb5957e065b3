"""The true state of the territory, the same for every domain: weather, rivers, events.

Hidden from trainees, who see only what devices measure.
"""

import copy
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simulators._field import Field, Place
from simulators._orders import Order
from simulators._random import Column
from simulators._rivers import Course, courses
from simulators._selection import resolve_events
from simulators._story import HOUR, SECOND, Event, Story
from simulators._weather import CENTRE, Atmosphere

Times = NDArray[np.int64]


class World:
    """Determined by a story, a field and a seed, for the first `hours`.

    `times`, `begins` and `ends` are µs since the epoch; positions in degrees, None: the middle.
    """

    def __init__(
        self, story: Story, field: Field, seed: int, *, hours: float | None = None
    ) -> None:
        self.story = story
        self.field = field
        self.seed = seed
        self.begins = int(story.begins.timestamp()) * SECOND
        self.ends = self.begins + int(min(hours or story.hours, story.hours) * HOUR)
        self.air = Atmosphere(story.weather, self.begins, story.hours, seed, centre_of(field))
        self.courses: Mapping[str, Course] = courses(field.places, story.weather, self.air)
        self.events: tuple[Event, ...] = resolve_events(story.events, field, self.begins, seed)
        self._members = {group.name: frozenset(group.members) for group in field.groups}
        self._orders: Mapping[str, tuple[Order, ...]] = {}

    def with_orders(self, orders: Sequence[Order]) -> "World":
        """The same world, in which actuators carry these out."""
        commanded = copy.copy(self)
        in_time = sorted(orders, key=lambda order: order.at)
        commanded._orders = {  # noqa: SLF001  a world's own
            device: tuple(order for order in in_time if order.device == device)
            for device in {order.device for order in orders}
        }
        return commanded

    def orders_of(self, device: str) -> tuple[Order, ...]:
        """The orders that a device carries out, by time."""
        return self._orders.get(device, ())

    def rain(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """mm/h."""
        return self.air.rain(lon, lat, times)

    def temperature(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """Cel, of the air."""
        return self.air.temperature(lon, lat, times)

    def wind(self, lon: float | None, lat: float | None, times: Times) -> Column:
        """m/s, mean."""
        return self.air.wind(lon, lat, times)

    def level(self, site: str, times: Times) -> Column:
        """m, of the river at a site; nan where no river is known."""
        course = self.courses.get(site)
        if course is None:
            return np.full(len(times), np.nan)
        return np.interp(times, self.air.grid, course.level)

    def discharge(self, site: str, times: Times) -> Column:
        """m3/s, of the river at a site; nan where no river is known."""
        course = self.courses.get(site)
        if course is None:
            return np.full(len(times), np.nan)
        return np.interp(times, self.air.grid, course.discharge)

    def course(self, place: Place) -> Course | None:
        """The river at a place: of its site, else of the nearest gauge of its river."""
        own = self.courses.get(place.site)
        if own is not None or not place.river:
            return own
        gauges = [
            other
            for other in self.field.places
            if other.river == place.river and other.site in self.courses
        ]
        if not gauges:
            return None
        return self.courses[
            min(gauges, key=lambda other: (_distance(other, place), other.site)).site
        ]

    def flooded(self, name: str, times: Times) -> NDArray[np.bool_]:
        """Whether an asset, or the site that is one, is flooded; False where unknown."""
        under = np.zeros(len(times), dtype=bool)
        for asset in self.field.assets:
            if name in (asset.name, asset.site) and asset.gauge in self.courses:
                under |= self.level(asset.gauge, times) > asset.level
        return under

    def events_of(self, kind: str) -> tuple[Event, ...]:
        """The story's events of a kind by their beginning."""
        return tuple(event for event in self.events if event.kind == kind)

    def touches(self, event: Event, place: Place) -> bool:
        """Whether an event is at a device: by its name, its site, or a group that it is in."""
        return not event.where.isdisjoint((place.device, place.site, *place.groups)) or any(
            place.device in self._members[name] for name in event.where if name in self._members
        )

    def during(self, kind: str, place: Place, times: Times) -> NDArray[np.bool_]:
        """Whether an event of that kind is in progress at a device."""
        going = np.zeros(len(times), dtype=bool)
        for event in self.events_of(kind):
            if self.touches(event, place):
                going |= (times >= event.begins) & (times < event.ends)
        return going


def _distance(first: Place, second: Place) -> float:
    if first.lon is None or first.lat is None or second.lon is None or second.lat is None:
        return math.inf
    return math.hypot(0.66 * (first.lon - second.lon), first.lat - second.lat)


def centre_of(field: Field) -> tuple[float, float]:
    """The middle of the places, so that fronts pass the territory within the scenario."""
    positions = [(place.lon, place.lat) for place in field.places if place.lon and place.lat]
    if not positions:
        return CENTRE
    middle = np.median(np.array(positions, dtype=np.float64), axis=0)
    return float(middle[0]), float(middle[1])
