"""Notify as a process: killed at any moment it forgets nothing, and repeats under the same key."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hypervisor.alarms.log import Alarm
from hypervisor.database.connect import connect
from tests.integration.notifications.servers import MailServer, Webhook
from tests.integration.notifications.town import PATIENCE, Town

pytestmark = pytest.mark.integration

ROUTES = """
routes:
  - name: duty
    channels:
      - {{name: hook, webhook: "{hook}"}}
      - {{name: mail, apprise: "{mail}"}}
"""


class Process:
    """A `hypervisor notify`."""

    def __init__(self, town: Town, log: Path, *words: str) -> None:
        self.log = log
        settings = {
            "HYPERVISOR_DATABASE_URL": town.url,
            "HYPERVISOR_NOTIFY_TIMEOUT_SECONDS": "1",
            "HYPERVISOR_NOTIFY_RETRY_SECONDS": "0.1",
        }
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hypervisor", "--data", str(log.parent), "notify", *words],
                env={**os.environ, **settings, "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def says(self, words: str) -> None:
        until(lambda: words in self.log.read_text(), lambda: f"{words!r}: {self.log.read_text()}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE)


def until(true: Callable[[], bool], what: Callable[[], str], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what()}"
        time.sleep(0.05)


@pytest.fixture
def start(town: Town, tmp_path: Path) -> Iterator[Callable[[], Process]]:
    made: list[Process] = []

    def one() -> Process:
        made.append(Process(town, tmp_path / f"{len(made)}.log"))
        return made[-1]

    yield one
    for process in made:
        if process.process.poll() is None:
            process.kill()


def killed(
    town: Town, hook: Webhook, mail: MailServer, start: Callable[[], Process], kills: int
) -> None:
    """Kill it again and again while alarms come and go and channels have their moods."""
    rng = random.Random(5)
    town.routes(ROUTES.format(hook=hook.url, mail=mail.url))
    made: list[Alarm] = []
    for turn in range(kills):
        process = start()
        process.says("routes of revision")
        hook.be(rng.choice(["well", "fails", "forgets"]))
        mail.be(rng.choice(["well", "fails", "forgets"]))
        for number in range(6):
            at = turn * 10 + number
            alarm = town.raised(at, subject=f"gauge-{at}")
            town.over(alarm, at + 1)
            town.beat(at + 1)
            made.append(alarm)
            time.sleep(rng.random() * 0.05)
        process.kill()
    hook.be("well")
    mail.be("well")
    process = start()
    expected = {town.key(one, event) for one in made for event in ("raised", "cleared")}
    rest = PATIENCE + kills
    until(lambda: not town.due() and not town.waiting(), lambda: str(town.waiting()), rest)
    assert process.end() == 0

    # On a busy machine evaluation may be late, and says so.
    for server, channel in ((hook, "hook"), (mail, "mail")):
        alarms = (key for key in server.keys if not key.startswith("evaluation "))
        assert {key.removesuffix(f"/duty/{channel}") for key in alarms} == expected
    assert sum(row.alarm is not None for row in town.rows()) == 2 * len(expected)
    assert {outcome for _, outcome, _ in town.events()} == {"sent to"}
    for one in made:  # the end came after the beginning
        first = hook.keys.index(f"{town.key(one, 'raised')}/duty/hook")
        assert first < hook.keys.index(f"{town.key(one, 'cleared')}/duty/hook")


def test_killed_it_forgets_nothing(
    town: Town, hook: Webhook, mail: MailServer, start: Callable[[], Process]
) -> None:
    killed(town, hook, mail, start, 2)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_often_it_forgets_nothing(
    town: Town, hook: Webhook, mail: MailServer, start: Callable[[], Process]
) -> None:
    killed(town, hook, mail, start, 30)


def test_a_lost_database_is_waited_for_and_the_end_is_clean(
    town: Town, hook: Webhook, mail: MailServer, start: Callable[[], Process]
) -> None:
    town.routes(ROUTES.format(hook=hook.url, mail=mail.url))
    process = start()
    process.says("routes of revision")
    with connect(town.url, autocommit=True) as own:
        own.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid = 7356 AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    process.says("trying again in")
    alarm = town.raised()
    until(lambda: bool(hook.got), process.log.read_text)

    assert hook.keys == [f"{town.key(alarm, 'raised')}/duty/hook"]
    process.process.send_signal(signal.SIGINT)
    assert process.process.wait(PATIENCE) == 0
