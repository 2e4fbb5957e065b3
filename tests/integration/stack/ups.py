"""A real `hypervisor up` of a test's own."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hypervisor.broker.child import find_processes, wait_until
from hypervisor.stack import run_state
from hypervisor.stack.parts import interpreter_command, part_environment
from tests.ports import reserve_port


def is_of(root: Path) -> Callable[[list[str]], bool]:
    """Whether a command line belongs to the instance in `root`."""
    return lambda words: any(str(root) in word for word in words)


class Up:
    """A real `hypervisor up` in a folder of its own."""

    def __init__(self, root: Path, *words: str) -> None:
        self.root = root
        self.output = root.with_suffix(".out")
        self.web_port = reserve_port()
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*interpreter_command(), "--data", str(root), "up", *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **part_environment(),
                    "HYPERVISOR_WEB_PORT": str(self.web_port),
                    "PYTHONFAULTHANDLER": "1",
                },
                start_new_session=True,
            )

    def said(self, text: str) -> bool:
        return text in self.output.read_text()

    def await_said(self, text: str) -> None:
        def said_or_ended() -> bool:
            return self.said(text) or self.process.poll() is not None

        wait_until(said_or_ended, seconds=100)
        assert self.said(text), self.output.read_text()

    def pid(self, name: str) -> int:
        found = run_state.read_state(self.root)
        assert found is not None
        return found.pids[name]

    def restarted(self, name: str) -> bool:
        found = run_state.read_state(self.root)
        return found is not None and found.restarts[name] > 0 and name in found.pids

    def is_gone(self) -> bool:
        return not find_processes(is_of(self.root))

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; if it does not, where it hangs stands in the failure."""
        self.process.send_signal(by)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # with faulthandler: a traceback
            self.process.wait(20)
            pytest.fail(f"up did not stop:\n{self.output.read_text()}")
