"""Messages measured 34 h ago beside live ones, parts and servers killed: memory comes back."""

import itertools
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings, load_settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.child import wait_until
from hypervisor.database import feed
from hypervisor.database.connect import StoreError, connect
from hypervisor.database.progress import get_progress
from tests.integration.evaluation.test_late_load import resident
from tests.integration.evaluation.world import find_world
from tests.integration.ingest.conftest import publisher
from tests.integration.stack.ups import Up

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(900)]

SITES = [f"site-{number}" for number in range(100)]
SECONDS, RATE = 110, 250
BACK = timedelta(hours=34)
BETWEEN = 35  # s between two rounds of kills
MOST = 450  # MB
GATEWAY = "lora"


def register(settings: Settings) -> str:
    """The sites, whose devices one gateway speaks for; its password."""
    with closing(find_world(settings.database_url)) as world:
        world.register(SITES, commissioned=micros(datetime.now(UTC) - timedelta(days=90)))
        world.connection.execute(
            "INSERT INTO gateway (name, title, protocol) VALUES (%s, 'LoRa', 'native')", [GATEWAY]
        )
        world.connection.execute("UPDATE device SET gateway = %s, address = name", [GATEWAY])
        feed.append(world.connection, "registry")
        world.connection.commit()
    password = passwords.new_password()
    accounts.change(accounts.local_broker(settings), put={GATEWAY: password})
    return password


def kill_round(up: Up, order: Iterator[tuple[str, ...]]) -> None:
    for name in next(order):
        with suppress(KeyError, ProcessLookupError):  # it is down from the round before
            os.kill(up.pid(name), signal.SIGKILL)


def send(settings: Settings, password: str, meanwhile: Callable[[], None]) -> None:
    """Nine of ten are old; each site swings about its thresholds."""
    rng, begin, sent = random.Random(7), time.monotonic(), 0
    with publisher(settings, GATEWAY, password) as player:
        player.client.reconnect_delay_set(1, 1)
        while time.monotonic() - begin < SECONDS:
            while sent < (time.monotonic() - begin) * RATE:
                at = datetime.now(UTC) - (BACK if sent % 10 else timedelta())
                values = {"level": round(rng.uniform(2.4, 5.2), 2), "battery": rng.randint(10, 99)}
                body = json.dumps({"time": at.isoformat(), "values": values}).encode()
                player.raw(f"gateways/{GATEWAY}/devices/{rng.choice(SITES)}/readings", body)
                sent += 1
            meanwhile()
            time.sleep(0.02)
        player.flush(120)


def is_caught_up(settings: Settings) -> bool:
    with suppress(StoreError), closing(connect(settings.database_url)) as connection:
        return get_progress(connection).unread <= 3
    return False


def test_memory_comes_back_after_late_readings_and_kills(start: Callable[..., Up]) -> None:
    up = start("late")
    up.await_said("up after")  # on a busy machine without web yet
    settings = load_settings(up.root)
    password = register(settings)
    watch = up.pid("watch")
    orders = itertools.cycle(itertools.permutations(("ingest", "broker", "database")))
    kill_round(up, orders)
    assert wait_until(lambda: is_caught_up(settings), seconds=100)
    time.sleep(5)
    began = peak = resident(watch)
    killed = time.monotonic()

    def meanwhile() -> None:
        nonlocal killed, peak
        peak = max(peak, resident(watch))
        if time.monotonic() - killed > BETWEEN:
            kill_round(up, orders)
            killed = time.monotonic()

    send(settings, password, meanwhile)
    assert wait_until(lambda: is_caught_up(settings), seconds=200)
    assert peak < MOST
    assert wait_until(lambda: resident(watch) < 1.5 * began, seconds=100), (began, peak)
    assert up.pid("watch") == watch
