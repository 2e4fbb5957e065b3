"""The subjects of a territory and the rules in force there, arranged for evaluation."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from hypervisor.alarms.log import Pair
from hypervisor.evaluation import subjects
from hypervisor.evaluation.columns import columns
from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.queries_setbacks import EVERY
from hypervisor.evaluation.rule_histories import (
    Revisions,
    RuleHistory,
    histories,
    listens_to,
    shape_of,
)
from hypervisor.evaluation.shards import ALL, shard_of
from hypervisor.registry.model import Registry
from rules._engine import lookback
from rules._inputs import Forecasts, Subject
from sensors._domain import Catalogue
from sensors._errors import TerritoryError
from sensors._row import ROW

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_FARTHEST = 10 * 366 * _DAY  # the longest look-back where retention is unknown
_SPARE = 3 * _HOUR  # kept beyond the longest look-back, for trends and late readings


class LookBackError(TerritoryError):
    """A rule looks back farther than readings are kept for."""


def require_within(reach: int, limit: int) -> None:
    """Refuse a look-back of `reach` µs. Raises LookBackError."""
    if reach > limit:
        raise LookBackError(
            "it looks back {reach:.0f} d, stale limits and travel times included; at most "
            "{limit:.0f} d, half of the time for which readings are kept",
            reach / _DAY,
            limit / _DAY,
        )


@dataclass(kw_only=True)
class Territory:
    """Subjects and rules of the registry, arranged for evaluation."""

    subjects: Mapping[str, SubjectFacts]
    rules: Mapping[str, RuleHistory]
    revisions: Mapping[Pair, Revisions]  # of every rule that applies somewhere
    listens: Mapping[Pair, Mapping[int, int]]  # series that may change it -> look-back, µs
    longest: Mapping[int, int]  # series -> the longest look-back of any rule, µs
    heard: Mapping[int, int]  # series -> the same of any rule on silence
    quantity_of: Mapping[int, str]  # by series, of own subjects and of what their rules read
    inapplicable: Mapping[Pair, str]  # why a rule does not apply where one may expect it
    failed: Mapping[Pair, Exception] = field(default_factory=dict)  # what cannot be evaluated
    own: AbstractSet[str] = frozenset()  # the subjects that are evaluated, of the shards held

    @classmethod
    def empty(cls) -> "Territory":
        """Before the registry is read."""
        return cls(
            subjects={},
            rules={},
            revisions={},
            listens={},
            longest={},
            heard={},
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

    def listen(self, series: int) -> int:
        """How long (µs) rows stay in memory after they arrived, for rules on silence."""
        return self.heard.get(series, 0) + _SPARE


def arrange(  # noqa: PLR0913  what, where, and what of it is known already
    registry: Registry,
    catalogue: Catalogue,
    power_schedule: PowerSchedule,
    *,
    zone: str = "Europe/Paris",
    shards: AbstractSet[int] = ALL,
    rules: Mapping[str, RuleHistory] | None = None,
) -> Territory:
    """Which rule applies where in these shards; a backtest passes a registry with its own rules.

    `rules`: those of the registry, where they were read before.
    """
    failed_subjects: dict[str, Exception] = {}
    subjects_by_key = subjects.build_subjects(registry, catalogue, zone, failed=failed_subjects)
    if rules is None:
        rules = histories(registry.revisions, catalogue.common)
    failed: dict[Pair, Exception] = {
        (EVERY, name): error for name, error in failed_subjects.items()
    }
    failed |= {(key, EVERY): TerritoryError(r.problem) for key, r in rules.items() if r.problem}
    applied = _AppliedRules(limit=power_schedule.retention // 2 or _FARTHEST, failed=failed)
    own = {key: s for key, s in subjects_by_key.items() if shard_of(key) in shards}
    applied.apply(rules.values(), own.values())
    planned = {key for rule, key in applied.revisions if rules[rule].planned}
    lit = _light(own, planned, power_schedule, failed)
    revisions = {pair: written for pair, written in applied.revisions.items() if pair[1] in lit}
    listens = {pair: applied.listens[pair] for pair in revisions}
    longest: dict[int, int] = {}
    heard: dict[int, int] = {}
    for (rule, _), each in listens.items():
        for series, reach in each.items():
            longest[series] = max(reach, longest.get(series, 0))
            if rules[rule].silence:
                heard[series] = max(reach, heard.get(series, 0))
    return Territory(
        subjects={key: s for key, s in subjects_by_key.items() if key not in own} | lit,
        own=lit.keys(),
        rules=rules,
        revisions=revisions,
        listens=listens,
        longest=longest,
        heard=heard,
        quantity_of={
            series: series_facts.quantity.name
            for subject in subjects_by_key.values()
            for series_facts in subject.series.values()
            for series in series_facts.ids
            if subject.key in own or series in longest
        },
        inapplicable=applied.inapplicable,
        failed=failed,
    )


@dataclass(kw_only=True)
class _AppliedRules:
    """Rules at subjects: what applies, what it reads, and why another does not.

    `limit`: how far a revision may look back, µs. `failed` takes what cannot be evaluated.
    """

    limit: int
    failed: dict[Pair, Exception]
    revisions: dict[Pair, Revisions] = field(default_factory=dict)
    listens: dict[Pair, Mapping[int, int]] = field(default_factory=dict)
    inapplicable: dict[Pair, str] = field(default_factory=dict)
    _looked_back: dict[tuple[object, ...], int] = field(default_factory=dict)  # of series alike

    def apply(self, rules: Collection[RuleHistory], subjects: Iterable[SubjectFacts]) -> None:
        """Try every rule at every subject; what subjects of a shape have in common, once."""
        by_shape: dict[tuple[object, ...], list[_Applicable]] = {}
        for subject in subjects:
            shape = shape_of(subject)
            if shape not in by_shape:
                by_shape[shape] = [*_list_applicable(rules, subject)]
            for rule, written in by_shape[shape]:
                try:
                    self._apply(rule, written, subject)
                except Exception as error:  # noqa: BLE001  one rule at one subject stops no other
                    self.failed[rule.id, subject.key] = error

    def _apply(
        self, rule: RuleHistory, written: Revisions | Exception, subject: SubjectFacts
    ) -> None:
        if isinstance(written, Exception):
            raise written
        _check_models(rule, subject)
        self.inapplicable |= _explain_inapplicable(rule, subject)
        if all(revision is None for _, revision in written):
            return
        listen = partial(_look_backs, rule, subject, self._looked_back)
        kept, look_backs = _within_retention(written, listen, self.limit)
        if any(revision is not None for _, revision in kept):
            pair = (rule.id, subject.key)
            self.revisions[pair], self.listens[pair] = kept, look_backs


_Applicable = tuple[RuleHistory, Revisions | Exception]


def _list_applicable(rules: Iterable[RuleHistory], subject: SubjectFacts) -> Iterator[_Applicable]:
    """Rules with their revisions at subjects of a shape, or why there are none.

    Without those that do not apply, unless there is something to say of them.
    """
    for rule in rules:
        if subject.per not in rule.kinds or rule.problem is not None:
            continue
        try:
            written = rule.for_subject(subject)
        except Exception as error:  # noqa: BLE001  one rule at some subjects stops no other
            yield rule, error
            continue
        applies = any(revision is not None for _, revision in written)
        if applies or subject.doubled or subject.forecasts:
            yield rule, written


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

    The others count as none. Raises LookBackError: the latest looks back farther.
    """
    look_backs = listens(written)
    if max(look_backs.values(), default=0) <= limit:
        return written, look_backs
    far = [max(listens((revision,)).values(), default=0) > limit for revision in written]
    if far[-1]:
        require_within(max(listens(written[-1:]).values()), limit)
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
