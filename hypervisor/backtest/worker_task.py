"""What a worker does: evaluates a piece of a territory on a frozen history."""

import gc
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from hypervisor.backtest.evaluate import MOST_SERIES, Inputs, Run, begin_run
from hypervisor.backtest.frozen_history import FrozenSource
from hypervisor.backtest.model import BacktestError, Span
from hypervisor.backtest.partition import Piece
from hypervisor.backtest.results import Results
from hypervisor.evaluation.rule_histories import RuleHistory, histories
from hypervisor.readings.parquet_parts import PartError
from hypervisor.registry.model import Revision
from rules import _engine
from sensors._domain import Catalogue, catalogue

_BLOCK_ROWS = 4_500_000  # read together, some 150 MB
_NEW_OBJECTS = 10_000  # before garbage is looked for; Python's 700 costs a fifth more time
_JOBS = 2  # that a worker keeps open


@dataclass(frozen=True, kw_only=True)
class Job:
    """What all pieces of a job have in common; `source`: its folder is there on each machine.

    `common`: the pickled revisions that no piece has. `since`: readings from when on (µs).
    `series`: how many there are.
    """

    common: bytes
    source: FrozenSource
    span: Span
    since: int | None
    retention: int
    closed: bool
    series: int

    @property
    def block_series(self) -> int:
        """How many series are read together, so that memory is bounded."""
        rows = max(self.source.history.rows // max(self.series, 1), 1)
        return min(max(_BLOCK_ROWS // rows, 1), MOST_SERIES)


def describe_engine() -> str:
    """What a result depends on besides its inputs."""
    return f"{version('territory-hypervisor')}, engine {_engine.VERSION}, numpy {np.__version__}"


def carry_job(job: bytes) -> bytes:
    """A pickled job as the result of a task, so that a worker receives it once for all pieces."""
    return job


def prepare_worker(common: bytes) -> None:
    """Do what a worker's first piece would wait for."""
    _read_rules(common)


def evaluate_piece(engine: str, job: bytes, piece: bytes) -> Results:
    """Evaluate a pickled piece; BacktestError says which worker cannot, and why."""
    run, block_series = _begin(engine, job, piece)
    try:
        for block in run.cut_blocks(block_series):
            run.evaluate(block, run.read(block))
    except PartError as error:
        raise BacktestError("worker {worker}: {problem}", _worker_name(), error) from error
    return run.results


def find_longest(engine: str, job: bytes, piece: bytes) -> int:
    """The longest look-back (µs) of the rules at a pickled piece."""
    run, _ = _begin(engine, job, piece)
    return run.longest


def _begin(engine: str, job: bytes, piece: bytes) -> tuple[Run, int]:
    """A run of a piece, and how many series of it are read together."""
    if engine != describe_engine():
        raise BacktestError(
            "worker {worker} runs {theirs}; this job needs {ours}",
            _worker_name(),
            describe_engine(),
            engine,
        )
    opened = _open(job)
    common, rules = _read_rules(opened.common)
    _prepare()
    own: Piece = pickle.loads(piece)  # noqa: S301  from the client, whom a worker obeys
    inputs = Inputs(
        registry=own.join(common),
        source=opened.source,
        catalogue=_catalogue(),
        span=opened.span,
        places=frozenset(own.places),
        retention=opened.retention,
        closed=opened.closed,
    )
    return begin_run(inputs, since=opened.since, rules=rules), opened.block_series


@lru_cache(maxsize=_JOBS)
def _open(job: bytes) -> Job:
    opened: Job = pickle.loads(job)  # noqa: S301  as above
    return opened


@lru_cache(maxsize=_JOBS)
def _read_rules(common: bytes) -> tuple[tuple[Revision, ...], Mapping[str, RuleHistory]]:
    """Pickled revisions with their rules: to read these takes as long as some small pieces."""
    revisions: tuple[Revision, ...] = pickle.loads(common)  # noqa: S301  as above
    return revisions, histories(revisions, _catalogue().common)


@cache
def _prepare() -> None:
    """Once for each process."""
    pa.set_cpu_count(1)  # a worker is one core
    gc.freeze()  # modules and the like are never garbage
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


@cache
def _catalogue() -> Catalogue:
    return catalogue()


def _worker_name() -> str:
    from distributed import get_worker  # noqa: PLC0415  optional

    return str(get_worker().address)
