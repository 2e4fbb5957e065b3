"""A scenario as plain values: its weather, its events, its faults, and what truly happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SECOND = 1_000_000
HOUR = 3600 * SECOND
INJECTS = ("reading", "lost-sensor", "call", "rumour", "message")


@dataclass(frozen=True, kw_only=True)
class Storm:
    """Rain around a place. `at`, `hours`: when it begins and how long it lasts, in the scenario."""

    at: float
    hours: float
    total: float  # mm at its heart
    lon: float
    lat: float
    spread: float  # km to where three fifths of it fall
    gust: float = 0.0  # m/s that it adds to the gusts at its height


@dataclass(frozen=True, kw_only=True)
class Front:
    """A front that crosses the territory. `at`: when it passes its middle, h.

    `heading`: where it goes to, degrees from north. `drop`: Cel by which it cools the air
    (negative: it warms). `fall`: hPa by which the pressure falls ahead of it. `wind`: m/s that
    it adds.
    """

    at: float
    heading: float = 90.0
    speed: float = 40.0  # km/h
    rain: float = 5.0  # mm
    hours: float = 3.0
    drop: float = 4.0
    fall: float = 8.0
    wind: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Weather:
    """`temperature`: of a mean day, Cel; None: the season's. `cloud`: 0…1, `wind`: m/s, usual ones.

    `wetness`: what past rain adds to every curve number. `river`: how full rivers are, 1 as usual.
    """

    storms: tuple[Storm, ...] = ()
    fronts: tuple[Front, ...] = ()
    temperature: float | None = None
    amplitude: float | None = None  # Cel between a clear day's mean and its maximum
    cloud: float = 0.5
    wind: float = 3.0
    pressure: float = 1016.0
    dryness: float = 3.0  # Cel between the air's mean and its dew point
    wetness: float = 0.0
    river: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Where:
    """To whom something happens: by names (devices, sites, groups, assets), or chosen.

    `any` names a device model, domain or group kind of which `count` are taken (or the `share`),
    nearest to `near` (lon, lat) and `within` km of it where that is given, else by the seed: the
    same for the same `any` and `pick`, so that a truth can speak of what an event has chosen.
    """

    names: tuple[str, ...] = ()
    any: str = ""
    count: int = 1
    share: float | None = None
    near: tuple[float, float] | None = None
    within: float = 15.0
    pick: str = ""


@dataclass(frozen=True, kw_only=True)
class ScheduledEvent:
    """An event or a fault as its scenario tells it; `at` and `until` in h of the scenario."""

    kind: str
    at: float
    until: float
    where: Where
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What happened, for whoever leads the exercise, and the rules that a good set raises there.

    `tolerance`: h by which an alarm may begin later than `at` (None: anywhere in the span).
    """

    what: str
    what_fr: str = ""
    where: Where = field(default_factory=Where)
    at: float = 0.0
    until: float = 0.0
    alarms: tuple[str, ...] = ()
    tolerance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Inject:
    """What whoever leads puts in from outside, planned at `at` (h of the scenario).

    `kind`: one of INJECTS. `where`: the devices of a reading or of lost sensors. `quantity` and
    `value` of a reading; `hours`: how long sensors stay lost, None: to the end. `sender`: who calls
    or writes. `expected`: what those who train should then do, for observers.
    """

    kind: str
    at: float
    title: str
    title_fr: str = ""
    text: str = ""
    text_fr: str = ""
    sender: str = ""
    sender_fr: str = ""
    expected: str = ""
    expected_fr: str = ""
    where: Where = field(default_factory=Where)
    quantity: str = ""
    value: float | None = None
    hours: float | None = None


@dataclass(frozen=True, kw_only=True)
class Story:
    """A scenario that can be played. `quiet`: no alarm but of maintenance is to be raised."""

    name: str
    title: str
    begins: datetime
    hours: float
    title_fr: str = ""
    description: str = ""
    weather: Weather = field(default_factory=Weather)
    events: tuple[ScheduledEvent, ...] = ()
    faults: tuple[ScheduledEvent, ...] = ()
    truth: tuple[Truth, ...] = ()
    injects: tuple[Inject, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens from `begins` to `ends` (µs) to those in `where`.

    `where`: names of devices, sites, groups and assets. A group brings its members along only by
    `World.touches`.
    """

    kind: str
    begins: int
    ends: int
    where: frozenset[str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
