"""A rule as a value: what its author wrote, read and checked. Nothing here changes or remembers."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rules._functions import FORECASTS, OVER_MEMBERS, UPSTREAM
from rules._texts import Texts
from rules._tree import Call, Name, Node, Number, Threshold, Word, walk
from sensors._domain import Domain, catalogue

SEVERITIES = ("info", "minor", "major", "critical")  # ascending
SUBJECTS = ("site", "device", "group")  # what a rule may be judged per
CATEGORIES = ("hazard", "maintenance")  # maintenance: about our equipment, not the world
GROUPINGS = ("river", "commune", "site", "group")  # what makes alarms one incident
# Of what a rule writes, that by which it is judged; all else is how its alarms are told.
JUDGED_BY = ("domain", "per", "when", "clear", "for", "keep for", "severity", "steps")
DEVICE = "device"  # the word of silent(device, d)

Grouping = Literal["river", "commune", "site", "group"]


@functools.cache
def _domains() -> Mapping[str, Domain]:
    return catalogue().domains


@dataclass(frozen=True, kw_only=True)
class Step:
    """A severity step: a condition with its own hysteresis, latched while the alarm lives.

    `clear` None: the step ends when its `when` is false. `hold` is its `for`, in µs.
    """

    severity: str
    when: Node
    clear: Node | None = None
    hold: int = 0

    @functools.cached_property
    def thresholds(self) -> tuple[str, ...]:
        """The thresholds of the site that it names; without one of them it is left out."""
        return _own_thresholds([self.when] + ([self.clear] if self.clear else []))

    @functools.cached_property
    def forecasts(self) -> tuple[str, ...]:
        """The series of which it asks a forecast; while there is no model it is left out."""
        return _forecast_names([self.when] + ([self.clear] if self.clear else []))


@dataclass(frozen=True, kw_only=True)
class Chatter:
    """How many alarms of one rule and subject in how long (µs) are chatter, and damped."""

    count: int
    span: int


@dataclass(frozen=True, kw_only=True)
class PackTest:
    """A test that stands in the pack beside its rule, as written; see rules._pack_test."""

    name: str
    line: int
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. `hold` is its `for` and `keep` its `keep for`, in µs; 0: none.

    Of how its alarms are told: `inhibits`, rules of which they silence those of the same place;
    `grouping`, what makes them one incident; `remind`, `escalate` and `grace` in µs, None where
    the author leaves it to the routes and to the inhibitors; `never_suppressed`, nothing keeps it
    from notifying: no other alarm, works, hold or chatter.
    `written` is the rule as its pack writes it: what a revision stores. Two rules are equal when
    that is.
    """

    id: str
    title: str = field(compare=False)
    domain: str
    per: Literal["site", "device", "group"] = field(compare=False, default="site")
    category: Literal["hazard", "maintenance"] = field(compare=False, default="hazard")
    when: Node = field(compare=False)
    clear: Node | None = field(compare=False, default=None)
    hold: int = field(compare=False, default=0)
    keep: int = field(compare=False, default=0)
    severity: str = field(compare=False, default="major")
    steps: tuple[Step, ...] = field(compare=False, default=())
    advice: str = field(compare=False, default="")
    wrong_when: str = field(compare=False, default="")
    french: Texts = field(compare=False, default=Texts())
    inhibits: tuple[str, ...] = field(compare=False, default=())
    group_by: Grouping | None = field(compare=False, default=None)
    labels: Mapping[str, str] = field(compare=False, default_factory=dict)
    remind: int | None = field(compare=False, default=None)
    escalate: int | None = field(compare=False, default=None)
    grace: int | None = field(compare=False, default=None)
    chatter: Chatter | None = field(compare=False, default=None)
    never_suppressed: bool = field(compare=False, default=False)
    tests: tuple[PackTest, ...] = field(compare=False, default=())
    written: Mapping[str, Any]

    @functools.cached_property
    def conditions(self) -> tuple[Node, ...]:
        """`when`, `clear` and those of the steps."""
        nodes = [self.when] + ([self.clear] if self.clear else [])
        for step in self.steps:
            nodes += [step.when] + ([step.clear] if step.clear else [])
        return tuple(nodes)

    @functools.cached_property
    def _nodes(self) -> tuple[Node, ...]:
        return tuple(node for condition in self.conditions for node in walk(condition))

    @functools.cached_property
    def shares(self) -> tuple[Call, ...]:
        """Its calls of `share` and `total`."""
        return tuple(n for n in self._nodes if isinstance(n, Call) and n.function in OVER_MEMBERS)

    @functools.cached_property
    def inside(self) -> tuple[Node, ...]:
        """The nodes inside of its shares and totals: they speak of a group's members."""
        return _below(self.shares)

    @functools.cached_property
    def upstreams(self) -> tuple[Call, ...]:
        """Its calls of `upstream`."""
        return tuple(n for n in self._nodes if isinstance(n, Call) and n.function == UPSTREAM)

    @functools.cached_property
    def forecasts(self) -> tuple[str, ...]:
        """The series of which it asks a forecast."""
        return _forecast_names(self.conditions)

    @functools.cached_property
    def needed_forecasts(self) -> tuple[str, ...]:
        """Those of which a model must be in force for the rule to be: of `when` and `clear`."""
        return _forecast_names([self.when] + ([self.clear] if self.clear else []))

    @functools.cached_property
    def outside(self) -> tuple[Node, ...]:
        """The nodes that speak of the subject itself."""
        others = {id(node) for node in (*self.inside, *_below(self.upstreams))}
        return tuple(node for node in self._nodes if id(node) not in others)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The series (or words of a group) that it reads; a site without one has no such rule."""
        return _names((*self.outside, *self.inside))

    @functools.cached_property
    def shared(self) -> tuple[str, ...]:
        """Of the names, those inside a `share`: words of a group."""
        return _names(self.inside)

    @functools.cached_property
    def plain(self) -> tuple[str, ...]:
        """Of the names, those outside of every `share`: series of the subject itself."""
        return _names(self.outside)

    @functools.cached_property
    def afar(self) -> tuple[str, ...]:
        """The series inside `upstream`, which sites upstream must have for the rule to apply."""
        return _names(_below(self.upstreams))

    @functools.cached_property
    def afar_thresholds(self) -> tuple[str, ...]:
        """The thresholds inside `upstream`: those of the sites there."""
        nodes = _below(self.upstreams)
        return tuple(sorted({node.name for node in nodes if isinstance(node, Threshold)}))

    @functools.cached_property
    def spans(self) -> tuple[Number, ...]:
        """The numbers that its functions are given: mostly durations."""
        calls = (node for node in self._nodes if isinstance(node, Call))
        return tuple(part for call in calls for part in call.arguments if isinstance(part, Number))

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """What it asks of the calendar and of the lighting plan (rules._vocabulary)."""
        return frozenset(node.name for node in self._nodes if isinstance(node, Word))

    @functools.cached_property
    def thresholds(self) -> tuple[str, ...]:
        """The thresholds that a site must have for the rule to apply: those of `when` and `clear`.

        A step that names a threshold its site lacks is left out, and the rest of the rule stands.
        """
        return _own_thresholds([self.when] + ([self.clear] if self.clear else []))

    @functools.cached_property
    def optional_thresholds(self) -> tuple[str, ...]:
        """The thresholds that only steps name."""
        near = (*self.outside, *self.inside)
        named = {node.name for node in near if isinstance(node, Threshold)}
        return tuple(sorted(named - set(self.thresholds)))

    @functools.cached_property
    def axis(self) -> Literal["values", "silence"]:
        """On which time it lives: `time` of the readings, or `received_at`."""
        return "silence" if "silent" in self.functions else "values"

    @functools.cached_property
    def functions(self) -> frozenset[str]:
        """The functions that it calls."""
        return frozenset(node.function for node in self._nodes if isinstance(node, Call))

    @functools.cached_property
    def calls(self) -> int:
        """How many times it calls a function: what a reading costs."""
        return sum(isinstance(node, Call) for node in self._nodes)

    @property
    def grouping(self) -> Grouping:
        """What makes its alarms one incident: as written, else as its domain usually does."""
        if self.group_by is not None:
            return self.group_by
        domain = _domains().get(self.domain)
        return "commune" if domain is None else domain.grouping

    def to_json(self) -> dict[str, Any]:
        """What a revision stores: plain values that `rules._pack.rule_from_json` reads again."""
        return {"domain": self.domain, **self.written}


def judged_by(written: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Of a rule as a revision stores it, that by which it is judged; of a withdrawn one None."""
    if written is None:
        return None
    return {key: written[key] for key in JUDGED_BY if key in written}


def ahead_of(upstream: Call) -> int:
    """How far (µs) a call of `upstream` looks ahead."""
    last = upstream.arguments[-1]
    return int(last.value) if len(upstream.arguments) > 1 and isinstance(last, Number) else 0


def _own_thresholds(conditions: Iterable[Node]) -> tuple[str, ...]:
    """Those of the subject itself, not of the sites upstream."""
    nodes = [node for condition in conditions for node in walk(condition)]
    calls = [node for node in nodes if isinstance(node, Call) and node.function == UPSTREAM]
    afar = {id(node) for node in _below(calls)}
    names = {n.name for n in nodes if isinstance(n, Threshold) and id(n) not in afar}
    return tuple(sorted(names))


def _forecast_names(conditions: Iterable[Node]) -> tuple[str, ...]:
    nodes = [node for condition in conditions for node in walk(condition)]
    return _names(_below(n for n in nodes if isinstance(n, Call) and n.function in FORECASTS))


def _below(calls: Iterable[Call]) -> tuple[Node, ...]:
    return tuple(node for call in calls for part in call.parts for node in walk(part))


def _names(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(sorted({node.name for node in nodes if isinstance(node, Name)} - {DEVICE}))
