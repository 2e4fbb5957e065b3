"""The rules in force, where they apply, and which series each of them reads."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from hypervisor.alarms.queries import Pair
from hypervisor.base.instants import micros
from hypervisor.evaluation import subjects
from hypervisor.evaluation.columns import columns
from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.queries_setbacks import EVERY
from hypervisor.evaluation.setbacks import describe_error
from hypervisor.registry.model import Registry, Revision
from rules._engine import lookback
from rules._inputs import Forecasts, Subject
from rules._pack import rule_from_json
from rules._rule import DEVICE, Rule, judged_by
from rules._tree import Call, Name, walk
from rules._vocabulary import PLANNED
from sensors._domain import Catalogue
from sensors._errors import TerritoryError
from sensors._quantity import Reporting
from sensors._row import NEVER, ROW

log = logging.getLogger(__name__)

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_FARTHEST = 10 * 366 * _DAY  # the longest look-back where retention is unknown
_SPARE = 3 * _HOUR  # kept beyond the longest look-back, for trends and late readings

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
            return f"it is of the domain {subject.domain}"
        return lacks(rule, subject)


def histories(registry: Registry, common: frozenset[str]) -> dict[str, RuleHistory]:
    """All rules by id; `common`: quantities of no domain."""
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


def no_forecast(name: str) -> str:
    """What a subject lacks that never had a model of a quantity."""
    return f"no forecast of {name}: no model"


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
            return f"nothing upstream measures {name}"
    if rule.words & PLANNED and subject.lighting is None:
        return "no lighting plan"
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


@dataclass(kw_only=True)
class Territory:
    """Subjects and rules of the registry, arranged for evaluation."""

    subjects: Mapping[str, SubjectFacts]
    rules: Mapping[str, RuleHistory]
    revisions: Mapping[Pair, Revisions]  # of every rule that applies somewhere
    listens: Mapping[Pair, Mapping[int, int]]  # series that may change it -> look-back, µs
    longest: Mapping[int, int]  # series -> the longest look-back of any rule, µs
    quantity_of: Mapping[int, str]  # by series
    inapplicable: Mapping[Pair, str]  # why a rule does not apply where one may expect it
    failed: Mapping[Pair, Exception] = field(default_factory=dict)  # what cannot be evaluated

    @classmethod
    def empty(cls) -> "Territory":
        """Before the registry is read."""
        return cls(
            subjects={},
            rules={},
            revisions={},
            listens={},
            longest={},
            quantity_of={},
            inapplicable={},
        )

    @property
    def lit(self) -> bool:
        """Whether any subject has a lighting plan."""
        return any(subject.supplies or subject.lighting for subject in self.subjects.values())

    def keep(self, series: int) -> int:
        """How long (µs) rows of a series stay in memory."""
        return self.longest.get(series, 0) + _SPARE


def arrange(
    registry: Registry,
    catalogue: Catalogue,
    power_schedule: PowerSchedule,
    *,
    zone: str = "Europe/Paris",
) -> Territory:
    """Which rule applies where; a backtest passes a registry with rules of its own."""
    failed_subjects: dict[str, Exception] = {}
    subjects_by_key = subjects.build_subjects(registry, catalogue, zone, failed=failed_subjects)
    rules = histories(registry, catalogue.common)
    failed: dict[Pair, Exception] = {
        (EVERY, name): error for name, error in failed_subjects.items()
    }
    failed |= {(key, EVERY): TerritoryError(r.problem) for key, r in rules.items() if r.problem}
    limit = power_schedule.retention // 2 or _FARTHEST
    revisions: dict[Pair, Revisions] = {}
    listens: dict[Pair, Mapping[int, int]] = {}
    inapplicable: dict[Pair, str] = {}
    looked_back: dict[tuple[object, ...], int] = {}  # of series that are alike
    for subject in subjects_by_key.values():
        for rule in rules.values():
            if subject.per not in rule.kinds or rule.problem is not None:
                continue
            pair = (rule.id, subject.key)
            try:
                written = rule.for_subject(subject)
                _check_models(rule, subject)
                inapplicable |= _explain_inapplicable(rule, subject)
                if all(revision is None for _, revision in written):
                    continue
                listen = partial(_look_backs, rule, subject, looked_back)
                written, look_backs = _within_retention(written, listen, limit)
            except Exception as error:  # noqa: BLE001  one rule at one subject stops no other
                failed[pair] = error
                continue
            if any(revision is not None for _, revision in written):
                revisions[pair], listens[pair] = written, look_backs
    planned = {key for rule, key in revisions if rules[rule].planned}
    lit = _light(subjects_by_key, planned, power_schedule, failed)
    revisions = {pair: written for pair, written in revisions.items() if pair[1] in lit}
    listens = {pair: listens[pair] for pair in revisions}
    longest: dict[int, int] = {}
    for each in listens.values():
        for series, reach in each.items():
            longest[series] = max(reach, longest.get(series, 0))
    return Territory(
        subjects=lit,
        rules=rules,
        revisions=revisions,
        listens=listens,
        longest=longest,
        quantity_of={
            series: series_facts.quantity.name
            for subject in subjects_by_key.values()
            for series_facts in subject.series.values()
            for series in series_facts.ids
        },
        inapplicable=inapplicable,
        failed=failed,
    )


def _check_models(rule: RuleHistory, subject: SubjectFacts) -> None:
    """Raises TerritoryError: a model without which the rule is not in force cannot be read."""
    needed = {name for version in rule.rules for name in version.needed_forecasts}
    for name in sorted(needed & subject.forecasts.keys()):
        problem = subject.forecasts[name].problem
        if problem is not None:
            raise TerritoryError("the forecast of {name}: {problem}", name, problem)


def _light(
    subjects_by_key: Mapping[str, SubjectFacts],
    planned: AbstractSet[str],
    power_schedule: PowerSchedule,
    failed: dict[Pair, Exception],
) -> dict[str, SubjectFacts]:
    """The subjects with their supplies; `failed` takes those whose plan cannot be computed."""
    lit: dict[str, SubjectFacts] = {}
    for key, subject in subjects_by_key.items():
        try:
            lit[key] = power_schedule.lit(subject, planned=key in planned)
        except Exception as error:  # noqa: BLE001  one lighting plan stops no other subject
            failed[EVERY, key] = error
    return lit


def _within_retention(
    written: Revisions, listens: Callable[[Revisions], Mapping[int, int]], limit: int
) -> tuple[Revisions, Mapping[int, int]]:
    """The revisions whose look-back is at most `limit` (µs), and the series they read.

    The others count as none. Raises TerritoryError: the latest looks back farther.
    """
    look_backs = listens(written)
    if max(look_backs.values(), default=0) <= limit:
        return written, look_backs
    far = [max(listens((revision,)).values(), default=0) > limit for revision in written]
    if far[-1]:
        reach = max(listens(written[-1:]).values())
        raise TerritoryError(
            "it looks back {reach:.0f} d, stale limits and travel times included; at most "
            "{limit:.0f} d, half of the time for which readings are kept",
            reach / _DAY,
            limit / _DAY,
        )
    written = tuple(revision for revision, too_far in zip(written, far, strict=True) if not too_far)
    return written, listens(written)


def _look_backs(
    rule: RuleHistory,
    subject: SubjectFacts,
    looked_back: dict[tuple[object, ...], int],
    written: Revisions,
) -> dict[int, int]:
    """The stored series that a rule reads at a subject, each with its look-back (µs).

    An hour at least, for the trend. Each by its own stale limit: a lamp's fault holds for days, its
    signs of life come every quarter of an hour.
    """
    fitting = [rule for _, rule in written if rule is not None]
    which = tuple(at for at, rule in written if rule is not None)
    look_backs: dict[int, int] = {}
    for name in sorted(listens_to(rule, fitting, subject)):
        series = subject.series[name]
        alike = (rule.id, which, series.longest, _memories(subject, rule.forecasts))
        if alike not in looked_back:
            looked_back[alike] = max(lookback(fitting, _empty_subject(subject, series)), _HOUR)
        look_backs |= dict.fromkeys(series.ids, looked_back[alike])
    for above in subject.upstream if rule.afar else ():
        for series in above.affecting(rule.afar):
            reach = max(lookback(fitting, _empty_subject(subject, series)), _HOUR) + above.farthest
            for number in series.ids:
                look_backs[number] = max(reach, look_backs.get(number, 0))
    for name in rule.forecasts & subject.forecasts.keys() & subject.series.keys():
        reach = lookback(fitting, _empty_subject(subject, subject.series[name]))
        for series in subject.forecasts[name].inputs.values():
            for number in series.ids:
                look_backs[number] = max(reach, look_backs.get(number, 0))
    return look_backs


def _memories(subject: SubjectFacts, names: AbstractSet[str]) -> tuple[int, ...]:
    """How far the models of a subject look back, µs."""
    return tuple(
        Forecasts(revisions=forecast.models).memory
        for name, forecast in subject.forecasts.items()
        if name in names
    )


def _explain_inapplicable(rule: RuleHistory, subject: SubjectFacts) -> dict[Pair, str]:
    """Why a rule that would apply does not: two devices measure a quantity that it names."""
    for name in rule.rules[-1].plain if rule.rules and subject.doubled else ():
        if name in subject.doubled and rule.lacks(rule.rules[-1], subject) is None:
            return {(rule.id, subject.key): f"two devices in service measure {name}"}
    return {}


def _empty_subject(subject: SubjectFacts, series: SeriesFacts) -> Subject:
    """A subject with this series alone, without readings."""
    return Subject(
        key=subject.key,
        series={series.quantity.name: columns(series, np.empty(0, dtype=ROW))},
        devices=subject.devices,
        thresholds=subject.thresholds,
        forecasts={
            name: Forecasts(revisions=forecast.models)
            for name, forecast in subject.forecasts.items()
        },
    )
