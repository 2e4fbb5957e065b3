"""The wall clock of the notifier."""

from hypervisor.notifications import running


def test_the_wall_is_of_now_and_says_its_zone() -> None:
    first, second = running.wall_clock(), running.wall_clock()
    assert first <= second
    assert first.utcoffset() is not None
