"""Messages measured 34 h ago beside live ones while the database goes away: bounded memory."""

import random
import time
from pathlib import Path

import pytest

from tests.integration.evaluation.test_equality import backtest
from tests.integration.evaluation.test_process import Process, until
from tests.integration.evaluation.world import Sent, World, us

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(900)]

SITES = [f"site-{n}" for n in range(60)]
TURNS, EACH = 120, 60  # commits, and messages of each
BACK = 34 * 60  # minutes
MOST = 400  # MB


def resident(pid: int) -> float:
    """MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def messages(turn: int, rng: random.Random) -> list[Sent]:
    """Half live, half as old as that; each site swings about its thresholds."""
    live = turn * 0.5
    return [
        Sent(
            site=SITES[(turn * EACH // 2 + n // 2) % len(SITES)],
            at=live - BACK * (n % 2) + n / 1000,
            value=round(rng.uniform(2.4, 5.2), 2),
            received=live + 1,
        )
        for n in range(EACH)
    ]


def test_old_messages_beside_live_ones(world: World, tmp_path: Path) -> None:
    world.register(SITES, commissioned=us(-100_000))
    world.record_rules()
    world.join()
    rng, peak = random.Random(7), 0.0
    watch = Process(world.url, tmp_path / "watch.log")
    try:
        watch.says("watching")
        for turn in range(TURNS):
            world.store(messages(turn, rng))
            world.beat(turn * 0.5 + 1)
            if turn % 30 == 29:
                world.connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                    " datname = current_database() AND pid <> pg_backend_pid()"
                )
                world.connection.commit()
            peak = max(peak, resident(watch.process.pid))
            time.sleep(0.1)
        until(lambda: world.progress()[1] == 0, "not caught up")
        peak = max(peak, resident(watch.process.pid))
    finally:
        watch.kill()
    assert peak < MOST
    world.settle()
    assert world.log() == backtest(world)
    assert len(world.log()) > len(SITES)
