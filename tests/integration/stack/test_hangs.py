"""A part or a server that hangs is killed and started again, and nothing is lost by it."""

import json
import os
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from hypervisor.base.settings import load_settings
from hypervisor.broker import accounts, passwords
from hypervisor.broker.child import descendants, wait_until
from hypervisor.database import databases
from hypervisor.database.connect import connect
from hypervisor.stack.parts import CONDUCTOR, PARTS
from hypervisor.stack.supervisor import HANGING_SECONDS
from tests.integration.ingest.conftest import GAUGES, publisher, seed, stored
from tests.integration.stack.ups import Up

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(600)]

BOUND = HANGING_SECONDS + 60  # until the new one is there, on a busy machine


@pytest.fixture
def up(start: Callable[..., Up]) -> Up:
    made = start("live")
    made.await_said("everything up")
    return made


class Sending:
    """Two readings a tenth of a second, all acknowledged by the broker."""

    def __init__(self, up: Up) -> None:
        self.settings = load_settings(up.root)
        seed(self.settings.database_url)
        self.device, self.password = GAUGES[0], passwords.new_password()
        broker = accounts.local_broker(self.settings)
        accounts.change(broker, put={self.device: self.password})
        self.sent, self.stop = 0, threading.Event()
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    def _send(self) -> None:
        begin = datetime.now(UTC) - timedelta(days=1)
        with publisher(self.settings, self.device, self.password) as player:
            while not self.stop.wait(0.1):
                at = (begin + timedelta(seconds=self.sent)).isoformat()
                values = {"level": 1.0 + self.sent % 7, "battery": 90}
                player.send(self.device, json.dumps({"time": at, "values": values}).encode())
                self.sent += 1
            player.flush(BOUND)

    def all_stored(self) -> bool:
        self.stop.set()
        self.thread.join(BOUND)
        assert not self.thread.is_alive()
        return wait_until(lambda: stored(self.settings) == 2 * self.sent, seconds=BOUND)


def test_each_part_that_hangs_is_replaced_and_nothing_is_lost(up: Up) -> None:
    sending = Sending(up)
    for part in PARTS:
        os.kill(up.pid(part), signal.SIGSTOP)
    for part in PARTS:
        assert wait_until(lambda part=part: up.restarted(part), seconds=BOUND), part  # type: ignore[misc]
        assert up.said(f"{part} gave no sign of life for 30 s: killing it")
    assert sending.sent > 100
    assert sending.all_stored(), (sending.sent, stored(sending.settings))
    assert up.stop() == 0


def test_the_conductor_of_an_exercise_that_hangs_is_replaced(start: Callable[..., Up]) -> None:
    up = start("exercise", "--exercise")
    up.await_said("everything up")
    os.kill(up.pid(CONDUCTOR), signal.SIGSTOP)
    assert wait_until(lambda: up.restarted(CONDUCTOR), seconds=BOUND), up.output.read_text()
    assert up.stop() == 0


def test_a_server_that_hangs_is_replaced_and_nothing_is_lost(up: Up) -> None:
    sending = Sending(up)
    for name in ("database", "broker"):
        stopped = up.pid(name)
        for pid in (stopped, *descendants(stopped)):
            os.kill(pid, signal.SIGSTOP)
    for name in ("database", "broker"):
        assert wait_until(lambda name=name: up.restarted(name), seconds=BOUND), name  # type: ignore[misc]
    assert sending.all_stored(), sending.sent
    assert up.stop() == 0


def test_a_process_of_the_database_that_hangs_holds_the_feed_no_longer(up: Up) -> None:
    url = load_settings(up.root).database_url
    with closing(connect(url)) as holding:
        holding.execute("SELECT pg_current_xact_id()")
        os.kill(holding.info.backend_pid, signal.SIGSTOP)
        assert wait_until(lambda: up.restarted("database"), seconds=BOUND), up.output.read_text()
        assert wait_until(lambda: databases.answers(url), seconds=BOUND), up.output.read_text()
        with pytest.raises(psycopg.OperationalError):
            holding.execute("SELECT 1")


def test_what_hangs_is_stopped_in_order_with_the_others(up: Up) -> None:
    for name in ("watch", "broker"):
        os.kill(up.pid(name), signal.SIGSTOP)
    database = up.pid("database")
    for pid in (database, *descendants(database)):
        os.kill(pid, signal.SIGSTOP)
    assert up.stop() == 0
    assert not up.said("was killed")
