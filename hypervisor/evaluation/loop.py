"""The watch as a process: one at a time, batch by batch; a database that goes is waited for."""

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from time import monotonic

from hypervisor.base.instance import Instance, InstanceError, Mode
from hypervisor.base.instants import moment
from hypervisor.database import channels, feed, listener
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.evaluation import pack_revisions as shipped_rules
from hypervisor.evaluation.batch import Report, Setup, load_memory, step
from hypervisor.evaluation.memory import Territory
from hypervisor.evaluation.queries import load_state
from hypervisor.evaluation.retention import prune
from hypervisor.evaluation.setbacks import describe_setback
from rules._pack import Pack
from rules._rule import SUBJECTS
from sensors._domain import Catalogue
from sensors._row import NEVER

_TICK = 1.0  # s: what nobody told us of is found by then
_PRUNE = 60.0  # s between two clearings of the feed
_FORGET = 3600.0  # s between two of the journal
_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0)  # s between two tries to reach the database

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
    """Watch until told to stop. A lost database is waited for, and said once."""
    failures = 0
    while not stop.is_set():
        try:
            with listener.translated(), connect(wiring.url, autocommit=True) as connection:
                if _took_turn(connection, stop, say):
                    failures = 0
                    _watch(connection, wiring, stop, say)
        except StoreError as error:
            delay = _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
            say(f"{error}; trying again in {delay:g} s")
            failures += 1
            stop.wait(delay)


def _took_turn(connection: Connection, stop: Event, say: Say) -> bool:
    announced = False
    while not listener.take(connection):
        if not announced:
            say("another watch is at work on this database; waiting until it ends")
            announced = True
        if stop.wait(_TICK):
            return False
    return True


def _watch(connection: Connection, wiring: Wiring, stop: Event, say: Say) -> None:
    instance = instance_store.read(connection)
    if instance is None:
        raise InstanceError(
            "this database has not been said to be live or an exercise; run `hypervisor up`"
            " or `hypervisor migrate` first"
        )
    setup = Setup(
        catalogue=wiring.catalogue,
        mode=instance.mode,
        retention=wiring.retention,
        clock=wiring.clock,
    )
    listener.listen(connection)
    recorded = shipped_rules.record_and_log(
        connection, wiring.packs, now=_now(connection, instance, wiring)
    )
    if recorded:
        say(f"rules recorded from their packs: {', '.join(recorded)}")
    gc.disable()  # what is known of the territory stays: not to be looked through again and again
    memory = load_memory(connection, setup)
    gc.freeze()
    gc.enable()
    territory = memory.territory
    say(
        f"{instance.mode.banner} {instance.name!r}: watching {_census(territory)},"
        f" {len(territory.revisions)} judgements"
    )
    pruned, unfit = monotonic(), dict[tuple[str, str], str]()
    forgot = pruned - _FORGET
    while not stop.is_set():
        for (rule, site), reason in sorted(memory.territory.unfit.items() - unfit.items()):
            say(f"rule {rule} does not apply at {site}: {reason}")
        unfit = dict(memory.territory.unfit)
        report = step(connection, memory, setup)
        _tell(report, say)
        if monotonic() - pruned > _PRUNE:
            feed.prune(connection, memory.state.cursor)
            pruned = monotonic()
        if pruned - forgot > _FORGET:
            prune(connection, memory)
            forgot = pruned
        if not report.more:
            channels.wait(connection, _TICK)


def _now(connection: Connection, instance: Instance, wiring: Wiring) -> datetime | None:
    """From when a changed pack holds: from now; in an exercise from where its scenario stands."""
    if instance.mode is Mode.LIVE:
        return wiring.clock()
    progress = load_state(connection)
    return None if progress is None or progress.heard_to == NEVER else moment(progress.heard_to)


def _census(territory: Territory) -> str:
    kinds = Counter(subject.per for subject in territory.subjects.values())
    words = {kind: kind if kinds[kind] == 1 else f"{kind}s" for kind in SUBJECTS}
    return ", ".join(f"{kinds[kind]} {word}" for kind, word in words.items() if kinds[kind])


def _tell(report: Report, say: Say) -> None:
    """One line for each thing that people would want to know of."""
    for pair in report.set_aside:
        say(f"SET ASIDE, its evaluation failed: {describe_setback(pair)}")
    for pair in report.resumed:
        say(f"evaluated again: {describe_setback(pair)}")
    titles = {alarm.id: alarm.title for alarm in report.alarms}
    for transition in report.transitions:
        reason = f" ({transition.reason})" if transition.reason else ""
        say(
            f"{transition.kind} at {moment(transition.event):%Y-%m-%d %H:%M:%S}Z:"
            f" {titles[transition.alarm]}{reason}"
        )
