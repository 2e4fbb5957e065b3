"""Which of three clocks is wrong."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.server_account import current_account
from hypervisor.cluster.clock import ASK_SECONDS, ClockWatch, Offset, ask_offset, is_wrong
from hypervisor.cluster.plan import Member, Plan, Ports, make_plan
from tests.ports import reserve_port


def offset(seconds: float, uncertainty: float = 0.0) -> Offset:
    return Offset(seconds=seconds, uncertainty=uncertainty, seen=0)


@pytest.mark.parametrize(
    ("to_second", "to_third", "before", "wrong"),
    [
        (0.0, 0.0, False, False),
        (1.9, -1.9, False, False),
        (90.0, 90.0, False, True),
        (-2.5, -3.0, False, True),
        (90.0, 0.1, False, False),  # the second is wrong
        (90.0, -90.0, False, False),  # no two agree: nobody can tell
        (90.0, None, False, False),  # one other against ours
        (None, None, False, False),
        (90.0, None, True, True),  # it was wrong, and agrees with nobody yet
        (None, None, True, True),
        (0.5, None, True, False),
        (0.5, 90.0, True, False),
    ],
)
def test_who_is_wrong(
    to_second: float | None, to_third: float | None, *, before: bool, wrong: bool
) -> None:
    seen = {2: to_second, 3: to_third}
    offsets = {number: offset(each) for number, each in seen.items() if each is not None}
    assert is_wrong(offsets, before=before) is wrong


def test_a_slow_wire_is_no_wrong_clock() -> None:
    assert not is_wrong({2: offset(2.3, 0.4), 3: offset(2.3, 0.4)}, before=False)
    assert is_wrong({2: offset(2.5, 0.4), 3: offset(2.5, 0.4)}, before=False)


@dataclass(kw_only=True)
class Time:
    """What all three measure by, and how far each clock is ahead."""

    now: float = 0.0
    ahead: tuple[float, float, float] = (0.0, 0.0, 0.0)


def make_member(plan: Plan, number: int, root: Path) -> Member:
    folder = DataFolder(root=root, account=current_account())
    return Member(plan=plan, machine=plan.machines[number - 1], folder=folder)


@pytest.fixture(scope="module")
def plan() -> Plan:
    addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    return make_plan("test", addresses, ports=Ports(clock=reserve_port()))


@pytest.fixture
def watched(plan: Plan, tmp_path: Path) -> Iterator[tuple[Time, list[ClockWatch]]]:
    time = Time()

    def clock_of(number: int) -> ClockWatch:
        return ClockWatch(
            member=make_member(plan, number, tmp_path),
            clock=lambda: 1.8e9 + time.now + time.ahead[number - 1],
            ticks=lambda: time.now,
        )

    with ExitStack() as stack:
        yield time, [stack.enter_context(closing(clock_of(number))) for number in (1, 2, 3)]


def go_on(time: Time, watches: list[ClockWatch], rounds: int = 4) -> list[bool]:
    for _ in range(rounds):
        time.now += ASK_SECONDS
        for _ in range(3):  # questions, answers, and what they say
            for watch in watches:
                watch.tend()
    return [watch.wrong for watch in watches]


def test_the_wrong_machine_knows_it_and_comes_back(
    watched: tuple[Time, list[ClockWatch]],
) -> None:
    time, watches = watched
    assert go_on(time, watches) == [False, False, False]
    assert watches[0].offsets.keys() == {2, 3}
    time.ahead = (0.0, 90.0, 0.0)
    assert go_on(time, watches) == [False, True, False]
    assert watches[1].offsets[3].seconds == pytest.approx(90)
    time.ahead = (0.0, 0.5, 0.0)
    assert go_on(time, watches) == [False, False, False]


def test_a_machine_alone_cannot_tell(watched: tuple[Time, list[ClockWatch]]) -> None:
    time, watches = watched
    go_on(time, watches)
    time.ahead = (90.0, 0.0, 0.0)
    assert go_on(time, watches[:2], rounds=10) == [False, False]


def test_strangers_are_not_answered_nor_believed(
    watched: tuple[Time, list[ClockWatch]], plan: Plan
) -> None:
    time, watches = watched
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.9", 0))
        stranger.settimeout(0.05)
        stranger.sendto(bytes(50), ("127.0.0.1", plan.ports.clock))
        stranger.sendto(b"", ("127.0.0.1", plan.ports.clock))
        go_on(time, watches)
        with pytest.raises(TimeoutError):
            stranger.recv(100)
    assert go_on(time, watches) == [False, False, False]


def test_a_port_that_is_taken_is_refused(
    watched: tuple[Time, list[ClockWatch]], plan: Plan, tmp_path: Path
) -> None:
    assert len(watched[1]) == 3
    refusal = f"machine 2 of the cluster cannot use 127.0.0.2, UDP port {plan.ports.clock}"
    with pytest.raises(StackError, match=refusal):
        ClockWatch(member=make_member(plan, 2, tmp_path))


def test_a_machine_is_asked_once_what_time_it_is(
    watched: tuple[Time, list[ClockWatch]], plan: Plan, tmp_path: Path
) -> None:
    _, watches = watched
    asking = make_member(plan, 1, tmp_path)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask_offset, asking, plan.machines[1], seconds=20)
        while not answer.done():
            watches[1].tend()
    offset = answer.result()
    assert offset is not None
    assert offset.seconds == pytest.approx(time.time() - 1.8e9, abs=30)
    assert ask_offset(asking, plan.machines[2], seconds=0.1) is None
