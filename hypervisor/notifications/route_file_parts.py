"""Parsers for parts of a routes file: names, durations, hours, zones, channels."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import yaml

from hypervisor.notifications import apprise_channel
from hypervisor.notifications.hours import DAYS, WEEKDAYS, WHOLE_DAY, Hours
from hypervisor.notifications.routes import APPRISE, MQTT, WEBHOOK, Channel
from rules._duration import parse_duration
from rules._errors import RuleError
from rules._yaml import Source
from sensors._nearest import did_you_mean

_CLOCK = re.compile(r"([01]?\d|2[0-4])[:h]([0-5]\d)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SECOND = 1_000_000


def one_of(source: Source, node: yaml.Node, what: str, choices: Iterable[str]) -> str:
    """One of the choices.

    Raises:
        RuleError: it is none of them.
    """
    word = source.text(node, what)
    allowed = tuple(choices)
    if word not in allowed:
        raise RuleError(source.place(node), f"{word!r} is not {what}{did_you_mean(word, allowed)}")
    return word


def words(source: Source, node: yaml.Node, what: str, choices: Iterable[str]) -> frozenset[str]:
    """A list of words or a single one; without choices, any word is accepted."""
    allowed = tuple(choices)
    single = isinstance(node, yaml.ScalarNode)
    nodes = [node] if single else source.sequence(node, what)
    if not nodes:
        raise RuleError(source.place(node), f"{what} names nothing: leave it out for all of them")
    if not allowed:
        return frozenset(source.text(word, what) for word in nodes)
    return frozenset(one_of(source, word, f"one of the {what} known", allowed) for word in nodes)


def labels(source: Source, node: yaml.Node) -> frozenset[tuple[str, str]]:
    """Labels of rules."""
    parts = source.mapping(node, "labels")
    return frozenset((name, source.text(value, f"label {name}")) for name, value in parts.items())


def duration(source: Source, node: yaml.Node) -> int:
    """A duration in µs, at least one second."""
    span = parse_duration(source.text(node, "a duration"), source.place(node))
    if span < _SECOND:
        raise RuleError(source.place(node), "expected a second or more")
    return span


def zone(source: Source, node: yaml.Node) -> str:
    """A time zone's name."""
    name = source.text(node, "a time zone")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint: str = did_you_mean(name, available_timezones())
        hint = hint if "did you mean" in hint else "; expected one such as Europe/Paris"
        raise RuleError(source.place(node), f"{name!r} is no time zone{hint}") from None
    return name


def hours(source: Source, node: yaml.Node) -> tuple[Hours, ...]:
    """Spans of days and hours."""
    spans = source.sequence(node, "the hours")
    if not spans:
        raise RuleError(source.place(node), "`hours` is empty: leave it out for always")
    return tuple(_span(source, span) for span in spans)


def _span(source: Source, node: yaml.Node) -> Hours:
    parts = source.mapping(node, "a span of hours", ("days", "from", "to"))
    days = parts.get("days")
    return Hours(
        days=frozenset(WEEKDAYS) if days is None else _days(source, days),
        begins=_clock(source, parts["from"]) if "from" in parts else 0,
        ends=_clock(source, parts["to"]) if "to" in parts else WHOLE_DAY,
    )


def _days(source: Source, node: yaml.Node) -> frozenset[str]:
    nodes = [node] if isinstance(node, yaml.ScalarNode) else source.sequence(node, "days")
    days: set[str] = set()
    for day in nodes:
        first, dash, last = source.text(day, "a day").partition("-")
        ends = [first.strip(), last.strip()] if dash else [first.strip()]
        allowed = WEEKDAYS if dash else DAYS
        for word in ends:
            if word not in allowed:
                hint: str = did_you_mean(word, allowed)
                raise RuleError(source.place(day), f"{word!r} is no day{hint}")
        if dash:
            at, to = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[1])
            days.update(WEEKDAYS[(at + k) % 7] for k in range((to - at) % 7 + 1))
        else:
            days.add(ends[0])
    return frozenset(days)


def _clock(source: Source, node: yaml.Node) -> int:
    text = source.text(node, "a time of day")
    match = _CLOCK.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else WHOLE_DAY + 1
    if minutes > WHOLE_DAY:
        raise RuleError(source.place(node), f'{text!r} is no time of day such as "18:30"')
    return minutes


def channels(source: Source, node: yaml.Node) -> tuple[Channel, ...]:
    """The channels of a route, with unique names."""
    by_name: dict[str, Channel] = {}
    for number, entry in enumerate(source.sequence(node, "the channels"), 1):
        channel = _channel(source, entry, number)
        if channel.name in by_name:
            raise RuleError(source.place(entry), f"two channels are named {channel.name!r}")
        by_name[channel.name] = channel
    if not by_name:
        raise RuleError(source.place(node), "a route without a channel tells nobody")
    return tuple(by_name.values())


def _channel(source: Source, node: yaml.Node, number: int) -> Channel:
    if isinstance(node, yaml.ScalarNode):
        return _apprise(source, node, f"{number}")
    parts = source.mapping(node, "a channel", ("name", APPRISE, WEBHOOK, MQTT))
    name = source.text(parts["name"], "its name") if "name" in parts else f"{number}"
    if not _NAME.fullmatch(name):
        raise RuleError(source.place(parts["name"]), f"{name!r} cannot name a channel")
    kinds = [kind for kind in (APPRISE, WEBHOOK, MQTT) if kind in parts]
    if len(kinds) != 1:
        expected = f"expected one of {APPRISE}, {WEBHOOK} and {MQTT}"
        raise RuleError(source.place(node), f"{expected}; found {', '.join(kinds) or 'none'}")
    kind = kinds[0]
    if kind == APPRISE:
        return _apprise(source, parts[kind], name)
    target = source.text(parts[kind], f"where the {kind} is")
    if kind == WEBHOOK and "${" not in target:
        where = urlsplit(target)
        if where.scheme not in ("http", "https") or not where.hostname:
            expected = "expected a webhook such as https://town.example/hook"
            raise RuleError(source.place(parts[kind]), f"{target!r}: {expected}")
    if kind == MQTT and (not target.strip("/") or set("+#") & set(target)):
        expected = "expected a topic such as hypervisor/alarms"
        raise RuleError(source.place(parts[kind]), f"{target!r}: {expected}")
    return Channel(name=name, kind=kind, target=target)


def _apprise(source: Source, node: yaml.Node, name: str) -> Channel:
    """Checks the address unless it has placeholders; a misspelt scheme is the usual error."""
    target = source.text(node, "an address")
    scheme = target.partition("://")[0]
    schemes = apprise_channel.list_schemes()
    if "${" not in scheme and scheme.lower() not in schemes:
        hint: str = did_you_mean(scheme, schemes)
        hint = hint if "did you mean" in hint else "; expected one such as mailto://"
        raise RuleError(source.place(node), f"{scheme!r} is no kind of channel{hint}")
    if "${" not in target and not apprise_channel.is_complete(target):
        expected = f"this is no complete address of the kind {scheme}://"
        raise RuleError(source.place(node), f"{expected}; its page in apprise's manual says how")
    return Channel(name=name, kind=APPRISE, target=target)
