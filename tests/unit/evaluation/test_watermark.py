"""How far we have listened."""

from hypervisor.evaluation.memory import Watermark, union
from sensors._row import NEVER


def test_the_slowest_worker_counts() -> None:
    watermark = Watermark()
    watermark.beat("a", 50)
    watermark.beat("b", 30)

    assert watermark.raise_floor({"a": 0, "b": 0}) == 30


def test_a_worker_that_joined_and_was_never_heard_holds_all_back() -> None:
    watermark = Watermark()
    watermark.beat("a", 50)

    assert watermark.raise_floor({"a": 0, "b": 20}) == 20


def test_one_that_was_drained_holds_nobody_back() -> None:
    watermark = Watermark()
    watermark.beat("a", 50)
    watermark.beat("b", 30)

    assert watermark.raise_floor({"a": 0}) == 50


def test_it_never_goes_back() -> None:
    watermark = Watermark(floor=40)
    watermark.beat("a", 50)

    assert watermark.raise_floor({"a": 0, "b": 10}) == 40


def test_without_a_heartbeat_nothing_was_heard() -> None:
    assert Watermark().raise_floor({"a": 20}) == NEVER


def test_after_a_restart_the_floor_stands_until_all_are_heard() -> None:
    watermark = Watermark(floor=40)
    watermark.beat("a", 70)

    assert watermark.raise_floor({"a": 0, "b": 0}) == 40


def test_deaf_spans_of_all_workers_are_joined() -> None:
    assert union([(5, 8), (0, 2), (7, 9), (2, 3), (4, 4)]) == ((0, 3), (5, 9))
