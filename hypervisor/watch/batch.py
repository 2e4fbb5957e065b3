"""One batch through the watch: feed -> affected -> columns -> judged -> reconciled -> recorded.

Everything that follows from a batch, and how far the feed was read, is written in one transaction:
a watch killed at any point has either done a batch or not begun it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hypervisor.instance import Mode
from hypervisor.instants import micros
from hypervisor.store import feed
from hypervisor.store.alarms.alarms import Alarm, Transition
from hypervisor.store.connect import Connection
from hypervisor.store.feed import Entry
from hypervisor.store.watch import judgement
from hypervisor.store.watch.judgement import Pair
from hypervisor.watch import affected, forgetting, revising
from hypervisor.watch.aside import Asides
from hypervisor.watch.dials import Dials
from hypervisor.watch.heard import Ears, Worker, union
from hypervisor.watch.judging import due_tasks, judge_all
from hypervisor.watch.memory import Memory, Territory
from hypervisor.watch.recording import Findings, write
from hypervisor.watch.supply import Mains
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


def remember(connection: Connection, setup: Setup) -> Memory:
    """Build the memory from the database, as the last commit left it."""
    with connection.transaction():
        state = judgement.state(connection) or judgement.State(
            cursor=judgement.FIRST_CURSOR, engine=VERSION
        )
        memory = Memory(
            state=state,
            territory=Territory.empty(),
            tails={},
            dials=Dials.of({}),
            plans={},
            standings={},
            ears=Ears(floor=state.heard_to),
            deaf=union(judgement.deaf_spans(connection)),
            mains=Mains(retention=setup.retention),
            asides=Asides.load(connection),
        )
        revising.revise(connection, memory, setup.catalogue)
        judgement.save_state(connection, state)
    return memory


def step(connection: Connection, memory: Memory, setup: Setup) -> Report:
    """Take what is new and what time alone has made due. After an error the memory is worthless."""
    with connection.transaction():
        entries, cursor = feed.read(connection, memory.state.cursor, most=_ENTRIES)
        _listen(connection, memory, entries)
        known = any(entry.kind == "registry" for entry in entries)
        anew = _supplied(memory, entries)
        if anew or known:
            revising.revise(connection, memory, setup.catalogue, anew=anew)
        rows = affected.rows_of(entries, oldest=forgetting.oldest(memory))
        news = affected.absorb(connection, memory, rows)
        affected.mark(memory, news)
        findings = Findings(now=_now(memory, setup))
        for judged in judge_all(connection, memory, due_tasks(connection, memory, news)):
            findings.add(memory, judged)
        alarms, transitions = write(connection, memory, findings)
        set_aside, resumed = memory.asides.save(connection, findings.now)
        memory.touched.take(rows)
        memory.touched.tell(connection, memory.registry)
        state = replace(
            memory.state,
            cursor=cursor,
            heard_to=memory.ears.floor,
            judged_to=max(memory.state.judged_to, memory.ears.floor),
            engine=VERSION,
        )
        if entries or findings.judged:
            judgement.save_state(connection, state)
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
    expected = judgement.expected_workers(connection)
    memory.ears.raise_floor([Worker(name=name, joined=joined) for name, joined in expected])
    deaf = union(judgement.deaf_spans(connection))
    if deaf != memory.deaf:
        memory.deaf = deaf
        revising.settle(connection, memory)


def _supplied(memory: Memory, entries: Sequence[Entry]) -> bool:
    """See that plans are known as far as anything is judged; whether they were worked out anew."""
    newest = [int(entry.rows["time"].max()) for entry in entries if len(entry.rows)]
    anew = memory.mains.reach(max([memory.ears.floor, *newest]), memory.deaf)
    return anew and memory.territory.lit


def _now(memory: Memory, setup: Setup) -> int:
    """When we notice: by the wall, or in an exercise as far as the scenario has come."""
    if setup.mode is Mode.LIVE:
        return micros(setup.clock())
    return max(memory.ears.floor, int(memory.dials.newest.max()), 0)
