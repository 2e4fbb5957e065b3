"""A batch of the feed -> what is new of each series -> which judgements it may change."""

from collections.abc import Sequence

import numpy as np

from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.database.feed import Entry
from hypervisor.evaluation import arrivals
from hypervisor.evaluation.arrivals import Arrived
from hypervisor.evaluation.memory import Memory
from hypervisor.evaluation.schedule import EvaluationPlan, explain
from hypervisor.readings import queries_corrections, queries_history
from sensors._row import NEVER, ROW, Rows


def rows_of(entries: Sequence[Entry], *, oldest: int) -> Rows:
    """All rows of the batch by series and time, those of one time in the order committed.

    Rows measured before `oldest` (µs) are stored but not judged; imported ones know no horizon.
    """
    parts = [entry.rows for entry in entries if entry.kind == "readings"]
    if not parts:
        return np.empty(0, dtype=ROW)
    rows = np.concatenate(parts)
    if oldest > NEVER:
        rows = rows[(rows["time"] >= oldest) | (rows["received"] == NEVER)]
    return rows[np.lexsort((rows["time"], rows["series"]))]


def absorb(connection: Connection, memory: Memory, rows: Rows) -> Arrived:
    """Take the rows into memory; what is new."""
    news = arrivals.take(rows, memory.tails, memory.stats, cursor=int(memory.state.cursor))
    _settle(connection, memory, news)
    return news


def mark(memory: Memory, news: Arrived) -> None:
    """Make due every judgement that the news may change."""
    names = _names(memory) if news.fresh else {}
    arrivals.pause(news, memory.stats, judged=memory.state.heard_to)
    for plan in memory.plans.values():
        plan.mark(news, memory.stats, floor=memory.watermark.floor, heard_to=memory.state.heard_to)
        for number in _late(plan, news):
            why = explain(plan, number, news, names)
            if why:
                plan.why[number] = why
    memory.stats.read(memory.tails, news.trimmed)
    for rule, subject in [*memory.setbacks.now]:
        rule_plan = memory.plans.get(rule)
        if rule_plan is not None and subject in rule_plan.keys:
            due = int(rule_plan.due[rule_plan.keys.index(subject)])
            memory.setbacks.lower((rule, subject), due)


def hear(memory: Memory, entries: Sequence[Entry]) -> bool:
    """Take the batch's heartbeats; whether there were any."""
    beats = [
        (entry.worker, entry.at) for entry in entries if entry.kind == "heartbeat" and entry.at
    ]
    for worker, at in beats:
        memory.watermark.beat(worker, micros(at))
    return bool(beats)


def _settle(connection: Connection, memory: Memory, news: Arrived) -> None:
    """Where a row says something else than before, the store knows which stands."""
    if not any(fresh.doubted for fresh in news.fresh.values()):
        return
    series_at = {place: series for series, place in memory.stats.place.items()}
    points = [(series_at[at], time) for at, fresh in news.fresh.items() for time in fresh.doubted]
    rows = queries_history.read_points(connection, points)
    firsts = {
        (series_at[at], fresh.doubted[0]): at for at, fresh in news.fresh.items() if fresh.doubted
    }
    causes = queries_corrections.list_causes(connection, list(firsts))
    news.acts |= {firsts[point]: cause for point, cause in causes.items()}
    doubted = {series for series, _ in points}
    for series in doubted:
        memory.tails[series].stands(rows[rows["series"] == series])
    memory.stats.read(memory.tails, doubted)


def _late(plan: EvaluationPlan, news: Arrived) -> list[int]:
    """The subjects at which something of the past is told."""
    if not news.fresh:
        return []
    return np.flatnonzero(news.late[plan.listens].any(axis=1)).tolist()


def _names(memory: Memory) -> dict[int, str]:
    """Of the quantities, by place."""
    return {at: memory.territory.quantity_of[s] for s, at in memory.stats.place.items()}
