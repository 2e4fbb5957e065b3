"""What truly happens in the territory, the same for every domain: weather, rivers, events.

Hidden from trainees: devices only ever tell what they measure of it.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simulators._field import Field, Place
from simulators._random import Column
from simulators._rivers import Course, courses
from simulators._selection import resolve_events
from simulators._story import HOUR, SECOND, Event, Story
from simulators._weather import CENTRE, Atmosphere

Times = NDArray[np.int64]


class World:
    """Made of a story, a field and a seed: the same three, the same world; told for `hours` of it.

    `times` are µs since the epoch (int64), ascending or not; places in degrees, None: somewhere in
    the middle. `begins` and `ends` are µs.
    """

    def __init__(
        self, story: Story, field: Field, seed: int, *, hours: float | None = None
    ) -> None:
        self.story = story
        self.field = field
        self.seed = seed
        self.begins = int(story.begins.timestamp()) * SECOND
        self.ends = self.begins + int(min(hours or story.hours, story.hours) * HOUR)
        self.air = Atmosphere(story.weather, self.begins, story.hours, seed, _centre(field))
        self.courses: Mapping[str, Course] = courses(field.places, story.weather, self.air)
        self.events: tuple[Event, ...] = resolve_events(story.events, field, self.begins, seed)
        self._members = {group.name: frozenset(group.members) for group in field.groups}

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
        """The river at a place: its site's own, else that of its river's nearest gauge."""
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
        """Whether the water stands at an asset, or at the site that is one; False where unknown."""
        under = np.zeros(len(times), dtype=bool)
        for asset in self.field.assets:
            if name in (asset.name, asset.site) and asset.gauge in self.courses:
                under |= self.level(asset.gauge, times) > asset.level
        return under

    def events_of(self, kind: str) -> tuple[Event, ...]:
        """The story's events of a kind, those that begin first first."""
        return tuple(event for event in self.events if event.kind == kind)

    def touches(self, event: Event, place: Place) -> bool:
        """Whether an event is of a device: by its own name, its site's, or a group's it is in."""
        return not event.where.isdisjoint((place.device, place.site, *place.groups)) or any(
            place.device in self._members[name] for name in event.where if name in self._members
        )

    def during(self, kind: str, place: Place, times: Times) -> NDArray[np.bool_]:
        """Whether an event of that kind is going on at a device."""
        going = np.zeros(len(times), dtype=bool)
        for event in self.events_of(kind):
            if self.touches(event, place):
                going |= (times >= event.begins) & (times < event.ends)
        return going


def _distance(first: Place, second: Place) -> float:
    if first.lon is None or first.lat is None or second.lon is None or second.lat is None:
        return math.inf
    return math.hypot(0.66 * (first.lon - second.lon), first.lat - second.lat)


def _centre(field: Field) -> tuple[float, float]:
    """The middle of the places, so that what passes the territory passes it in the scenario."""
    positions = [(place.lon, place.lat) for place in field.places if place.lon and place.lat]
    if not positions:
        return CENTRE
    middle = np.median(np.array(positions, dtype=np.float64), axis=0)
    return float(middle[0]), float(middle[1])
