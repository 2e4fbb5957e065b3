"""A live instance's first minutes: no device counts as silent, a wrong clock is reported."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation import pack_revisions as recorded
from hypervisor.evaluation.batch import Setup, load_memory, step
from hypervisor.readings import queries_dead_letters
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
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
        recorded.record_and_log(connection, packs(), now=None)
        connection.commit()
    return instance_settings


def test_before_it_listened_an_instance_accuses_nobody(settings: Settings) -> None:
    with ingest(settings):
        wait_for(settings, lambda c: _any(c, "worker WHERE heartbeat_at IS NOT NULL"))
        wait_for(settings, lambda c: _any(c, "feed WHERE kind = 'heartbeat'"))
    with connect(settings.database_url, autocommit=True) as connection:
        memory = load_memory(connection, SETUP)
        while step(connection, memory, SETUP).entries:
            pass
        assert memory.state.watermark is not None
        assert alarm_queries.list_alarms(connection, alarm_queries.Selection()) == []


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
    with connect(settings.database_url, autocommit=True) as connection:
        memory = load_memory(connection, SETUP)
        end = time.monotonic() + 10
        while not (
            alarms := alarm_queries.list_alarms(
                connection, alarm_queries.Selection(rule="flood-clock")
            )
        ):
            assert time.monotonic() < end
            step(connection, memory, SETUP)
        assert alarms[0].active
        assert alarms[0].episode.subject == "device/poyo"
        assert alarms[0].place == "poyo"
        assert alarms[0].episode.severity[-1][1] == "critical"
        (refusals,) = queries_dead_letters.count_by_reason(connection)
        assert refusals.reason == "time-ahead"


def _any(connection: Connection, rows: str) -> object:
    return connection.execute(f"SELECT 1 FROM {rows} LIMIT 1").fetchone()  # noqa: S608  our words
