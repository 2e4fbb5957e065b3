"""Routes as values: what goes to whom, when, in which language, by which channels."""

from dataclasses import dataclass

from hypervisor.notifications.hours import Hours

EVENTS = ("raised", "severity", "stale", "cleared", "revised", "withdrawn", "reminder")
LANGUAGES = ("fr", "en")
APPRISE, WEBHOOK, MQTT = "apprise", "webhook", "mqtt"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One way to somebody. `name` is its own within the route: what waits is sent by its name.

    `target`: an address as apprise knows it, a webhook's URL, or the topic below which our own
    broker tells; it may hold `${NAME}`, filled in when it is used.
    """

    name: str
    kind: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """Unacknowledged for so long (µs), an alarm goes to another route."""

    after: int
    to: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """What is left out of the filters fits all. `severity`: at least; `areas`: codes or names."""

    name: str
    channels: tuple[Channel, ...]
    domains: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    labels: frozenset[tuple[str, str]] = frozenset()  # its rule has all of them
    severity: str = "info"
    events: frozenset[str] = frozenset(EVENTS)
    hours: tuple[Hours, ...] = ()
    zone: str = "Europe/Paris"
    language: str = "fr"
    remind: int | None = None  # µs
    escalate: Escalation | None = None
    only_escalated: bool = False  # takes nothing but what another route passes on


@dataclass(frozen=True, kw_only=True)
class DeadMan:
    """The sign of life: so often (µs), while all is well, by these channels."""

    every: int
    channels: tuple[Channel, ...]
    language: str = "fr"


@dataclass(frozen=True, kw_only=True)
class Routes:
    """The whole file."""

    routes: tuple[Route, ...] = ()
    dead_man: DeadMan | None = None

    def named(self, name: str) -> Route | None:
        return next((route for route in self.routes if route.name == name), None)

    def channel(self, route: str, name: str) -> Channel | None:
        """The channel that now stands under a name; the sign of life is the route `dead man`."""
        owner = self.named(route)
        channels = owner.channels if owner else ()
        if route == DEAD_MAN and self.dead_man is not None:
            channels = self.dead_man.channels
        return next((channel for channel in channels if channel.name == name), None)


DEAD_MAN = "dead man"
