"""The revisions of each rule, where they apply, and which series they read."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from hypervisor.base.instants import micros
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.setbacks import describe_error
from hypervisor.registry.model import Revision
from rules._pack import rule_from_json
from rules._rule import DEVICE, Rule, judged_by
from rules._tree import Call, Name, walk
from rules._vocabulary import PLANNED
from sensors._errors import Message
from sensors._quantity import Reporting
from sensors._row import NEVER

log = logging.getLogger(__name__)

Revisions = tuple[tuple[int, Rule | None], ...]  # effective µs ascending; None withdraws


@dataclass(frozen=True, kw_only=True)
class RuleHistory:
    """One rule through its revisions; `written`: as they are stored.

    A revision that cannot be read counts as none. `problem`: why the latest one cannot; the rule
    is then not evaluated at all. `evaluated`: the revisions that evaluate differently from the one
    before; the others change only texts.
    """

    id: str
    revisions: Revisions
    evaluated: Revisions
    written: tuple[tuple[int, Any], ...]
    silence: bool  # evaluated by arrival time, as all its revisions are
    asks_of_devices: bool  # whether a condition is on any series of a device
    common: frozenset[str]  # quantities of no domain
    problem: str | None = None

    @property
    def rules(self) -> list[Rule]:
        return [rule for _, rule in self.revisions if rule is not None]

    def at(self, time: int) -> Rule:
        """The rule in force then, for its texts; before all revisions the first one."""
        standing = [rule for at, rule in self.revisions if rule is not None and at <= time]
        return (standing or self.rules)[-1 if standing else 0]

    @cached_property
    def planned(self) -> bool:
        """Whether it uses a lighting plan."""
        return any(rule.words & PLANNED for rule in self.rules)

    @cached_property
    def afar(self) -> frozenset[str]:
        """The quantities of upstream sites that it uses."""
        return frozenset(name for rule in self.rules for name in rule.afar)

    @cached_property
    def forecasts(self) -> frozenset[str]:
        """The quantities of which it asks a forecast."""
        return frozenset(name for rule in self.rules for name in rule.forecasts)

    def begins(self, subject: SubjectFacts) -> int:
        """Before which (µs) it is in force nowhere, since a model of a forecast is missing."""
        begins = [
            max((_modelled_from(subject, name) for name in rule.needed_forecasts), default=NEVER)
            for rule in self.rules
        ]
        return min(begins, default=NEVER)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Whether it is, or was, evaluated per site, device or group."""
        return frozenset(rule.per for rule in self.rules)

    def for_subject(self, subject: SubjectFacts) -> Revisions:
        """Its revisions; None where the subject lacks something that a revision needs.

        None also from the time on at which two devices measure a quantity that it names.
        """
        revisions = [
            (at, rule if rule is not None and self.lacks(rule, subject) is None else None)
            for at, rule in self.evaluated
        ]
        names = {name for _, rule in revisions if rule is not None for name in rule.plain}
        since = min(
            (subject.doubled[name] for name in names & subject.doubled.keys()), default=None
        )
        if since is None:
            return tuple(revisions)
        return (*((at, rule) for at, rule in revisions if at < since), (since, None))

    def lacks(self, rule: Rule, subject: SubjectFacts) -> str | None:
        """What the subject lacks for one of its revisions to apply; None: it applies."""
        if rule.domain != subject.domain and self.common.issuperset(rule.names):
            return Message("it is of the domain {code}", subject.domain)
        return lacks(rule, subject)


def shape_of(subject: SubjectFacts) -> tuple[object, ...]:
    """What `RuleHistory.for_subject` asks of a subject: those of a shape have the same rules."""
    return (
        subject.per,
        subject.domain,
        frozenset(subject.series),
        frozenset(subject.thresholds),
        frozenset(subject.group),
        frozenset(subject.doubled.items()),
        frozenset((name, forecast.begins) for name, forecast in subject.forecasts.items()),
        frozenset(name for above in subject.upstream for name in above.series),
        subject.lighting is None,
    )


def histories(revisions: Iterable[Revision], common: frozenset[str]) -> dict[str, RuleHistory]:
    """All rules by id; `common`: quantities of no domain."""
    by_rule: dict[str, dict[int, Revision]] = {}
    for revision in revisions:
        if revision.kind == "rule":
            by_rule.setdefault(revision.key, {})[micros(revision.effective)] = revision
    return {key: _history(key, sorted(own.items()), common) for key, own in sorted(by_rule.items())}


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
        evaluated=_drop_texts(rules),
        written=tuple((at, revision.value) for at, revision in revisions),
        silence=any(rule.axis == "silence" for rule in latest),
        asks_of_devices=any(_names_device(rule) for _, rule in rules if rule is not None),
        common=common,
        problem=describe_error(last) if isinstance(last, Exception) else None,
    )


def _drop_texts(revisions: Revisions) -> Revisions:
    conditions: list[tuple[int, Rule | None]] = []
    for at, rule in revisions:
        if not conditions or _condition(rule) != _condition(conditions[-1][1]):
            conditions.append((at, rule))
    return tuple(conditions)


def _condition(rule: Rule | None) -> Any:
    return None if rule is None else judged_by(rule.to_json())


def _rule(revision: Revision) -> Rule | Exception | None:
    """The rule; None: withdrawn; an error that was logged: it cannot be read."""
    if revision.value is None:
        return None
    try:
        return _read(json.dumps(revision.value))
    except Exception as error:  # noqa: BLE001  a rule that was accepted once stops no other
        log.warning("rule %s of %s cannot be read: %s", revision.key, revision.effective, error)
        return error


@lru_cache(maxsize=1_000)
def _read(written: str) -> Rule:
    """Cached: most rules are unchanged when the registry is read again."""
    return rule_from_json(json.loads(written))


def lacks(rule: Rule, subject: SubjectFacts) -> str | None:
    """What the subject lacks for the rule to apply, in words; None: it applies."""
    if rule.per != subject.per:
        return Message("it is a {code}", subject.per)
    for name in rule.shared:
        if name not in subject.group and name not in rule.plain:
            return Message("no member measures {code}", name)
    for name in rule.plain:
        if name not in subject.series:
            return Message("no series {code}", name)
    for name in rule.thresholds:
        if name not in subject.thresholds:
            return Message("no threshold {code}", name)
    return _lacks_around(rule, subject)


def no_forecast(name: str) -> str:
    """What a subject lacks that never had a model of a quantity."""
    return Message("no forecast of {code}: no model", name)


def _modelled_from(subject: SubjectFacts, name: str) -> int:
    """From when on (µs) a subject has a model of a quantity."""
    begins = subject.forecasts[name].begins if name in subject.forecasts else None
    return NEVER if begins is None else begins


def _lacks_around(rule: Rule, subject: SubjectFacts) -> str | None:
    for name in rule.needed_forecasts:
        if name not in subject.forecasts or subject.forecasts[name].begins is None:
            return no_forecast(name)
    for name in rule.afar:
        if not any(name in above.series for above in subject.upstream):
            return Message("nothing upstream measures {code}", name)
    if rule.words & PLANNED and subject.lighting is None:
        return Message("no lighting plan")
    return None


def first_series(rule: Rule) -> str | None:
    """The series shown with the rule's alarms: the first that its `when` names."""
    names = (node.name for node in walk(rule.when) if isinstance(node, Name))
    return next((name for name in names if name != DEVICE), None)


def listens_to(history: RuleHistory, rules: Iterable[Rule], subject: SubjectFacts) -> set[str]:
    """The series of a subject whose rows may change an evaluation by these revisions.

    Besides those named: all of a device that a condition names itself, and all of a device one of
    whose `on_change` series is named, since any row of it is a sign of life.
    """
    words = {name for rule in rules for name in rule.names}
    named = {
        key
        for word in words
        for key in (word, *subject.group.get(word, ()))
        if key in subject.series
    }
    alive = {
        device
        for name in named
        if subject.series[name].reporting is Reporting.ON_CHANGE
        for device in subject.series[name].devices
    }
    if history.asks_of_devices:
        alive |= set(subject.devices)
    if not alive:
        return named
    return named | {name for name, series in subject.series.items() if series.devices & alive}


def _names_device(rule: Rule) -> bool:
    return any(
        isinstance(node, Call)
        and any(isinstance(a, Name) and a.name == DEVICE for a in node.arguments)
        for condition in rule.conditions
        for node in walk(condition)
    )
