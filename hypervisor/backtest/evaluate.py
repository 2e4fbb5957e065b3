"""Every rule at every subject where it applies, evaluated as live, a block at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Protocol

import numpy as np

from hypervisor.alarms.queries import Pair
from hypervisor.backtest.forecast_notes import list_unforecast
from hypervisor.backtest.model import Evaluation, RaisedAlarm, Span
from hypervisor.backtest.sources import FOREVER, Closings, Source
from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation import columns
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.evaluation.territory import Territory, arrange
from hypervisor.registry.model import Registry
from rules._engine import evaluate
from rules._inputs import Horizon, Subject
from rules._log import episodes
from sensors._domain import Catalogue
from sensors._row import NEVER, ROW, Rows

_MANY = 6  # blocks from which a helper process is worth its start of some seconds
_SERIES = 128  # read together: a year of each, every 15 min, is some 130 MB
_DAY = 86_400_000_000
WARM = 7 * _DAY  # evaluated before the period, so that what was active at its start is known
_NO_STORE: Any = None  # complete tails need no query

Tick = Callable[[int, int], None]  # subjects done, of how many
Blocks = Sequence[Sequence[Pair]]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a helper evaluates some blocks of; `closed`: alarms end where operators closed them."""

    registry: Registry
    span: Span
    retention: int
    closed: bool
    blocks: Blocks


@dataclass(frozen=True, kw_only=True)
class Part:
    """Results of some blocks; `first` and `last`: times of their rows (µs)."""

    alarms: list[RaisedAlarm]
    evaluated: list[Pair]
    rows: int
    first: int
    last: int
    begun: dict[Pair, int] = field(default_factory=dict)  # as in Evaluation


class Helper(Protocol):
    """Evaluates some of the blocks meanwhile; `turns`: the numbers of ours."""

    @property
    def turns(self) -> Iterator[int]: ...

    def part(self) -> Part:
        """Its results, once all blocks are done."""


Share = Callable[[Work], AbstractContextManager[Helper]]


class CompleteTail(SeriesTail):
    """A series of which all needed rows are here."""

    __slots__ = ()

    def __init__(self, rows: Rows) -> None:
        super().__init__(keep=0)
        self._rows, self._size = rows, len(rows)


def backtest(  # noqa: PLR0913  by what, over what, where and when
    registry: Registry,
    source: Source,
    catalogue: Catalogue,
    *,
    span: Span,
    sites: frozenset[str] | None,
    retention: int,
    closed: bool,
    tick: Tick,
    share: Share | None = None,
) -> Evaluation:
    """The alarms that would have been raised, at these sites or all; not those before the period.

    `retention`: of raw readings (µs): a lamp's supply is not known farther back. `share`: finds a
    helper for long work.
    """
    power_schedule = PowerSchedule(retention=retention)
    power_schedule.extend(source.floor, source.gaps)
    territory = arrange(registry, catalogue, power_schedule)
    by_subject: dict[str, list[Pair]] = {}
    for pair in territory.revisions:
        if sites is None or territory.subjects[pair[1]].place in sites:
            by_subject.setdefault(pair[1], []).append(pair)
    keys = sorted(by_subject, key=lambda key: (territory.subjects[key].place or "", key))
    run = Run(
        territory=territory, source=source, span=span, closings=source.closings if closed else {}
    )
    blocks = list(_blocks(territory, [by_subject[key] for key in keys]))
    done = list(accumulate((len({key for _, key in block}) for block in blocks), initial=0))
    tick(0, len(keys))

    def report(number: int) -> None:
        tick(done[number], len(keys))

    if share is None or len(blocks) < _MANY:
        run.work(blocks, iter(range(len(blocks))), report)
    else:
        work = Work(registry=registry, span=span, retention=retention, closed=closed, blocks=blocks)
        with share(work) as helper:
            run.work(blocks, helper.turns, report)
            run.add(helper.part())
        tick(len(keys), len(keys))
    evaluation = run.evaluation(subjects=len(keys))
    there = [
        subject
        for subject in territory.subjects.values()
        if sites is None or subject.place in sites
    ]
    notes = list_unforecast(territory.rules.values(), there)
    return replace(evaluation, notes=tuple(notes))


def _blocks(territory: Territory, subjects: Sequence[Sequence[Pair]]) -> Iterator[list[Pair]]:
    """The pairs of subjects whose series are read together."""
    block: list[Pair] = []
    series: set[int] = set()
    for pairs in subjects:
        own = {number for pair in pairs for number in territory.listens[pair]}
        if block and len(series | own) > _SERIES:
            yield block
            block, series = [], set()
        block += pairs
        series |= own
    if block:
        yield block


class Run:
    """An evaluation under way, with its results so far."""

    def __init__(
        self, *, territory: Territory, source: Source, span: Span, closings: Closings
    ) -> None:
        self._territory, self._source, self._span = territory, source, span
        self._closings = closings
        self._alarms: list[RaisedAlarm] = []
        self._evaluated: list[Pair] = []
        self._begun: dict[Pair, int] = {}
        self._rows = 0
        self._first, self._last = np.iinfo(np.int64).max, NEVER
        self._until = FOREVER if span.until is None else span.until
        self._since = BEGINNING
        if span.since is not None:
            self._since = span.since - WARM - max(territory.longest.values(), default=0)

    def work(
        self,
        blocks: Blocks,
        turns: Iterator[int],
        report: Callable[[int], None] = lambda _number: None,
    ) -> None:
        """Evaluate the blocks whose turn it is; `report` the number that anybody has begun."""
        with ThreadPoolExecutor(max_workers=1) as reader:  # reads the next block meanwhile
            number = next(turns, None)
            ahead = None if number is None else reader.submit(self.read, blocks[number])
            while number is not None and ahead is not None:
                block, rows = blocks[number], ahead.result()
                number = next(turns, None)
                ahead = None if number is None else reader.submit(self.read, blocks[number])
                self.evaluate(block, rows)
                report(len(blocks) if number is None else number)

    def part(self) -> Part:
        """The results, for the process that shares the work."""
        return Part(
            alarms=self._alarms,
            evaluated=self._evaluated,
            begun=self._begun,
            rows=self._rows,
            first=self._first,
            last=self._last,
        )

    def add(self, part: Part) -> None:
        """Add a helper's results."""
        self._alarms += part.alarms
        self._evaluated += part.evaluated
        self._begun |= part.begun
        self._rows += part.rows
        self._first, self._last = min(self._first, part.first), max(self._last, part.last)

    def read(self, pairs: Sequence[Pair]) -> Mapping[int, Rows]:
        """The rows that the pairs of a block need."""
        series = sorted({number for pair in pairs for number in self._territory.listens[pair]})
        return self._source.rows(series, self._since, self._until)

    def evaluate(self, pairs: Sequence[Pair], stored: Mapping[int, Rows]) -> None:
        """Evaluate the pairs of a block on the rows that were read for them."""
        territory = self._territory
        for rows in stored.values():
            if len(rows):
                self._rows += len(rows)
                self._first = min(self._first, int(rows["time"][0]))
                self._last = max(self._last, int(rows["time"][-1]))
        nothing = CompleteTail(np.empty(0, dtype=ROW))
        tails: dict[int, SeriesTail] = dict.fromkeys(territory.quantity_of, nothing)
        tails |= {number: CompleteTail(rows) for number, rows in stored.items()}
        listens: dict[str, dict[int, int]] = {}
        for pair in pairs:
            listens.setdefault(pair[1], {}).update(dict.fromkeys(territory.listens[pair], NEVER))
        queries = [
            ColumnQuery(subject=territory.subjects[key], since=since)
            for key, since in listens.items()
        ]
        subjects = columns.load_subjects(_NO_STORE, tails, queries)
        calls: dict[tuple[str, tuple[bool, ...]], list[str]] = {}
        for rule, key in pairs:
            fits = tuple(
                rule_version is not None for _, rule_version in territory.revisions[rule, key]
            )
            calls.setdefault((rule, fits), []).append(key)
        for (rule, _), keys in calls.items():
            self._call(rule, [subjects[key] for key in keys], stored)

    def _call(self, rule: str, subjects: Sequence[Subject], stored: Mapping[int, Rows]) -> None:
        territory, floor = self._territory, self._source.floor
        history = territory.rules[rule]
        if history.silence and floor == NEVER:
            return  # ingest never listened, so no sensor was silent
        untils = {
            subject.key: self._horizon((rule, subject.key), stored, silence=history.silence)
            for subject in subjects
        }
        furthest = max(untils.values())
        verdicts = evaluate(
            territory.revisions[rule, subjects[0].key],
            subjects,
            Horizon(values=furthest, silence=furthest, gaps=self._source.gaps),
            untils=untils,
            closings={
                subject.key: self._closings[rule, subject.key]
                for subject in subjects
                if (rule, subject.key) in self._closings
            },
        )
        for verdict in verdicts:
            self._evaluated.append((rule, verdict.subject))
            self._note_begin((rule, verdict.subject), stored)
            facts = territory.subjects[verdict.subject]
            for episode in episodes(rule, verdict.subject, verdict.moments):
                begins = self._span.since
                if begins is not None and episode.ended is not None and episode.ended < begins:
                    continue
                written = history.at(episode.began)
                alarm = RaisedAlarm(
                    episode=episode,
                    place=facts.place,
                    title=facts.named(written.title),
                    category=written.category,
                    domain=written.domain,
                )
                self._alarms.append(alarm)

    def _horizon(self, pair: Pair, stored: Mapping[int, Rows], *, silence: bool) -> int:
        """As far as ingest listened; values also to their newest row."""
        horizon = self._source.floor
        if not silence:
            newest = [
                int(stored[number]["time"][-1])
                for number in self._territory.listens[pair]
                if number in stored and len(stored[number])
            ]
            horizon = max([horizon, 0, *newest])
        return min(horizon, self._until)

    def evaluation(self, *, subjects: int) -> Evaluation:
        """The results; the period as requested, as far as there are readings."""
        first = self._first if self._span.since is None else self._span.since
        last = max(self._last, self._source.floor)
        if self._span.until is not None:
            last = min(last, self._span.until)
        ordered = sorted(
            self._alarms,
            key=lambda alarm: (alarm.episode.began, alarm.episode.rule, alarm.episode.subject),
        )
        return Evaluation(
            alarms=tuple(ordered),
            evaluated=tuple(self._evaluated),
            places={key: self._territory.subjects[key].place for _, key in self._evaluated},
            categories={
                rule: self._territory.rules[rule].rules[-1].category for rule, _ in self._evaluated
            },
            since=min(first, max(last, 0)),
            until=max(last, 0),
            rows=self._rows,
            subjects=subjects,
            begun=self._begun,
        )

    def _note_begin(self, pair: Pair, stored: Mapping[int, Rows]) -> None:
        """Note where the rule, or a threshold that it needs, was in force only later."""
        since = self._span.since
        if since is None:
            numbers = (number for number in self._territory.listens[pair] if number in stored)
            times = (int(stored[number]["time"][0]) for number in numbers if len(stored[number]))
            since = min(times, default=FOREVER)
        begins = self._begin(pair)
        if begins > since:
            self._begun[pair] = begins

    def _begin(self, pair: Pair) -> int:
        subject = self._territory.subjects[pair[1]]
        begins, written = next(
            (at, rule) for at, rule in self._territory.revisions[pair] if rule is not None
        )
        for name in written.thresholds:
            steps = subject.thresholds[name]
            begins = max(begins, int(steps.at[np.argmin(np.isnan(steps.value))]))
        return max(begins, self._territory.rules[pair[0]].begins(subject))
