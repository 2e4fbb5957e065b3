"""Chattering against the definition, counted plainly."""

from hypothesis import given
from hypothesis import strategies as st

from hypervisor.alarms.chatter import Chatter, Limit, find_chattering, find_spells


def test_once_too_often() -> None:
    limit = Limit(count=3, window=60)
    assert find_spells([0, 10, 20], limit) == []
    assert find_spells([0, 10, 20, 59], limit) == [(59, 60)]
    assert find_spells([0, 10, 20, 60], limit) == []  # the first is no longer within the window
    assert find_spells([0, 10, 20, 30, 65], limit) == [(30, 60), (65, 70)]
    assert find_spells([0, 10, 20, 30, 55], limit) == [(30, 70)]


@given(
    st.lists(st.integers(0, 200), max_size=40).map(sorted),
    st.integers(1, 5),
    st.integers(1, 50),
    st.integers(0, 260),
)
def test_it_chatters_while_too_many_lie_in_the_window(
    times: list[int], count: int, window: int, now: int
) -> None:
    inside = sum(now - window < at <= now for at in times)
    begun = {("r", "s"): times}
    found = find_chattering(begun, {}, Limit(count=count, window=window), now=now)
    assert (("r", "s") in found) == (inside > count)
    if found:
        assert found["r", "s"].times == inside
        assert found["r", "s"].began <= now < found["r", "s"].until


def test_a_rule_has_its_own_limit() -> None:
    begun = {("r", "s"): [0, 1, 2], ("q", "s"): [0, 1, 2]}
    found = find_chattering(begun, {"r": Limit(count=2, window=9)}, Limit(count=5, window=9), now=2)
    assert list(found) == [("r", "s")]
    assert found["r", "s"].reason == "it began 3 times within 9e-06 s"


def test_when_it_began_to_chatter_and_when_it_will_be_calm() -> None:
    limit = Limit(count=2, window=60)
    found = find_chattering({("r", "s"): [0, 10, 20, 70, 90]}, {}, limit, now=50)
    assert found["r", "s"] == Chatter(
        rule="r", subject="s", times=3, limit=limit, began=20, until=60
    )
    for now, chatters in ((19, False), (20, True), (59, True), (60, False)):
        assert bool(find_chattering({("r", "s"): [0, 10, 20]}, {}, limit, now=now)) is chatters


def test_spells_that_touch_are_one() -> None:
    limit = Limit(count=1, window=10)
    assert find_spells([0, 5, 10], limit) == [(5, 15)]
    assert find_spells([0, 5, 10, 15], limit) == [(5, 20)]
    assert find_spells([0, 5, 11, 16], limit) == [(5, 10), (11, 15), (16, 21)]
    assert find_spells([0, 9, 30, 39], limit) == [(9, 10), (39, 40)]
