"""A gauge that says times which cannot be believed: its readings wait, and somebody is told."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.instance import Mode
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.sources import read_sources
from hypervisor.settings import Settings
from hypervisor.store import alarms, dead_letters
from hypervisor.store.connect import connect
from hypervisor.watch import packs as recorded
from hypervisor.watch.batch import Setup, remember, step
from rules._pack import packs
from sensors._domain import catalogue
from tests.integration.ingest.conftest import ingest, publisher, stored, wait_for

pytestmark = pytest.mark.integration


def test_a_clock_that_is_an_hour_ahead_is_an_alarm(instance_settings: Settings) -> None:
    settings = instance_settings
    now = datetime.now(UTC)
    setup = Setup(
        catalogue=catalogue(),
        mode=Mode.LIVE,
        retention=400 * 86_400_000_000,
        clock=lambda: datetime.now(UTC),
    )
    with connect(settings.database_url) as connection:
        apply_inventory(connection, read_sources(["poyo"]), author="test", now=now)
        recorded.record(connection, packs(), now=None)
        connection.commit()
    ahead = (now + timedelta(hours=1)).isoformat()
    message = json.dumps({"time": ahead, "values": {"discharge": 1.0}}).encode()
    with (
        ingest(settings),
        publisher(settings, "player", settings.player_password) as player,
    ):
        player.send("poyo", message)
        player.flush()
        wait_for(settings, lambda c: c.execute("SELECT 1 FROM dead_letter").fetchone())
    assert stored(settings) == 1, "the count of it, and nothing of what it said"
    with connect(settings.database_url) as connection:
        memory = remember(connection, setup)
        end = time.monotonic() + 10
        while not (found := alarms.listing(connection, alarms.Selection(rule="flood-clock"))):
            assert time.monotonic() < end
            step(connection, memory, setup)
        assert found[0].active
        assert found[0].episode.subject == "poyo"
        assert found[0].episode.severity[-1][1] == "critical"
        assert [reason for reason, *_ in dead_letters.counts(connection)] == ["time-ahead"]
