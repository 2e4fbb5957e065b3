"""Interlocks over the real broker and database: what is not met, or not known, is not sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from hypervisor.base.settings import Settings
from hypervisor.commands import interlocks, queries, queries_interlocks, service
from hypervisor.commands.interlocks import Setting
from hypervisor.commands.model import CommandState
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.registry.queries import load
from hypervisor.web.refusals import refusal
from sensors._command import CommandError
from sensors._domain import catalogue
from sensors._errors import TerritoryError
from tests.actuators import Actuator
from tests.integration.commands.conftest import Room
from tests.integration.commands.test_proposals import WEIR
from tests.integration.commands.test_sending import (
    actuators as actuators,  # noqa: PLC0414  fixtures
)
from tests.integration.commands.test_sending import await_state, give, life, sender
from tests.integration.commands.test_sending import secrets as secrets  # noqa: PLC0414  fixtures

pytestmark = pytest.mark.integration

WORDS = catalogue()
GAUGE = """
INSERT INTO site (name, title, domain, commune) VALUES ('mill', 'Mill', 'flood', '91001');
INSERT INTO device (name, site, model, commissioned)
SELECT 'gauge-2', id, 'radar-gauge', '2000-01-01+00' FROM site WHERE name = 'mill';
INSERT INTO series (device, quantity) SELECT id, 'level' FROM device WHERE name = 'gauge-2';
INSERT INTO revision (kind, key, value, effective, author, reason) VALUES
    ('threshold', 'mill/alert', '{"value": 2.0, "unit": "m"}', '2000-01-01+00', 'test', 'test');
"""
READING = """
INSERT INTO reading (series_id, time, value, quality, received_at)
SELECT s.id, %s, %s, 0, %s FROM series s JOIN device d ON d.id = s.device
WHERE d.name = 'gauge-2'
"""


def _hold(connection: Connection, condition: str | None, kind: str = "dim") -> None:
    setting = Setting(
        owner="device/lamp-1",
        kind=kind,
        condition=condition,
        place="mill",
        author="ada",
        reason="test",
    )
    interlocks.change(connection, load(connection), WORDS, setting)
    connection.commit()


def _measure(connection: Connection, level: float) -> None:
    now = datetime.now(UTC)
    connection.execute(READING, [now, level, now])
    connection.commit()


@contextmanager
def _gauged(settings: Settings) -> Iterator[Connection]:
    with connect(settings.database_url) as connection:
        connection.execute(GAUGE)
        feed.append(connection, "registry")
        connection.commit()
        yield connection


def test_a_command_waits_for_no_interlock_but_is_refused_by_one(
    instance_settings: Settings, actuators: dict[str, Actuator]
) -> None:
    """Not known, not met, met, not met but let pass; the sentence says which."""
    settings = instance_settings
    with _gauged(settings) as connection, sender(settings):
        _hold(connection, "level < threshold.alert")
        unknown = give(connection, "lamp-1")
        await_state(settings, unknown, CommandState.REFUSED)
        _measure(connection, 2.5)
        high = give(connection, "lamp-1")
        await_state(settings, high, CommandState.REFUSED)
        passed = give(connection, "lamp-1", override="the crew stands beside it")
        await_state(settings, passed, CommandState.ACCEPTED)
        _measure(connection, 1.5)
        low = give(connection, "lamp-1", parameters={"level": 30})
        await_state(settings, low, CommandState.ACCEPTED)
        refusals = [queries.list_events(connection, key)[-1] for key in (unknown, high)]
    assert life(settings, high) == ["drafted", "queued", "refused"]
    assert [event.who for event in refusals] == ["interlock"] * 2
    assert "cannot be decided, as readings lack (level ?" in refusals[0].why
    assert refusals[1].why == (
        "interlock 'level < threshold.alert' at mill is not met (level 2.5 m, threshold.alert 2 m);"
        " an administrator may let one command pass, with a reason"
    )
    assert [str(command["key"]) for command in actuators["lamp-1"].received] == [
        str(passed),
        str(low),
    ]


def test_what_is_set_is_checked_and_withdrawn(connection: Connection) -> None:
    connection.execute(GAUGE)
    connection.commit()
    with pytest.raises(TerritoryError, match="did you mean 'level'"):
        _hold(connection, "leval < 3 m")
    with pytest.raises(CommandError, match="cannot be decided at mill"):
        _hold(connection, "rain > 3 mm")
    with pytest.raises(CommandError, match="there is no command 'dimm'; did you mean 'dim'"):
        _hold(connection, "level < 3 m", kind="dimm")
    connection.rollback()
    _hold(connection, "level < 3 m")
    (own,) = queries_interlocks.list_in_force(connection)
    assert (own.device, own.place, own.condition) == ("lamp-1", "mill", "level < 3 m")
    _hold(connection, None)
    assert queries_interlocks.list_in_force(connection) == []
    with pytest.raises(psycopg.errors.RaiseException, match="stay on record"):
        connection.execute("DELETE FROM interlock")


def test_a_barrier_without_a_gauge_of_its_own_opens_by_that_of_its_road(
    connection: Connection,
) -> None:
    """No gauge: refused. That of the asset there: as its water stands. Closing asks nothing."""

    def refuse(position: str) -> str | None:
        key = give(connection, "barrier-2", "barrier", parameters={"position": position})
        service.queue(connection, [key], who="bert", why="test", at=datetime.now(UTC))
        refusals = interlocks.check_queue(connection, load, WORDS).refusals
        connection.rollback()
        return refusals.get(key)

    french = "yvette ne le mesure pas, et aucune station"
    assert french in refusal(refuse("open"))
    assert refuse("closed") is None
    pond = WEIR.replace("weir", "pond").replace("'road', 'Road'", "'dip', 'Dip'")
    connection.execute(pond.replace("'orge'", "'yvette'"))
    connection.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason) VALUES"
        ' (\'reach\', \'dip\', \'{"gauge": "pond", "level": 2, "unit": "m"}\','
        " '2000-01-01+00', 'test', 'test'),"
        " ('threshold', 'pond/alert', '{\"value\": 2.0, \"unit\": \"m\"}',"
        " '2000-01-01+00', 'test', 'test')"
    )
    connection.commit()
    assert "readings lack" in str(refuse("open"))
    for level, word in ((1.5, "None"), (2.5, "is not met (level 2.5 m")):
        now = datetime.now(UTC)
        connection.execute(READING.replace("gauge-2", "pond-gauge"), [now, level, now])
        connection.commit()
        assert word in str(refuse("open"))


def test_only_an_administrator_sets_an_interlock_or_lets_a_command_pass(room: Room) -> None:
    body = {"owner": "device/barrier-1", "kind": "barrier", "condition": None, "reason": "test"}
    refusal = room.anne.put("/api/v1/interlocks", json=body)
    assert refusal.status_code == 403
    detail = room.order(room.anne, "dim", "device/lamp-1", override="now", status=403)
    assert "administrators do" in detail
    listed = room.olga.get("/api/v1/interlocks").json()["interlocks"]
    assert {"barrier"} <= {row["kind"] for row in listed if row["owner"] is None}
    trial = {"condition": "leval < 3 m", "place": "orge"}
    answer = room.anne.post("/api/v1/interlocks/trial", json=trial)
    assert answer.status_code == 422
    assert "did you mean 'level'" in answer.json()["detail"]
