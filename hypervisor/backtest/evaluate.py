"""Every rule at every subject where it applies, evaluated as live, a block at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import numpy as np

from hypervisor.alarms.log import Pair
from hypervisor.backtest.forecast_notes import find_unforecast
from hypervisor.backtest.model import Evaluation, RaisedAlarm, Span
from hypervisor.backtest.results import Results, summarize
from hypervisor.backtest.sources import FOREVER, Closings, Source
from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation import columns
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.rule_histories import RuleHistory
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.evaluation.territory import Territory, arrange
from hypervisor.registry.model import Registry
from rules._engine import evaluate
from rules._inputs import Horizon, Subject
from rules._log import episodes
from sensors._domain import Catalogue
from sensors._row import NEVER, ROW, Rows

_MANY = 6  # blocks from which a helper process is worth its start of some seconds
MOST_SERIES = 128  # read together: a year of each, every 15 min, is some 130 MB
_DAY = 86_400_000_000
WARM = 7 * _DAY  # evaluated before the period, so that what was active at its start is known
_NO_STORE: Any = None  # complete tails need no query

Tick = Callable[[int, int], None]  # subjects done, of how many
Blocks = Sequence[Sequence[Pair]]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All that an evaluation depends on; `places`: only there (None: what has no site), or all.

    `retention`: of raw readings (µs): a lamp's supply is not known farther back. `closed`: alarms
    end where operators closed them.
    """

    registry: Registry
    source: Source
    catalogue: Catalogue
    span: Span
    places: AbstractSet[str | None] | None
    retention: int
    closed: bool


class Helper(Protocol):
    """Evaluates some of the blocks meanwhile; `turns`: the numbers of ours."""

    @property
    def turns(self) -> Iterator[int]: ...

    def results(self) -> Results:
        """Its own, once all blocks are done."""


Share = Callable[[Inputs, Blocks], AbstractContextManager[Helper]]


def begin_reading(span: Span, longest: int) -> int:
    """From when on (µs) readings are evaluated, where rules look back so far."""
    return BEGINNING if span.since is None else span.since - WARM - longest


def begin_run(
    inputs: Inputs,
    *,
    since: int | None = None,
    rules: Mapping[str, RuleHistory] | None = None,
) -> "Run":
    """`since`: readings from when on (µs), if these are part of more. `rules`: as in `arrange`."""
    source, places = inputs.source, inputs.places
    power_schedule = PowerSchedule(retention=inputs.retention)
    power_schedule.extend(source.floor, source.gaps)
    territory = arrange(inputs.registry, inputs.catalogue, power_schedule, rules=rules)
    pairs: dict[str, list[Pair]] = {}
    for pair in territory.revisions:
        if places is None or territory.subjects[pair[1]].place in places:
            pairs.setdefault(pair[1], []).append(pair)
    run = Run(
        territory=territory,
        source=source,
        span=inputs.span,
        closings=source.closings if inputs.closed else {},
        pairs=pairs,
    )
    if since is not None:
        run.since = since
    run.results.subjects = len(pairs)
    there = [s for s in territory.subjects.values() if places is None or s.place in places]
    run.results.unforecast = find_unforecast(territory.rules.values(), there)
    return run


class CompleteTail(SeriesTail):
    """A series of which all needed rows are here."""

    __slots__ = ()

    def __init__(self, rows: Rows) -> None:
        super().__init__(keep=0)
        self._rows, self._size = rows, len(rows)


def backtest(inputs: Inputs, tick: Tick, share: Share | None = None) -> Evaluation:
    """The alarms that would have been raised; not those before the period.

    `share`: finds a helper for long work.
    """
    run = begin_run(inputs)
    blocks, subjects = run.cut_blocks(), run.results.subjects
    done = list(accumulate((len({key for _, key in block}) for block in blocks), initial=0))
    tick(0, subjects)

    def report(number: int) -> None:
        tick(done[number], subjects)

    if share is None or len(blocks) < _MANY:
        run.work(blocks, iter(range(len(blocks))), report)
    else:
        with share(inputs, blocks) as helper:
            run.work(blocks, helper.turns, report)
            run.results.add(helper.results())
        tick(subjects, subjects)
    return summarize(run.results, run.territory.rules, span=inputs.span, floor=inputs.source.floor)


class Run:
    """An evaluation under way, with its results so far.

    `pairs`: what is to be evaluated, by subject.
    """

    def __init__(
        self,
        *,
        territory: Territory,
        source: Source,
        span: Span,
        closings: Closings,
        pairs: Mapping[str, Sequence[Pair]],
    ) -> None:
        self.territory, self._source, self._span = territory, source, span
        self._pairs = pairs
        self._closings = closings
        self.results = Results()
        self._until = FOREVER if span.until is None else span.until
        self.since = begin_reading(span, self.longest)

    @property
    def longest(self) -> int:
        """The longest look-back of any rule here, µs."""
        return max(self.territory.longest.values(), default=0)

    @property
    def keys(self) -> list[str]:
        """The subjects, in the order of their sites."""
        subjects = self.territory.subjects
        return sorted(self._pairs, key=lambda key: (subjects[key].place or "", key))

    def cut_blocks(self, most: int | None = None) -> list[list[Pair]]:
        """The pairs of subjects whose series, up to a number, are read together."""
        most = MOST_SERIES if most is None else most
        blocks: list[list[Pair]] = [[]]
        series: set[int] = set()
        for pairs in (self._pairs[key] for key in self.keys):
            own = {number for pair in pairs for number in self.territory.listens[pair]}
            if blocks[-1] and len(series | own) > most:
                blocks.append([])
                series = set()
            blocks[-1] += pairs
            series |= own
        return [block for block in blocks if block]

    def work(
        self,
        blocks: Blocks,
        turns: Iterator[int],
        report: Callable[[int], None] = lambda _number: None,
    ) -> None:
        """Evaluate the blocks whose turn it is; `report` how many have been begun by all."""
        with ThreadPoolExecutor(max_workers=1) as reader:  # reads the next block meanwhile
            number = next(turns, None)
            ahead = None if number is None else reader.submit(self.read, blocks[number])
            while number is not None and ahead is not None:
                block, rows = blocks[number], ahead.result()
                number = next(turns, None)
                ahead = None if number is None else reader.submit(self.read, blocks[number])
                self.evaluate(block, rows)
                report(len(blocks) if number is None else number)

    def read(self, pairs: Sequence[Pair]) -> Mapping[int, Rows]:
        """The rows that the pairs of a block need."""
        series = sorted({number for pair in pairs for number in self.territory.listens[pair]})
        return self._source.rows(series, self.since, self._until)

    def evaluate(self, pairs: Sequence[Pair], stored: Mapping[int, Rows]) -> None:
        """Evaluate the pairs of a block on the rows that were read for them."""
        territory = self.territory
        self.results.count(stored)
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
        territory, floor = self.territory, self._source.floor
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
            self.results.evaluated.append((rule, verdict.subject))
            self._note_begin((rule, verdict.subject), stored)
            facts = territory.subjects[verdict.subject]
            self.results.places[verdict.subject] = facts.place
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
                self.results.alarms.append(alarm)

    def _horizon(self, pair: Pair, stored: Mapping[int, Rows], *, silence: bool) -> int:
        """As far as ingest listened; values also to their newest row."""
        horizon = self._source.floor
        if not silence:
            newest = [
                int(stored[number]["time"][-1])
                for number in self.territory.listens[pair]
                if number in stored and len(stored[number])
            ]
            horizon = max([horizon, 0, *newest])
        return min(horizon, self._until)

    def _note_begin(self, pair: Pair, stored: Mapping[int, Rows]) -> None:
        """Note where the rule, or a threshold that it needs, was in force only later."""
        since = self._span.since
        if since is None:
            numbers = (number for number in self.territory.listens[pair] if number in stored)
            times = (int(stored[number]["time"][0]) for number in numbers if len(stored[number]))
            since = min(times, default=FOREVER)
        begins = self._begin(pair)
        if begins > since:
            self.results.begun[pair] = begins

    def _begin(self, pair: Pair) -> int:
        subject = self.territory.subjects[pair[1]]
        begins, written = next(
            (at, rule) for at, rule in self.territory.revisions[pair] if rule is not None
        )
        for name in written.thresholds:
            steps = subject.thresholds[name]
            begins = max(begins, int(steps.at[np.argmin(np.isnan(steps.value))]))
        return max(begins, self.territory.rules[pair[0]].begins(subject))
