"""Forecasts as stored: the newest is the pure function's, the first is what people saw."""

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from pyarrow import csv

from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import micros, moment
from hypervisor.broker.child import wait_until
from hypervisor.database.connect import Connection, StoreError, connect, store_errors
from hypervisor.evaluation.columns import ColumnQuery, load_subjects
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.forecast.issuing import Issuing, issue
from hypervisor.forecast.queries_issued import Selection, list_issued
from hypervisor.readings import rollup
from hypervisor.registry import queries as registry_queries
from rules._forecast import model_to_json
from rules._inputs import InputSeries
from sensors._row import ROW
from tests import command_line
from tests.integration.evaluation.test_equality import flood, rivers
from tests.integration.evaluation.world import CATALOGUE, Sent, World, make_world, us
from tests.unit.rules.test_runoff import model as gr4h_model

pytestmark = pytest.mark.integration

Row = tuple[Any, ...]
EVER = Selection(since=moment(0), until=moment(us(1_000_000)), first=True)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        rivers(made)
        made.join()
        yield made


def follow(world: World, issuing: Issuing) -> None:
    with closing(connect(world.url, autocommit=True)) as own:
        rollup.catch_up(own, CATALOGUE, idle_work=issuing)


def rows(world: World) -> list[Row]:
    """Everything stored, in the order it was made."""
    every = world.connection.execute(
        "SELECT issued, created_at, revision, tier, value, horizons, quantiles FROM forecast"
        " ORDER BY issued, created_at"
    ).fetchall()
    world.connection.commit()
    return [(*row[:5], tuple(row[5]), tuple(row[6])) for row in every]


def newest(world: World) -> dict[int, Row]:
    stored = {micros(row[0]): row[2:] for row in rows(world)}
    return {at: row for at, row in stored.items() if row[1] >= 0}


def computed(world: World) -> dict[int, Row]:
    """The pure function of all that is stored."""
    registry = registry_queries.load(world.connection)
    facts = build_subjects(registry, CATALOGUE)["orge"]
    ids = {micros(r.effective): r.id for r in registry.revisions if r.kind == "forecast"}
    series = [facts.series["level"], *facts.forecasts["level"].inputs.values()]
    numbers = [number for each in series for number in each.ids]
    tails = {number: SeriesTail(keep=0) for number in numbers}
    for tail in tails.values():
        tail.fill(np.empty(0, ROW), complete_from=us(1_000_000))
    since = dict.fromkeys(numbers, us(-1_000_000))
    query = ColumnQuery(subject=facts, since=since)
    subject = load_subjects(world.connection, tails, [query])["orge"]
    world.connection.commit()
    span = us(-1_000_000), us(1_000_000)
    return {
        int(issued.times[row]): (
            ids[begins],
            int(issued.tier[row]),
            float(issued.current[row]),
            tuple(horizon // 1_000_000 for horizon in issued.horizons),
            tuple(issued.values[row].astype(np.float32).astype(float).ravel().tolist()),
        )
        for begins, issued in issue(subject.series["level"], subject.forecasts["level"], span)
        for row in np.flatnonzero(issued.tier >= 0).tolist()
    }


def rounded(forecasts: dict[int, Row]) -> dict[int, Row]:
    """Quantiles as the four bytes that are stored: the driver reads their shortest text."""
    return {
        at: (*row[:4], tuple(np.float32(value) for value in row[4]))
        for at, row in forecasts.items()
    }


def in_batches(sent: Sequence[Sent], rng: random.Random) -> list[list[Sent]]:
    return _cut(list(sent), rng, (90, 200))


def shuffled(sent: Sequence[Sent], rng: random.Random) -> list[list[Sent]]:
    return _cut(rng.sample(sent, len(sent)), rng, (90, 200))


def outage_in_reverse(sent: Sequence[Sent], rng: random.Random) -> list[list[Sent]]:
    held = [one for one in sent if 90 <= one.at < 270]
    there = [one for one in sent if one not in held]
    return _cut(there, rng, (150, 250)) + _cut(held[::-1], rng, (40, 60))


def at_once(sent: Sequence[Sent], _: random.Random) -> list[list[Sent]]:
    return [list(sent)]


def _cut(rest: list[Sent], rng: random.Random, sizes: tuple[int, ...]) -> list[list[Sent]]:
    batches = []
    while rest:
        size = rng.choice(sizes)
        batches.append(rest[:size])
        rest = rest[size:]
    return batches


@pytest.mark.parametrize(
    "way", [in_batches, shuffled, outage_in_reverse, at_once], ids=lambda way: way.__name__
)
def test_the_newest_forecasts_are_the_same_however_readings_come(world: World, way: Any) -> None:
    before: set[Row] = set()
    issuing = Issuing()
    rng = random.Random(4)
    for batch in way(flood(3), rng):
        world.store(batch)
        world.beat(max(one.arrival for one in batch))
        if rng.random() < 0.3:
            issuing = Issuing()  # the process ended, and began again
        follow(world, issuing)
        now = rows(world)
        assert before <= set(now)  # what people saw stays
        before = set(now)
    assert len(computed(world)) > 40
    assert rounded(newest(world)) == rounded(computed(world))


def rains(world: World) -> None:
    """The Orge with GR4H, which reads ten days back."""
    world.register(["orge"])
    series = (
        InputSeries(site="orge", quantity="level"),
        InputSeries(site="orge", quantity="catchment_rain"),
    )
    made = replace(gr4h_model(), site="orge", quantity="level", unit="m", inputs=series)
    world.revise(world.fact("forecast", "orge/level", model_to_json(made), since=us(0)))
    world.join()


@pytest.mark.parametrize("way", [shuffled, outage_in_reverse], ids=lambda way: way.__name__)
def test_so_are_those_by_gr4h(database_url: str, way: Any) -> None:
    earlier = [
        Sent(site="orge", at=minutes, value=1.5, received=minutes + 1)
        for minutes in range(-245 * 60, -190 * 60, 120)
    ]
    sent = earlier + [each for each in flood(3) if each.site == "orge"]
    with closing(make_world(database_url, connect(database_url))) as world:
        rains(world)
        issuing = Issuing()
        for batch in way(sent, random.Random(4)):
            world.store(batch)
            follow(world, issuing)
        assert sum(row[1] == 0 for row in computed(world).values()) > 20
        assert rounded(newest(world)) == rounded(computed(world))


def test_a_new_model_is_followed_from_its_effective_time(world: World) -> None:
    world.store(flood(3))
    issuing = Issuing()
    follow(world, issuing)
    first = rows(world)
    world.revise(world.fact("forecast", "orge/level", None, since=us(300)))
    follow(world, issuing)

    assert rounded(newest(world)) == rounded(computed(world))
    assert set(first) <= set(rows(world))
    withdrawn = [row for row in rows(world) if row[3] == -1]
    assert withdrawn
    assert min(row[0] for row in withdrawn) >= moment(us(300))


def test_nothing_is_due_where_no_model_is(database_url: str) -> None:
    with closing(make_world(database_url, connect(database_url))) as world:
        world.register(["orge"])
        world.store([one for one in flood(3) if one.site == "orge"])
        follow(world, Issuing())
        assert rows(world) == []
        assert _due(world) == 0


def _due(world: World) -> int:
    row = world.connection.execute("SELECT count(*) FROM forecast_due").fetchone()
    world.connection.commit()
    assert row is not None
    return int(row[0])


def test_a_kill_while_forecasts_are_stored_loses_none(world: World) -> None:
    world.store(flood(3))
    with closing(connect(world.url, autocommit=True)) as own, connect(world.url) as other:
        other.execute("LOCK TABLE forecast IN ACCESS EXCLUSIVE MODE")
        ended: list[BaseException] = []
        thread = threading.Thread(target=lambda: _until_killed(own, ended))
        thread.start()
        assert wait_until(lambda: _is_blocked(other, own.info.backend_pid), seconds=60)
        other.execute("SELECT pg_terminate_backend(%s)", [own.info.backend_pid])
        thread.join(60)
        assert [type(error) for error in ended] == [StoreError]
        other.rollback()
    assert rows(world) == []
    assert _due(world) > 0
    follow(world, Issuing())

    assert rounded(newest(world)) == rounded(computed(world))


def _until_killed(own: Connection, ended: list[BaseException]) -> None:
    try:
        with store_errors():
            rollup.catch_up(own, CATALOGUE, idle_work=Issuing())
    except StoreError as error:
        ended.append(error)


def _is_blocked(other: Connection, pid: int) -> bool:
    row = other.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()
    return bool(row and row[0])


def test_a_forecast_is_read_as_it_was_issued_and_as_it_stands(world: World) -> None:
    sent = flood(3)
    late = [one for one in sent if one.site == "yvette" and 60 <= one.at < 240]
    issuing = Issuing()
    world.store([one for one in sent if one not in late])
    follow(world, issuing)
    between = world.connection.execute("SELECT max(created_at) FROM forecast").fetchone()
    world.store(late)
    follow(world, issuing)
    span = Selection(since=moment(us(60)), until=moment(us(300)))
    now, first, then = (
        list_issued(world.connection, "orge", selection)
        for selection in (
            span,
            replace(span, first=True),
            replace(span, as_of=between[0] if between else None),
        )
    )
    assert first == then
    assert [each.issued for each in first] == [each.issued for each in now]
    assert first != now
    assert {each.issued: each.quantiles for each in now} == {
        moment(at): list(row[4]) for at, row in newest(world).items() if us(60) <= at <= us(300)
    }


def test_forecasts_as_issued_leave_as_files(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = flood(3)
    late = [each for each in sent if each.site == "yvette" and 60 <= each.at < 240]
    issuing = Issuing()
    for batch in ([each for each in sent if each not in late], late):
        world.store(batch)
        follow(world, issuing)
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", world.url)
    file = tmp_path / "issued.parquet"
    words = ("forecast", "issued", "--site", "orge")
    written = command_line.run(*words, "--format", "parquet", "--output", file)
    assert written.exit_code == 0, written.output
    first = pq.read_table(file).to_pandas()
    listed = list_issued(world.connection, "orge", EVER)
    assert len(first) == sum(len(each.horizons) for each in listed)
    assert (first["valid"] - first["issued"]).dt.total_seconds().eq(first["horizon_s"]).all()
    row = first.iloc[0]
    quantiles = listed[0].by_horizon[row["horizon_s"]]
    assert [row[f"q{100 * level:02.0f}"] for level in quantiles] == list(quantiles.values())
    text = command_line.run(*words, "--newest", "--from", first["issued"].min().isoformat())
    newest_table = csv.read_csv(BytesIO(text.stdout.encode())).to_pandas()
    assert list(newest_table) == list(first)
    assert set(newest_table["issued"]) == set(first["issued"])
    assert not np.array_equal(newest_table["q50"], first["q50"])
    with pytest.raises(NotFoundError, match="did you mean 'orge'"):
        command_line.run(*words[:3], "orgue")
    assert "needs --output" in command_line.run(*words, "--format", "parquet").output
