"""Bare processes that evaluate the pieces of a backtest without Dask: what workers cost at best.

Each takes the next piece from a counter and keeps its results: nothing is scheduled, sent, merged.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from typing import Any

from hypervisor.backtest.worker_task import describe_engine, evaluate_piece
from hypervisor.bench.servers import BenchError

_PATIENCE = 120.0  # s in which they start


@dataclass(frozen=True, kw_only=True)
class BareRun:
    """`seconds`: until the last piece was done; `cpu_s`: of all processes meanwhile."""

    seconds: float
    cpu_s: float
    alarms: int


def evaluate_by_bare_processes(
    job: bytes, pieces: Sequence[bytes], count: int, environment: Mapping[str, str]
) -> BareRun:
    """Evaluate pickled pieces by `count` processes that have started and imported everything.

    BenchError: one of them ended early.
    """
    context = get_context("spawn")
    turn, start, results = context.Value("q", 0), context.Barrier(count + 1), context.Queue()
    processes = [
        context.Process(target=_evaluate, args=(job, pieces, turn, start, results), daemon=True)
        for _ in range(count)
    ]
    with _running(processes, environment):
        start.wait(_PATIENCE)
        began = time.perf_counter()
        for process in processes:
            process.join()
        ended = time.perf_counter()
        if any(process.exitcode for process in processes):
            raise BenchError("a bare process ended early")
        each = [results.get(timeout=_PATIENCE) for _ in processes]
    return BareRun(
        seconds=ended - began,
        cpu_s=sum(seconds for seconds, _ in each),
        alarms=sum(alarms for _, alarms in each),
    )


@contextmanager
def _running(processes: Sequence[SpawnProcess], environment: Mapping[str, str]) -> Iterator[None]:
    ours = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            process.kill()
        for name, value in ours.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _evaluate(job: bytes, pieces: Sequence[bytes], turn: Any, start: Any, results: Any) -> None:
    """A process: its processor seconds and number of alarms."""
    engine, alarms, kept = describe_engine(), 0, []
    start.wait(_PATIENCE)
    began = time.process_time()
    while True:
        with turn.get_lock():
            number = turn.value
            turn.value += 1
        if number >= len(pieces):
            break
        kept.append(evaluate_piece(engine, job, pieces[number]))
        alarms += len(kept[-1].alarms)
    results.put((time.process_time() - began, alarms))
