"""Notification routes: what is sent to whom, when, in which language, over which channels."""

from collections.abc import Mapping
from dataclasses import dataclass

from hypervisor.notifications.hours import Hours

EVENTS = ("raised", "severity", "stale", "cleared", "revised", "withdrawn", "reminder")
LANGUAGES = ("fr", "en")
APPRISE = "apprise"  # the kind of a channel that is an address alone
DEAD_MAN = "dead man"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A channel. `name`: unique within the route; waiting deliveries refer to it.

    `kind`: one of `kinds.list_kinds`; `fields`: what it needs, with placeholders `${NAME}`, which
    are filled in at sending.
    """

    name: str
    kind: str
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """After this time unacknowledged (µs), an alarm goes to another route."""

    after: int
    to: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """A route. Empty filters match all; `severity`: at least this; `areas`: codes or names.

    `call`: whom its territory calls, in words.
    """

    name: str
    channels: tuple[Channel, ...]
    domains: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    labels: frozenset[tuple[str, str]] = frozenset()  # the rule has all of these
    teams: frozenset[str] = frozenset()  # it takes their work orders, and no alarm
    severity: str = "info"
    events: frozenset[str] = frozenset(EVENTS)
    hours: tuple[Hours, ...] = ()
    zone: str = "Europe/Paris"
    language: str = "fr"
    remind: int | None = None  # µs
    escalate: Escalation | None = None
    only_escalated: bool = False  # takes only escalations
    call: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether it takes only some raised alarms of its domains."""
        parts = self.areas or self.sites or self.rules or self.labels or not self.takes_alarms
        return bool(parts) or "raised" not in self.events

    @property
    def takes_alarms(self) -> bool:
        """Whether new alarms come to it, not escalations or work orders alone."""
        return not (self.only_escalated or self.teams)


@dataclass(frozen=True, kw_only=True)
class DeadMan:
    """The heartbeat: its interval (µs) and channels."""

    every: int
    channels: tuple[Channel, ...]
    language: str = "fr"

    @property
    def route(self) -> Route:
        return Route(name=DEAD_MAN, channels=self.channels, language=self.language)


@dataclass(frozen=True, kw_only=True)
class Routes:
    """The contents of a routes file."""

    routes: tuple[Route, ...] = ()
    dead_man: DeadMan | None = None

    @property
    def every(self) -> tuple[Route, ...]:
        """All routes, with that of the heartbeat."""
        return self.routes if self.dead_man is None else (*self.routes, self.dead_man.route)

    def named(self, name: str) -> Route | None:
        return next((route for route in self.routes if route.name == name), None)

    def channel(self, route: str, name: str) -> Channel | None:
        """The present channel of a name."""
        channels = (part for owner in self.every if owner.name == route for part in owner.channels)
        return next((channel for channel in channels if channel.name == name), None)
