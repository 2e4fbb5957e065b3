"""A scenario as plain values: weather, events, faults, injects, expected alarms.

`simulators._scenarios` reads the classes from YAML by the types of their fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

SECOND = 1_000_000
HOUR = 3600 * SECOND
Hours = Annotated[float, "hours"]
Positive = Annotated[float, "positive"]
Share = Annotated[float, "share"]  # 0 to 1
INJECTS = ("reading", "lost-sensor", "call", "rumour", "message")


@dataclass(frozen=True, kw_only=True)
class Storm:
    """Rain around a place. `at`: when it begins, `hours`: how long it lasts."""

    at: Hours
    hours: Positive
    total: Positive  # mm at its centre
    lon: float
    lat: float
    spread: Positive  # km to where three fifths of that fall
    gust: float = 0.0  # m/s that it adds to the gusts at its height
    least: float = 0.0  # mm at its centre, however little the seed draws


@dataclass(frozen=True, kw_only=True)
class Front:
    """A front that crosses the territory. `at`: when it passes the middle.

    `heading`: its direction, degrees from north. `drop`: Cel by which it cools the air
    (negative: it warms). `fall`: hPa by which the pressure falls ahead of it. `wind`: m/s that
    it adds.
    """

    at: Hours
    heading: float = 90.0
    speed: Positive = 40.0  # km/h
    rain: float = 5.0  # mm
    hours: Positive = 3.0
    drop: float = 4.0
    fall: float = 8.0
    wind: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Weather:
    """`temperature`: of a mean day, Cel; None: the season's. `wind`: m/s. Both usual values.

    `wetness`: added to every curve number by past rain. `river`: how full rivers are, 1 as usual.
    `season`: by what share the ground gives more at winter's end, and less at summer's.
    """

    storms: tuple[Storm, ...] = ()
    fronts: tuple[Front, ...] = ()
    temperature: float | None = None
    amplitude: float | None = None  # Cel between a clear day's mean and its maximum
    cloud: Share = 0.5
    wind: float = 3.0
    pressure: float = 1016.0
    dryness: float = 3.0  # Cel between the air's mean and its dew point
    wetness: float = 0.0
    river: Positive = 1.0
    season: Share = 0.0


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where something happens: by names (devices, sites, groups, assets), or selected.

    `any` names a device model, domain or group kind of which `count` are taken (or the `share`),
    nearest to `near` (lon, lat) and `within` km of it, else by the seed: the same for the same
    `any` and `pick`, so that a truth can name what an event has selected.
    """

    names: tuple[str, ...] = ()
    any: str = ""
    count: int = 1
    share: Share | None = None
    near: tuple[float, float] | None = None
    within: Positive = 15.0
    pick: str = ""


@dataclass(frozen=True, kw_only=True)
class ScheduledEvent:
    """An event or a fault of a scenario; `at` and `until` in h of the scenario."""

    kind: str
    at: Hours = field(metadata={"name": "from"})
    until: Hours = field(metadata={"name": "to"})
    where: Where = field(default_factory=Where)
    parameters: Mapping[str, Any] = field(default_factory=dict, metadata={"rest": True})


@dataclass(frozen=True, kw_only=True)
class Truth:
    """An event for leaders, and the rules that should raise an alarm there.

    `tolerance`: h by which an alarm may begin later than `at` (None: anywhere in the span).
    """

    what: str
    what_fr: str = ""
    where: Where = field(default_factory=Where)
    at: Hours = field(metadata={"name": "from"})
    until: Hours = field(metadata={"name": "to"})
    alarms: tuple[str, ...] = ()
    tolerance: Hours | None = None


@dataclass(frozen=True, kw_only=True)
class Inject:
    """What leaders add from outside, planned at `at` (h of the scenario).

    `kind`: one of INJECTS. `where`: the devices of a reading or of lost sensors. `quantity` and
    `value` of a reading; `hours`: how long sensors stay lost, None: to the end. `sender`: who calls
    or writes. `expected`: the response of trainees, for observers.
    """

    kind: str
    at: Hours
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
    hours: Positive | None = None


@dataclass(frozen=True, kw_only=True)
class Story:
    """A scenario that can be played. `quiet`: only maintenance alarms may be raised."""

    name: str
    title: str
    begins: datetime
    hours: Hours
    title_fr: str = ""
    description: str = ""
    weather: Weather = field(default_factory=Weather)
    events: tuple[ScheduledEvent, ...] = ()
    faults: Annotated[tuple[ScheduledEvent, ...], "faults"] = ()
    truth: tuple[Truth, ...] = ()
    injects: tuple[Inject, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens from `begins` to `ends` (µs).

    `where`: names of devices, sites, groups and assets. A group brings its members along only by
    `World.touches`.
    """

    kind: str
    begins: int
    ends: int
    where: frozenset[str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
