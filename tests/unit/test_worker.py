"""Loops that live by themselves: any error begins them again, and one that stands is noticed."""

import threading
import time
from collections.abc import Callable

import pytest

from hypervisor.database import worker
from hypervisor.database.worker import Loops, keep_working


def test_a_loop_begins_again_after_any_error(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    said: list[str] = []

    def fail(*_values: object, **_named: object) -> None:
        runs.append(1)
        raise KeyError("x")

    monkeypatch.setattr(worker, "connect", fail)
    monkeypatch.setattr(worker, "_FIRST", 0.0)
    keep_working("it", "host=x", print, stopping=lambda: len(runs) == 3, say=said.append)
    assert said == ["it failed (KeyError: 'x'); it begins again in 0 s"] * 3


def test_a_process_gives_signs_of_life_while_all_its_loops_go_round() -> None:
    now, asked = 0.0, [0]
    said: list[str] = []
    over, stands = threading.Event(), threading.Event()

    def stopping() -> bool:
        asked[0] += 1
        return over.is_set()

    def go(is_over: Callable[[], bool]) -> None:
        while not is_over():
            time.sleep(0.01)

    def stand(is_over: Callable[[], bool]) -> None:
        is_over()
        stands.wait(60)
        go(is_over)

    loops = Loops(
        loops={"a": go, "b": stand}, stopping=stopping, say=said.append, ticks=lambda: now
    )
    run = threading.Thread(target=loops.run, daemon=True)
    run.start()
    _await(lambda: asked[0] > 2)
    now = 91.0
    _await(lambda: bool(said))
    assert said == ["b: no turn for 90 s; no sign of life"]
    before = asked[0]
    time.sleep(0.6)
    assert asked[0] == before
    stands.set()
    _await(lambda: asked[0] > before)
    over.set()
    run.join(30)
    assert not run.is_alive()


def _await(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)
