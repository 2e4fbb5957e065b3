"""Back-off and restarts, with a clock of the test's own and the lightest real children."""

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hypervisor.broker.child import wait_until
from hypervisor.stack.supervisor import LONGEST_DELAY, Job, Supervisor, format_exit, restart_delay


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def job(tmp_path: Path, *command: str, name: str = "part") -> Job:
    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command or ("sleep", "60"))

    return Job(name=name, start=start, log=tmp_path / "log")


def test_delays_double_and_are_bounded() -> None:
    assert [restart_delay(deaths) for deaths in (1, 2, 3)] == [0.2, 0.4, 0.8]
    assert restart_delay(1_000_000) == LONGEST_DELAY


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended by itself with exit status 0"),
        (2, "ended by itself with exit status 2"),
        (-9, "was killed by SIGKILL"),
        (-250, "was killed by signal 250"),
    ],
)
def test_an_end_in_words(code: int, words: str) -> None:
    assert format_exit(code) == words


def test_a_dead_part_is_started_again_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    supervisor = Supervisor(say=said.append, clock=clock)
    supervisor.start(job(tmp_path))
    try:
        first = supervisor.pids()["part"]
        subprocess.run(["kill", "-9", str(first)], check=True)
        assert wait_until(supervisor.tend, seconds=30)
        assert supervisor.pids() == {}
        assert not supervisor.tend()  # not due yet
        clock.now = 0.3
        assert supervisor.tend()
        assert supervisor.pids()["part"] != first
        assert supervisor.restarts() == {"part": 1}
        assert said[0] == "part was killed by SIGKILL; starting it again in 0.2 s"
    finally:
        supervisor.stop_all()


@pytest.mark.parametrize("at_once", [True, False])
def test_some_are_kept_when_the_others_stop(tmp_path: Path, *, at_once: bool) -> None:
    supervisor = Supervisor(say=print, clock=Clock())
    for name in ("vote", "part"):
        supervisor.start(job(tmp_path, name=name))
    kept = supervisor.pids()["vote"]
    supervisor.stop_all(keep={"vote"}, at_once=at_once)
    assert supervisor.pids() == {"vote": kept}
    supervisor.start(job(tmp_path))
    assert set(supervisor.pids()) == {"vote", "part"}
    supervisor.stop_all()
    assert supervisor.pids() == {}


def test_its_last_words_are_passed_on(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "log").write_text("╭─ Error ─╮\n│ no broker answers │\n╰─────────╯\n")
    supervisor = Supervisor(say=said.append, clock=Clock())
    supervisor.start(job(tmp_path, "false"))
    assert wait_until(supervisor.tend, seconds=30)
    supervisor.stop_all()
    assert "exit status 1 (no broker answers)" in said[0]


def test_who_ran_long_starts_afresh(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    supervisor = Supervisor(say=said.append, clock=clock)
    supervisor.start(job(tmp_path, "true"))
    for now in (0.0, 1.0, 2.0):
        clock.now = now
        wait_until(supervisor.tend, seconds=30)
    assert "in 0.4 s" in said[2]
    clock.now = 100.0
    supervisor.tend()  # started again
    clock.now = 200.0
    assert wait_until(supervisor.tend, seconds=30)
    assert "in 0.2 s" in said[-1]
    supervisor.stop_all()


def test_who_cannot_be_started_now_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    clock = Clock()
    failing = True

    def start() -> subprocess.Popen[bytes]:
        if failing:
            raise OSError(28, "No space left on device")
        return subprocess.Popen(["sleep", "60"])

    process = subprocess.Popen(["true"])
    supervisor = Supervisor(say=said.append, clock=clock)
    supervisor.adopt(Job(name="web", start=start, log=tmp_path / "log"), process)
    assert wait_until(supervisor.tend, seconds=30)
    clock.now = 1.0
    assert not supervisor.tend()
    assert said[-1] == "web cannot be started now: No space left on device"
    failing = False
    clock.now = 2.0
    assert supervisor.tend()
    supervisor.stop_all()


def test_the_last_started_is_stopped_first(tmp_path: Path) -> None:
    order: list[str] = []

    class Told(subprocess.Popen[bytes]):
        name = ""

        def send_signal(self, number: int) -> None:
            order.append(self.name)
            super().send_signal(number)

    supervisor = Supervisor(say=order.append)
    for name in ("database", "broker", "ingest"):
        process = Told(["sleep", "60"])
        process.name = name
        supervisor.adopt(job(tmp_path, name=name), process)
    supervisor.stop_all()
    assert order == ["ingest", "broker", "database"]


def test_who_does_not_stop_is_killed_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    command = ["bash", "-c", "trap '' TERM; echo deaf; while true; do sleep 0.05; done"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    supervisor = Supervisor(say=said.append)
    supervisor.adopt(
        Job(name="watch", start=lambda: process, log=tmp_path / "log", patience=0.2), process
    )
    supervisor.stop_all()
    assert process.returncode == -signal.SIGKILL
    assert said == ["watch did not stop within 0 s and was killed"]


class Signs:
    """A child that gives signs of life as long as it is let."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock, self.said, self.well = Clock(), list[str](), True
        self.supervisor = Supervisor(say=self.said.append, clock=self.clock)
        lives = replace(job(tmp_path), lives=lambda _: self.well)
        self.supervisor.start(lives)

    def pass_time(self, seconds: int, *, step: float = 1.0) -> None:
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += step
            self.supervisor.tend()

    def restarts(self) -> bool:
        """Whether its death is noticed, and it is started again a little later by the clock."""

        def again() -> bool:
            self.pass_time(1)
            return self.supervisor.restarts() == {"part": 1}

        return wait_until(again, seconds=30)


@pytest.fixture
def signs(tmp_path: Path) -> Iterator[Signs]:
    made = Signs(tmp_path)
    yield made
    made.supervisor.stop_all()


def test_who_hangs_is_killed_and_started_again(signs: Signs) -> None:
    first = signs.supervisor.pids()["part"]
    signs.pass_time(60)
    signs.well = False
    signs.pass_time(29)
    assert not signs.said
    signs.pass_time(3)
    assert signs.said[0] == "part gave no sign of life for 30 s: killing it"
    assert signs.restarts()
    assert signs.supervisor.pids()["part"] != first


def test_who_starts_has_longer(signs: Signs) -> None:
    signs.well = False
    signs.pass_time(119)
    assert not signs.said
    signs.pass_time(3)
    assert signs.said[0] == "part gave no sign of life for 120 s: killing it"
    assert signs.restarts()
    signs.pass_time(100)  # the new one has as long
    assert sum("killing" in line for line in signs.said) == 1


def test_nobody_is_killed_for_having_slept_with_the_supervisor(signs: Signs) -> None:
    signs.pass_time(60)
    signs.well = False
    signs.pass_time(3600, step=600)
    assert not signs.said


def test_who_is_stopped_is_stopped_in_order_for_all_that(tmp_path: Path) -> None:
    words = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"
    child = subprocess.Popen(["sh", "-c", words], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    child.send_signal(signal.SIGSTOP)
    said: list[str] = []
    supervisor = Supervisor(say=said.append)
    supervisor.adopt(job(tmp_path), child)
    supervisor.stop_all()
    child.stdout.close()
    assert (child.returncode, said) == (7, [])


def test_what_dies_again_and_again_is_down(tmp_path: Path) -> None:
    """Also while it runs for a moment: it works once it has run for a while."""
    clock = Clock()
    supervisor = Supervisor(say=lambda _: None, clock=clock)
    supervisor.start(job(tmp_path, "true", name="ill"))
    supervisor.start(job(tmp_path, name="well"))
    try:
        assert supervisor.list_down() == []
        for _ in range(2):
            assert wait_until(supervisor.tend, seconds=30)  # it ended
            assert supervisor.list_down() == ["ill"]
            clock.now += 1.0
            supervisor.tend()  # it runs again
        assert supervisor.list_down() == ["ill"]
        clock.now += 60.0
        assert supervisor.list_down() == []
    finally:
        supervisor.stop_all()
