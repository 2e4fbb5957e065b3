"""Reads a routes file; errors give file, line, column and a suggestion."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from hypervisor.notifications.route_file_parts import (
    channels,
    duration,
    hours,
    labels,
    one_of,
    words,
    zone,
)
from hypervisor.notifications.routes import (
    DEAD_MAN,
    EVENTS,
    LANGUAGES,
    DeadMan,
    Escalation,
    Route,
    Routes,
)
from rules._errors import RuleError
from rules._rule import CATEGORIES, SEVERITIES
from rules._yaml import Source
from sensors._nearest import did_you_mean

_FILE = ("routes", DEAD_MAN)
_ROUTE = (
    *("name", "when", "hours", "time zone", "language", "channels", "remind", "escalate"),
    "only escalated",
)
_WHEN = ("domains", "areas", "sites", "rules", "categories", "labels", "severity", "events")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The names that an instance knows; an empty set accepts any."""

    domains: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    zone: str = "Europe/Paris"


@dataclass(kw_only=True)
class _Reader:
    source: Source
    vocabulary: Vocabulary
    names: dict[str, yaml.Node] = field(default_factory=dict)
    passed_on: list[tuple[str, yaml.Node]] = field(default_factory=list)

    def file(self, text: str) -> Routes:
        parts = self.source.mapping(self.source.compose(text), "a routes file", _FILE)
        if "routes" not in parts:
            place = self.source.place(self.source.compose(text))
            raise RuleError(place, "the file has no `routes`, a list of them")
        routes = tuple(map(self.route, self.source.sequence(parts["routes"], "the routes")))
        for to, node in self.passed_on:
            if to not in self.names:
                hint = did_you_mean(to, self.names)
                raise RuleError(self.source.place(node), f"there is no route {to!r}{hint}")
        man = parts.get(DEAD_MAN)
        return Routes(routes=routes, dead_man=None if man is None else self.dead_man(man))

    def route(self, node: yaml.Node) -> Route:
        parts = self.source.mapping(node, "a route", _ROUTE)
        for needed in ("name", "channels"):
            if needed not in parts:
                raise RuleError(self.source.place(node), f"a route has no {needed!r}")
        name = self.name(parts["name"])
        when = parts.get("when")
        filters = {} if when is None else self.source.mapping(when, "`when` of a route", _WHEN)
        remind, escalate = parts.get("remind"), parts.get("escalate")
        in_zone, language = parts.get("time zone"), parts.get("language")
        only = parts.get("only escalated")
        return Route(
            name=name,
            domains=self.some(filters, "domains", self.vocabulary.domains),
            areas=self.some(filters, "areas", self.vocabulary.areas),
            sites=self.some(filters, "sites", self.vocabulary.sites),
            rules=self.some(filters, "rules", self.vocabulary.rules),
            categories=self.some(filters, "categories", CATEGORIES),
            labels=labels(self.source, filters["labels"]) if "labels" in filters else frozenset(),
            severity=one_of(self.source, filters["severity"], "a severity", SEVERITIES)
            if "severity" in filters
            else SEVERITIES[0],
            events=self.some(filters, "events", EVENTS) or frozenset(EVENTS),
            hours=hours(self.source, parts["hours"]) if "hours" in parts else (),
            zone=zone(self.source, in_zone) if in_zone is not None else self.vocabulary.zone,
            language=one_of(self.source, language, "a language", LANGUAGES) if language else "fr",
            remind=duration(self.source, remind) if remind is not None else None,
            escalate=self.escalation(name, escalate) if escalate is not None else None,
            only_escalated=only is not None
            and one_of(self.source, only, "yes or no", ("yes", "no", "true", "false"))
            in ("yes", "true"),
            channels=channels(self.source, parts["channels"]),
        )

    def name(self, node: yaml.Node) -> str:
        name = self.source.text(node, "a route's name")
        if not _NAME.fullmatch(name):
            expected = "expected letters, digits, '-', '_' and '.'"
            raise RuleError(self.source.place(node), f"{name!r} cannot name a route; {expected}")
        if name in self.names:
            first = self.source.place(self.names[name]).line
            problem = f"the route in line {first} is named {name!r}, too"
            raise RuleError(self.source.place(node), problem)
        self.names[name] = node
        return name

    def some(
        self, filters: dict[str, yaml.Node], key: str, allowed: Iterable[str]
    ) -> frozenset[str]:
        return words(self.source, filters[key], key, allowed) if key in filters else frozenset()

    def escalation(self, name: str, node: yaml.Node) -> Escalation:
        parts = self.source.mapping(node, "`escalate`", ("after", "to"))
        if missing := [key for key in ("after", "to") if key not in parts]:
            raise RuleError(self.source.place(node), f"`escalate` has no {missing[0]!r}")
        to = self.source.text(parts["to"], "a route's name")
        if to == name:
            place = self.source.place(parts["to"])
            raise RuleError(place, "a route that escalates to itself: `remind` does that")
        self.passed_on.append((to, parts["to"]))
        return Escalation(after=duration(self.source, parts["after"]), to=to)

    def dead_man(self, node: yaml.Node) -> DeadMan:
        parts = self.source.mapping(node, "`dead man`", ("every", "channels", "language"))
        if missing := [key for key in ("every", "channels") if key not in parts]:
            raise RuleError(self.source.place(node), f"`dead man` has no {missing[0]!r}")
        language = parts.get("language")
        return DeadMan(
            every=duration(self.source, parts["every"]),
            channels=channels(self.source, parts["channels"]),
            language=one_of(self.source, language, "a language", LANGUAGES) if language else "fr",
        )


def read_routes(text: str, *, file: str, vocabulary: Vocabulary | None = None) -> Routes:
    """The routes of a file.

    Raises:
        RuleError: an error: says where, and what was expected.
    """
    return _Reader(source=Source(file), vocabulary=vocabulary or Vocabulary()).file(text)
