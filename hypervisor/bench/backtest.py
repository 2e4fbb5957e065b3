"""`hypervisor bench backtest`: a year of many gauges evaluated, beside a bare read of it."""

import resource
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from hypervisor.backtest.service import Question, backtest_stored
from hypervisor.bench import gauges, queries
from hypervisor.bench.servers import BenchError, Ground, Tick
from hypervisor.broker import binaries
from hypervisor.database.connect import connect
from hypervisor.evaluation import pack_revisions as shipped_rules
from hypervisor.readings import queries_columnar
from rules._pack import packs as all_packs
from sensors._domain import catalogue

RULE = "flood-level"
_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of gauges, days of readings, and rounds of each measurement."""

    gauges: int = 1_000
    days: int = 365
    rounds: int = 3


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Seconds of the complete backtest and of the bare read, each the best round."""
    url, folder = ground.settings.database_url, ground.folder / queries_columnar.FOLDER
    with connect(url) as connection:
        series = gauges.register(connection, plan.gauges)
        shipped_rules.record_and_log(connection, all_packs(), now=None)
    with connect(url, autocommit=True) as connection:
        rows = gauges.fill(connection, series, plan.days, lambda *at: tick("storing", *at))
        queries.settle(connection)
        began = time.perf_counter()
        queries_columnar.refresh(connection, folder, tick=lambda *at: tick("copying", *at))
        copying = time.perf_counter() - began
        copied = queries_columnar.measure_copy(connection)
    size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
    measured, bare = [], []
    alarms = 0
    for turn in range(plan.rounds):
        tick("by turns, bare read and backtest", turn, plan.rounds)
        bare.append(_bare(url))
        seconds, alarms = _backtest(ground, ())
        measured.append(seconds)
    first_ms = min(_backtest(ground, (gauges.name(number),))[0] for number in range(plan.rounds))
    return {
        "bench": "backtest",
        "rows": rows,
        "gauges": plan.gauges,
        "days": plan.days,
        "alarms": alarms,
        "seconds": round(min(measured), 3),
        "bare_seconds": round(min(bare), 3),
        "ratio": round(min(measured) / min(bare), 3),
        "one_gauge_seconds": round(first_ms, 3),
        "copied_rows": copied["rows"],
        "copy_seconds": round(copying, 1),
        "copy_bytes_a_row": round(size / max(copied["rows"], 1), 2),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _backtest(ground: Ground, sites: tuple[str, ...]) -> tuple[float, int]:
    """From a new connection to the scored answer."""
    began = time.perf_counter()
    with connect(ground.settings.database_url) as connection:
        answer = backtest_stored(
            connection,
            Question(rules=(RULE,), sites=sites),
            catalogue(),
            retention=400 * 86_400 * 1_000_000,
            tick=lambda _done, _of: None,
            folder=ground.folder / queries_columnar.FOLDER,
            url=ground.settings.database_url,
        )
    return time.perf_counter() - began, len(answer.evaluation.alarms)


def _bare(url: str) -> float:
    """Read all readings in binary form through a pipe and discard them."""
    began = time.perf_counter()
    command = [str(binaries.find_program("psql")), url, "-X", "-q", "-c", queries.BARE]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None  # noqa: S101  asked for
        while reader.stdout.read(_PIECE):
            pass
    if reader.returncode:
        raise BenchError(f"psql ended with {reader.returncode}")
    return time.perf_counter() - began
