"""Hub'Eau into a live instance: units, corrections, an outage and what comes after it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database import databases, locks
from hypervisor.database.connect import Connection, connect
from hypervisor.database.locks import Lock
from hypervisor.feeds import collect, diagnosis, queries
from hypervisor.feeds.poll import read_clock
from hypervisor.readings import queries as reading_queries
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device
from hypervisor.stack.doctor import check_room
from sensors._quality import Quality
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import DAY, World, make_world
from tests.integration.feeds.served import Clock, Service, served, write_curve
from tests.unit.feeds.hostile import answering, body

pytestmark = pytest.mark.integration

CODES = {"mill": "F000000101", "weir": "F000000201"}


@contextmanager
def _world(stack: Stack) -> Iterator[World]:
    """A world whose gauges are read from Hub'Eau, in a database of its own."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    world = make_world(url, connect(url))  # an exercise's clock can be of 2024
    world.register(CODES, quantities=("level", "discharge"))
    devices = tuple(
        Device(name=n, site=n, commissioned=DAY, properties={"feed": "hubeau", "code": code})
        for n, code in CODES.items()
    )
    registry_queries.write(world.connection, Changes(devices=devices))
    world.connection.commit()
    world.record_rules()
    world.join()
    try:
        yield world
    finally:
        world.close()
        databases.drop(stack.maintenance_url, name)


@contextmanager
def _polling(world: World) -> Iterator[Connection]:
    with connect(world.url, autocommit=True) as connection:
        reading_queries.create_staging_tables(connection)
        yield connection


def _settings(world: World, url: str) -> Settings:
    return Settings(database_url=world.url, feeds_url=url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A flood at one gauge; the other falls silent for good at 09:00."""
    rise = [1 + max(0.0, 3.5 - abs(place - 84) / 12) for place in range(288)]
    write_curve(tmp_path, CODES["mill"], DAY, rise)
    write_curve(tmp_path, CODES["weir"], DAY, [1.0] * 109)
    return tmp_path


def _live_through(world: World, service: Service, clock: Clock, *, outage: range) -> None:
    """Half a day in steps of twenty minutes; in `outage` nobody answers."""
    silent = "http://127.0.0.1:9"
    with _polling(world) as connection:
        while clock.at < DAY + timedelta(hours=12):
            minute = int((clock.at - DAY).total_seconds() // 60)
            url = silent if minute in outage else service.url
            collect.poll(connection, _settings(world, url), "hubeau", clock=clock)
            world.beat(minute)
            world.settle()
            clock.move(20)


@pytest.mark.parametrize(
    "outages",
    [
        (range(115, 475),),
        # From the first poll on; over the crest; a service that comes and goes.
        pytest.param(
            (range(365), range(130, 490), range(0, 500, 3)), marks=pytest.mark.long, id="others"
        ),
    ],
)
def test_after_an_outage_of_six_hours_the_log_is_that_of_an_undisturbed_day(
    stack: Stack, folder: Path, outages: tuple[range, ...]
) -> None:
    logs = []
    for outage in (range(0), *outages):
        clock = Clock(at=DAY + timedelta(minutes=5))
        with _world(stack) as world, served(folder, clock) as service:
            _live_through(world, service, clock, outage=outage)
            logs.append(world.log())
            counts = world.connection.execute("SELECT count(*) FROM reading")
            (rows,) = counts.fetchone() or (0,)
            assert rows == 142 + 109  # every reading once
    undisturbed, *disturbed = logs
    for log in disturbed:
        assert log == undisturbed
    assert {entry["rule"] for entry in undisturbed} == {"flood-high", "flood-rise", "flood-silent"}


def test_levels_are_in_metres_and_a_later_answer_corrects(stack: Stack, tmp_path: Path) -> None:
    def row(value: float, code: int, status: int, *, site: bool = False) -> dict[str, object]:
        return {
            "code_site": CODES["mill"][:8],
            "code_station": None if site else CODES["mill"],
            "grandeur_hydro": "Q" if site else "H",
            "date_obs": "2024-01-01T10:00:00Z",
            "resultat_obs": value,
            "code_qualification_obs": code,
            "code_statut": status,
        }

    clock = Clock(at=DAY + timedelta(hours=11))
    file = tmp_path / "hubeau-observations_tr.json"
    with _world(stack) as world, _polling(world) as connection:
        for rows in ([row(1234, 12, 4), row(9, 16, 4, site=True)], [row(1250, 16, 8)]):
            file.write_text(json.dumps({"data": rows}), encoding="utf-8")
            with served(tmp_path, clock) as service:
                settings = _settings(world, service.url)
                assert not collect.poll(connection, settings, "hubeau", clock=clock).problem
            clock.move(5)
        stored = connection.execute("SELECT value, quality FROM reading").fetchall()
        assert stored == [(1.25, 0)]
        versions = connection.execute(
            "SELECT value, quality FROM reading_version ORDER BY received_at"
        ).fetchall()
        assert versions == [(1.234, int(Quality.DOUBTFUL)), (1.25, 0)]
        assert queries.get_state(connection, "hubeau").readings == 2


def test_external_alarms_that_cannot_be_settled_stop_no_service(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls: list[str] = []

    def fail(*_: object, **__: object) -> int:
        raise ValueError("a mapping that cannot be read")

    with _world(stack) as world:
        world.connection.execute("UPDATE instance SET mode = 'live'")
        world.connection.commit()
        monkeypatch.setattr(collect, "settle", fail)
        monkeypatch.setattr(collect, "poll_due", lambda *_, **__: polls.__iadd__(["polled"])[:0])
        collect.run(
            _settings(world, "http://127.0.0.1:9"),
            stopping=lambda: bool(polls),
            say=lambda _words: None,
        )
    assert polls


def test_an_exercise_asks_nobody(database_url: str) -> None:
    make_world(database_url, connect(database_url)).close()  # an exercise
    with connect(database_url, autocommit=True) as connection:
        assert not collect.may_ask(connection, Settings(database_url=database_url))


def test_one_process_asks_at_a_time(database_url: str) -> None:
    with connect(database_url, autocommit=True) as first, connect(database_url) as second:
        assert locks.take(first, Lock.FEEDS)
        assert not locks.take(second, Lock.FEEDS)


@pytest.mark.parametrize(
    "title", [b"a\x00b", b"\xff\x00", "\u2028\x00".encode(), b"\x1b[0m\x00\x7f"]
)
def test_an_answer_with_nul_is_a_failure_of_its_feed_alone(stack: Stack, title: bytes) -> None:
    page = body(b"<html><title>" + title + b"</title></html>")
    with _world(stack) as world, _polling(world) as connection, answering(page) as address:
        result = collect.poll(connection, _settings(world, address), "hubeau")
        assert "web page" in result.problem
        assert queries.get_state(connection, "hubeau").failures == 1


def test_a_web_page_in_place_of_an_answer_is_one_dead_letter_and_a_sentence_in_doctor(
    stack: Stack,
) -> None:
    page = body(b"<html><title>Maintenance</title></html>")
    with _world(stack) as world, _polling(world) as connection, answering(page) as address:
        settings = _settings(world, address)
        for _ in range(2):
            assert "(Maintenance)" in collect.poll(connection, settings, "hubeau").problem
        letters = connection.execute("SELECT topic, reason, payload FROM dead_letter").fetchall()
        assert letters == [("feeds/hubeau/answer", "not-json", letters[0][2])]
        assert b"Maintenance" in letters[0][2]
        connection.execute("UPDATE instance SET mode = 'live'")  # whose services doctor looks at

        def find_bad() -> list[str]:
            findings = check_room(diagnosis, settings, read_clock())
            return [each.what for each in findings if each.state == "bad"]

        assert find_bad() == []  # it may have been down for a moment
        for _ in range(3):
            collect.poll(connection, settings, "hubeau")
        (what,) = find_bad()
        assert "failures in a row: 5" in what
        off = settings.model_copy(update={"feeds_off": "hubeau, road"})
        idle = collect.poll(connection, off, "hubeau").idle
        assert idle == "switched off by HYPERVISOR_FEEDS_OFF"
        findings = check_room(diagnosis, off, read_clock())
        words = {each.subject: (each.state, each.what) for each in findings}
        assert words["feed hubeau"] == ("good", f"not read: {idle}")
        assert "no feed is named 'road'; did you mean 'roads'?" in words["feeds"][1]
