"""`hypervisor bench rules`: readings a second that evaluation takes with all packs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
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
from hypervisor.readings import queries as reading_queries
from hypervisor.readings import queries_workers
from hypervisor.registry import queries as registry_queries
from rules._pack import packs as all_packs
from sensors._domain import catalogue
from sensors._row import ROW, Rows

_SECOND = 1_000_000
_EVERY = 300  # s between two readings of a site
_DAY = 86_400
_WORKER = "bench"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of sites and of messages per site; a batch of ingest holds `batch` rows.

    `stirred`: the share of sites where something happens half of the time.
    """

    sites: int = 5_000
    times: int = 12
    batch: int = 5_000
    stirred: float = 0.02


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Rows a second through evaluation's own steps with all packs; readings are stored before."""
    words = catalogue()
    url = ground.settings.database_url
    places = territory.places(plan.sites, words)
    with connect(url) as connection:
        territory.register(connection, places, words)
        shipped_rules.record_and_log(connection, all_packs(), now=None)
        queries_workers.join(connection, _WORKER)
    setup = Setup(
        catalogue=words,
        mode=Mode.LIVE,
        retention=400 * _DAY * _SECOND,
        clock=lambda: datetime.now(UTC),
        longest=LONGEST_STEP,
    )
    with connect(url) as writer, connect(url, autocommit=True) as own:
        reading_queries.create_staging_tables(writer)
        writer.commit()
        memory = load_frozen_memory(own, setup)
        pauses = [pause for pause, _ in _steps(own, memory, setup)]
        numbers = {
            key: series.id or 0 for key, series in registry_queries.load(writer).series.items()
        }
        writer.commit()
        base = int(time.time()) - (plan.times + 1) * _EVERY
        rows, spent, judged, alarms = 0, 0.0, 0, 0
        for turn in range(plan.times):
            published = _rows(plan, places, numbers, base, turn)
            for first in range(0, len(published), plan.batch):
                _commit(writer, published[first : first + plan.batch])
                for pause, report in _steps(own, memory, setup):
                    pauses.append(pause)
                    if turn == 0:
                        continue  # a first reading changes everything
                    rows, spent = rows + report.rows, spent + pause
                    judged, alarms = judged + report.evaluated, alarms + len(report.alarms)
            tick("judging", turn + 1, plan.times)
        pairs = len(memory.territory.revisions)
    return {
        "bench": "rules",
        "sites": plan.sites,
        "rules": sum(len(pack.rules) for pack in all_packs()),
        "judgements": pairs,
        "rows": rows,
        "rows_s": round(rows / max(spent, 1e-9)),
        "seconds": round(spent, 3),
        "judged": judged,
        "alarms": alarms,
        "step_p50_ms": round(float(np.percentile(pauses, 50)) * 1e3, 1),
        "step_p99_ms": round(float(np.percentile(pauses, 99)) * 1e3, 1),
        "step_longest_ms": round(max(pauses) * 1e3, 1),
    }


def _steps(own: Connection, memory: Memory, setup: Setup) -> Iterator[tuple[float, Report]]:
    """Steps until the feed is read and all is evaluated, each with its duration (s)."""
    report = None
    while report is None or report.more:
        began = time.perf_counter()
        report = step(own, memory, setup)
        yield time.perf_counter() - began, report


def _commit(writer: Connection, rows: Rows) -> None:
    standing = reading_queries.store(writer, rows)
    feed.append(writer, "readings", rows=standing.tobytes())
    queries_workers.record_heartbeat(writer, _WORKER, int(rows["received"].max()))
    writer.commit()


def _rows(
    plan: Plan,
    places: list[territory.Place],
    numbers: dict[tuple[str, str], int],
    base: int,
    turn: int,
) -> Rows:
    """One message of each site: noise, and at some sites something happens."""
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
