"""Run the engine over all that is due: a rule at a time, all its subjects at once, in columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from hypervisor.instants import BEGINNING
from hypervisor.store.connect import Connection
from hypervisor.store.watch.judgement import Pair
from hypervisor.watch import columns
from hypervisor.watch.columns import Wanted
from hypervisor.watch.forgetting import earliest
from hypervisor.watch.memory import Memory, remembered
from hypervisor.watch.news import News
from rules._engine import judge, run_start
from rules._inputs import Horizon, Subject
from rules._journal import Moment, Verdict

_BLOCK = 1_000  # subjects whose columns come from memory
_STORED_BLOCK = 20  # subjects whose columns come from the store: a year of each may be wanted


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One rule at one subject, to be judged from `start` up to `horizon` (µs).

    `number`: of the subject in the rule's plan. `seen`: how far its rows had come before the batch,
    or how far we had listened: what is said of the time up to there was perhaps read by people.
    `kept`: the journal before the start, from an inactive moment on; `replaced`: from the start.
    """

    pair: Pair
    number: int
    start: int
    horizon: int
    seen: int
    kept: tuple[Moment, ...]
    replaced: tuple[Moment, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A task, done."""

    task: Task
    verdict: Verdict
    subject: Subject


def due_tasks(connection: Connection, memory: Memory, news: News) -> list[Task]:
    """What is due by now, rule by rule."""
    found: list[Task] = []
    for plan in memory.plans.values():
        horizons = plan.horizons(memory.dials, memory.ears.floor)
        numbers = np.flatnonzero(plan.due <= horizons)
        if not len(numbers):
            continue
        seen = news.before[plan.listens[numbers]].max(axis=1)
        if plan.silence:
            seen = np.full(len(numbers), memory.state.heard_to)
        starts = np.maximum(plan.due[numbers], BEGINNING).tolist()
        pairs = [plan.pair(number) for number in numbers.tolist()]
        _look_back(connection, memory, dict(zip(pairs, starts, strict=True)))
        starts = [
            max(start, earliest(memory, pair)) for start, pair in zip(starts, pairs, strict=True)
        ]
        found += [
            _task(memory, pair, number=number, start=start, horizon=horizon, seen=had)
            for pair, number, start, horizon, had in zip(
                *(pairs, numbers.tolist(), starts),
                *(horizons[numbers].tolist(), seen.tolist()),
                strict=True,
            )
        ]
    return found


def judge_all(
    connection: Connection, memory: Memory, tasks: Iterable[Task]
) -> Iterator[list[Judged]]:
    """Judge the tasks, a block of subjects at a time; one list for each call of the engine."""
    by_subject: dict[str, list[tuple[Task, Wanted]]] = {}
    for task in tasks:
        by_subject.setdefault(task.pair[1], []).append((task, _wanted(memory, task)))
    stored = {key for key, both in by_subject.items() if _needs_store(memory, both)}
    for size, keys in ((_BLOCK, by_subject.keys() - stored), (_STORED_BLOCK, stored)):
        rest = iter(sorted(keys))
        while block := list(islice(rest, size)):
            yield from _judge_block(connection, memory, [by_subject[key] for key in block])


def _judge_block(
    connection: Connection, memory: Memory, tasks: Sequence[Sequence[tuple[Task, Wanted]]]
) -> Iterator[list[Judged]]:
    wanted = [columns.joined([want for _, want in both]) for both in tasks]
    subjects = columns.subjects(connection, memory.tails, wanted)
    calls: dict[tuple[str, tuple[bool, ...]], list[Task]] = {}
    for task, _ in (one for both in tasks for one in both):
        fits = tuple(rule is not None for _, rule in memory.territory.revisions[task.pair])
        calls.setdefault((task.pair[0], fits), []).append(task)
    for alike in calls.values():
        yield _call(memory, alike, subjects)


def _call(memory: Memory, tasks: Sequence[Task], subjects: Mapping[str, Subject]) -> list[Judged]:
    """One rule, as it applies alike to these subjects."""
    furthest = max(task.horizon for task in tasks)
    verdicts = judge(
        memory.territory.revisions[tasks[0].pair],
        [subjects[task.pair[1]] for task in tasks],
        Horizon(values=furthest, silence=furthest, deaf=memory.deaf),
        starts={task.pair[1]: task.start for task in tasks},
        seeds={task.pair[1]: task.kept[-1] for task in tasks if task.kept},
        untils={task.pair[1]: task.horizon for task in tasks},
        closings={
            task.pair[1]: memory.closings[task.pair]
            for task in tasks
            if task.pair in memory.closings
        },
    )
    return [
        Judged(task=task, verdict=verdict, subject=subjects[task.pair[1]])
        for task, verdict in zip(tasks, verdicts, strict=True)
    ]


def _look_back(connection: Connection, memory: Memory, starts: Mapping[Pair, int]) -> None:
    """Where judging starts before the journal that is in memory, read what stood before."""
    before = {
        pair: start
        for pair, start in starts.items()
        if memory.standings[pair].open and start <= memory.standings[pair].open[0].time
    }
    if before:
        memory.standings |= remembered(connection, before, before)


def _task(  # noqa: PLR0913  one argument a field
    memory: Memory, pair: Pair, *, number: int, start: int, horizon: int, seen: int
) -> Task:
    journal = memory.standings[pair].open
    cut = len(journal)
    while cut and journal[cut - 1].time >= start:
        cut -= 1
    return Task(
        pair=pair,
        number=number,
        start=start,
        horizon=horizon,
        seen=seen,
        kept=tuple(journal[:cut]),
        replaced=tuple(journal[cut:]),
    )


def _wanted(memory: Memory, task: Task) -> Wanted:
    """The columns that judging from its start needs."""
    listens = memory.territory.listens[task.pair]
    running = run_start(task.kept[-1]) if task.kept else None
    start = task.start if running is None else min(task.start, running)
    since = {series: max(start - reach, BEGINNING) for series, reach in listens.items()}
    silence = memory.plans[task.pair[0]].silence
    if silence:
        for series, at in since.items():
            if memory.tails[series].arrivals_from() > at:
                since[series] = BEGINNING  # what arrived then may be of any age
    return Wanted(subject=memory.territory.subjects[task.pair[1]], since=since, whole=silence)


def _needs_store(memory: Memory, both: Iterable[tuple[Task, Wanted]]) -> bool:
    return any(
        memory.tails[series].complete_from > since
        for _, wanted in both
        for series, since in wanted.since.items()
    )
