"""Killed at any moment under load: nothing acknowledged is lost, nothing is doubled."""

import json
import random
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from tests.integration.ingest.conftest import (
    GAUGES,
    Publisher,
    count,
    publisher,
    start_ingest,
    wait_for,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("gauges")]

NOW = datetime.now(UTC).replace(microsecond=0)


def load(player: Publisher, messages: int, done: threading.Event) -> None:
    """Messages of two readings each, every twentieth refused, at some 2,000 a second."""
    for number in range(messages):
        at = (NOW - timedelta(seconds=10 * number)).isoformat()
        values = {"level": 1.0 + number % 7, "battery": 90}
        device = GAUGES[number % len(GAUGES)]
        if number % 20 == 0:
            values["turbidity"] = number
        player.send(device, json.dumps({"time": at, "values": values}).encode())
        if number % 20 == 0:
            time.sleep(0.01)
    player.flush()
    done.set()


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.long)])
def test_killed_under_load(instance_settings: Settings, kills: int) -> None:
    messages = 2_000 * kills
    chance = random.Random(kills)
    done = threading.Event()
    process = start_ingest(instance_settings)
    killed = 0
    with publisher(instance_settings, "player", instance_settings.player_password) as player:
        sending = threading.Thread(target=load, args=[player, messages, done])
        sending.start()
        while not done.is_set() or killed < kills:
            time.sleep(chance.uniform(0.5, 1.3))
            process.kill()
            process.communicate()
            killed += 1
            process = start_ingest(instance_settings)
            if done.is_set() and killed >= kills:
                break
        sending.join()
    refused = messages // 20
    try:
        wait_for(instance_settings, lambda c: count(c) >= 2 * messages, seconds=60)
        wait_for(instance_settings, lambda c: count(c, "dead_letter") >= refused)
        time.sleep(0.5)  # what would come doubled comes now
    finally:
        process.terminate()
        process.communicate(timeout=30)
    with connect(instance_settings.database_url) as connection:
        assert count(connection) == 2 * messages
        assert count(connection, "dead_letter") == refused
        assert count(connection, "reading_version") == 0


def test_a_database_that_drops_every_connection(instance_settings: Settings) -> None:
    """What is sent while the store comes and goes is stored once, by the same process."""
    messages = 3_000
    done = threading.Event()
    process = start_ingest(instance_settings)
    try:
        with (
            publisher(instance_settings, "player", instance_settings.player_password) as player,
            connect(instance_settings.database_url, autocommit=True) as connection,
        ):
            sending = threading.Thread(target=load, args=[player, messages, done])
            sending.start()
            while not done.is_set():
                time.sleep(0.1)
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            sending.join()
        wait_for(instance_settings, lambda c: count(c) >= 2 * messages)
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate(timeout=30)
    with connect(instance_settings.database_url) as connection:
        assert count(connection) == 2 * messages
        assert count(connection, "dead_letter") == messages // 20
