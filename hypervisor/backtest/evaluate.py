"""Every rule at every subject it applies to, judged as the watch judges, a block at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from hypervisor.alarms.queries import Pair
from hypervisor.backtest.model import Judgement, RaisedAlarm
from hypervisor.backtest.parts import Part, Share
from hypervisor.backtest.registries import reach_of
from hypervisor.backtest.sources import FOREVER, Closings, Source
from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation import columns, rulebook
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.rulebook import Territory
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.registry.model import Registry
from rules._engine import evaluate
from rules._inputs import Horizon, Subject
from rules._log import episodes
from sensors._domain import Catalogue
from sensors._row import NEVER, ROW, Rows

_MANY = 6  # blocks from which on a helper is worth its start of some seconds
_SERIES = 128  # read together: a year of each, every 15 min, is some 130 MB
_DAY = 86_400_000_000
WARM = 7 * _DAY  # judged before the span asked for, so that what stood at its start is known
_NO_STORE: Any = None  # whole tails leave nothing to ask it for

Tick = Callable[[int, int], None]  # subjects done, of how many


@dataclass(frozen=True, kw_only=True)
class Span:
    """What is asked for, both ends included (µs); None: as far as there is anything."""

    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which subjects: those of these sites, or all."""

    sites: frozenset[str] | None = None

    def __contains__(self, place: object) -> bool:
        return self.sites is None or place in self.sites


class Whole(SeriesTail):
    """A series of which all that is wanted is here."""

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
    place: Place,
    retention: int,
    closed: bool,
    tick: Tick,
    share: Share | None = None,
) -> Judgement:
    """The alarms that there would have been; those that ended before the span are left out.

    `retention`: of raw readings, µs: a lamp's supply is known no farther back. `closed`: what
    operators closed by hand ends there, as in the log. `share`: with whom the work may be shared.
    """
    power_schedule = PowerSchedule(retention=retention)
    power_schedule.extend(source.floor, source.gaps)
    territory = rulebook.arrange(registry, catalogue, power_schedule)
    by_subject: dict[str, list[Pair]] = {}
    for pair in territory.revisions:
        if territory.subjects[pair[1]].place in place:
            by_subject.setdefault(pair[1], []).append(pair)
    keys = sorted(by_subject, key=lambda key: (territory.subjects[key].place or "", key))
    run = Run(
        territory=territory, source=source, span=span, closings=source.closings if closed else {}
    )
    blocks = [
        [pair for key in block for pair in by_subject[key]]
        for block in _blocks(territory, keys, by_subject)
    ]
    done = list(accumulate((len({key for _, key in block}) for block in blocks), initial=0))
    tick(0, len(keys))

    def report(number: int) -> None:
        tick(done[number], len(keys))

    if share is None or len(blocks) < _MANY:
        run.work(blocks, iter(range(len(blocks))), report)
    else:
        with share(registry, (span.since, span.until), retention, blocks, closed=closed) as helper:
            run.work(blocks, helper.turns, report)
            run.add(helper.part())
        tick(len(keys), len(keys))
    return run.judgement(subjects=len(keys))


def _blocks(
    territory: Territory, keys: Sequence[str], by_subject: Mapping[str, Sequence[Pair]]
) -> Iterator[list[str]]:
    """Subjects whose series are read together."""
    block: list[str] = []
    series: set[int] = set()
    for key in keys:
        own = {number for pair in by_subject[key] for number in territory.listens[pair]}
        if block and len(series | own) > _SERIES:
            yield block
            block, series = [], set()
        block.append(key)
        series |= own
    if block:
        yield block


class Run:
    """What was found so far."""

    def __init__(
        self, *, territory: Territory, source: Source, span: Span, closings: Closings
    ) -> None:
        self._territory, self._source, self._span = territory, source, span
        self._closings = closings
        self._alarms: list[RaisedAlarm] = []
        self._judged: list[Pair] = []
        self._rows = 0
        self._first, self._last = np.iinfo(np.int64).max, NEVER
        self._until = FOREVER if span.until is None else span.until
        self._since = BEGINNING
        if span.since is not None:
            self._since = span.since - WARM - reach_of(territory.longest)

    def work(
        self,
        blocks: Sequence[Sequence[Pair]],
        turns: Iterator[int],
        report: Callable[[int], None] = lambda _number: None,
    ) -> None:
        """Judge the blocks whose turn it is. `report` hears how many were begun by anybody."""
        with ThreadPoolExecutor(max_workers=1) as reader:  # reads the next block meanwhile
            number = next(turns, None)
            ahead = None if number is None else reader.submit(self.read, blocks[number])
            while number is not None and ahead is not None:
                block, rows = blocks[number], ahead.result()
                number = next(turns, None)
                ahead = None if number is None else reader.submit(self.read, blocks[number])
                self.judge(block, rows)
                report(len(blocks) if number is None else number)

    def part(self) -> Part:
        """All of it, for whoever shares the work."""
        return Part(
            alarms=self._alarms,
            judged=self._judged,
            rows=self._rows,
            first=self._first,
            last=self._last,
        )

    def add(self, part: Part) -> None:
        """What a helper found."""
        self._alarms += part.alarms
        self._judged += part.judged
        self._rows += part.rows
        self._first, self._last = min(self._first, part.first), max(self._last, part.last)

    def read(self, pairs: Sequence[Pair]) -> Mapping[int, Rows]:
        """What the pairs of a block need."""
        series = sorted({number for pair in pairs for number in self._territory.listens[pair]})
        return self._source.rows(series, self._since, self._until)

    def judge(self, pairs: Sequence[Pair], stored: Mapping[int, Rows]) -> None:
        """Judge the pairs of a block over what was read for them."""
        territory = self._territory
        self._count(stored)
        nothing = Whole(np.empty(0, dtype=ROW))
        tails: dict[int, SeriesTail] = dict.fromkeys(territory.quantity_of, nothing)
        tails |= {number: Whole(rows) for number, rows in stored.items()}
        since = {
            key: {
                number: NEVER
                for pair in pairs
                if pair[1] == key
                for number in territory.listens[pair]
            }
            for key in dict.fromkeys(key for _, key in pairs)
        }
        queries = [ColumnQuery(subject=territory.subjects[key], since=since[key]) for key in since]
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
            return  # nobody listened, so nobody was silent
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
            self._judged.append((rule, verdict.subject))
            facts = territory.subjects[verdict.subject]
            for episode in episodes(rule, verdict.subject, verdict.moments):
                if self._over(episode.ended):
                    continue
                written = history.at(episode.began)
                self._alarms.append(
                    RaisedAlarm(
                        episode=episode,
                        place=facts.place,
                        title=facts.named(written.title),
                        category=written.category,
                        domain=written.domain,
                    )
                )

    def _horizon(self, pair: Pair, stored: Mapping[int, Rows], *, silence: bool) -> int:
        """As far as we listened; values also to their newest row."""
        horizon = self._source.floor
        if not silence:
            newest = [
                int(stored[number]["time"][-1])
                for number in self._territory.listens[pair]
                if number in stored and len(stored[number])
            ]
            horizon = max([horizon, 0, *newest])
        return min(horizon, self._until)

    def _over(self, ended: int | None) -> bool:
        return ended is not None and self._span.since is not None and ended < self._span.since

    def _count(self, stored: Mapping[int, Rows]) -> None:
        for rows in stored.values():
            if len(rows):
                self._rows += len(rows)
                self._first = min(self._first, int(rows["time"][0]))
                self._last = max(self._last, int(rows["time"][-1]))

    def judgement(self, *, subjects: int) -> Judgement:
        """All of it; the span is that asked for, as far as there is anything in it."""
        first = self._first if self._span.since is None else self._span.since
        last = max(self._last, self._source.floor)
        if self._span.until is not None:
            last = min(last, self._span.until)
        ordered = sorted(
            self._alarms,
            key=lambda alarm: (alarm.episode.began, alarm.episode.rule, alarm.episode.subject),
        )
        return Judgement(
            alarms=tuple(ordered),
            judged=tuple(self._judged),
            places={key: self._territory.subjects[key].place for _, key in self._judged},
            categories={
                rule: self._territory.rules[rule].rules[-1].category for rule, _ in self._judged
            },
            since=min(first, max(last, 0)),
            until=max(last, 0),
            rows=self._rows,
            subjects=subjects,
        )
