"""Keep children running: restart what dies, with growing delays; kill what hangs."""

import signal
import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from hypervisor.broker.child import last_lines, signal_all, stop
from hypervisor.broker.errors import StackError

FIRST_DELAY = 0.2
LONGEST_DELAY = 15.0
STEADY_SECONDS = 10.0  # after running this long, the delay is the shortest again
HANGING_SECONDS = 30.0  # without a sign of life; a long job gives signs while it works
STARTING_SECONDS = 120.0  # until the first one
LOOK_SECONDS = 1.0  # between two checks of signs of life
PAUSED_SECONDS = 5.0  # after a longer pause we were stopped ourselves, and perhaps the children too


def restart_delay(deaths_in_a_row: int) -> float:
    """Seconds to wait before the next start: doubled each time, up to the longest."""
    doublings = min(max(deaths_in_a_row, 1) - 1, 10)  # bounded before it is an astronomic number
    return min(FIRST_DELAY * 2.0**doublings, LONGEST_DELAY)


def format_exit(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode >= 0:
        return f"ended by itself with exit status {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was killed by signal {-returncode}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A child to keep running. `lives`: whether it gave a sign of life since the last check."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    log: Path  # holds its last message
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10.0  # seconds it may take to stop before it is killed
    lives: Callable[[subprocess.Popen[bytes]], bool] | None = None


@dataclass(kw_only=True)
class _Child:
    job: Job
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0  # in a row
    restarts: int = 0
    due: float | None = None  # when to start it again, while it is down
    leaves_until: float | None = None  # it was asked to end for good; then it is killed
    heard: float = 0.0  # its last sign of life
    silence: float = HANGING_SECONDS  # how long it may give none


@dataclass(kw_only=True)
class Supervisor:
    """Owns the children; its process calls `tend` several times a second."""

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _children: dict[str, _Child] = field(default_factory=dict)
    _looked: float = float("-inf")

    def adopt(self, job: Job, process: subprocess.Popen[bytes]) -> None:
        """Supervise a running child; children are stopped in reverse order of adoption."""
        now = self.clock()
        self._children[job.name] = _Child(job=job, process=process, started=now, heard=now)

    def start(self, job: Job) -> None:
        self.adopt(job, job.start())
        self._children[job.name].silence = STARTING_SECONDS

    def tend(self) -> bool:
        """Notice deaths, kill hanging children, restart those due; whether anything changed."""
        now = self.clock()
        if now - self._looked >= LOOK_SECONDS:
            for child in self._children.values():
                self._look(child, now, paused=now - self._looked > PAUSED_SECONDS)
            self._looked = now
        changes = [self._tend(child) for child in [*self._children.values()]]
        return any(changes)

    def dismiss(self, name: str) -> None:
        """Ask a child to end for good, without waiting for it."""
        child = self._children.get(name)
        if child is not None and child.leaves_until is None:
            child.leaves_until = self.clock() + child.job.patience
            if child.process.poll() is None:
                child.process.send_signal(child.job.stop_signal)

    def pids(self) -> dict[str, int]:
        """The running children, by name."""
        return {
            name: child.process.pid for name, child in self._children.items() if child.due is None
        }

    def list_down(self) -> list[str]:
        """The children that do not run, or die again and again."""
        now = self.clock()
        return [
            name
            for name, child in self._children.items()
            if child.due is not None or (child.deaths > 1 and now - child.started < STEADY_SECONDS)
        ]

    def restarts(self) -> dict[str, int]:
        return {name: child.restarts for name, child in self._children.items()}

    def stop_all(self, *, keep: Collection[str] = (), at_once: bool = False) -> None:
        """Stop every child but those of the names to keep, the last started first or all at once.

        They are all continued first: a part does not end while its database is stopped.
        """
        stopped = [child for name, child in self._children.items() if name not in keep]
        for child in stopped:
            signal_all(child.process.pid, signal.SIGCONT)
            if at_once and child.process.poll() is None:
                child.process.send_signal(child.job.stop_signal)
        for child in reversed(stopped):
            by, patience = child.job.stop_signal, child.job.patience
            if not stop(child.process, by, seconds=patience):
                self.say(f"{child.job.name} did not stop within {patience:.0f} s and was killed")
            del self._children[child.job.name]

    def _tend(self, child: _Child) -> bool:
        now = self.clock()
        if child.leaves_until is not None:
            return self._see_off(child, now)
        if child.due is not None:
            return now >= child.due and self._start_again(child, now)
        returncode = child.process.poll()
        if returncode is None:
            return False
        child.deaths = 1 if now - child.started >= STEADY_SECONDS else child.deaths + 1
        child.due = now + restart_delay(child.deaths)
        if self._is_reported(child):
            self.say(
                f"{child.job.name} {format_exit(returncode)}{_last_words(child.job, returncode)};"
                f" starting it again in {restart_delay(child.deaths):.1f} s"
            )
        return True

    def _see_off(self, child: _Child, now: float) -> bool:
        if child.process.poll() is None:
            if now > (child.leaves_until or now):
                signal_all(child.process.pid, signal.SIGKILL)
            return False
        del self._children[child.job.name]
        self.say(f"{child.job.name} has stopped")
        return True

    def _look(self, child: _Child, now: float, *, paused: bool) -> None:
        """Kill a child that hangs."""
        lives, silence = child.job.lives, child.silence
        if lives is None or child.due is not None or child.leaves_until is not None:
            return
        if lives(child.process):
            child.heard, child.silence = now, HANGING_SECONDS
        elif paused:
            child.heard = now
        elif now - child.heard > silence and child.process.poll() is None:
            self.say(f"{child.job.name} gave no sign of life for {silence:.0f} s: killing it")
            signal_all(child.process.pid, signal.SIGKILL)
            child.heard = now

    def _start_again(self, child: _Child, now: float) -> bool:
        try:
            child.process = child.job.start()
        except (OSError, StackError) as error:  # no memory, no disk: the others go on meanwhile
            child.deaths += 1
            child.due = now + restart_delay(child.deaths)
            if self._is_reported(child):
                self.say(f"{child.job.name} cannot be started now: {_format_error(error)}")
            return False
        child.started, child.due = now, None
        child.heard, child.silence = now, STARTING_SECONDS
        child.restarts += 1
        if self._is_reported(child):
            self.say(f"{child.job.name} started again (pid {child.process.pid})")
        return True

    @staticmethod
    def _is_reported(child: _Child) -> bool:
        """The first deaths, later only each twentieth."""
        return child.deaths <= 6 or child.deaths % 20 == 0


def _format_error(error: OSError | StackError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else str(error)


def _last_words(job: Job, returncode: int) -> str:
    """The last line of its log with any words (typer frames its errors)."""
    if returncode <= 0:
        return ""
    lines = [line.strip("│╭╰ ") for line in last_lines(job.log, 5).splitlines()]
    readable = [line for line in lines if any(letter.isalpha() for letter in line)]
    return f" ({readable[-1]})" if readable else ""
