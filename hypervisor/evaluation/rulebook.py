"""The rules in force, where they apply, and which series each of them listens to."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from hypervisor.base.instants import micros
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.setbacks import describe_error
from hypervisor.registry.model import Registry, Revision
from rules._calendar_words import PLANNED
from rules._pack import rule_from_json
from rules._rule import DEVICE, Rule, judged_by
from rules._tree import Call, Name, walk
from sensors._quantity import Reporting

log = logging.getLogger(__name__)

Revisions = tuple[tuple[int, Rule | None], ...]  # effective µs ascending; None withdraws


@dataclass(frozen=True, kw_only=True)
class RuleHistory:
    """One rule through its revisions. `written` is what is remembered of it.

    A revision that cannot be read counts as none. `problem`: why the latest one cannot; the rule
    is then not to be evaluated at all. `judged`: those among them by which something else is
    judged than before. Of others only what people are told is new.
    """

    id: str
    revisions: Revisions
    judged: Revisions
    written: tuple[tuple[int, Any], ...]
    silence: bool  # it lives on the axis of arrival, as all its revisions do
    asks_of_devices: bool  # whether a device spoke at all, whatever of
    common: frozenset[str]  # quantities of no domain
    problem: str | None = None

    @property
    def rules(self) -> list[Rule]:
        return [rule for _, rule in self.revisions if rule is not None]

    def at(self, time: int) -> Rule:
        """The rule in force then, for what it says to people; the first one before all."""
        standing = [rule for at, rule in self.revisions if rule is not None and at <= time]
        return (standing or self.rules)[-1 if standing else 0]

    @cached_property
    def planned(self) -> bool:
        """Whether it asks for a lighting plan."""
        return any(rule.words & PLANNED for rule in self.rules)

    @cached_property
    def afar(self) -> frozenset[str]:
        """The quantities that it asks for of sites upstream."""
        return frozenset(name for rule in self.rules for name in rule.afar)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """What it is, or was, judged per."""
        return frozenset(rule.per for rule in self.rules)

    def for_subject(self, subject: SubjectFacts) -> Revisions:
        """Its revisions, those that the subject lacks something for being withdrawn there.

        All are from the time on at which two devices measure what a rule asks for.
        """
        revisions = [
            (at, rule if rule is not None and self.lacks(rule, subject) is None else None)
            for at, rule in self.judged
        ]
        names = {name for _, rule in revisions if rule is not None for name in rule.plain}
        since = min(
            (subject.doubled[name] for name in names & subject.doubled.keys()), default=None
        )
        if since is None:
            return tuple(revisions)
        return (*((at, rule) for at, rule in revisions if at < since), (since, None))

    def lacks(self, rule: Rule, subject: SubjectFacts) -> str | None:
        """What the subject lacks for one of its revisions to apply; None when it applies."""
        if rule.domain != subject.domain and self.common.issuperset(rule.names):
            return f"it is of the domain {subject.domain}"
        return lacks(rule, subject)


def histories(registry: Registry, common: frozenset[str]) -> dict[str, RuleHistory]:
    """All rules, from their revisions; `common`: quantities of no domain."""
    by_rule: dict[str, dict[int, Revision]] = {}
    for revision in registry.revisions:
        if revision.kind == "rule":
            by_rule.setdefault(revision.key, {})[micros(revision.effective)] = revision
    return {
        key: _history(key, sorted(revisions.items()), common)
        for key, revisions in sorted(by_rule.items())
    }


def _history(
    key: str, revisions: list[tuple[int, Revision]], common: frozenset[str]
) -> RuleHistory:
    read = [(at, _rule(revision)) for at, revision in revisions]
    rules = tuple((at, rule) for at, rule in read if not isinstance(rule, Exception))
    latest = [rule for _, rule in rules if rule is not None][-1:]
    last = read[-1][1]
    return RuleHistory(
        id=key,
        revisions=rules,
        judged=_judged(rules),
        written=tuple((at, revision.value) for at, revision in revisions),
        silence=any(rule.axis == "silence" for rule in latest),
        asks_of_devices=any(_asks_of_devices(rule) for _, rule in rules if rule is not None),
        common=common,
        problem=describe_error(last) if isinstance(last, Exception) else None,
    )


def _judged(revisions: Revisions) -> Revisions:
    conditions: list[tuple[int, Rule | None]] = []
    for at, rule in revisions:
        if not conditions or _condition(rule) != _condition(conditions[-1][1]):
            conditions.append((at, rule))
    return tuple(conditions)


def _condition(rule: Rule | None) -> Any:
    return None if rule is None else judged_by(rule.to_json())


def _rule(revision: Revision) -> Rule | Exception | None:
    """The rule as it was written; None when withdrawn; why it cannot be read (it is logged)."""
    if revision.value is None:
        return None
    try:
        return _read(json.dumps(revision.value))
    except Exception as error:  # noqa: BLE001  whatever was once accepted stops no other rule
        log.warning("rule %s of %s cannot be read: %s", revision.key, revision.effective, error)
        return error


@lru_cache(maxsize=1_000)
def _read(written: str) -> Rule:
    """Read once: most rules are what they were when the registry is read again."""
    return rule_from_json(json.loads(written))


def lacks(rule: Rule, subject: SubjectFacts) -> str | None:
    """What the subject lacks for the rule to apply, in words; None when it applies."""
    if rule.per != subject.per:
        return f"it is a {subject.per}"
    for name in rule.shared:
        if name not in subject.group and name not in rule.plain:
            return f"no member measures {name}"
    for name in rule.plain:
        if name not in subject.series:
            return f"no series {name}"
    for name in rule.thresholds:
        if name not in subject.thresholds:
            return f"no threshold {name}"
    return _lacks_around(rule, subject)


def _lacks_around(rule: Rule, subject: SubjectFacts) -> str | None:
    for name in rule.afar:
        if not any(name in above.series for above in subject.upstream):
            return f"nothing upstream measures {name}"
    if rule.words & PLANNED and subject.lighting is None:
        return "no lighting plan"
    return None


def first_series(rule: Rule) -> str | None:
    """The series that speaks for the rule: the first that its `when` names."""
    names = (node.name for node in walk(rule.when) if isinstance(node, Name))
    return next((name for name in names if name != DEVICE), None)


def listens_to(history: RuleHistory, rules: Iterable[Rule], subject: SubjectFacts) -> set[str]:
    """The series of a subject whose rows may change a judgement by these revisions.

    Besides those named: all of a device that is asked about as a whole, and all of a device one
    of whose `on_change` series is named, since any row of it shows that it is heard.
    """
    words = {name for rule in rules for name in rule.names}
    named = {
        key
        for word in words
        for key in (word, *subject.group.get(word, ()))
        if key in subject.series
    }
    heard = {
        device
        for name in named
        if subject.series[name].reporting is Reporting.ON_CHANGE
        for device in subject.series[name].devices
    }
    if history.asks_of_devices:
        heard |= set(subject.devices)
    if not heard:
        return named
    return named | {name for name, series in subject.series.items() if series.devices & heard}


def _asks_of_devices(rule: Rule) -> bool:
    return any(
        isinstance(node, Call)
        and any(isinstance(a, Name) and a.name == DEVICE for a in node.arguments)
        for condition in rule.conditions
        for node in walk(condition)
    )
