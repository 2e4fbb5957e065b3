"""A live instance's first minutes: nobody is accused of silence, a wrong clock is told."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.instance import Mode
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.sources import read_sources
from hypervisor.settings import Settings
from hypervisor.store.alarms import alarms
from hypervisor.store.connect import Connection, connect
from hypervisor.store.intake import dead_letters
from hypervisor.watch import packs as recorded
from hypervisor.watch.batch import Setup, remember, step
from rules._pack import packs
from sensors._domain import catalogue
from tests.integration.ingest.conftest import ingest, publisher, stored, wait_for

pytestmark = pytest.mark.integration


SETUP = Setup(
    catalogue=catalogue(),
    mode=Mode.LIVE,
    retention=400 * 86_400_000_000,
    clock=lambda: datetime.now(UTC),
)


@pytest.fixture
def settings(instance_settings: Settings) -> Settings:
    """An instance that knows one gauge, commissioned years ago, and the rules."""
    with connect(instance_settings.database_url) as connection:
        apply_inventory(connection, read_sources(["poyo"]), author="test", now=datetime.now(UTC))
        recorded.record(connection, packs(), now=None)
        connection.commit()
    return instance_settings


def test_before_it_listened_an_instance_accuses_nobody(settings: Settings) -> None:
    with ingest(settings):
        wait_for(settings, lambda c: _any(c, "worker WHERE heard_at IS NOT NULL"))
        wait_for(settings, lambda c: _any(c, "feed WHERE kind = 'heartbeat'"))
    with connect(settings.database_url) as connection:
        memory = remember(connection, SETUP)
        while step(connection, memory, SETUP).entries:
            pass
        assert memory.state.heard_to is not None
        assert alarms.listing(connection, alarms.Selection()) == []


def test_a_clock_that_is_an_hour_ahead_is_an_alarm(settings: Settings) -> None:
    now = datetime.now(UTC)
    ahead = (now + timedelta(hours=1)).isoformat()
    message = json.dumps({"time": ahead, "values": {"discharge": 1.0}}).encode()
    with (
        ingest(settings),
        publisher(settings, "player", settings.player_password) as player,
    ):
        player.send("poyo", message)
        player.flush()
        wait_for(settings, lambda c: _any(c, "dead_letter"))
    assert stored(settings) == 1, "the count of it, and nothing of what it said"
    with connect(settings.database_url) as connection:
        memory = remember(connection, SETUP)
        end = time.monotonic() + 10
        while not (found := alarms.listing(connection, alarms.Selection(rule="flood-clock"))):
            assert time.monotonic() < end
            step(connection, memory, SETUP)
        assert found[0].active
        assert found[0].episode.subject == "device/poyo"
        assert found[0].place == "poyo"
        assert found[0].episode.severity[-1][1] == "critical"
        assert [reason for reason, *_ in dead_letters.counts(connection)] == ["time-ahead"]


def _any(connection: Connection, rows: str) -> object:
    return connection.execute(f"SELECT 1 FROM {rows} LIMIT 1").fetchone()  # noqa: S608  our words
