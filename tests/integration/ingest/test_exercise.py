"""In an exercise the player's stamp is the arrival, and its clock the heartbeat of every worker."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.settings import Settings
from hypervisor.store.connect import connect
from tests.integration.ingest.conftest import GAUGES, count, ingest, publisher, seed, wait_for

pytestmark = pytest.mark.integration

START = datetime(2014, 11, 4, tzinfo=UTC)


def test_scenario_time(exercise_settings: Settings) -> None:
    settings = exercise_settings
    seed(settings.database_url)
    with (
        ingest(settings, "one"),
        ingest(settings, "two"),
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
        wait_for(settings, lambda c: count(c, "worker WHERE heard_at IS NOT NULL") == 2)
    with connect(settings.database_url) as connection:
        assert count(connection) == 100
        late = connection.execute(
            "SELECT DISTINCT received_at - time, (SELECT max(heard_at) FROM worker) FROM reading"
        ).fetchall()
        assert late == [(timedelta(seconds=20), START + timedelta(hours=2))]
        reasons = connection.execute("SELECT reason FROM dead_letter").fetchall()
        assert reasons == [("no-stamp",), ("no-stamp",)]
        assert count(connection, "deaf_span") == 0
