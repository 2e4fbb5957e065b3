"""Workers give what one process gives, to the byte, and say what is wrong with a part."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hypervisor.backtest import worker_pool
from hypervisor.backtest.evaluate import backtest
from hypervisor.backtest.events import read_events
from hypervisor.backtest.formatting import format_answer
from hypervisor.backtest.frozen_history import FrozenHistory, freeze
from hypervisor.backtest.model import BacktestError, Span
from hypervisor.backtest.registries import Trial, of_inventory
from hypervisor.backtest.results import Results
from hypervisor.backtest.service import (
    Answer,
    Evaluate,
    Question,
    Recording,
    ask,
    backtest_recording,
)
from hypervisor.backtest.sources import StoredSource
from hypervisor.backtest.task_results import TaskResults
from hypervisor.backtest.worker_pool import Workers, backtest_by_workers
from hypervisor.base.instants import micros
from hypervisor.bench import year
from hypervisor.database import databases, feed
from hypervisor.database.connect import connect
from hypervisor.evaluation import pack_revisions
from hypervisor.readings import queries_columnar
from hypervisor.readings.corrections import Attribution, invalidate
from hypervisor.readings.parquet_parts import VerifiedPart
from hypervisor.registry import queries as registry_queries
from rules._pack import packs
from sensors._domain import catalogue
from simulators._recordings import shipped_recordings
from tests.conftest import TEMPLATE, Stack

distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(600)]

CATALOGUE = catalogue()
ENDS = datetime(2026, 10, 1, tzinfo=UTC)
LONG = 200 * 366 * 86_400_000_000
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture
def workers(cluster: Any, tmp_path: Path) -> Workers:
    return Workers(
        where=cluster.scheduler_address, folder=tmp_path / "own", history=tmp_path / "shared"
    )


class Territory:
    """The Essonne with a month of readings, of which most are in the columnar copy."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        with connect(url) as connection:
            pack_revisions.record_and_log(connection, packs(), now=None)
            planned = year.plan(connection, CATALOGUE, rows=150_000, ends=ENDS)
            year.fill(connection, planned, lambda *_: None)
        with connect(url, autocommit=True) as connection:
            queries_columnar.refresh(connection, folder)
        with connect(url) as connection:
            level = next(
                series
                for series in registry_queries.load(connection).series.values()
                if series.quantity == "level"
            )
            for before in (3, 16):  # a day that is in no part, and one that a part has otherwise
                first = ENDS - timedelta(days=before)
                span = first, first + timedelta(hours=12)
                reason = Attribution(reason="ice", author="test")
                assert invalidate(connection, level, *span, reason).rows > 0
            feed.append(connection, "registry")

    def ask(self, question: Question, evaluate: Evaluate, tick: Any = None) -> Answer:
        """An answer as if ingest had listened all the time, but for a day."""
        with connect(self.url) as connection:
            source = replace(
                StoredSource.of(connection, self.folder),
                floor=micros(ENDS),
                gaps=((micros(ENDS) - 12 * DAY, micros(ENDS) - 11 * DAY),),
            )
            assert source.copy is not None
            assert any(part.dirty for part in source.copy.parts)
            registry = registry_queries.load(connection)
            tick = tick or (lambda *_: None)
            return ask(
                registry, source, CATALOGUE, question, tick, retention=LONG, evaluate=evaluate
            )


@pytest.fixture(scope="module")
def essonne(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Territory]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(year, "DAYS", 30)
        yield from make_territory(stack, tmp_path_factory.mktemp("data") / "columnar")


def make_territory(stack: Stack, folder: Path) -> Iterator[Territory]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    yield Territory(stack.database.url(name), folder)
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="module")
def alone(essonne: Territory) -> Answer:
    return essonne.ask(Question(), backtest)


def in_bytes(answer: Answer) -> bytes:
    return json.dumps(format_answer(answer), sort_keys=True).encode()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_month_of_a_territory(
    essonne: Territory, alone: Answer, cluster: Any, workers: Workers, count: int
) -> None:
    cluster.scale(count)
    cluster.sync(cluster._correct_state)  # noqa: SLF001  until it has so many
    heard: list[tuple[int, int]] = []

    answer = essonne.ask(
        Question(), partial(backtest_by_workers, workers=workers), lambda *at: heard.append(at)
    )

    assert in_bytes(answer) == in_bytes(alone)
    assert answer.evaluation == alone.evaluation
    assert len({alarm.domain for alarm in alone.evaluation.alarms}) > 5
    assert len(alone.evaluation.alarms) > 1_000
    assert heard[-1][0] == heard[-1][1] > 20


@pytest.mark.parametrize(
    "question",
    [
        Question(span=Span(since=micros(ENDS) - 13 * DAY, until=micros(ENDS) - 5 * DAY)),
        Question(span=Span(since=micros(ENDS) - 2 * DAY), rules=["flood", "lighting"]),
        Question(sites=["orge-arpajon", "cab-arpajon-1"]),
        Question(against=Trial(thresholds={"orge-arpajon/attention": "0.9 m"}), rules=["flood"]),
    ],
    ids=["a span", "the last days", "two sites", "a trial"],
)
def test_other_questions(essonne: Territory, workers: Workers, question: Question) -> None:
    with connect(essonne.url) as connection:
        known = registry_queries.load(connection).sites
    question = replace(question, sites=[site for site in question.sites if site in known])
    answer = essonne.ask(question, backtest)

    by_workers = essonne.ask(question, partial(backtest_by_workers, workers=workers))

    assert by_workers.evaluation == answer.evaluation
    assert in_bytes(by_workers) == in_bytes(answer)
    assert answer.evaluation.evaluated


def test_a_worker_that_is_killed(
    essonne: Territory, alone: Answer, cluster: Any, workers: Workers
) -> None:
    """Twice in mid-job, at work: others do its task, and the log is the same."""
    cluster.scale(2)
    cluster.sync(cluster._correct_state)  # noqa: SLF001
    killed: list[int] = []

    def kill(done: int, of: int) -> None:
        if (done, len(killed)) in {(3, 0), (of // 2, 1)}:
            with distributed.Client(cluster.scheduler_address) as other:
                busy = [name for name, tasks in other.processing().items() if tasks]
                (pid,) = other.run(os.getpid, workers=busy[:1]).values()
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    answer = essonne.ask(Question(), partial(backtest_by_workers, workers=workers), kill)

    assert len(set(killed)) == 2
    assert in_bytes(answer) == in_bytes(alone)


def test_a_job_that_was_stopped_continues(
    essonne: Territory, alone: Answer, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, _of: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    by_workers = partial(backtest_by_workers, workers=workers)
    with pytest.raises(KeyboardInterrupt):
        essonne.ask(Question(), by_workers, stop)
    (kept,) = (workers.folder / "results").iterdir()
    done = {file.name for file in kept.iterdir()}
    put, again = TaskResults.put, set[str]()

    def note(self: TaskResults, key: str, results: Results) -> None:
        again.add(key)
        put(self, key, results)

    monkeypatch.setattr(TaskResults, "put", note)

    answer = essonne.ask(Question(), by_workers)

    assert in_bytes(answer) == in_bytes(alone)
    assert len(done) == 10
    assert again
    assert not again & done
    assert not list((workers.folder / "results").iterdir())


HASH_PIECES = """
import hashlib, pickle, sys
from hypervisor.backtest.partition import cut
from hypervisor.database.connect import connect
from hypervisor.registry import queries
with connect(sys.argv[1]) as connection:
    registry = queries.load(connection)
for piece in cut(registry, None):
    print(hashlib.sha256(pickle.dumps(piece)).hexdigest())
"""


def test_another_process_cuts_the_same_pieces(essonne: Territory) -> None:
    """So that a job which is started again has the keys of the stopped one."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", HASH_PIECES, essonne.url],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(printed[0].split()) > 20
    assert printed[0] == printed[1]


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda file: file.unlink(), "is missing"),
        (lambda file: os.truncate(file, 5_000), "is truncated or was changed"),
        (lambda file: flip(file, 1_000), "is truncated or was changed"),
        (lambda file: flip(file, file.stat().st_size - 100), "is truncated or was changed"),
    ],
    ids=["missing", "truncated", "changed rows", "changed footer"],
)
def test_a_part_that_is_not_as_it_was(
    essonne: Territory,
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
    damage: Damage,
    problem: str,
) -> None:
    names: list[str] = []

    def freeze_and_damage(*arguments: Any) -> FrozenHistory:
        history = freeze(*arguments)
        names.append(history.parts[1].name)
        file = workers.parts / names[0]
        own(file)
        damage(file)
        return history

    monkeypatch.setattr(worker_pool, "freeze", freeze_and_damage)
    with pytest.raises(BacktestError) as caught:
        essonne.ask(Question(), partial(backtest_by_workers, workers=workers))

    assert names[0] in str(caught.value)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("worker tcp://127.0.0.1:")


def own(file: Path) -> None:
    """Make a linked file one of its own, so that the copy stays as it is."""
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))


def test_readings_of_homes_are_in_no_part(
    essonne: Territory, alone: Answer, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(essonne.url) as connection:
        homes = queries_columnar.list_personal(connection)
    seen: set[int] = set()

    def freeze_and_look(*arguments: Any) -> FrozenHistory:
        history = freeze(*arguments)
        for part in history.parts:
            seen.update(VerifiedPart(workers.parts / part.name).read(np.arange(20_000), None))
        return history

    monkeypatch.setattr(worker_pool, "freeze", freeze_and_look)
    essonne.ask(Question(), partial(backtest_by_workers, workers=workers))

    assert len(homes) > 10
    assert len(seen) > 500
    assert not seen & set(homes.tolist())
    assert "telecare" in {alarm.domain for alarm in alone.evaluation.alarms}


def test_a_worker_of_another_version(
    essonne: Territory, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "describe_engine", lambda: "another")
    with pytest.raises(BacktestError, match=r"worker tcp://.* runs .*; this job needs another"):
        essonne.ask(Question(), partial(backtest_by_workers, workers=workers))


def test_parts_remain_while_they_are_of_use(essonne: Territory, workers: Workers) -> None:
    """In a folder of all machines: those of the copy, and what is not ours."""
    assert workers.history is not None
    workers.history.mkdir()
    (workers.history / "mine.parquet").touch()

    essonne.ask(Question(), partial(backtest_by_workers, workers=workers))

    copied = {file.name for file in essonne.folder.glob("*.parquet")}
    assert {file.name for file in workers.history.glob("*.parquet")} == {*copied, "mine.parquet"}


def test_the_flood_of_toulouse_by_all_rules(workers: Workers) -> None:
    registry = of_inventory(["garonne"], CATALOGUE, packs())
    name = "garonne-2022-01.hubeau.csv.gz"
    recording = Recording(file=shipped_recordings()[name])
    question = Question(events=read_events("garonne"))

    alone, by_workers = (
        backtest_recording(recording, registry, question, CATALOGUE, lambda *_: None, workers=who)
        for who in (None, workers)
    )

    assert in_bytes(by_workers[0]) == in_bytes(alone[0])
    assert by_workers[0].evaluation == alone[0].evaluation
    assert alone[0].evaluation.alarms


def test_a_scheduler_that_is_not_there(essonne: Territory, workers: Workers) -> None:
    nowhere = replace(workers, where="tcp://127.0.0.1:9")
    with pytest.raises(BacktestError, match=r"no scheduler at tcp://127\.0\.0\.1:9"):
        essonne.ask(Question(), partial(backtest_by_workers, workers=nowhere))
