"""Run the engine over all that is due: a rule at a time, all its subjects at once, in columns."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hypervisor.alarms.log import Pair
from hypervisor.base.instants import BEGINNING
from hypervisor.database.connect import Connection
from hypervisor.evaluation import columns
from hypervisor.evaluation.arrivals import Arrived
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.memory import Memory, earliest, load_standings
from hypervisor.evaluation.queries_setbacks import is_server_failure
from hypervisor.evaluation.schedule import EvaluationPlan
from hypervisor.evaluation.setbacks import run_each_isolated, run_isolated
from rules._engine import evaluate, run_start
from rules._inputs import Horizon, Subject
from rules._rule_state import StateChange, Verdict

_BLOCK = 500  # subjects whose columns come from memory
_STORED_BLOCK = 20  # subjects whose columns come from the store, perhaps a year of each


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One rule at one subject, to be evaluated from `start` up to `horizon` (µs).

    `number`: of the subject in the rule's plan. `seen`: its newest row, or the watermark, before
    this batch: people may have read the result up to there. `kept`: the states before the start,
    from an inactive one on; `replaced`: those from the start on.
    """

    pair: Pair
    number: int
    start: int
    horizon: int
    seen: int
    kept: tuple[StateChange, ...]
    replaced: tuple[StateChange, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """A task, done."""

    task: Task
    verdict: Verdict
    subject: Subject


log = logging.getLogger(__name__)
_Both = tuple[Task, ColumnQuery]  # a task, and the columns that it needs
Due = list[tuple[str, int, int]]  # of a subject: rules, its number in their plans, and horizons


def evaluate_due(
    connection: Connection, memory: Memory, news: Arrived
) -> Iterator[list[Evaluated]]:
    """Evaluate what is due, a block of subjects at a time; one list for each call of the engine.

    A task that fails is set aside. The caller may stop after any list, and go on in a later
    transaction, if nothing is made due meanwhile.
    """
    due = list_due(memory)
    subjects = memory.territory.subjects
    keys = sorted(due, key=lambda key: (subjects[key].place or "", key))
    weigh = partial(_count_earlier, memory, due)
    for block in split_blocks(keys, weigh, rows=memory.budget.rows_at_once, most=_BLOCK):
        tasks = make_tasks(connection, memory, news, [due.pop(key) for key in block])
        yield from _evaluate_tasks(connection, memory, tasks)


def split_blocks(
    keys: Iterable[str], weigh: Callable[[str], int], *, rows: int, most: int
) -> Iterator[list[str]]:
    """Keys in blocks of `most`, and of about so many rows; a heavier key is a block by itself."""
    block, weight = list[str](), 0
    for key in keys:
        own = weigh(key)
        if block and (len(block) >= most or weight + own > rows):
            yield block
            block, weight = [], 0
        block.append(key)
        weight += own
    if block:
        yield block


def _count_earlier(memory: Memory, due: Mapping[str, Due], subject: str) -> int:
    """About how many states of a subject's rules are to be loaded."""
    return sum(_count_states(memory, memory.plans[rule], at) for rule, at, _ in due[subject])


def _count_states(memory: Memory, plan: EvaluationPlan, number: int) -> int:
    """How many states before those in memory may be loaded: no more than readings since then."""
    pair, start = plan.pair(number), int(plan.due[number])
    if not _starts_before(memory, pair, start):
        return 0
    return sum(memory.tails[key].count_since(start) for key in memory.territory.listens[pair])


def _starts_before(memory: Memory, pair: Pair, start: int) -> bool:
    """Whether an evaluation begins before the states in memory."""
    states = memory.standings[pair].open
    return bool(states) and start <= states[0].time


def list_due(memory: Memory) -> dict[str, Due]:
    """What is due, by subject."""
    by_subject: dict[str, Due] = {}
    for plan, number, horizon in memory.agenda.list_due(memory.stats, memory.watermark.floor):
        if not memory.setbacks.now or not memory.setbacks.holds(plan.pair(number), horizon):
            by_subject.setdefault(plan.keys[number], []).append((plan.rule.id, number, horizon))
    return by_subject


def make_tasks(
    connection: Connection, memory: Memory, news: Arrived, due: Iterable[Due]
) -> list[Task]:
    """The tasks of some subjects, rule by rule."""
    by_rule: dict[str, list[tuple[int, int]]] = {}
    for some in due:
        for rule, number, horizon in some:
            by_rule.setdefault(rule, []).append((number, horizon))
    loaded = _load_together(connection, memory, by_rule)
    tasks: list[Task] = []
    for rule, numbers in by_rule.items():
        plan = memory.plans[rule]
        make = partial(_make_tasks, connection, memory, plan, news, loaded=loaded)
        for made in run_isolated(numbers, make, partial(_set_aside, memory, plan)):
            tasks += made
    return tasks


def _set_aside(
    memory: Memory, plan: EvaluationPlan, due: tuple[int, int], error: Exception
) -> None:
    memory.setbacks.put(plan.pair(due[0]), int(plan.due[due[0]]), error)


def _make_tasks(  # noqa: PLR0913
    connection: Connection,
    memory: Memory,
    plan: EvaluationPlan,
    news: Arrived,
    some: Sequence[tuple[int, int]],
    *,
    loaded: bool,
) -> list[Task]:
    """The tasks of some subjects of a plan: their numbers and horizons.

    `loaded`: their earlier states are in memory.
    """
    numbers, horizons = np.array(some, dtype=np.int64).T
    seen = news.before[plan.listens[numbers]].max(axis=1)
    if plan.silence:
        seen = np.full(len(numbers), memory.state.watermark)
    starts = np.maximum(plan.due[numbers], BEGINNING).tolist()
    pairs = [plan.pair(number) for number in numbers.tolist()]
    if not loaded:
        _load_earlier_states(connection, memory, zip(pairs, starts, strict=True))
    starts = [max(start, earliest(memory, pair)) for start, pair in zip(starts, pairs, strict=True)]
    return [
        _task(memory, pair, number=number, start=start, horizon=horizon, seen=had)
        for pair, number, start, horizon, had in zip(
            *(pairs, numbers.tolist(), starts), *(horizons.tolist(), seen.tolist()), strict=True
        )
    ]


def _evaluate_tasks(
    connection: Connection, memory: Memory, tasks: Iterable[Task]
) -> Iterator[list[Evaluated]]:
    by_subject: dict[str, list[_Both]] = {}

    def failed(both: Task | _Both, error: Exception) -> None:
        task = both if isinstance(both, Task) else both[0]
        memory.setbacks.put(task.pair, task.start, error)

    for pairs in run_isolated(
        [*tasks], lambda some: [(task, _column_query(memory, task)) for task in some], failed
    ):
        for both in pairs:
            by_subject.setdefault(both[0].pair[1], []).append(both)
    stored = {key for key, both in by_subject.items() if _needs_store(memory, both)}
    for size, keys in ((_BLOCK, by_subject.keys() - stored), (_STORED_BLOCK, stored)):
        weigh = partial(_count_needed, memory, by_subject)
        rows = memory.budget.rows_at_once
        for block in split_blocks(sorted(keys), weigh, rows=rows, most=size):
            together = [both for key in block for both in by_subject[key]]
            for some, subjects in run_isolated(
                together, lambda some: (some, _columns(connection, memory, some)), failed
            ):
                yield from _evaluate_block(memory, [task for task, _ in some], subjects)


def _count_needed(memory: Memory, by_subject: Mapping[str, Sequence[_Both]], subject: str) -> int:
    """About how many rows the tasks of a subject need."""
    query = columns.merge_queries([query for _, query in by_subject[subject]])
    return columns.count_rows(memory.tails, query)


def _columns(
    connection: Connection, memory: Memory, tasks: Sequence[_Both]
) -> Mapping[str, Subject]:
    """The subjects of these tasks, with the columns that they need."""
    by_subject: dict[str, list[ColumnQuery]] = {}
    for task, query in tasks:
        by_subject.setdefault(task.pair[1], []).append(query)
    queries = [columns.merge_queries(some) for some in by_subject.values()]
    return columns.load_subjects(connection, memory.tails, queries, hold=True)


def _evaluate_block(
    memory: Memory, tasks: Sequence[Task], subjects: Mapping[str, Subject]
) -> Iterator[list[Evaluated]]:
    failures: list[tuple[Task, Exception]] = []
    calls: dict[tuple[str, tuple[bool, ...]], list[Task]] = {}
    for task in tasks:
        fits = tuple(rule is not None for _, rule in memory.territory.revisions[task.pair])
        calls.setdefault((task.pair[0], fits), []).append(task)
    for alike in calls.values():
        yield from run_isolated(
            alike,
            lambda some: _call(memory, some, subjects),
            lambda task, error: failures.append((task, error)),
        )
    for task, error in failures:
        later = _from_latest_revision(memory, task)
        evaluations = run_each_isolated(
            [] if later is None else [later],
            lambda task: _call(memory, [task], subjects),
            lambda task, again: log.warning("it fails also from %s on: %s", task.start, again),
        )
        evaluated = [*evaluations]
        if not evaluated:
            memory.setbacks.put(task.pair, task.start, error)
            latest = memory.territory.revisions[task.pair][-1][0]
            if latest > task.horizon:
                memory.setbacks.again[task.pair] = latest
        yield from evaluated


def _from_latest_revision(memory: Memory, task: Task) -> Task | None:
    """A failed task, restricted to the latest revision of its rule, if that is later.

    So a revision or withdrawal fixes a rule whose evaluation failed.
    """
    latest = memory.territory.revisions[task.pair][-1][0]
    if not task.start < latest <= task.horizon:
        return None
    states = [*task.kept, *task.replaced]
    return replace(
        task,
        start=latest,
        kept=tuple(state for state in states if state.time < latest),
        replaced=tuple(state for state in states if state.time >= latest),
    )


def _call(
    memory: Memory, tasks: Sequence[Task], subjects: Mapping[str, Subject]
) -> list[Evaluated]:
    """Evaluate one rule at subjects to which it applies alike."""
    furthest = max(task.horizon for task in tasks)
    verdicts = evaluate(
        memory.territory.revisions[tasks[0].pair],
        [subjects[task.pair[1]] for task in tasks],
        Horizon(values=furthest, silence=furthest, gaps=memory.gaps),
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
        Evaluated(task=task, verdict=verdict, subject=subjects[task.pair[1]])
        for task, verdict in zip(tasks, verdicts, strict=True)
    ]


def _load_together(
    connection: Connection, memory: Memory, by_rule: Mapping[str, Sequence[tuple[int, int]]]
) -> bool:
    """Load the earlier states of all rules at once; False: some of it fails."""
    plans = memory.plans
    starts = (
        (plans[rule].pair(number), max(int(plans[rule].due[number]), BEGINNING))
        for rule, numbers in by_rule.items()
        for number, _ in numbers
    )
    try:
        _load_earlier_states(connection, memory, starts)
    except Exception as error:
        if is_server_failure(error):
            raise
        return False
    return True


def _load_earlier_states(
    connection: Connection, memory: Memory, starts: Iterable[tuple[Pair, int]]
) -> None:
    """Load the standing of pairs whose start lies before the states in memory."""
    before = {pair: start for pair, start in starts if _starts_before(memory, pair, start)}
    if before:
        with connection.transaction():
            memory.standings |= load_standings(connection, before, before)


def _task(  # noqa: PLR0913  one argument a field
    memory: Memory, pair: Pair, *, number: int, start: int, horizon: int, seen: int
) -> Task:
    states = memory.standings[pair].open
    cut = len(states)
    while cut and states[cut - 1].time >= start:
        cut -= 1
    return Task(
        pair=pair,
        number=number,
        start=start,
        horizon=horizon,
        seen=seen,
        kept=tuple(states[:cut]),
        replaced=tuple(states[cut:]),
    )


def _column_query(memory: Memory, task: Task) -> ColumnQuery:
    """The columns that the evaluation from its start needs."""
    listens = memory.territory.listens[task.pair]
    running = run_start(task.kept[-1]) if task.kept else None
    start = task.start if running is None else min(task.start, running)
    since = {series: max(start - reach, BEGINNING) for series, reach in listens.items()}
    silence = memory.plans[task.pair[0]].silence
    if silence:
        for series, at in since.items():
            if memory.tails[series].arrivals_from() > at:
                since[series] = BEGINNING  # what arrived then may be of any age
    return ColumnQuery(
        subject=memory.territory.subjects[task.pair[1]], since=since, all_rows=silence
    )


def _needs_store(memory: Memory, both: Iterable[tuple[Task, ColumnQuery]]) -> bool:
    return any(
        memory.tails[series].complete_from > since
        for _, query in both
        for series, since in query.since.items()
    )
