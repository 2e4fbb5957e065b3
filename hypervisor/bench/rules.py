"""`hypervisor bench rules`: readings a second that evaluation takes with all packs."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Any

import numpy as np

from hypervisor.base.instance import Mode
from hypervisor.bench import territory
from hypervisor.bench.servers import Ground, Tick
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation import pack_revisions as shipped_rules
from hypervisor.evaluation.batch import Report, Setup, step
from hypervisor.evaluation.loop import LONGEST_STEP, load_frozen_memory
from hypervisor.evaluation.memory import Memory
from hypervisor.evaluation.shards import ALL
from hypervisor.readings import queries as reading_queries
from hypervisor.readings import queries_workers
from hypervisor.registry import queries as registry_queries
from rules._pack import Pack
from rules._pack import packs as all_packs
from rules._rule import Rule
from sensors._domain import catalogue
from sensors._row import ROW, Rows

_SECOND = 1_000_000
_EVERY = 300  # s between two readings of a site
_DAY = 86_400
_WORKER = "bench"
_ANY = 1.0  # a threshold of the bare loop


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of sites and of messages per site; a batch of ingest holds `batch` rows.

    `waiting`: how many batches the feed holds when evaluation begins; 1: it keeps up with ingest.
    `stirred`: the share of sites where something happens half of the time. `processes`: among which
    the evaluation is shared out. `rules`: as many at least, those of the packs under other names.
    """

    sites: int = 5_000
    times: int = 12
    batch: int = 5_000
    waiting: int = 6
    stirred: float = 0.02
    processes: int = 1
    rules: int = 1

    def packs(self) -> tuple[Pack, ...]:
        """The packs, each rule as often as it takes."""
        packs = all_packs()
        times = -(-self.rules // sum(len(pack.rules) for pack in packs))
        return tuple(
            replace(pack, rules=tuple(rename(rule, n) for rule in pack.rules for n in range(times)))
            for pack in packs
        )


def rename(rule: Rule, number: int) -> Rule:
    """The same rule under another name; itself at first."""
    return replace(rule, id=f"{rule.id}-{number}") if number else rule


@dataclass(frozen=True, kw_only=True)
class _Share:
    """What one process did with a batch; `pauses`: of its steps, in seconds."""

    pairs: int
    pauses: Sequence[float]
    rows: int
    judged: int
    alarms: int


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Rows a second through evaluation's own steps with all packs; readings are stored before."""
    words = catalogue()
    url = ground.settings.database_url
    places = territory.places(plan.sites, words)
    with connect(url) as connection:
        territory.register(connection, places, words)
        shipped_rules.record_and_log(connection, plan.packs(), now=None)
        queries_workers.join(connection, _WORKER)
    with connect(url) as writer, _evaluators(url, plan.processes) as evaluators:
        reading_queries.create_staging_tables(writer)
        writer.commit()
        turns, bare = [evaluators()], 0.0  # what follows from the registry
        pairs = sum(share.pairs for share in turns[0])
        numbers = {
            key: series.id or 0 for key, series in registry_queries.load(writer).series.items()
        }
        writer.commit()
        base = int(time.time()) - (plan.times + 1) * _EVERY
        for turn in range(plan.times):
            published = make_rows(plan, places, numbers, base, turn)
            for first in range(0, len(published), plan.batch * plan.waiting):
                together = published[first : first + plan.batch * plan.waiting]
                for start in range(0, len(together), plan.batch):
                    commit(writer, together[start : start + plan.batch])
                shares = evaluators()
                turns.append(shares)
                if turn == 0:
                    counted = len(turns)  # a first reading changes everything
                else:
                    bare += _time_bare_loop(together, plan.batch)
            tick("judging", turn + 1, plan.times)
    return _result(plan, pairs, turns, counted, bare)


def _result(
    plan: Plan, pairs: int, turns: Sequence[Sequence[_Share]], counted: int, bare: float
) -> dict[str, Any]:
    """The figures; each batch takes as long as the slowest of the processes."""
    pauses = [pause for shares in turns for share in shares for pause in share.pauses]
    measured = turns[counted:]
    rows = sum(shares[0].rows for shares in measured)  # each process reads all
    spent = sum(max(sum(share.pauses) for share in shares) for shares in measured)
    every = [share for shares in measured for share in shares]
    return {
        "bench": "rules",
        "sites": plan.sites,
        "processes": plan.processes,
        "rules": sum(len(pack.rules) for pack in plan.packs()),
        "judgements": pairs,
        "rows": rows,
        "rows_s": round(rows / max(spent, 1e-9)),
        "bare_rows_s": round(rows / max(bare, 1e-9)),
        "ratio": round(bare / max(spent, 1e-9), 4),
        "seconds": round(spent, 3),
        "stirred": plan.stirred,
        "judged": sum(share.judged for share in every),
        "alarms": sum(share.alarms for share in every),
        "step_p50_ms": round(float(np.percentile(pauses, 50)) * 1e3, 1),
        "step_p99_ms": round(float(np.percentile(pauses, 99)) * 1e3, 1),
        "step_longest_ms": round(max(pauses) * 1e3, 1),
    }


def _time_bare_loop(rows: Rows, batch: int) -> float:
    """Seconds to decode the same batches, sort them and compare them with one constant."""
    written = [rows[first : first + batch].tobytes() for first in range(0, len(rows), batch)]
    began = time.perf_counter()
    read = np.concatenate([np.frombuffer(part, dtype=ROW) for part in written])
    ordered = read[np.lexsort((read["time"], read["series"]))]
    np.count_nonzero(ordered["value"] > _ANY)
    return time.perf_counter() - began


@contextmanager
def _evaluators(url: str, processes: int) -> Iterator[Callable[[], list[_Share]]]:
    """Processes that share the evaluation; a call has all of them take what the feed holds."""
    context = get_context("spawn")
    pipes = []
    for number in range(processes):
        ours, theirs = context.Pipe()
        shards = frozenset(shard for shard in ALL if shard % processes == number)
        context.Process(target=_serve, args=(theirs, url, shards), daemon=True).start()
        theirs.close()
        pipes.append(ours)

    def evaluate() -> list[_Share]:
        for pipe in pipes:
            pipe.send("go")
        return [pipe.recv() for pipe in pipes]

    try:
        yield evaluate
    finally:
        for pipe in pipes:
            pipe.close()


def _serve(pipe: Pipe, url: str, shards: AbstractSet[int]) -> None:
    """Evaluate these shards in a process of its own, at each request, until the pipe closes."""
    gc.set_threshold(100_000, 20, 20)  # as every command of `hypervisor` does
    setup = Setup(
        catalogue=catalogue(),
        mode=Mode.LIVE,
        retention=400 * _DAY * _SECOND,
        clock=lambda: datetime.now(UTC),
        longest=LONGEST_STEP,
    )
    with connect(url, autocommit=True) as own, suppress(EOFError):
        memory = load_frozen_memory(own, setup, shards)
        while True:
            pipe.recv()
            steps = [*take_steps(own, memory, setup)]
            pipe.send(
                _Share(
                    pairs=len(memory.territory.revisions),
                    pauses=[pause for pause, _ in steps],
                    rows=sum(report.rows for _, report in steps),
                    judged=sum(report.evaluated for _, report in steps),
                    alarms=sum(len(report.alarms) for _, report in steps),
                )
            )


def take_steps(own: Connection, memory: Memory, setup: Setup) -> Iterator[tuple[float, Report]]:
    """Steps until the feed is read and all is evaluated, each with its duration (s)."""
    report = None
    while report is None or report.more:
        began = time.perf_counter()
        report = step(own, memory, setup)
        yield time.perf_counter() - began, report


def commit(writer: Connection, rows: Rows) -> None:
    """Store readings as ingest does, and append them to the feed."""
    standing = reading_queries.store(writer, rows)
    feed.append(writer, "readings", rows=standing.tobytes())
    queries_workers.record_heartbeat(writer, _WORKER, int(rows["received"].max()))
    writer.commit()


def make_rows(
    plan: Plan,
    places: list[territory.Place],
    numbers: dict[tuple[str, str], int],
    base: int,
    turn: int,
) -> Rows:
    """One message of each site: noise, and at some sites something happens (turn from 0)."""
    rng = np.random.default_rng(turn)
    columns = []
    for place in places:
        stirred = rng.random() < plan.stirred
        at = base + turn * _EVERY + rng.integers(0, 60)
        for name, value in place.values.items():
            happens = stirred and rng.random() < 0.5
            shown = value * (1 + rng.random() / 100) if value > 1 else value
            shown = _happening(place, name, shown) if happens else shown
            columns.append((numbers[place.name, name], at * _SECOND, (at + 1) * _SECOND, shown, 0))
    rows = np.array(columns, dtype=ROW)
    return rows[np.argsort(rows["received"], kind="stable")]


def _happening(place: territory.Place, name: str, value: float) -> float:
    """The value when something happens; a state is on."""
    if name in place.states:
        return 1.0
    return value if name == "battery" else max(value, 1.0) * 4
