"""Run the engine over all that is due: a rule at a time, all its sites at once, in columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from hypervisor.instants import BEGINNING
from hypervisor.store.connect import Connection
from hypervisor.store.judgement import Pair
from hypervisor.watch import columns
from hypervisor.watch.columns import Wanted
from hypervisor.watch.memory import Memory, remembered
from hypervisor.watch.rulebook import Revisions
from rules._engine import judge, run_start
from rules._inputs import NEVER, Horizon, Subject
from rules._journal import Moment, Verdict

_BLOCK = 1_000  # sites whose columns come from memory
_STORED_BLOCK = 20  # sites whose columns come from the store: a year of each may be wanted


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One judgement from `start` on. `kept`: the journal before it, from an inactive moment."""

    pair: Pair
    start: int
    horizon: int
    kept: tuple[Moment, ...]
    replaced: tuple[Moment, ...]
    verdict: Verdict
    subject: Subject


@dataclass(frozen=True, kw_only=True)
class _Task:
    pair: Pair
    start: int
    horizon: int
    kept: tuple[Moment, ...]
    replaced: tuple[Moment, ...]
    wanted: Wanted


def due_pairs(memory: Memory) -> list[Pair]:
    """The judgements that are due by now."""
    floor = memory.ears.floor
    return [
        pair
        for pair, standing in memory.standings.items()
        if standing.due is not None
        and (standing.due <= floor or standing.due <= horizon_of(memory, pair))
    ]


def horizon_of(memory: Memory, pair: Pair) -> int:
    """How far (µs) it can be judged: as far as we listened; values also to their newest reading."""
    if memory.territory.rules[pair[0]].silence:
        return memory.ears.floor
    newest = max(
        (memory.tails[one].newest for one in memory.territory.listens[pair]), default=NEVER
    )
    return max(memory.ears.floor, newest)


def judge_due(connection: Connection, memory: Memory, pairs: Sequence[Pair]) -> Iterator[Judged]:
    """Judge each pair from its due time on."""
    _look_back(connection, memory, pairs)
    by_site: dict[str, list[_Task]] = {}
    for pair in pairs:
        by_site.setdefault(pair[1], []).append(_task(memory, pair))
    stored = {site for site, tasks in by_site.items() if _needs_store(memory, tasks)}
    for size, sites in ((_BLOCK, by_site.keys() - stored), (_STORED_BLOCK, stored)):
        rest = iter(sorted(sites))
        while block := list(islice(rest, size)):
            yield from _judge_block(connection, memory, [by_site[site] for site in block])


def _judge_block(
    connection: Connection, memory: Memory, sites: Sequence[Sequence[_Task]]
) -> Iterator[Judged]:
    wanted = [_joined([task.wanted for task in tasks]) for tasks in sites]
    subjects = columns.subjects(connection, memory.tails, wanted)
    calls: dict[tuple[str, tuple[bool, ...], int], list[_Task]] = {}
    for task in (task for tasks in sites for task in tasks):
        revisions = memory.territory.revisions[task.pair]
        fits = tuple(rule is not None for _, rule in revisions)
        calls.setdefault((task.pair[0], fits, task.horizon), []).append(task)
    for tasks in calls.values():
        yield from _call(memory, memory.territory.revisions[tasks[0].pair], tasks, subjects)


def _call(
    memory: Memory,
    revisions: Revisions,
    tasks: Sequence[_Task],
    subjects: Mapping[str, Subject],
) -> Iterable[Judged]:
    horizon = tasks[0].horizon
    verdicts = judge(
        revisions,
        [subjects[task.pair[1]] for task in tasks],
        Horizon(values=horizon, silence=memory.ears.floor, deaf=memory.deaf),
        starts={task.pair[1]: task.start for task in tasks},
        seeds={task.pair[1]: task.kept[-1] for task in tasks if task.kept},
    )
    return [
        Judged(
            pair=task.pair,
            start=task.start,
            horizon=horizon,
            kept=task.kept,
            replaced=task.replaced,
            verdict=verdict,
            subject=subjects[task.pair[1]],
        )
        for task, verdict in zip(tasks, verdicts, strict=True)
    ]


def _look_back(connection: Connection, memory: Memory, pairs: Sequence[Pair]) -> None:
    """Where judging starts before the journal that is in memory, read what stood before."""
    before: dict[Pair, int] = {}
    for pair in pairs:
        standing = memory.standings[pair]
        if standing.open and standing.due is not None and standing.due <= standing.open[0].time:
            before[pair] = standing.due
    for pair, past in (remembered(connection, before, before) if before else {}).items():
        memory.standings[pair].open = past.open
        memory.standings[pair].alarms = past.alarms


def _task(memory: Memory, pair: Pair) -> _Task:
    standing = memory.standings[pair]
    start = BEGINNING if standing.due is None else standing.due
    kept = tuple(moment for moment in standing.open if moment.time < start)
    running = run_start(kept[-1]) if kept else None
    since = min(start, running if running is not None else start) - memory.territory.reach[pair]
    silence = memory.territory.rules[pair[0]].silence
    if silence and not _arrivals_in_memory(memory, pair, since):
        since = BEGINNING
    return _Task(
        pair=pair,
        start=start,
        horizon=horizon_of(memory, pair),
        kept=kept,
        replaced=tuple(moment for moment in standing.open if moment.time >= start),
        wanted=Wanted(
            site=memory.territory.sites[pair[1]],
            since=max(since, BEGINNING),
            series=frozenset(memory.territory.listens[pair]),
            whole=silence,
        ),
    )


def _arrivals_in_memory(memory: Memory, pair: Pair, since: int) -> bool:
    return all(
        memory.tails[series].arrivals_from() <= since for series in memory.territory.listens[pair]
    )


def _needs_store(memory: Memory, tasks: Iterable[_Task]) -> bool:
    return any(
        memory.tails[series].complete_from > task.wanted.since
        for task in tasks
        for series in task.wanted.series
    )


def _joined(wanted: Sequence[Wanted]) -> Wanted:
    return Wanted(
        site=wanted[0].site,
        since=min(one.since for one in wanted),
        series=frozenset().union(*(one.series for one in wanted)),
        whole=any(one.whole for one in wanted),
    )
