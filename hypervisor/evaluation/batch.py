"""One batch: feed -> new rows -> due evaluations -> columns -> engine -> reconciled -> recorded.

How far the feed was read is written with the last that follows from a batch: after a kill before
that the batch is evaluated again, with the same result.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from hypervisor.alarms.log import Alarm, Pair, Transition
from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.database.feed import Entry
from hypervisor.database.transactions import begin, commit, rolled_back_on_error
from hypervisor.evaluation import queries, revisions
from hypervisor.evaluation.agenda import Agenda
from hypervisor.evaluation.arrivals import Arrived, record_pauses, take_rows
from hypervisor.evaluation.evaluate import evaluate_due
from hypervisor.evaluation.leftovers import end_leftovers
from hypervisor.evaluation.memory import Memory, Unfinished, Watermark, revision_horizon, union
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.queries import EvaluationState
from hypervisor.evaluation.queries_setbacks import is_server_failure
from hypervisor.evaluation.recording import Findings, Written, write, write_isolated
from hypervisor.evaluation.schedule import explain
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.setbacks import Setbacks
from hypervisor.evaluation.shards import ALL
from hypervisor.evaluation.tail_budget import TailBudget
from hypervisor.evaluation.territory import Territory
from hypervisor.evaluation.touched_sites import TouchedSites
from hypervisor.readings import queries_corrections, queries_history
from rules._engine import VERSION
from sensors._domain import Catalogue
from sensors._row import NEVER, ROW, Rows

# Read from the feed at once: many rows cost less each, but a step must not take long.
_ENTRIES, _BYTES = 200, 2**20
_OUTCOMES = 200  # changed alarms that one step writes: each takes a third of a millisecond

_Outcome = tuple[Written, Sequence[Pair], Sequence[Pair]]  # and what is set aside, or resumed


@dataclass(frozen=True, kw_only=True)
class Setup:
    """`clock` is the wall's; `retention` of raw readings in µs.

    `longest`: after so long (s) a step commits what it evaluated, and the next one goes on.
    `memory`: bytes; half for recent readings, the rest for what is being evaluated.
    """

    catalogue: Catalogue
    mode: Mode
    retention: int
    clock: Callable[[], datetime]
    longest: float = math.inf
    memory: int = 512 * 2**20


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one step did. `waiting`: the feed held more than one step takes."""

    entries: int
    rows: int
    evaluated: int
    waiting: bool = False
    finished: bool = True
    alarms: Sequence[Alarm] = ()
    transitions: Sequence[Transition] = ()
    set_aside: Sequence[Pair] = ()
    resumed: Sequence[Pair] = ()

    @property
    def more(self) -> bool:
        return not self.finished or self.waiting


def load_memory(connection: Connection, setup: Setup, shards: AbstractSet[int] = ALL) -> Memory:
    """Build the memory of these shards from the database, as the last commits left them.

    Of shards that came from several processes, those ahead are evaluated again: the same results.
    """
    first = queries.EvaluationState(cursor=queries.FIRST_CURSOR, engine=VERSION)
    with rolled_back_on_error(connection):
        with connection.pipeline():
            begin(connection)
            queries.create_states(connection, first)
            receive_state = queries.request_state(connection, shards)
            receive_listening = queries.request_listening(connection)
        state = receive_state() or first
        stats = SeriesStats.of({})
        memory = Memory(
            state=state,
            territory=Territory.empty(),
            tails={},
            stats=stats,
            agenda=Agenda.of({}, stats),
            standings={},
            watermark=Watermark(floor=state.watermark),
            gaps=union(receive_listening()[1]),
            power_schedule=PowerSchedule(retention=setup.retention),
            shards=shards,
            setbacks=Setbacks.load(connection, shards),
            touched=TouchedSites(shards=shards),
            budget=TailBudget(most=setup.memory // 2),
        )
        revisions.revise(connection, memory, setup.catalogue)
        with connection.pipeline():
            queries.save_state(connection, state, shards)
            commit(connection)
    return memory


def step(connection: Connection, memory: Memory, setup: Setup) -> Report:
    """Evaluate what is new or due by time alone. After an error discard the memory.

    How far the feed was read is saved when everything that follows from it was evaluated: after a
    kill before that, it is read again, and evaluated with the same result.
    """
    until = time.monotonic() + setup.longest
    rows = 0
    with rolled_back_on_error(connection):
        if memory.unfinished is None:
            memory.unfinished, rows = _read_feed(connection, memory, setup)
        unfinished = memory.unfinished
        findings = Findings(now=_now(unfinished.state, setup))
        finished = _evaluate(memory, unfinished, findings, until)
        finished = finished and _save_inputs(connection, memory, until)
        outcome = _write_together(connection, memory, findings, finished=finished)
    if outcome is None:
        with connection.transaction():
            finished = finished and _save_inputs(connection, memory, until)
            outcome = _write(connection, memory, findings, write_isolated, finished=finished)
    written, set_aside, resumed = outcome
    written.settle(memory)
    if finished:
        memory.unfinished = None
        memory.state = unfinished.state
        memory.rearranged = False
    return Report(
        entries=unfinished.entries,
        rows=rows,
        waiting=unfinished.waiting,
        evaluated=findings.evaluated,
        finished=finished,
        alarms=written.alarms,
        transitions=written.transitions,
        set_aside=set_aside,
        resumed=resumed,
    )


def _write_together(
    connection: Connection, memory: Memory, findings: Findings, *, finished: bool
) -> _Outcome | None:
    """Write and commit, and wait for one answer.

    None: some of it is refused; then nothing is written, and memory is as before.
    """
    before = memory.setbacks.stored, memory.saved_inputs, replace(memory.touched)
    try:
        with connection.pipeline():
            begin(connection)
            outcome = _write(connection, memory, findings, write, finished=finished)
            commit(connection)
    except Exception as error:
        if is_server_failure(error):
            raise
        connection.rollback()
        memory.setbacks.stored, memory.saved_inputs, memory.touched = before
        return None
    return outcome


def _write(
    connection: Connection,
    memory: Memory,
    findings: Findings,
    write_findings: Callable[[Connection, Memory, Findings], Written],
    *,
    finished: bool,
) -> _Outcome:
    """Write all that one step changes, in the caller's transaction."""
    written = write_findings(connection, memory, findings)
    if finished and memory.rearranged:
        alarms, transitions = end_leftovers(connection, memory, now=findings.now)
        written.alarms.extend(alarms)
        written.transitions.extend(transitions)
    set_aside, resumed = memory.setbacks.save(connection, findings.now)
    memory.touched.announce(connection, memory.registry)
    unfinished = memory.unfinished
    if finished and unfinished and (unfinished.entries or findings.evaluated):
        queries.save_state(connection, unfinished.state, memory.shards)
    return written, set_aside, resumed


def _evaluate(memory: Memory, unfinished: Unfinished, findings: Findings, until: float) -> bool:
    """Evaluate until a time; whether nothing is left."""
    for evaluated in unfinished.evaluations:
        findings.add(memory, evaluated)
        if time.monotonic() > until or len(findings.outcomes) > _OUTCOMES:
            return False
    return True


def _save_inputs(connection: Connection, memory: Memory, until: float) -> bool:
    """Save until a time, some in any case; whether nothing is left."""
    if memory.saved_inputs is not memory.inputs:
        begin(connection)
    while not revisions.save_inputs(connection, memory):
        if time.monotonic() > until:
            return False
    return True


def _read_feed(connection: Connection, memory: Memory, setup: Setup) -> tuple[Unfinished, int]:
    """Take what is new into memory; what is to be evaluated, and how many rows came."""
    memory.stats.read(memory.tails, memory.budget.shorten())
    with connection.pipeline():
        begin(connection)
        receive_entries = feed.request(
            connection, memory.state.cursor, most=_ENTRIES, most_bytes=_BYTES
        )
        receive_listening = queries.request_listening(connection)
    entries, cursor, waiting = receive_entries()
    workers, gaps = receive_listening()
    _listen(connection, memory, entries, workers, gaps)
    registry_changed = any(entry.kind == "registry" for entry in entries)
    times = [int(entry.rows["time"].max()) for entry in entries if len(entry.rows)]
    newest = max(times, default=NEVER)
    supplies_changed = _extend_schedule(memory, newest)
    if supplies_changed or registry_changed:
        revisions.revise(connection, memory, setup.catalogue, changed=supplies_changed)
    rows = sort_rows(entries, oldest=revision_horizon(memory))
    news = absorb(connection, memory, rows)
    mark_due(memory, news)
    memory.touched.add(rows)
    state = replace(
        memory.state,
        cursor=cursor,
        watermark=memory.watermark.floor,
        evaluated_to=max(memory.state.evaluated_to, memory.watermark.floor),
        newest=max(memory.state.newest, newest),
        engine=VERSION,
    )
    evaluations = evaluate_due(connection, memory, news)
    unfinished = Unfinished(
        entries=len(entries), waiting=waiting, evaluations=evaluations, state=state
    )
    return unfinished, len(rows)


def sort_rows(entries: Sequence[Entry], *, oldest: int) -> Rows:
    """All rows of the batch by series and time, equal times in the order of commit.

    Leaves out rows measured before `oldest` (µs), except imported ones, which have no horizon.
    """
    parts = [entry.rows for entry in entries if entry.kind == "readings"]
    if not parts:
        return np.empty(0, dtype=ROW)
    rows = np.concatenate(parts)
    if oldest > NEVER:
        rows = rows[(rows["time"] >= oldest) | (rows["received"] == NEVER)]
    return rows[np.lexsort((rows["time"], rows["series"]))]


def absorb(connection: Connection, memory: Memory, rows: Rows) -> Arrived:
    """Take the rows into memory; return what is new."""
    news = take_rows(rows, memory.tails, memory.stats, cursor=int(memory.state.cursor))
    if any(fresh.overwritten for fresh in news.fresh.values()):
        _reload_overwritten(connection, memory, news)
    return news


def _reload_overwritten(connection: Connection, memory: Memory, news: Arrived) -> None:
    """Read rows again whose value changed: the store knows which version is in force."""
    series_at = {place: series for series, place in memory.stats.place.items()}
    times_at = {at: fresh.overwritten for at, fresh in news.fresh.items() if fresh.overwritten}
    points = [(series_at[at], time) for at, times in times_at.items() for time in times]
    rows = queries_history.read_points(connection, points)
    firsts = {(series_at[at], times[0]): at for at, times in times_at.items()}
    causes = queries_corrections.list_causes(connection, list(firsts))
    news.acts |= {firsts[point]: cause for point, cause in causes.items()}
    overwritten = {series for series, _ in points}
    for series in overwritten:
        memory.tails[series].overwrite(rows[rows["series"] == series])
    memory.stats.read(memory.tails, overwritten)


def mark_due(memory: Memory, news: Arrived) -> None:
    """Make due every evaluation that the news may change."""
    places, quantities = memory.stats.place, memory.territory.quantity_of
    names = {at: quantities[series] for series, at in places.items()} if news.fresh else {}
    watermark = memory.state.watermark
    record_pauses(news, memory.stats, watermark=watermark)
    late = memory.agenda.mark(news, memory.stats, floor=memory.watermark.floor, watermark=watermark)
    for plan, number in late:
        cause = explain(plan, number, news, names)
        if cause:
            plan.causes[number] = cause
    memory.stats.read(memory.tails, news.trimmed)
    for rule, subject in [*memory.setbacks.now]:
        rule_plan = memory.plans.get(rule)
        if rule_plan is not None and subject in rule_plan.keys:
            due = int(rule_plan.due[rule_plan.keys.index(subject)])
            memory.setbacks.lower((rule, subject), due)


def take_heartbeats(memory: Memory, entries: Sequence[Entry]) -> bool:
    """Record the batch's heartbeats; whether there were any."""
    beats = [
        (entry.worker, entry.at) for entry in entries if entry.kind == "heartbeat" and entry.at
    ]
    for worker, at in beats:
        memory.watermark.beat(worker, micros(at))
    return bool(beats)


def _listen(
    connection: Connection,
    memory: Memory,
    entries: Sequence[Entry],
    workers: Mapping[str, int],
    gaps: Sequence[tuple[int, int]],
) -> None:
    """Raise the watermark, and take over ingest gaps that changed."""
    drained = any(entry.kind == "registry" for entry in entries)
    if not take_heartbeats(memory, entries) and not drained:
        return
    memory.watermark.raise_floor(workers)
    joined = union(gaps)
    if joined != memory.gaps:
        memory.gaps = joined
        revisions.settle(connection, memory)


def _extend_schedule(memory: Memory, newest: int) -> bool:
    """Compute lighting plans as far as anything is evaluated; whether that changed any subject."""
    extended = memory.power_schedule.extend(max(memory.watermark.floor, newest), memory.gaps)
    return extended and memory.territory.lit


def _now(state: EvaluationState, setup: Setup) -> int:
    """The time of noticing: the wall's, or in an exercise how far the scenario has come.

    That is what the feed says, so that it is the same for every process.
    """
    if setup.mode is Mode.LIVE:
        return micros(setup.clock())
    return max(state.watermark, state.newest, 0)
