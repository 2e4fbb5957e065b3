"""The breaker: what a codec may waste, a device's strikes, and when either is tried again."""

from dataclasses import dataclass

import pytest

from ingest.breaker import Breaker


@dataclass
class Ticks:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def waste(breaker: Breaker, seconds: float) -> None:
    """By a device of its own each time, so that none is set aside alone."""
    breaker.spent(f"device-{seconds}-{id(object())}", seconds, in_vain=True)


def test_a_tripped_codec_stays_so_until_all_is_given_back(ticks: Ticks) -> None:
    """A second of waste comes back in fifty: it must not open again with the first hundredth."""
    breaker = Breaker(ticks)
    waste(breaker, 0.99)
    assert breaker.objection("any") is None
    waste(breaker, 0.02)
    assert "tried again in 50 s" in (breaker.objection("any") or "")
    for passed in (0.1, 10.0, 20.0, 20.0):
        ticks.now += passed
        assert breaker.objection("any") is not None
    assert "in 0 s" in (breaker.objection("any") or "")
    ticks.now += 0.5
    assert breaker.objection("any") is None
    waste(breaker, 0.9)  # and it has a whole second again, no more
    assert breaker.objection("any") is None
    waste(breaker, 0.2)
    assert breaker.objection("any") is not None


def test_what_is_not_wasted_is_not_saved_up(ticks: Ticks) -> None:
    breaker = Breaker(ticks)
    ticks.now += 100_000
    waste(breaker, 1.01)
    assert breaker.objection("any") is not None


def test_only_what_is_beyond_work_is_waste_where_a_script_ends(ticks: Ticks) -> None:
    breaker = Breaker(ticks)
    for _ in range(100):
        breaker.spent("busy", 0.05, in_vain=False)
    assert breaker.objection("busy") is None
    for number in range(9):
        breaker.spent(f"slow-{number}", 0.15, in_vain=False)
    assert breaker.objection("busy") is None
    for number in range(2):
        breaker.spent(f"slow-{number}", 0.15, in_vain=False)
    assert breaker.objection("busy") is not None


@pytest.mark.parametrize(("seconds", "in_vain"), [(0.15, False), (0.1, True)])
def test_a_device_that_wastes_a_third_of_it_is_set_aside_alone(
    ticks: Ticks, seconds: float, *, in_vain: bool
) -> None:
    """Else its messages would have all others' set aside: two that fail, one that does not."""
    breaker = Breaker(ticks)
    for _ in range(1_000):
        if breaker.objection("bad") is None:
            breaker.spent("bad", seconds, in_vain=in_vain)
            breaker.spent("bad", 0.0, in_vain=False)
        assert breaker.objection("good") is None
        ticks.now += 1
    assert breaker.objection("bad") is not None
    ticks.now += 70
    assert breaker.objection("bad") is None, "all of it comes back in time"


def test_a_device_is_set_aside_for_longer_each_time_up_to_an_hour(ticks: Ticks) -> None:
    breaker = Breaker(ticks)
    for strike in range(3):
        assert breaker.objection("bad") is None, f"after {strike} strikes"
        breaker.spent("bad", 0.0, in_vain=True)
    for pause in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        assert f"tried again in {pause} s" in (breaker.objection("bad") or "")
        ticks.now += pause - 1
        assert breaker.objection("bad") is not None
        assert breaker.objection("good") is None
        ticks.now += 1
        assert breaker.objection("bad") is None
        breaker.spent("bad", 0.0, in_vain=True)


def test_a_message_that_goes_through_forgives_a_device(ticks: Ticks) -> None:
    breaker = Breaker(ticks)
    for in_vain in (True, True, False, True, True):
        breaker.spent("bad", 0.0, in_vain=in_vain)
    assert breaker.objection("bad") is None
    breaker.spent("bad", 0.0, in_vain=True)
    assert "in 60 s" in (breaker.objection("bad") or "")
    ticks.now += 60
    breaker.spent("bad", 0.0, in_vain=False)
    for _ in range(3):
        breaker.spent("bad", 0.0, in_vain=True)
    assert "in 60 s" in (breaker.objection("bad") or "")


def test_devices_remembered_are_bounded(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.breaker._MOST", 3)
    breaker = Breaker(ticks)
    for _ in range(3):
        breaker.spent("bad", 0.0, in_vain=True)
    assert breaker.objection("bad") is not None
    for number in range(3):
        breaker.spent(f"device-{number}", 0.0, in_vain=True)
    assert breaker.objection("bad") is None
