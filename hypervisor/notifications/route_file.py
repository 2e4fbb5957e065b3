"""Reads a routes file; errors give file, line, column and a suggestion."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from hypervisor.base.instance import InstanceError, require_timezone
from hypervisor.notifications.hours import DAYS, WEEKDAYS, WHOLE_DAY, Hours
from hypervisor.notifications.kinds import ChannelKind, list_kinds
from hypervisor.notifications.routes import (
    APPRISE,
    DEAD_MAN,
    EVENTS,
    LANGUAGES,
    Channel,
    DeadMan,
    Escalation,
    Route,
    Routes,
)
from hypervisor.notifications.sending import is_placeholder
from rules._duration import parse_duration
from rules._rule import CATEGORIES, SEVERITIES
from rules._yaml import Source
from sensors._nearest import did_you_mean

_ROUTE = (
    *("name", "when", "hours", "time zone", "language", "channels", "remind", "escalate"),
    *("only escalated", "call"),
)
_WHEN = (
    *("domains", "areas", "sites", "rules", "categories", "labels", "severity", "events"),
    "teams",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_CLOCK = re.compile(r"([01]?\d|2[0-4])(?:[:h]([0-5]\d)|h)")
_SECOND = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The names that an instance has; an empty set accepts any.

    `personal`: domains whose alarms take a route that names them.
    """

    domains: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()
    zone: str = "Europe/Paris"


def read_routes(text: str, *, file: str, vocabulary: Vocabulary | None = None) -> Routes:
    """The routes of a file. Raises RuleError: an error: says where, and what was expected."""
    return _Reader(source=Source(file), vocabulary=vocabulary or Vocabulary()).file(text)


@dataclass(kw_only=True)
class _Reader:
    source: Source
    vocabulary: Vocabulary
    names: dict[str, yaml.Node] = field(default_factory=dict)
    escalations: list[tuple[str, yaml.Node]] = field(default_factory=list)

    def file(self, text: str) -> Routes:
        node = self.source.compose(text)
        parts = self.source.mapping(node, "a routes file", ("routes", DEAD_MAN), ("routes",))
        routes = tuple(map(self.route, self.source.sequence(parts["routes"], "the routes")))
        for to, target in self.escalations:
            if to not in self.names:
                hint = did_you_mean(to, self.names)
                self.source.fail(target, "there is no route {to!r}{hint}", to, hint)
        man = parts.get(DEAD_MAN)
        return Routes(routes=routes, dead_man=None if man is None else self.dead_man(man))

    def route(self, node: yaml.Node) -> Route:
        source = self.source
        parts = source.mapping(node, "a route", _ROUTE, ("name", "channels"))
        name = self.name(parts["name"])
        when = parts.get("when")
        filters = {} if when is None else source.mapping(when, "`when` of a route", _WHEN)
        severity, labels = filters.get("severity"), filters.get("labels")
        zone, hours, only = parts.get("time zone"), parts.get("hours"), parts.get("only escalated")
        remind, escalate, call = parts.get("remind"), parts.get("escalate"), parts.get("call")
        answers = ("yes", "no", "true", "false")
        return Route(
            name=name,
            domains=self.words(filters, "domains", self.vocabulary.domains),
            areas=self.words(filters, "areas", self.vocabulary.areas),
            sites=self.words(filters, "sites", self.vocabulary.sites),
            rules=self.words(filters, "rules", self.vocabulary.rules),
            categories=self.words(filters, "categories", CATEGORIES),
            teams=self.teams(filters, parts),
            labels=frozenset() if labels is None else self.labels(labels),
            severity=source.choice(severity, "a severity", SEVERITIES) if severity else "info",
            events=self.words(filters, "events", EVENTS) or frozenset(EVENTS),
            hours=() if hours is None else self.hours(hours),
            zone=self.vocabulary.zone if zone is None else self.zone(zone),
            language=self.language(parts),
            remind=None if remind is None else self.duration(remind),
            escalate=None if escalate is None else self.escalation(name, escalate),
            only_escalated=only is not None
            and source.choice(only, "yes or no", answers) in ("yes", "true"),
            channels=self.channels(parts["channels"]),
            call="" if call is None else source.text(call, "whom to call").strip(),
        )

    def name(self, node: yaml.Node) -> str:
        name = self.source.text(node, "a route's name")
        if not _NAME.fullmatch(name):
            self.source.fail(
                node,
                "{name!r} cannot name a route; expected letters, digits, '-', '_' and '.'",
                name,
            )
        if name in self.names:
            line = self.source.place(self.names[name]).line
            self.source.fail(node, "the route in line {line} is named {name!r}, too", line, name)
        self.names[name] = node
        return name

    def words(
        self, filters: dict[str, yaml.Node], key: str, allowed: Iterable[str]
    ) -> frozenset[str]:
        """A list of words or a single one; an empty vocabulary accepts any."""
        node = filters.get(key)
        if node is None:
            return frozenset()
        nodes = [node] if isinstance(node, yaml.ScalarNode) else self.source.sequence(node, key)
        if not nodes:
            self.source.fail(node, "{key} is empty: leave it out for all of them", key)
        if not allowed:
            return frozenset(self.source.texts(node, key))
        return frozenset(self.source.choice(part, f"one of the {key}", allowed) for part in nodes)

    def teams(self, filters: dict[str, yaml.Node], parts: dict[str, yaml.Node]) -> frozenset[str]:
        """Teams whose work orders the route takes; what is about alarms has no place beside."""
        alone = [node for key, node in filters.items() if key != "teams"]
        alone += [parts[key] for key in ("remind", "escalate", "only escalated") if key in parts]
        if "teams" in filters and alone:
            self.source.fail(
                alone[0], "a route of teams takes work orders, and no alarm: leave this out"
            )
        return self.words(filters, "teams", self.vocabulary.teams)

    def labels(self, node: yaml.Node) -> frozenset[tuple[str, str]]:
        parts = self.source.mapping(node, "labels")
        return frozenset(
            (name, self.source.text(value, f"label {name}")) for name, value in parts.items()
        )

    def language(self, parts: dict[str, yaml.Node]) -> str:
        node = parts.get("language")
        return "fr" if node is None else self.source.choice(node, "a language", LANGUAGES)

    def escalation(self, name: str, node: yaml.Node) -> Escalation:
        keys = ("after", "to")
        parts = self.source.mapping(node, "`escalate`", keys, keys)
        to = self.source.text(parts["to"], "a route's name")
        if to == name:
            self.source.fail(parts["to"], "a route cannot escalate to itself; use `remind`")
        self.escalations.append((to, parts["to"]))
        return Escalation(after=self.duration(parts["after"]), to=to)

    def dead_man(self, node: yaml.Node) -> DeadMan:
        keys = ("every", "channels")
        parts = self.source.mapping(node, "`dead man`", (*keys, "language"), keys)
        return DeadMan(
            every=self.duration(parts["every"]),
            channels=self.channels(parts["channels"]),
            language=self.language(parts),
        )

    def duration(self, node: yaml.Node) -> int:
        span = parse_duration(self.source.text(node, "a duration"), self.source.place(node))
        if span < _SECOND:
            self.source.fail(node, "expected a second or more")
        return span

    def zone(self, node: yaml.Node) -> str:
        name = self.source.text(node, "a time zone")
        try:
            return require_timezone(name)
        except InstanceError as error:
            self.source.fail(node, str(error))

    def hours(self, node: yaml.Node) -> tuple[Hours, ...]:
        spans = self.source.sequence(node, "the hours")
        if not spans:
            self.source.fail(node, "`hours` is empty: leave it out for always")
        return tuple(map(self.span, spans))

    def span(self, node: yaml.Node) -> Hours:
        parts = self.source.mapping(node, "a span of hours", ("days", "from", "to"))
        days = parts.get("days")
        return Hours(
            days=frozenset(WEEKDAYS) if days is None else self.days(days),
            begins=self.clock(parts["from"]) if "from" in parts else 0,
            ends=self.clock(parts["to"]) if "to" in parts else WHOLE_DAY,
        )

    def days(self, node: yaml.Node) -> frozenset[str]:
        nodes = [node] if isinstance(node, yaml.ScalarNode) else self.source.sequence(node, "days")
        days: set[str] = set()
        for day in nodes:
            first, dash, last = self.source.text(day, "a day").partition("-")
            ends = [first.strip(), last.strip()] if dash else [first.strip()]
            allowed = WEEKDAYS if dash else DAYS
            for word in ends:
                if word not in allowed:
                    self.source.fail(
                        day, "{word!r} is not a day{hint}", word, did_you_mean(word, allowed)
                    )
            if dash:
                at, to = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[1])
                days.update(WEEKDAYS[(at + k) % 7] for k in range((to - at) % 7 + 1))
            else:
                days.add(ends[0])
        return frozenset(days)

    def clock(self, node: yaml.Node) -> int:
        text = self.source.text(node, "a time of day")
        match = _CLOCK.fullmatch(text)
        minutes = int(match[1]) * 60 + int(match[2] or 0) if match else WHOLE_DAY + 1
        if minutes > WHOLE_DAY:
            self.source.fail(node, '{text!r} is not a time of day such as "18:30"', text)
        return minutes

    def channels(self, node: yaml.Node) -> tuple[Channel, ...]:
        by_name: dict[str, Channel] = {}
        for number, entry in enumerate(self.source.sequence(node, "the channels"), 1):
            channel = self.channel(entry, number)
            if channel.name in by_name:
                self.source.fail(entry, "two channels are named {channel!r}", channel.name)
            by_name[channel.name] = channel
        if not by_name:
            self.source.fail(node, "a route needs a channel")
        return tuple(by_name.values())

    def channel(self, node: yaml.Node, number: int) -> Channel:
        if isinstance(node, yaml.ScalarNode):
            return self.of_kind(list_kinds()[APPRISE], node, f"{number}")
        kinds = list_kinds()
        parts = self.source.mapping(node, "a channel", ("name", *kinds))
        name = self.source.text(parts["name"], "its name") if "name" in parts else f"{number}"
        if not _NAME.fullmatch(name):
            self.source.fail(parts["name"], "{name!r} cannot name a channel", name)
        written = [kind for kind in kinds if kind in parts]
        if len(written) != 1:
            self.source.fail(
                node,
                "a channel is one of {choices}; found {kinds}",
                ", ".join(kinds),
                ", ".join(written) or "none",
            )
        return self.of_kind(kinds[written[0]], parts[written[0]], name)

    def of_kind(self, kind: ChannelKind, node: yaml.Node, name: str) -> Channel:
        fields = self.fields(kind, node)
        for secret in kind.secrets:
            if not is_placeholder(fields[secret]):
                self.source.fail(
                    node,
                    "{field} is a secret: write ${{NAME}}, and its value in hypervisor.env",
                    secret,
                )
        problem = kind.find_problem(fields)
        if problem is not None:
            self.source.fail(node, problem)
        return Channel(name=name, kind=kind.name, fields=fields)

    def fields(self, kind: ChannelKind, node: yaml.Node) -> dict[str, str]:
        """The fields of a channel; one alone is written without its name."""
        if len(kind.fields) == 1:
            return {kind.fields[0]: self.source.text(node, f"where the {kind.name} is")}
        parts = self.source.mapping(node, f"a channel {kind.name}", kind.fields, kind.fields)
        return {name: self.source.text(part, name) for name, part in parts.items()}
