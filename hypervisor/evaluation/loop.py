"""The watch as a process, batch by batch; it waits for a database that is away.

Several share out the shards of evaluation; one alone has them all.
"""

import gc
from collections import Counter
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from time import monotonic

from hypervisor.base.heap import release_unused
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import moment
from hypervisor.database import feed
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import (
    Connection,
    listen,
    wait_for_notification,
)
from hypervisor.database.shares import rest_seconds
from hypervisor.database.transactions import wake_later
from hypervisor.database.worker import keep_working
from hypervisor.evaluation import pack_revisions
from hypervisor.evaluation.batch import Report, Setup, load_memory, step
from hypervisor.evaluation.memory import Memory, prune
from hypervisor.evaluation.queries import load_state
from hypervisor.evaluation.setbacks import describe_setback
from hypervisor.evaluation.shards import ALL, ShardHolder
from hypervisor.evaluation.territory import Territory
from rules._pack import Pack
from rules._rule import SUBJECTS
from sensors._domain import Catalogue
from sensors._row import NEVER

LONGEST_STEP = 0.1  # s of evaluating before a step commits
_TICK = 1.0  # s between two looks at the feed without a notification
_PRUNE_FEED = 60.0  # s
_PRUNE_STATES = 3600.0  # s

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the entry point hands over. `clock` is the wall's."""

    url: str
    catalogue: Catalogue
    packs: tuple[Pack, ...]
    retention: int  # µs
    memory: int = 512 * 2**20  # bytes
    clock: Callable[[], datetime]


def run(wiring: Wiring, *, stop: Event, say: Say) -> None:
    """Evaluate until stopped; connect again to a lost database."""

    def work(connection: Connection) -> None:
        _Evaluator(connection, wiring, say).run(stop)

    keep_working("the evaluation", wiring.url, work, stopping=stop.is_set, say=say)


class _Evaluator:
    """One process's work over one connection: its shards, their memory, and its housekeeping."""

    def __init__(self, connection: Connection, wiring: Wiring, say: Say) -> None:
        self._connection, self._say = connection, say
        self._instance = instance_store.require(connection)
        self._setup = Setup(
            catalogue=wiring.catalogue,
            mode=self._instance.mode,
            retention=wiring.retention,
            clock=wiring.clock,
            longest=LONGEST_STEP,
            memory=wiring.memory,
        )
        self._holder = ShardHolder(connection, rest=rest_seconds(wiring.url))
        self._feed_pruned = monotonic()
        self._states_pruned = self._feed_pruned + _PRUNE_FEED - _PRUNE_STATES  # soon, then hourly
        self._inapplicable: dict[tuple[str, str], str] = {}
        listen(connection, feed.CHANNEL)
        wake_later(connection)
        now = _packs_effective(connection, self._instance, wiring)
        recorded = pack_revisions.record_and_log(connection, wiring.packs, now=now)
        if recorded:
            say(f"rules recorded from their packs: {', '.join(recorded)}")

    def run(self, stop: Event) -> None:
        """Evaluate until stopped."""
        memory, held, shared_out = None, None, -_TICK
        while not stop.is_set():
            if monotonic() - shared_out >= _TICK:
                shards = self._holder.share_out()
                shared_out = monotonic()
                if shards != held:
                    memory = None  # before the next is loaded
                    memory, held = self._load_memory(shards), shards
            more = memory is not None and self._step(memory)
            if not more:
                wait_for_notification(self._connection, _TICK)

    def _load_memory(self, shards: AbstractSet[int]) -> Memory | None:
        if not shards:
            self._say("no shard of the evaluation is free; waiting")
            return None
        memory = load_frozen_memory(self._connection, self._setup, shards)
        part = "" if shards == ALL else f", {len(shards)} shards of {len(ALL)}"
        self._say(
            f"{self._instance.mode.banner} {self._instance.name!r}: watching"
            f" {_count_subjects(memory.territory)},"
            f" {len(memory.territory.revisions)} evaluations{part}"
        )
        return memory

    def _step(self, memory: Memory) -> bool:
        """One step and what follows from it; whether there is more to do at once."""
        new = memory.territory.inapplicable.items() - self._inapplicable.items()
        for (rule, subject), reason in sorted(new):
            self._say(f"rule {rule} does not apply at {subject}: {reason}")
        self._inapplicable = dict(memory.territory.inapplicable)
        report = step(self._connection, memory, self._setup)
        _log_report(report, self._say)
        now_s = monotonic()
        if now_s - self._feed_pruned > _PRUNE_FEED:
            if min(ALL) in memory.shards:
                feed.prune(self._connection, (load_state(self._connection) or memory.state).cursor)
            self._feed_pruned = now_s
            release_unused()  # a time of many late readings leaves two thirds of what it took
        if report.finished and now_s - self._states_pruned > _PRUNE_STATES:
            prune(self._connection, memory)
            self._states_pruned = now_s
        return report.more


def load_frozen_memory(
    connection: Connection, setup: Setup, shards: AbstractSet[int] = ALL
) -> Memory:
    """The memory; what it holds stays, and the collector need not walk through it.

    What was loaded before, and is in use no more, is collected first: once frozen it would stay.
    """
    gc.unfreeze()
    release_unused()
    gc.disable()
    try:
        memory = load_memory(connection, setup, shards)
        gc.freeze()
        gc.collect()  # of what was not frozen: else the next would be due after 100,000s of objects
    finally:
        gc.enable()
    return memory


def _packs_effective(connection: Connection, instance: Instance, wiring: Wiring) -> datetime | None:
    """From when a changed pack applies: now; in an exercise from where its scenario stands."""
    if instance.mode is Mode.LIVE:
        return wiring.clock()
    state = load_state(connection)
    return None if state is None or state.watermark == NEVER else moment(state.watermark)


def _count_subjects(territory: Territory) -> str:
    kinds = Counter(territory.subjects[key].per for key in territory.own)
    words = {kind: kind if kinds[kind] == 1 else f"{kind}s" for kind in SUBJECTS}
    return ", ".join(f"{kinds[kind]} {word}" for kind, word in words.items() if kinds[kind])


def _log_report(report: Report, say: Say) -> None:
    """One line for each change."""
    for pair in report.set_aside:
        say(f"SET ASIDE, its evaluation failed: {describe_setback(pair)}")
    for pair in report.resumed:
        say(f"evaluated again: {describe_setback(pair)}")
    titles = {alarm.id: alarm.title for alarm in report.alarms}
    for transition in report.transitions:
        ending = f" ({transition.reason})" if transition.reason else ""
        at = f"{moment(transition.event):%Y-%m-%d %H:%M:%S}Z"
        say(f"{transition.kind} at {at}: {titles[transition.alarm]}{ending}")
