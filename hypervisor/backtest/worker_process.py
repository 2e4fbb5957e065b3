"""Half of a long backtest in a process of its own, over the very snapshot of the first."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Any

from hypervisor.alarms.queries import Pair
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.evaluate import Run, Span
from hypervisor.backtest.parts import Part
from hypervisor.backtest.sources import Closings, Spans, Stored
from hypervisor.database.connect import connect, export_snapshot, join_snapshot
from hypervisor.evaluation import rulebook
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.readings.queries_columnar import Copy
from hypervisor.registry.model import Registry
from sensors._domain import catalogue


@dataclass(frozen=True, kw_only=True)
class _Job:
    """All that the helper needs to judge as we do; plain values."""

    url: str
    snapshot: str
    registry: Registry
    floor: int
    gaps: Spans
    closings: Closings
    closed: bool
    copy: Copy | None
    span: Span
    retention: int
    blocks: Sequence[Sequence[Pair]]


@dataclass(frozen=True, kw_only=True)
class InProcess:
    """Shares work with one process that reads at `url` what `source` does."""

    url: str
    source: Stored

    @contextmanager
    def __call__(
        self,
        registry: Registry,
        span: tuple[int | None, int | None],
        retention: int,
        blocks: Sequence[Sequence[Pair]],
        *,
        closed: bool,
    ) -> Iterator["_Helper"]:
        """The helper; it is gone afterwards."""
        job = _Job(
            url=self.url,
            snapshot=export_snapshot(self.source.connection),
            registry=registry,
            floor=self.source.floor,
            gaps=self.source.gaps,
            closings=self.source.closings,
            closed=closed,
            copy=self.source.copy,
            span=Span(since=span[0], until=span[1]),
            retention=retention,
            blocks=blocks,
        )
        ways = get_context("spawn")  # a fork would share our connection and our threads' locks
        turn, (ours, theirs) = ways.Value("q", 0), ways.Pipe(duplex=False)
        process = ways.Process(target=_half, args=(job, turn, theirs), daemon=True)
        process.start()
        theirs.close()  # so that its end is heard
        try:
            yield _Helper(turns=_turns(turn, len(blocks)), pipe=ours)
        finally:
            if process.is_alive():
                process.terminate()
            process.join()
            ours.close()


@dataclass(frozen=True, kw_only=True)
class _Helper:
    turns: Iterator[int]
    pipe: Pipe

    def part(self) -> Part:
        try:
            part = self.pipe.recv()
        except EOFError as error:
            raise BacktestError("the process that judged the other half ended early") from error
        if isinstance(part, Part):
            return part
        raise BacktestError(f"the other half could not be judged: {part}")


def _turns(turn: Any, count: int) -> Iterator[int]:
    """The blocks that nobody has begun, one after another."""
    while True:
        with turn.get_lock():
            number = int(turn.value)
            turn.value += 1
        if number >= count:
            return
        yield number


def _half(job: _Job, turn: Any, pipe: Pipe) -> None:
    """What the helper does."""
    try:
        pipe.send(_judged(job, turn))
    except Exception as error:  # noqa: BLE001  told to the one who waits
        pipe.send(f"{type(error).__name__}: {error}")


def _judged(job: _Job, turn: Any) -> Part:
    power_schedule = PowerSchedule(retention=job.retention)
    power_schedule.extend(job.floor, job.gaps)
    territory = rulebook.arrange(job.registry, catalogue(), power_schedule)
    with connect(job.url) as connection:
        join_snapshot(connection, job.snapshot)
        source = Stored(
            connection=connection,
            floor=job.floor,
            gaps=job.gaps,
            closings=job.closings,
            copy=job.copy,
        )
        run = Run(
            territory=territory,
            source=source,
            span=job.span,
            closings=job.closings if job.closed else {},
        )
        run.work(job.blocks, _turns(turn, len(job.blocks)))
        return run.part()
