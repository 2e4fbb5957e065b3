"""What the watch holds in memory.

All of it can be built again from the database, and is, at start and after any error: nothing here
is worth keeping from a step that failed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from hypervisor.alarms import queries as alarms
from hypervisor.alarms.queries import Alarm, Pair
from hypervisor.database import feed, instance
from hypervisor.database.connect import Connection
from hypervisor.evaluation import queries, rulebook, subjects
from hypervisor.evaluation.columns import columns
from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.queries import EvaluationState
from hypervisor.evaluation.queries_setbacks import EVERY
from hypervisor.evaluation.rulebook import Revisions, RuleHistory
from hypervisor.evaluation.schedule import EvaluationPlan
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.evaluation.setbacks import Setbacks
from hypervisor.evaluation.touched_sites import TouchedSites
from hypervisor.evaluation.watermark import Watermark
from hypervisor.readings import queries_history
from hypervisor.registry.model import Registry
from rules._engine import lookback
from rules._inputs import Closing, Subject
from rules._rule_state import Phase, StateChange
from sensors._domain import Catalogue
from sensors._errors import TerritoryError
from sensors._row import NEVER, ROW, Rows

Fact = tuple[str, str]  # kind and key, as in the table evaluation_input

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_FARTHEST = 10 * 366 * _DAY  # that a rule may look back where retention is not known
_SPARE = 3 * _HOUR  # readings kept beyond the longest look-back: a trend, a little lateness
_MOST = 5_000  # rows of one series read at start


@dataclass(kw_only=True, slots=True)
class Standing:
    """Where a rule stands at a subject.

    `open`: the journal from its last inactive moment on. `alarms`: those recorded since then.
    """

    open: list[StateChange] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)


@dataclass(kw_only=True)
class Territory:
    """What the registry says, arranged for judging."""

    subjects: Mapping[str, SubjectFacts]
    rules: Mapping[str, RuleHistory]
    revisions: Mapping[Pair, Revisions]  # every rule that applies somewhere, and how
    listens: Mapping[Pair, Mapping[int, int]]  # series whose rows may change it; µs it looks back
    longest: Mapping[int, int]  # series -> the farthest that any rule looks back on it
    quantity_of: Mapping[int, str]  # series -> its quantity's name
    unfit: Mapping[Pair, str]  # rules that do not apply for a reason worth saying
    failed: Mapping[Pair, Exception] = field(default_factory=dict)  # what cannot be evaluated

    @classmethod
    def empty(cls) -> "Territory":
        """Before the registry was read."""
        return cls(
            subjects={},
            rules={},
            revisions={},
            listens={},
            longest={},
            quantity_of={},
            unfit={},
        )

    @property
    def lit(self) -> bool:
        """Whether lighting plans say anything to anybody."""
        return any(subject.supplies or subject.lighting for subject in self.subjects.values())

    def keep(self, series: int) -> int:
        """How long (µs) the rows of a series stay in memory."""
        return self.longest.get(series, 0) + _SPARE


@dataclass(kw_only=True)
class Memory:
    """Everything; `state` is what the last commit wrote."""

    state: EvaluationState
    territory: Territory
    tails: dict[int, SeriesTail]
    stats: SeriesStats
    plans: dict[str, EvaluationPlan]
    standings: dict[Pair, Standing]
    watermark: Watermark
    gaps: tuple[tuple[int, int], ...]
    power_schedule: PowerSchedule
    closings: Mapping[Pair, tuple[Closing, ...]] = field(default_factory=dict)
    registry: Registry | None = None  # that the territory was arranged by
    facts: Mapping[Fact, Any] = field(default_factory=dict)  # of the territory, in plain values
    inputs: Mapping[Fact, Any] | None = None  # what was last judged by; None: ask the store
    touched: TouchedSites = field(default_factory=TouchedSites)
    setbacks: Setbacks = field(default_factory=Setbacks)

    def closing_after(self, pair: Pair, time: int) -> int | None:
        """When (µs) the next alarm of a pair was closed by hand, after a time."""
        return min(
            (closing.at for closing in self.closings.get(pair, ()) if closing.at > time),
            default=None,
        )


def zone_of(connection: Connection) -> str:
    """The clock of the territory."""
    what = instance.read(connection)
    return "Europe/Paris" if what is None else what.timezone


def arrange(
    registry: Registry,
    catalogue: Catalogue,
    power_schedule: PowerSchedule,
    *,
    zone: str = "Europe/Paris",
) -> Territory:
    """Which rule applies where, by any registry: a backtest asks with rules of its own."""
    unmade: dict[str, Exception] = {}
    subjects_by_key = subjects.build_subjects(registry, catalogue, zone, failed=unmade)
    rules = rulebook.histories(registry, catalogue.common)
    failed: dict[Pair, Exception] = {(EVERY, name): error for name, error in unmade.items()}
    failed |= {(key, EVERY): TerritoryError(r.problem) for key, r in rules.items() if r.problem}
    limit = power_schedule.retention // 2 or _FARTHEST
    revisions: dict[Pair, Revisions] = {}
    listens: dict[Pair, Mapping[int, int]] = {}
    unfit: dict[Pair, str] = {}
    looked_back: dict[tuple[object, ...], int] = {}  # of series that are alike
    for subject in subjects_by_key.values():
        for rule in rules.values():
            if subject.per not in rule.kinds or rule.problem is not None:
                continue
            pair = (rule.id, subject.key)
            try:
                written = rule.for_subject(subject)
                unfit |= _unfit(rule, subject)
                if all(rule is None for _, rule in written):
                    continue
                listen = partial(_listens, rule, subject, looked_back)
                written, heard = _kept(written, listen, limit)
                if all(rule is None for _, rule in written):
                    continue
            except Exception as error:  # noqa: BLE001  of one rule at one subject
                failed[pair] = error
                continue
            revisions[pair], listens[pair] = written, heard
    planned = {key for rule, key in revisions if rules[rule].planned}
    longest: dict[int, int] = {}
    for each in listens.values():
        for series, reach in each.items():
            longest[series] = max(reach, longest.get(series, 0))
    return Territory(
        subjects={
            key: power_schedule.lit(subject, planned=key in planned)
            for key, subject in subjects_by_key.items()
        },
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
        unfit=unfit,
        failed=failed,
    )


def _kept(
    written: Revisions, listens: Callable[[Revisions], Mapping[int, int]], limit: int
) -> tuple[Revisions, Mapping[int, int]]:
    """The revisions that look back on what is kept, and leave the others time for late readings.

    Beside them what they listen to. One that looks back farther counts as none.

    Raises:
        TerritoryError: the latest looks back farther than half of the time for which readings are
            kept.
    """
    heard = listens(written)
    if max(heard.values(), default=0) <= limit:
        return written, heard
    far = [max(listens((revision,)).values(), default=0) > limit for revision in written]
    if far[-1]:
        reach = max(listens(written[-1:]).values())
        raise TerritoryError(
            f"it looks back {reach / _DAY:.0f} d, stale limits and travel times included; at most"
            f" {limit / _DAY:.0f} d, half of the time for which readings are kept"
        )
    written = tuple(revision for revision, too_far in zip(written, far, strict=True) if not too_far)
    return written, listens(written)


def _listens(
    rule: RuleHistory,
    subject: SubjectFacts,
    looked_back: dict[tuple[object, ...], int],
    written: Revisions,
) -> dict[int, int]:
    """The stored series that a rule hears at a subject, and how far it looks back on each (µs).

    An hour at least, for the trend. Each by its own limits: a lamp's fault holds for days, by signs
    of life that come every quarter of an hour.
    """
    fitting = [rule for _, rule in written if rule is not None]
    which = tuple(at for at, rule in written if rule is not None)
    heard: dict[int, int] = {}
    for name in sorted(rulebook.listens_to(rule, fitting, subject)):
        series = subject.series[name]
        alike = (rule.id, which, series.longest)
        if alike not in looked_back:
            looked_back[alike] = max(lookback(fitting, _hollow(subject, series)), _HOUR)
        heard |= dict.fromkeys(series.ids, looked_back[alike])
    for above in subject.upstream if rule.afar else ():
        for series in above.heard(rule.afar):
            reach = max(lookback(fitting, _hollow(subject, series)), _HOUR) + above.farthest
            for number in series.ids:
                heard[number] = max(reach, heard.get(number, 0))
    return heard


def load_tails(
    connection: Connection, territory: Territory, heard_to: int, *, only: Iterable[int]
) -> dict[int, SeriesTail]:
    """The recent readings of these series."""
    tails = {series: SeriesTail(keep=territory.keep(series)) for series in only}
    if not tails:
        return tails
    rows = queries_history.read_newest(
        connection, [(key, tail.keep, _MOST) for key, tail in tails.items()]
    )
    for series, part in queries_history.split_by_series(rows).items():
        tails[series].fill(part, complete_from=_complete_from(part, tails[series].keep))
    _fill_late(connection, territory, tails, heard_to)
    ahead_to = feed.ahead(connection)  # asked last: what was read may be as new as this
    for tail in tails.values():
        tail.ahead_to = ahead_to
    return tails


def load_standings(
    connection: Connection, pairs: Iterable[Pair], before: Mapping[Pair, int] | None = None
) -> dict[Pair, Standing]:
    """Where each pair stood, from the journal and the alarms; at a past time where given."""
    limits = {pair: (before or {}).get(pair) for pair in pairs}
    journal = queries.load_open_states(connection, limits)
    recorded = alarms.list_standing(
        connection, {pair: opened(journal.get(pair, [])) for pair in limits}
    )
    return {
        pair: Standing(open=journal.get(pair, []), alarms=recorded.get(pair, [])) for pair in limits
    }


def opened(journal: list[StateChange]) -> int | None:
    """The inactive moment that a stretch of journal begins with: alarms since then fold from it."""
    return journal[0].time if journal and journal[0].phase is Phase.INACTIVE else None


def _unfit(rule: RuleHistory, subject: SubjectFacts) -> dict[Pair, str]:
    """Worth saying only where something stands in the way, not where a rule has no subject."""
    for name in rule.rules[-1].plain if rule.rules and subject.doubled else ():
        if name in subject.doubled and rule.lacks(rule.rules[-1], subject) is None:
            return {(rule.id, subject.key): f"two devices in service measure {name}"}
    return {}


def _hollow(subject: SubjectFacts, series: SeriesFacts) -> Subject:
    """A subject that has this series alone, without its readings."""
    return Subject(
        key=subject.key,
        series={series.quantity.name: columns(series, np.empty(0, dtype=ROW))},
        devices=subject.devices,
        thresholds=subject.thresholds,
    )


def _complete_from(rows: Rows, keep: int) -> int:
    if len(rows) >= _MOST:
        return int(rows["time"][0])
    return int(rows["time"][-1]) - keep


def _fill_late(
    connection: Connection,
    territory: Territory,
    tails: Mapping[int, SeriesTail],
    heard_to: int,
) -> None:
    """Rows that are old but arrived lately: silence asks when a device last spoke."""
    if heard_to == NEVER:
        return
    silent = {
        series
        for (rule, _), heard in territory.listens.items()
        if territory.rules[rule].silence
        for series in heard
        if series in tails
    }
    reaching = [key for key in silent if tails[key].complete_from > NEVER]
    if not reaching:
        return
    spans = [(key, tails[key].complete_from, heard_to - tails[key].keep) for key in reaching]
    for series, rows in queries_history.split_by_series(
        queries_history.read_late_arrivals(connection, spans)
    ).items():
        tails[series].stands(rows)
