"""A helper process for a long backtest, on the same database snapshot."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Any

from hypervisor.backtest.evaluate import Blocks, Inputs, begin_run
from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.results import Results
from hypervisor.backtest.sources import StoredSource
from hypervisor.database.connect import connect, export_snapshot, join_snapshot
from sensors._domain import catalogue

_END_SECONDS = 10.0  # that the helper may take to end


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What the helper needs, as plain values: arguments of inputs and of a source.

    Without the connection, and without places: the blocks say what is to be evaluated.
    """

    url: str
    snapshot: str
    source: dict[str, Any]
    inputs: dict[str, Any]
    blocks: Blocks


@dataclass(frozen=True, kw_only=True)
class InProcess:
    """Shares work with one process that reads at `url` what `source` does."""

    url: str
    source: StoredSource

    @contextmanager
    def __call__(self, inputs: Inputs, blocks: Blocks) -> Iterator["_Helper"]:
        job = _Job(
            url=self.url,
            snapshot=export_snapshot(self.source.connection),
            source=_drop(vars(self.source), "connection"),
            inputs=_drop(vars(inputs), "source", "catalogue", "places"),
            blocks=blocks,
        )
        context = get_context("spawn")  # a fork would share our connection and our threads' locks
        turn, (ours, theirs) = context.Value("q", 0), context.Pipe(duplex=False)
        process = context.Process(target=_run_helper, args=(job, turn, theirs), daemon=True)
        process.start()
        theirs.close()  # so that the end of the process ends the pipe
        try:
            yield _Helper(turns=_turns(turn, len(blocks)), pipe=ours)
        finally:
            process.terminate()
            process.join(_END_SECONDS)
            process.kill()
            ours.close()


def _drop(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


@dataclass(frozen=True, kw_only=True)
class _Helper:
    turns: Iterator[int]
    pipe: Pipe

    def results(self) -> Results:
        try:
            results = self.pipe.recv()
        except EOFError as error:
            raise BacktestError("the helper process ended early") from error
        if isinstance(results, Results):
            return results
        raise BacktestError("the helper process failed: {problem}", results)


def _turns(turn: Any, count: int) -> Iterator[int]:
    """The numbers of blocks that neither process has begun."""
    while True:
        with turn.get_lock():
            number = int(turn.value)
            turn.value += 1
        if number >= count:
            return
        yield number


def _run_helper(job: _Job, turn: Any, pipe: Pipe) -> None:
    """The helper's side."""
    try:
        pipe.send(_evaluate(job, turn))
    except Exception as error:  # noqa: BLE001  sent to the process that waits
        pipe.send(f"{type(error).__name__}: {error}")


def _evaluate(job: _Job, turn: Any) -> Results:
    with connect(job.url) as connection:
        join_snapshot(connection, job.snapshot)
        source = StoredSource(connection=connection, **job.source)
        run = begin_run(
            Inputs(source=source, catalogue=catalogue(), places=frozenset(), **job.inputs)
        )
        run.work(job.blocks, _turns(turn, len(job.blocks)))
        return run.results
