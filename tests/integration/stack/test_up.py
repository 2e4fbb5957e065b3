"""`hypervisor up` itself: started, killed, stopped, started again."""

import functools
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hypervisor.instance import Instance, InstanceError, Mode, require_exercise, require_mode
from hypervisor.settings import Settings, load_settings
from hypervisor.stack import binaries, detached, lock, state
from hypervisor.stack.broker import Broker
from hypervisor.stack.errors import StackError
from hypervisor.stack.orphans import stop_orphans
from hypervisor.stack.parts import environment, interpreter
from hypervisor.stack.ports import free_port, is_free
from hypervisor.stack.probe import ACCEPTED, connack
from hypervisor.stack.process import running, wait_until
from hypervisor.store import databases, instance
from hypervisor.store.connect import connect

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(binaries.missing()), reason=f"not installed: {binaries.missing()}"),
]


def is_of(root: Path) -> Callable[[list[str]], bool]:
    """Whether a command line belongs to the instance in `root`."""
    return lambda words: any(str(root) in word for word in words)


class Up:
    """A real `hypervisor up` in a folder of its own."""

    def __init__(self, root: Path, *words: str) -> None:
        self.root = root
        self.output = root.with_suffix(".out")
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*interpreter(), "--data", str(root), "up", "--web-port", str(free_port()), *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment(), "PYTHONFAULTHANDLER": "1"},
                start_new_session=True,
            )

    def said(self, text: str) -> bool:
        return text in self.output.read_text()

    def await_said(self, text: str) -> None:
        def said_or_ended() -> bool:
            return self.said(text) or self.process.poll() is not None

        wait_until(said_or_ended, seconds=30)
        assert self.said(text), self.output.read_text()

    def pid(self, name: str) -> int:
        found = state.read(self.root)
        assert found is not None
        return found.pids[name]

    def restarted(self, name: str) -> bool:
        found = state.read(self.root)
        return found is not None and found.restarts[name] > 0 and name in found.pids

    def is_gone(self) -> bool:
        return not running(is_of(self.root))

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; if it does not, where it hangs stands in the failure."""
        self.process.send_signal(by)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # with faulthandler: a traceback
            self.process.wait(20)
            pytest.fail(f"up did not stop:\n{self.output.read_text()}")


@pytest.fixture
def start(open_tmp: Path) -> Iterator[Callable[..., Up]]:
    """Start `up` in a folder named by its first word; all are ended with the test."""
    started: list[Up] = []

    def begin(name: str, *words: str) -> Up:
        started.append(Up(open_tmp / name, *words))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.stop()
        assert wait_until(each.is_gone, seconds=20)


def both_answer(settings: Settings) -> bool:
    broker = connack(settings.broker_host, settings.broker_port, "ingest", settings.broker_password)
    return broker == ACCEPTED and databases.answers(settings.database_url)


def test_the_life_of_an_instance(start: Callable[..., Up]) -> None:
    up = start("a", "--exercise", "--name", "essai")
    up.await_said("servers run as")
    assert up.said("EXERCICE 'essai'")
    assert wait_until(lambda: state.read(up.root) is not None, seconds=10)
    settings = load_settings(up.root)
    assert both_answer(settings)
    with connect(settings.database_url) as connection:
        connection.execute("INSERT INTO site (name, title, domain) VALUES ('s', 'S', 'flood')")
    servers_are_not_root(up)
    killed_ones_come_back(up, settings)
    with pytest.raises(StackError, match=f"already up .pid {up.process.pid}."):
        detached.start(up.root)

    up.process.kill()  # takes all its children along
    up.process.wait()
    assert wait_until(lambda: not running(is_of(up.root)), seconds=20)

    again = detached.start(up.root, say=lambda _: None)
    try:
        assert (again.database_url, again.broker_port) == (
            settings.database_url,
            settings.broker_port,
        )
        with connect(again.database_url) as connection:
            assert connection.execute("SELECT name FROM site").fetchall() == [("s",)]
            assert instance.read(connection) == Instance(mode=Mode.EXERCISE, name="essai")
    finally:
        assert detached.stop(up.root)
    assert not running(is_of(up.root))
    assert not detached.stop(up.root)


def servers_are_not_root(up: Up) -> None:
    for name in ("database", "broker"):
        assert Path(f"/proc/{up.pid(name)}").stat().st_uid != 0


def killed_ones_come_back(up: Up, settings: Settings) -> None:
    names = ("broker", "database", "ingest")
    for name in names:
        os.kill(up.pid(name), signal.SIGKILL)
    for name in names:
        assert wait_until(functools.partial(up.restarted, name), seconds=30)
        assert up.said(f"{name} was killed by SIGKILL")
    assert wait_until(lambda: both_answer(settings), seconds=30)


def test_two_do_not_disturb_each_other(start: Callable[..., Up]) -> None:
    first, second = start("a"), start("b")
    for up in (first, second):
        up.await_said("servers run as")
    one, other = load_settings(first.root), load_settings(second.root)
    assert len({one.broker_port, other.broker_port, one.database_url, other.database_url}) == 4
    assert first.stop(signal.SIGINT) == 0
    assert first.said("stopped")
    assert not running(is_of(first.root))
    assert is_free(one.broker_port)
    assert both_answer(other)
    assert second.process.poll() is None


def test_orphans_of_this_folder_only_are_stopped(
    broker: Broker, make_broker: Callable[[], Broker]
) -> None:
    other = make_broker()
    said: list[str] = []
    assert stop_orphans({"the broker": (broker.is_mine, signal.SIGTERM)}, said.append) == 1
    assert said[0].startswith("the broker of an earlier run was still there (pid ")
    assert said[0].endswith("stopped")
    assert not broker.answers()
    assert other.answers()


def test_a_folder_is_held_by_one(open_tmp: Path) -> None:
    file = open_tmp / "up.lock"
    assert lock.held_by(file) is None
    with (
        lock.hold(file),
        pytest.raises(StackError, match=f"already up .pid {os.getpid()}."),
        lock.hold(file),
    ):
        pass
    assert lock.held_by(file) is None


def test_a_live_instance_is_no_exercise() -> None:
    made = Instance(mode=Mode.LIVE, name="essonne")
    with pytest.raises(InstanceError, match="'essonne' was made live and stays so"):
        require_mode(made, Mode.EXERCISE)
    with pytest.raises(InstanceError, match="replay is refused: the instance 'essonne' is live"):
        require_exercise(made, what="a replay")
