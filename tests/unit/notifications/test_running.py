"""A database that cannot be reached is tried again, after longer and longer."""

from types import SimpleNamespace

import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker.ports import free_port
from hypervisor.notifications import running


def test_a_database_that_is_away_is_tried_again_after_longer_and_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, slept, said = 100.0, list[float](), list[str]()

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    clock = SimpleNamespace(monotonic=lambda: now, sleep=sleep)
    monkeypatch.setattr(running, "time", clock)
    settings = Settings(database_url=f"postgresql://127.0.0.1:{free_port()}/none")
    running.run_notifier(settings, stopping=lambda: len(said) == 7, say=said.append)
    waits = [line.rpartition("; trying again in ")[2] for line in said]
    assert waits == ["0.5 s", "1 s", "2 s", "5 s", "10 s", "10 s", "10 s"]
    assert 0.5 + 1 + 2 + 5 + 10 + 10 <= sum(slept) < 30
    assert max(slept) <= 1, "it hears soon that it is to stop"


def test_the_wall_is_of_now_and_says_its_zone() -> None:
    first, second = running.wall_clock(), running.wall_clock()
    assert first <= second
    assert first.utcoffset() is not None
