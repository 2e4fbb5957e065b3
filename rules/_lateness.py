"""What a rule means at a site: how late it can be, and what there is against it.

The facts come from a registry, which this package does not know: the caller gives them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rules._duration import HOUR, SECOND, duration_text
from rules._functions import FUNCTIONS, INTERVALS, USUAL
from rules._rule import DEVICE, Rule
from rules._tree import Call, Comparison, Name, Node, Number, walk
from sensors._errors import Message, Place
from sensors._nearest import did_you_mean

_MINUTE = 60 * SECOND


@dataclass(frozen=True, kw_only=True)
class SiteFacts:
    """A site (device, group) as far as it matters here.

    `intervals` (µs) by the quantity a rule names, the longest where several devices measure it;
    `on_change`: those sent on change. `upstream`: by quantity, the longest interval of the sites
    upstream. `forecasts`: the quantities that have, or had, a model.
    """

    name: str
    intervals: Mapping[str, int]
    thresholds: frozenset[str] = frozenset()
    on_change: frozenset[str] = frozenset()
    upstream: Mapping[str, int] = field(default_factory=dict)
    forecasts: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """How long after something begins its alarm is raised and sent at the latest (µs).

    `parts` says how that comes about.
    """

    site: str
    stands: int
    notified: int
    parts: tuple[tuple[str, int], ...]

    @property
    def how(self) -> str:
        """How late, and why."""
        parts = ", ".join(f"{what} {duration_text(span)}" for what, span in self.parts)
        delay = (
            f", told after {duration_text(self.notified)}" if self.notified != self.stands else ""
        )
        return f"at most {duration_text(self.stands)} late{delay} ({parts})"

    def __str__(self) -> str:
        return f"{self.site}: {self.how}"


def applies(rule: Rule, site: SiteFacts) -> bool:
    """Whether the site has what the rule needs."""
    return (
        all(name in site.intervals for name in rule.names)
        and all(name in site.thresholds for name in rule.thresholds)
        and all(name in site.upstream for name in rule.afar)
        and site.forecasts.issuperset(rule.needed_forecasts)
    )


def lateness(rule: Rule, site: SiteFacts, *, grace: int = 0) -> Lateness:
    """How late the rule can be there; `grace`: how long it waits for those that inhibit it.

    What happens just after a reading is seen by the next one, an interval later. A `for` is
    fulfilled by a reading not before it is over: up to an interval more. A silence is seen when it
    completes; what is sent on change is seen at once.
    """
    parts: list[tuple[str, int]] = []
    silent = [n for n in rule.outside if isinstance(n, Call) and n.function == "silent"]
    spans = [_silence(call, site) for call in silent]
    if spans:
        parts.append(("silence", max(spans)))
    intervals = [site.intervals[n] for n in _gauges(rule, site)]
    intervals += [site.upstream[name] for name in rule.afar]
    usual = max(intervals, default=0)
    if usual and not silent:
        parts.append(("interval", usual))
    stuck = [n for c in (rule.when,) for n in walk(c) if _is_stuck(n)]
    parts += [("stuck", span) for span in (max(map(_span, stuck), default=0),) if span]
    if rule.hold:
        parts.append(("for", rule.hold))
        if usual and not silent and rule.hold % usual:
            parts.append(("until the next reading", usual - rule.hold % usual))
    stands = sum(span for _, span in parts)
    wait = rule.grace if rule.grace is not None else grace
    if wait:
        parts.append(("grace", wait))
    return Lateness(site=site.name, stands=stands, notified=stands + wait, parts=tuple(parts))


def second_reading(rule: Rule, interval: int) -> int | None:
    """How long (µs) an alarm waits at such readings for the second one, which `for` needs.

    None: no longer than twice its `for`.
    """
    waits = rule.hold and rule.axis == "values" and interval > 2 * rule.hold
    return interval if waits else None


def at_first_reading(rule: Rule) -> str | None:
    """What `when` may compare instead of a `for`, to hold at the first of rare readings.

    Where readings are frequent, the window holds as many of them as the `for` waits for. None: the
    rule compares more than a series.
    """
    if not (isinstance(rule.when, Comparison) and isinstance(rule.when.left, Name)):
        return None
    least = "max" if rule.when.operator.startswith("<") else "min"
    return f"{least}({rule.when.left.name}, {duration_text(rule.hold + _MINUTE)})"


def warnings(rule: Rule, sites: Iterable[SiteFacts]) -> Iterator[tuple[Place, Message]]:
    """What an author should know of a rule at these sites: where it stands, and what it is.

    A threshold that no site has, with the nearest that one has; a window shorter than the interval
    of a series there; nowhere that it applies.
    """
    site_facts = list(sites)
    yield from _thresholds(rule, site_facts)
    there = [site for site in site_facts if applies(rule, site)]
    if site_facts and not there:
        yield (
            rule.when.place,
            Message("{rule} applies at none of {count} sites", rule.id, len(site_facts)),
        )
    yield from _windows(rule, there)
    yield from _second_readings(rule, there)
    yield from _hours(rule, there)


def _hours(rule: Rule, sites: list[SiteFacts]) -> Iterator[tuple[Place, Message]]:
    """Where readings are so rare that most hours of the past have none."""
    for node in (*rule.outside, *rule.inside):
        if isinstance(node, Call) and node.function == USUAL:
            series = next(part.name for part in node.arguments if isinstance(part, Name))
            rare = [
                (site.intervals[series], site)
                for site in sites
                if site.intervals.get(series, 0) > HOUR and series not in site.on_change
            ]
            if rare:
                interval, site = max(rare, key=lambda pair: pair[0])
                yield (
                    node.place,
                    Message(
                        "usual({series}, …) compares hours, and {site} reads every {interval}: "
                        "what is usual there is mostly unknown",
                        series,
                        site.name,
                        duration_text(interval),
                    ),
                )


def _second_readings(rule: Rule, sites: list[SiteFacts]) -> Iterator[tuple[Place, Message]]:
    """Where readings are so rare that `for` means the second of them."""
    rare = [
        (waits, site)
        for site in sites
        for usual in [max((site.intervals[n] for n in _gauges(rule, site)), default=0)]
        if (waits := second_reading(rule, usual)) is not None
    ]
    if rare:
        waits, site = max(rare, key=lambda pair: pair[0])
        others, window = len(rare) - 1, at_first_reading(rule)
        yield (
            rule.when.place,
            Message(
                "`for: {hold}` needs two readings, and {site} reads every {interval}{more}: "
                "an alarm there waits for the second{instead}",
                duration_text(rule.hold),
                site.name,
                duration_text(waits),
                Message(" (and {count} more sites do)", others) if others else "",
                Message("; to raise it at the first, write {window} and no `for`", window)
                if window
                else "",
            ),
        )


def _gauges(rule: Rule, site: SiteFacts) -> list[str]:
    return [name for name in rule.names if name not in site.on_change]


def _thresholds(rule: Rule, sites: list[SiteFacts]) -> Iterator[tuple[Place, Message]]:
    had = {name for site in sites for name in site.thresholds}
    nodes = [node for condition in rule.conditions for node in walk(condition)]
    for name in (*rule.thresholds, *rule.optional_thresholds, *rule.afar_thresholds):
        if sites and name not in had:
            place = next(n.place for n in nodes if getattr(n, "name", "") == name)
            hint = did_you_mean(name, had)
            yield place, Message("no site has a threshold {name!r}{hint}", name, hint)


def _windows(rule: Rule, sites: list[SiteFacts]) -> Iterator[tuple[Place, Message]]:
    for node in (*rule.outside, *rule.inside):
        if not (isinstance(node, Call) and _needs(node)):
            continue
        series = node.arguments[0]
        if not isinstance(series, Name) or series.name == DEVICE:
            continue
        least = _needs(node)
        short = [
            (site.intervals[series.name] * least, site)
            for site in sites
            if series.name in site.intervals and series.name not in site.on_change
        ]
        short = [(needed, site) for needed, site in short if _span(node) < needed]
        if short:
            needed, site = max(short, key=lambda pair: pair[0])
            why = Message("is shorter than an interval")
            if least > 1:
                why = Message("needs {count} readings", least)
            others = len(short) - 1
            more = Message(" (and {count} more sites do)", others) if others else ""
            yield (
                node.place,
                Message(
                    "{function}({series}, {span}) {why}, and {site} reads every {interval}{more}; "
                    "write {needed} or more",
                    node.function,
                    series.name,
                    duration_text(_span(node)),
                    why,
                    site.name,
                    duration_text(site.intervals[series.name]),
                    more,
                    duration_text(needed),
                ),
            )


def _needs(call: Call) -> int:
    """How many intervals a window must hold to be known."""
    return 0 if _in_intervals(call) else FUNCTIONS[call.function].intervals


def _silence(call: Call, site: SiteFacts) -> int:
    """How long a silence lasts there before it is one."""
    series, length = call.arguments
    if _in_intervals(call) and isinstance(series, Name) and isinstance(length, Number):
        return int(length.value * site.intervals[series.name])
    return _span(call)


def _in_intervals(call: Call) -> bool:
    last = call.arguments[-1]
    return isinstance(last, Number) and last.unit == INTERVALS


def _is_stuck(node: Node) -> bool:
    return isinstance(node, Call) and node.function == "stuck"


def _span(node: Node) -> int:
    last = node.parts[-1]
    return int(last.value) if isinstance(last, Number) else 0
