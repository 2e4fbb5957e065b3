"""A backtest by several workers: processes here, or those of a scheduler on several machines."""

import fcntl
import hashlib
import logging
import pickle
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypervisor.backtest.evaluate import Inputs, Run, Tick, begin_reading, begin_run
from hypervisor.backtest.frozen_history import FrozenHistory, FrozenSource, freeze
from hypervisor.backtest.model import BacktestError, Evaluation
from hypervisor.backtest.partition import Piece, cut, list_common
from hypervisor.backtest.results import Results, summarize
from hypervisor.backtest.sources import FOREVER, CachedSource, Source, StoredSource
from hypervisor.backtest.task_results import TaskResults
from hypervisor.backtest.worker_task import (
    Job,
    carry_job,
    describe_engine,
    evaluate_piece,
    find_longest,
    prepare_worker,
)
from hypervisor.base.process import lock_file
from hypervisor.evaluation.rule_histories import histories
from hypervisor.readings.parquet_parts import is_immutable
from hypervisor.readings.queries_columnar import list_personal
from hypervisor.registry.model import Revision

if TYPE_CHECKING:
    from distributed import Client, Future

FOLDER = "backtests"  # below an instance's data folder
_AHEAD = 256  # tasks that wait at the scheduler
_REMOVAL_SECONDS = 60.0
_PATIENCE = 10  # seconds for a scheduler to answer, and for a worker of it
# Of our own processes: a worker is one core.
ENVIRONMENT = {"OMP_NUM_THREADS": 1, "MKL_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1}
_CONFIGURATION = {
    "distributed.worker.profile.enabled": False,  # samples stacks a hundred times a second
    "distributed.admin.tick.interval": "1s",  # of 20 ms, at which each loop measures its delay
    # without Dask's MALLOC_TRIM_THRESHOLD_: to give memory back at once costs a fifth of the time
    "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
}


@dataclass(frozen=True, kw_only=True)
class Workers:
    """A number of processes here, or the workers of a scheduler's address, or of a client of one.

    `folder`: results of unfinished jobs. `history`: the folder of parts on all machines, if it is
    not ours alone.
    """

    where: "int | str | Client"
    folder: Path
    history: Path | None = None

    @property
    def parts(self) -> Path:
        return self.history or self.folder / "parts"


def backtest_by_workers(inputs: Inputs, tick: Tick, workers: Workers) -> Evaluation:
    """As `backtest` by one process, exactly; `tick`: pieces done, of how many.

    What reads series of homes is evaluated here: their readings are in no part.
    """
    if isinstance(inputs.source, CachedSource):
        inputs = replace(inputs, source=inputs.source.source)  # what is read twice is frozen twice
    source, span = inputs.source, inputs.span
    common, folder = list_common(inputs.registry), workers.parts.absolute()
    pickled_common = pickle.dumps(common)
    results: dict[int, Results] = {}
    with _use_parts(folder) as used, connect(workers.where) as client:
        preparing = _prepare_workers(client, pickled_common)
        away, here = share_out(inputs, common)
        series = sorted(set().union(*(piece.series for piece in away)))
        job = describe_job(inputs, pickled_common, folder, len(series))
        count = len(away) + len(here)
        tick(0, count)
        longest = [run.longest for run in here]
        if span.since is not None:
            pickled = ((number, pickle.dumps(piece)) for number, piece in enumerate(away))
            longest += [reach for _, reach in _run(client, find_longest, job, pickled)]
        since = begin_reading(span, max(longest, default=0))
        until = FOREVER if span.until is None else span.until
        history = freeze(source, folder, series, since, until)
        if workers.history is not None:
            used.update(part.name for part in history.parts if part.copied)
        job = replace(job, source=replace(job.source, history=history), since=since)
        with ThreadPoolExecutor(max_workers=1) as own:
            ours = own.submit(_evaluate_here, here, since)
            rules = own.submit(histories, common, inputs.catalogue.common)
            for number, each in _evaluate_away(client, job, away, workers.folder):
                results[number] = each
                tick(len(results), count)
            together = ours.result()
        del preparing  # Dask cancels a task once its future is gone
    for number in sorted(results):
        together.add(results[number])
    tick(count, count)
    return summarize(together, rules.result(), span=span, floor=source.floor)


def share_out(inputs: Inputs, common: Sequence[Revision]) -> tuple[list[Piece], list[Run]]:
    """The pieces of the workers, largest first so that none of these is last, and our runs."""
    homes = _list_homes(inputs.source)
    away: list[Piece] = []
    here: list[Run] = []
    for piece in cut(inputs.registry, inputs.places, homes):
        if homes.isdisjoint(piece.series):
            away.append(piece)
        else:
            registry, places = piece.join(common), frozenset(piece.places)
            here.append(begin_run(replace(inputs, registry=registry, places=places)))
    return sorted(away, key=lambda piece: len(piece.series), reverse=True), here


def describe_job(inputs: Inputs, common: bytes, folder: Path, series: int) -> Job:
    """A job of which the readings are still to be frozen."""
    source = inputs.source
    return Job(
        common=common,
        source=FrozenSource(
            folder=folder,
            history=FrozenHistory(parts=()),
            floor=source.floor,
            gaps=source.gaps,
            closings=source.closings if inputs.closed else {},
        ),
        span=inputs.span,
        since=None,
        retention=inputs.retention,
        closed=inputs.closed,
        series=series,
    )


def _prepare_workers(client: "Client", common: bytes) -> list["Future[None]"]:
    """Have each worker read the rules while the territory is cut; nothing waits for it."""
    return [
        client.submit(prepare_worker, common, workers=[address], pure=False)
        for address in client.nthreads()
    ]


def _list_homes(source: Source) -> frozenset[int]:
    """The series of homes."""
    if not isinstance(source, StoredSource):
        return frozenset()
    return frozenset(int(number) for number in list_personal(source.connection))


def _evaluate_here(runs: Sequence[Run], since: int) -> Results:
    together = Results()
    for run in runs:
        run.since = since
        blocks = run.cut_blocks()
        run.work(blocks, iter(range(len(blocks))))
        together.add(run.results)
    return together


def _evaluate_away(
    client: "Client", job: Job, pieces: Sequence[Piece], folder: Path
) -> Iterator[tuple[int, Results]]:
    """The results of each piece by its number, in no order; those of a stopped job are kept."""
    key = hashlib.sha256(pickle.dumps((describe_engine(), job))).hexdigest()
    kept = TaskResults(folder=folder / "results" / key)
    keys: dict[int, str] = {}
    before: dict[int, Results] = {}

    def list_left() -> Iterator[tuple[int, bytes]]:
        for number, piece in enumerate(pieces):
            pickled = pickle.dumps(piece)
            keys[number] = hashlib.sha256(pickled).hexdigest()
            results = kept.get(keys[number])
            if results is None:
                yield number, pickled
            else:
                before[number] = results

    for number, results in _run(client, evaluate_piece, job, list_left()):
        kept.put(keys[number], results)
        yield number, results
    yield from before.items()
    kept.remove()


def _run(
    client: "Client",
    function: Callable[[str, bytes, bytes], Any],
    job: Job,
    pieces: Iterable[tuple[int, bytes]],
) -> Iterator[tuple[int, Any]]:
    """What the workers give for each numbered, pickled piece, in no order.

    A piece whose worker ended is given to another. BacktestError: several ended with the same one.
    """
    from distributed import KilledWorker, as_completed  # noqa: PLC0415  optional

    engine, name = describe_engine(), f"{function.__name__}-{secrets.token_hex(8)}"
    carried = client.submit(carry_job, pickle.dumps(job), pure=False)
    tasks = (  # keys of one name: the scheduler hands them out as workers become free
        (number, client.submit(function, engine, carried, piece, key=(name, number)))
        for number, piece in pieces
    )
    numbers: dict[Any, int] = {}  # by key of its task
    running = as_completed()  # with_results would wait for ever where a result is lost for good

    def submit(count: int) -> None:
        for number, future in islice(tasks, count):
            numbers[future.key] = number
            running.add(future)

    submit(_AHEAD)
    for future in running:
        try:
            result = future.result()
        except KilledWorker as error:
            raise BacktestError(
                "workers ended {count} times during the same task; was there too little memory?",
                error.allowed_failures + 1,
            ) from error
        except CancelledError as error:
            raise BacktestError("the scheduler ended, or forgot this job") from error
        yield numbers.pop(future.key), result
        submit(1)


@contextmanager
def connect(where: "int | str | Client") -> Iterator["Client"]:
    """A client of a number of processes of our own, or of a scheduler."""
    if not isinstance(where, int | str):
        yield where
        return
    try:
        import dask  # noqa: PLC0415
        from distributed import Client, LocalCluster, Security  # noqa: PLC0415
    except ImportError as error:
        raise BacktestError(
            "workers need the package `distributed`: install territory-hypervisor[workers]"
        ) from error
    if isinstance(where, int):
        with (
            dask.config.set(_CONFIGURATION),
            LocalCluster(
                n_workers=where,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                security=Security.temporary(),  # other users of this machine stay out
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(where, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise BacktestError("no scheduler at {address}: {error}", where, error) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise BacktestError("the scheduler at {address} has no workers", where) from error
        yield client


@contextmanager
def _use_parts(folder: Path) -> Iterator[set[str]]:
    """Keep parts from being removed; the last job removes those not in the set that it filled."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept: set[str] = set()
    with (folder / "lock").open("a") as lock:
        if not lock_file(lock.fileno(), shared=True, seconds=_REMOVAL_SECONDS):
            raise BacktestError(
                "another backtest has been removing its files from {folder} for {seconds} s: try"
                " again when it has ended",
                folder,
                f"{_REMOVAL_SECONDS:.0f}",
            )
        try:
            yield kept
        finally:
            _remove_parts(folder, kept, lock.fileno())


def _remove_parts(folder: Path, kept: set[str], lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another job still reads them
    for file in (*folder.glob("*.parquet"), *folder.glob("*.tmp")):
        if file.name not in kept and (file.suffix == ".tmp" or is_immutable(file.name)):
            file.unlink(missing_ok=True)
