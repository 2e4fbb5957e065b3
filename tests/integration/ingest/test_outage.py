"""While the database is away the worker fills up, leaves the broker, and loses nothing."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database import databases
from hypervisor.database.connect import connect
from tests.conftest import Stack
from tests.integration.ingest.conftest import GAUGES, count, ingest, publisher, stored, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("gauges")]

NOW = datetime.now(UTC).replace(microsecond=0)


def test_a_long_outage(
    instance_settings: Settings,
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("ingest.worker._PATIENCE", 0.5)
    settings = instance_settings.model_copy(update={"batch_rows": 100})
    name = settings.database_url.rpartition("/")[2]
    with (
        ingest(settings),
        publisher(settings, "player", settings.player_password) as player,
    ):
        databases.seal(stack.maintenance_url, name)  # nobody may connect
        for number in range(2_000):
            at = (NOW - timedelta(seconds=10 * number)).isoformat()
            body = json.dumps({"time": at, "values": {"level": 1.0}}).encode()
            player.send(GAUGES[number % len(GAUGES)], body)
        player.flush()
        end = time.monotonic() + 20
        while "leaving the broker" not in caplog.text:
            assert time.monotonic() < end
            time.sleep(0.05)
        with connect(stack.maintenance_url, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        wait_for(settings, lambda c: count(c) == 2_000)
    assert stored(settings) == 2_000
