"""What a worker does: evaluates a piece of a territory on a frozen history."""

import pickle
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from hypervisor.backtest.evaluate import MOST_SERIES, begin_run
from hypervisor.backtest.frozen_history import FrozenHistory, FrozenSource
from hypervisor.backtest.model import BacktestError, Span
from hypervisor.backtest.partition import Piece
from hypervisor.backtest.results import Results
from hypervisor.backtest.sources import Closings, Spans
from hypervisor.readings.parquet_parts import PartError
from rules import _engine
from sensors._domain import Catalogue, catalogue

_BLOCK_ROWS = 4_500_000  # read together, some 150 MB


@dataclass(frozen=True, kw_only=True)
class Job:
    """What all pieces of a job have in common; `folder`: of the parts, on each machine.

    `since`: readings from when on (µs). `series`: how many there are.
    """

    folder: Path
    history: FrozenHistory
    floor: int
    gaps: Spans
    closings: Closings
    span: Span
    since: int | None
    retention: int
    closed: bool
    series: int

    @property
    def block_series(self) -> int:
        """How many series are read together, so that memory is bounded."""
        rows = max(self.history.rows // max(self.series, 1), 1)
        return min(max(_BLOCK_ROWS // rows, 1), MOST_SERIES)


def describe_engine() -> str:
    """What a result depends on besides its inputs."""
    return f"{version('territory-hypervisor')}, engine {_engine.VERSION}, numpy {np.__version__}"


def evaluate_piece(engine: str, job: bytes, piece: bytes) -> Results:
    """Evaluate a pickled piece; BacktestError says which worker cannot, and why."""
    _prepare(engine)
    common: Job = pickle.loads(job)  # noqa: S301  from the client, whom a worker obeys
    own: Piece = pickle.loads(piece)  # noqa: S301
    source = FrozenSource(
        folder=common.folder,
        history=common.history,
        floor=common.floor,
        gaps=common.gaps,
        closings=common.closings,
    )
    run = begin_run(
        own.registry,
        source,
        _catalogue(),
        span=common.span,
        places=own.places,
        retention=common.retention,
        closed=common.closed,
        since=common.since,
    )
    try:
        for block in run.cut_blocks(common.block_series):
            run.evaluate(block, run.read(block))
    except PartError as error:
        raise BacktestError("worker {worker}: {problem}", _worker_name(), error) from error
    return run.results


def find_longest(engine: str, job: bytes, piece: bytes) -> int:
    """The longest look-back (µs) of the rules at a pickled piece."""
    _prepare(engine)
    common: Job = pickle.loads(job)  # noqa: S301
    own: Piece = pickle.loads(piece)  # noqa: S301
    source = FrozenSource(
        folder=common.folder,
        history=common.history,
        floor=common.floor,
        gaps=common.gaps,
        closings={},
    )
    return begin_run(
        own.registry,
        source,
        _catalogue(),
        span=common.span,
        places=frozenset(),
        retention=common.retention,
        closed=False,
    ).longest


def _prepare(engine: str) -> None:
    if engine != describe_engine():
        raise BacktestError(
            "worker {worker} runs {theirs}; this job needs {ours}",
            _worker_name(),
            describe_engine(),
            engine,
        )
    pa.set_cpu_count(1)  # a worker is one core


@cache
def _catalogue() -> Catalogue:
    return catalogue()


def _worker_name() -> str:
    from distributed import get_worker  # noqa: PLC0415  optional

    return str(get_worker().address)
