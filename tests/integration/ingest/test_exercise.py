"""In an exercise the player's stamp is the arrival, and its clock the heartbeat."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.mosquitto import Broker
from hypervisor.database.connect import connect
from tests.integration.ingest.conftest import (
    GAUGES,
    count,
    hypervisor,
    ingest,
    publisher,
    seed,
    stamped,
    wait_for,
)

pytestmark = pytest.mark.integration

START = datetime(2014, 11, 4, tzinfo=UTC)


def test_scenario_time(exercise_settings: Settings) -> None:
    settings = exercise_settings
    seed(settings.database_url)
    with (
        ingest(settings),
        publisher(settings, "player", settings.player_password, v5=True) as player,
    ):
        for step in range(100):
            at = START + timedelta(minutes=step)
            body = json.dumps({"time": at.isoformat(), "values": {"level": step / 100}}).encode()
            stamp = (at + timedelta(seconds=20)).isoformat()
            player.send(GAUGES[step % 4], body, stamp=stamp)
        player.send("gauge-0", b'{"time":"2014-11-04T00:00:01Z","values":{"level":1}}')
        player.send("gauge-0", b'{"time":"2014-11-04T00:00:02Z","values":{"level":1}}', stamp="?")
        clock = (START + timedelta(hours=2)).isoformat()
        player.flush()
        player.raw("exercise/clock", clock.encode())
        wait_for(settings, lambda c: count(c, "worker WHERE heartbeat_at IS NOT NULL") == 1)
    with connect(settings.database_url) as connection:
        assert count(connection) == 100
        late = connection.execute(
            "SELECT DISTINCT received_at - time, (SELECT max(heartbeat_at) FROM worker)"
            " FROM reading"
        ).fetchall()
        assert late == [(timedelta(seconds=20), START + timedelta(hours=2))]
        reasons = connection.execute("SELECT reason FROM dead_letter").fetchall()
        assert reasons == [("no-stamp",), ("no-stamp",)]
        assert count(connection, "ingest_gap") == 0


def test_only_the_players_stamp_is_believed(exercise_settings: Settings, broker: Broker) -> None:
    """Anybody can write a stamp: the topic proves who did, and no year 2100 ends an alarm."""
    settings = exercise_settings
    seed(settings.database_url)
    accounts.change(broker, put={"gauge-0": (password := passwords.new_password())})
    now = datetime.now(UTC).isoformat()
    body = json.dumps({"time": now, "values": {"level": 0}}).encode()
    future = stamped("2100-01-01T00:00:01Z")
    with (
        ingest(settings, "one"),
        publisher(settings, "gauge-0", password, v5=True) as gauge,
        publisher(settings, "player", settings.player_password, v5=True) as player,
    ):
        gauge.raw("exercise/devices/gauge-0/readings", body, future)  # reaches nobody
        gauge.raw("devices/gauge-0/readings", body, future)
        player.raw("devices/gauge-1/readings", body, future)
        for year in ("1799-12-31T23:59:59", "2200-01-01T00:00:00", "9999-12-31T23:59:59"):
            player.send(
                "gauge-2", b'{"time":"%sZ","values":{"level":0}}' % year.encode(), stamp=f"{year}Z"
            )
        player.send(
            "gauge-3",
            b'{"time":"2014-11-04T00:00:00Z","values":{"level":1}}',
            stamp="2014-11-04T00:00:01Z",
        )
        wait_for(settings, lambda c: count(c) == 1 and count(c, "dead_letter") == 5)
    for _ in range(2):  # what no player sent is not let in by the back door
        sent = hypervisor(settings, "dead-letters", "replay")
        assert "5 letters: 0 readings stored, 5 letters refused again" in sent
    with connect(settings.database_url) as connection:
        reasons = connection.execute("SELECT topic, reason FROM dead_letter ORDER BY id").fetchall()
    assert {reason for _, reason in reasons} == {"no-stamp"}
    assert sorted({topic for topic, _ in reasons}) == [
        f"devices/gauge-{number}/readings" for number in range(3)
    ]
