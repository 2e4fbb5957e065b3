"""Which of three brokers leaves when disks are nearly full: never a second one."""

import random
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from hypervisor.broker.folder import open_folder
from hypervisor.broker.server_account import current_account
from hypervisor.cluster.disk_watch import (
    LEAVE_BYTES,
    LONELY_SECONDS,
    RETURN_BYTES,
    Advice,
    DiskWatch,
)
from hypervisor.cluster.plan import Member, make_plan
from hypervisor.cluster.rabbitmq import LIMIT_BYTES

ROOM = 2 * RETURN_BYTES
SCARCE = (LIMIT_BYTES + LEAVE_BYTES) // 2


@dataclass
class Three:
    """Three machines, what etcd holds, and a clock of the test's own."""

    folder: Path
    now: float = 0.0
    holder: int | None = None
    majority: bool = True  # whether etcd answers
    free: dict[int, int] = field(default_factory=lambda: dict.fromkeys((1, 2, 3), ROOM))
    lost: set[int] = field(default_factory=set)
    watches: dict[int, DiskWatch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan = make_plan("test", ("10.213.0.11", "10.213.0.12", "10.213.0.13"))
        folder = open_folder(self.folder / "data", current_account())
        for machine in plan.machines:
            number = machine.number
            self.watches[number] = DiskWatch(
                member=Member(plan=plan, machine=machine, folder=folder),
                free=partial(self.free.__getitem__, number),
                may_leave=partial(self.take, number),
                give_back=partial(self.give_back, number),
                others_run=partial(self.others_run, number),
                clock=lambda: self.now,
            )

    def runs(self, number: int) -> bool:
        return number not in self.lost and not self.watches[number].aside

    def others_run(self, number: int) -> bool:
        return all(self.runs(other) for other in (1, 2, 3) if other != number)

    def take(self, number: int) -> str:
        if not self.others_run(number):
            return "another machine's broker is away"
        if not self.majority:
            return "etcd does not answer"
        if self.holder is None:
            self.holder = number
        return "" if self.holder == number else f"machine {self.holder} has left already"

    def give_back(self, number: int) -> bool:
        if self.majority and self.holder == number:
            self.holder = None
        return self.majority

    def pass_time(self, seconds: float) -> list[tuple[int, Advice]]:
        """What the watches advised meanwhile, without staying as it is."""
        advised: list[tuple[int, Advice]] = []
        for _ in range(int(seconds)):
            self.now += 1
            for number, watch in self.watches.items():
                if number not in self.lost:
                    advised.append((number, watch.look()))
        return [each for each in advised if each[1] is not Advice.STAY]


@pytest.fixture
def three(tmp_path: Path) -> Three:
    return Three(folder=tmp_path)


def test_it_leaves_before_the_alarm_and_comes_back_with_room_to_spare(three: Three) -> None:
    three.free[3] = SCARCE
    assert three.pass_time(10) == [(3, Advice.LEAVE)]
    for free in (LEAVE_BYTES, RETURN_BYTES - 1):  # not at each megabyte more or less
        three.free[3] = free
        assert three.pass_time(20) == []
    three.free[3] = RETURN_BYTES
    assert three.pass_time(20) == [(3, Advice.RETURN)]
    assert three.holder is None


def test_a_second_stays_and_says_why_until_the_first_is_back(three: Three) -> None:
    three.free |= {2: SCARCE, 3: SCARCE}
    assert three.pass_time(30) == [(2, Advice.LEAVE)]
    assert three.watches[3].why
    three.free[2] = ROOM
    assert three.pass_time(30) == [(2, Advice.RETURN), (3, Advice.LEAVE)]


def test_it_comes_back_where_another_machine_is_lost(three: Three) -> None:
    three.free[3] = SCARCE
    three.pass_time(10)
    three.lost.add(1)
    assert three.pass_time(3 * LONELY_SECONDS) == [(3, Advice.RETURN)]
    assert three.pass_time(30) == []  # and stays, since two are needed


def test_it_does_not_come_back_where_its_disk_would_block_the_others(three: Three) -> None:
    three.free[3] = SCARCE
    three.pass_time(10)
    three.free[3] = LIMIT_BYTES
    three.lost.add(1)
    assert three.pass_time(60) == []


def test_a_machine_that_starts_with_a_full_disk_begins_aside(three: Three) -> None:
    three.free[3] = SCARCE
    assert three.watches[3].begins_aside()
    assert not three.watches[2].begins_aside()
    assert three.holder == 3


@pytest.mark.parametrize("seed", range(20))
def test_two_brokers_are_never_aside_whatever_happens(tmp_path: Path, seed: int) -> None:
    """Disks that fill and empty, machines that are lost and return, an etcd that comes and goes."""
    chance, three = random.Random(seed), Three(folder=tmp_path)
    for _ in range(300):
        number = chance.choice((1, 2, 3))
        match chance.randrange(4):
            case 0:
                three.free[number] = chance.choice((ROOM, LEAVE_BYTES, SCARCE, LIMIT_BYTES))
            case 1:
                three.lost = set() if three.lost else {number}
            case 2:
                three.majority = chance.random() < 0.8
            case 3:
                three.pass_time(chance.randrange(1, 20))
        assert sum(watch.aside for watch in three.watches.values()) <= 1
    three.lost, three.majority = set(), True
    three.free |= dict.fromkeys((1, 2, 3), ROOM)
    three.pass_time(60)
    assert not any(watch.aside for watch in three.watches.values())
