"""One batch through the watch: feed -> affected -> columns -> judged -> reconciled -> recorded.

Everything that follows from a batch, and how far the feed was read, is written in one transaction:
a watch killed at any point has either done a batch or not begun it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hypervisor.alarms.queries import Alarm, Pair, Transition
from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.database.feed import Entry
from hypervisor.evaluation import affected, queries, revisions
from hypervisor.evaluation import retention as forgetting
from hypervisor.evaluation.evaluate import due_tasks, evaluate_all
from hypervisor.evaluation.memory import Memory, Territory
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.recording import Findings, write
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.setbacks import Setbacks
from hypervisor.evaluation.watermark import Watermark, Worker, union
from rules._engine import VERSION
from sensors._domain import Catalogue

_ENTRIES = 200  # of the feed at once: what came meanwhile is not held in memory as a whole


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a watch is given. `clock` is the wall's; `retention` of raw readings in µs."""

    catalogue: Catalogue
    mode: Mode
    retention: int
    clock: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one step did. `more`: the feed held more than one step takes."""

    entries: int
    rows: int
    judged: int
    alarms: Sequence[Alarm] = ()
    transitions: Sequence[Transition] = ()
    set_aside: Sequence[Pair] = ()
    resumed: Sequence[Pair] = ()

    @property
    def more(self) -> bool:
        return self.entries >= _ENTRIES


def load_memory(connection: Connection, setup: Setup) -> Memory:
    """Build the memory from the database, as the last commit left it."""
    with connection.transaction():
        state = queries.load_state(connection) or queries.EvaluationState(
            cursor=queries.FIRST_CURSOR, engine=VERSION
        )
        memory = Memory(
            state=state,
            territory=Territory.empty(),
            tails={},
            stats=SeriesStats.of({}),
            plans={},
            standings={},
            watermark=Watermark(floor=state.heard_to),
            gaps=union(queries.load_gaps(connection)),
            power_schedule=PowerSchedule(retention=setup.retention),
            setbacks=Setbacks.load(connection),
        )
        revisions.revise(connection, memory, setup.catalogue)
        queries.save_state(connection, state)
    return memory


def step(connection: Connection, memory: Memory, setup: Setup) -> Report:
    """Take what is new and what time alone has made due. After an error the memory is worthless."""
    with connection.transaction():
        entries, cursor = feed.read(connection, memory.state.cursor, most=_ENTRIES)
        _listen(connection, memory, entries)
        registry_changed = any(entry.kind == "registry" for entry in entries)
        anew = _supplied(memory, entries)
        if anew or registry_changed:
            revisions.revise(connection, memory, setup.catalogue, anew=anew)
        rows = affected.rows_of(entries, oldest=forgetting.revision_horizon(memory))
        news = affected.absorb(connection, memory, rows)
        affected.mark(memory, news)
        findings = Findings(now=_now(memory, setup))
        for judged in evaluate_all(connection, memory, due_tasks(connection, memory, news)):
            findings.add(memory, judged)
        alarms, transitions = write(connection, memory, findings)
        set_aside, resumed = memory.setbacks.save(connection, findings.now)
        memory.touched.take(rows)
        memory.touched.tell(connection, memory.registry)
        state = replace(
            memory.state,
            cursor=cursor,
            heard_to=memory.watermark.floor,
            judged_to=max(memory.state.judged_to, memory.watermark.floor),
            engine=VERSION,
        )
        if entries or findings.judged:
            queries.save_state(connection, state)
    memory.state = state
    return Report(
        entries=len(entries),
        rows=len(rows),
        judged=findings.judged,
        alarms=alarms,
        transitions=transitions,
        set_aside=set_aside,
        resumed=resumed,
    )


def _listen(connection: Connection, memory: Memory, entries: Sequence[Entry]) -> None:
    """How far we have heard by now, and when we were deaf."""
    drained = any(entry.kind == "registry" for entry in entries)
    if not affected.hear(memory, entries) and not drained:
        return
    expected = queries.expected_workers(connection)
    memory.watermark.raise_floor([Worker(name=name, joined=joined) for name, joined in expected])
    gaps = union(queries.load_gaps(connection))
    if gaps != memory.gaps:
        memory.gaps = gaps
        revisions.settle(connection, memory)


def _supplied(memory: Memory, entries: Sequence[Entry]) -> bool:
    """See that plans are known as far as anything is judged; whether they were worked out anew."""
    newest = [int(entry.rows["time"].max()) for entry in entries if len(entry.rows)]
    anew = memory.power_schedule.reach(max([memory.watermark.floor, *newest]), memory.gaps)
    return anew and memory.territory.lit


def _now(memory: Memory, setup: Setup) -> int:
    """When we notice: by the wall, or in an exercise as far as the scenario has come."""
    if setup.mode is Mode.LIVE:
        return micros(setup.clock())
    return max(memory.watermark.floor, int(memory.stats.newest.max()), 0)
