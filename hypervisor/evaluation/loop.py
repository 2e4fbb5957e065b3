"""The watch as a process: one at a time, batch by batch; it waits for a database that is away."""

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from time import monotonic

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import moment
from hypervisor.database import feed, locks
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import (
    Connection,
    keep_connected,
    listen,
    wait_for_notification,
)
from hypervisor.database.locks import Lock
from hypervisor.evaluation import pack_revisions
from hypervisor.evaluation.batch import Report, Setup, load_memory, step
from hypervisor.evaluation.memory import Memory, prune
from hypervisor.evaluation.queries import load_state
from hypervisor.evaluation.setbacks import describe_setback
from hypervisor.evaluation.territory import Territory
from rules._pack import Pack
from rules._rule import SUBJECTS
from sensors._domain import Catalogue
from sensors._row import NEVER

LONGEST_STEP = 0.15  # s of evaluating before a step commits
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
    clock: Callable[[], datetime]


def run(wiring: Wiring, *, stop: Event, say: Say) -> None:
    """Evaluate until stopped; connect again to a lost database."""

    def work(connection: Connection) -> None:
        if _take_turn(connection, stop, say):
            _watch(connection, wiring, stop, say)

    keep_connected(wiring.url, work, stopping=stop.is_set, say=say)


def _take_turn(connection: Connection, stop: Event, say: Say) -> bool:
    """Wait until no other watch runs on this database; False: stopped meanwhile."""
    announced = False
    while not locks.take(connection, Lock.WATCH):
        if not announced:
            say("another watch is at work on this database; waiting until it ends")
            announced = True
        if stop.wait(_TICK):
            return False
    return True


def _watch(connection: Connection, wiring: Wiring, stop: Event, say: Say) -> None:
    instance = instance_store.require(connection)
    setup = Setup(
        catalogue=wiring.catalogue,
        mode=instance.mode,
        retention=wiring.retention,
        clock=wiring.clock,
        longest=LONGEST_STEP,
    )
    listen(connection, feed.CHANNEL)
    now = _packs_effective(connection, instance, wiring)
    recorded = pack_revisions.record_and_log(connection, wiring.packs, now=now)
    if recorded:
        say(f"rules recorded from their packs: {', '.join(recorded)}")
    memory = load_frozen_memory(connection, setup)
    say(
        f"{instance.mode.banner} {instance.name!r}: watching {_count_subjects(memory.territory)},"
        f" {len(memory.territory.revisions)} evaluations"
    )
    feed_pruned = monotonic()
    states_pruned = feed_pruned + _PRUNE_FEED - _PRUNE_STATES  # soon after the start, then hourly
    inapplicable: dict[tuple[str, str], str] = {}
    while not stop.is_set():
        new = memory.territory.inapplicable.items() - inapplicable.items()
        for (rule, subject), reason in sorted(new):
            say(f"rule {rule} does not apply at {subject}: {reason}")
        inapplicable = dict(memory.territory.inapplicable)
        report = step(connection, memory, setup)
        _log_report(report, say)
        now_s = monotonic()
        if now_s - feed_pruned > _PRUNE_FEED:
            feed.prune(connection, memory.state.cursor)
            feed_pruned = now_s
        if report.finished and now_s - states_pruned > _PRUNE_STATES:
            prune(connection, memory)
            states_pruned = now_s
        if not report.more:
            wait_for_notification(connection, _TICK)


def load_frozen_memory(connection: Connection, setup: Setup) -> Memory:
    """The memory; what it holds stays, and the collector need not walk through it."""
    gc.disable()
    try:
        memory = load_memory(connection, setup)
        gc.freeze()
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
    kinds = Counter(subject.per for subject in territory.subjects.values())
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
