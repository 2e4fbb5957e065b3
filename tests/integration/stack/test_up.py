"""`hypervisor up` itself: started, killed, stopped, started again."""

import functools
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from hypervisor.base.instance import Instance, InstanceError, Mode, require_exercise, require_mode
from hypervisor.base.settings import SETTINGS_FILE, Settings, load_settings
from hypervisor.broker import accounts, binaries, password_file
from hypervisor.broker.child import find_processes, wait_until
from hypervisor.broker.errors import PortLostError, StackError
from hypervisor.broker.folder import STATE_FILE, open_folder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import is_free
from hypervisor.broker.probe import ACCEPTED, connack, get_login
from hypervisor.broker.server_account import server_account
from hypervisor.database import databases, instance
from hypervisor.database.connect import connect
from hypervisor.stack import detached, doctor, run_state
from hypervisor.stack.orphans import stop_orphans
from hypervisor.stack.parts import interpreter_command, part_environment
from hypervisor.stack.postgres import FORGETFUL, Database
from hypervisor.stack.servers import start_broker, start_database
from tests.integration.stack.ups import Up, is_of
from tests.ports import reserve_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        bool(binaries.list_missing()), reason=f"not installed: {binaries.list_missing()}"
    ),
]

PATIENCE = 60.0  # s; much more than any of this takes


def both_answer(settings: Settings) -> bool:
    broker = connack(settings.broker_host, settings.broker_port, "ingest", settings.broker_password)
    return broker == ACCEPTED and databases.answers(settings.database_url)


def test_the_life_of_an_instance(start: Callable[..., Up]) -> None:
    up = start("a", "--exercise", "--name", "essai")
    up.await_said("servers run as")
    assert up.said("EXERCICE 'essai'")
    assert wait_until(lambda: run_state.read_state(up.root) is not None, seconds=PATIENCE)
    settings = load_settings(up.root)
    assert settings.web_port == up.web_port
    nobody_takes_its_web_port(up)
    assert both_answer(settings)
    with connect(settings.database_url) as connection:
        connection.execute("INSERT INTO site (name, title, domain) VALUES ('s', 'S', 'flood')")
    servers_are_not_root(up)
    killed_ones_come_back(up, settings)
    another_does_not_disturb_it(start("b"), up, settings)
    with pytest.raises(StackError, match=f"already up .pid {up.process.pid}."):
        detached.start(up.root)

    up.process.kill()  # takes all its children along
    up.process.wait()
    assert wait_until(lambda: not find_processes(is_of(up.root)), seconds=PATIENCE)

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
    assert not find_processes(is_of(up.root))
    assert not detached.stop(up.root)


def nobody_takes_its_web_port(up: Up) -> None:
    """Neither while the web starts nor while it is restarted; what answers there is ours."""

    def take() -> None:
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", up.web_port)).close()

    take()
    up.await_said("everything up")
    told = run_state.read_state(up.root)
    answer = get_login("127.0.0.1", up.web_port)
    assert told is not None
    assert told.run_id
    assert answer is not None
    assert (answer.status, answer.run_id) == (200, told.run_id)
    os.kill(up.pid("web"), signal.SIGKILL)
    assert wait_until(lambda: up.said("web was killed"), seconds=PATIENCE)
    take()
    assert wait_until(lambda: get_login("127.0.0.1", up.web_port) is not None, seconds=PATIENCE)


def servers_are_not_root(up: Up) -> None:
    for name in ("database", "broker"):
        assert Path(f"/proc/{up.pid(name)}").stat().st_uid != 0


def killed_ones_come_back(up: Up, settings: Settings) -> None:
    names = ("broker", "database", "ingest")
    for name in names:
        os.kill(up.pid(name), signal.SIGKILL)
    for name in names:
        assert wait_until(functools.partial(up.restarted, name), seconds=PATIENCE)
        assert up.said(f"{name} was killed by SIGKILL")
    assert wait_until(lambda: both_answer(settings), seconds=PATIENCE)


def another_does_not_disturb_it(other: Up, up: Up, settings: Settings) -> None:
    other.await_said("servers run as")
    of_other = load_settings(other.root)
    broker_ports = {settings.broker_port, of_other.broker_port}
    assert len({*broker_ports, settings.database_url, of_other.database_url}) == 4
    assert other.stop(signal.SIGINT) == 0
    assert other.said("stopped")
    assert not find_processes(is_of(other.root))
    assert is_free(of_other.broker_port)
    assert both_answer(settings)
    assert up.process.poll() is None


_ENDS = """
import sys
if sys.orig_argv[-1] in {"web", "watch"}:
    raise SystemExit("no such module")
"""


@pytest.mark.long
def test_the_exit_status_says_what_does_not_work(
    start: Callable[..., Up], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0: all ran, in other tests; 1: not all of it; 2: it did not start."""
    (tmp_path / "sitecustomize.py").write_text(_ENDS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    up = start("a")
    up.await_said("but without web and watch")
    state = run_state.read_state(up.root)
    assert state is not None
    assert (state.ready, state.lacking) == (True, ["web", "watch"])
    line = [*interpreter_command(), "--data", str(up.root), "up", "--detach"]
    again = subprocess.run(line, env=part_environment(), capture_output=True, check=False)
    assert (again.returncode, b"already up" in again.stderr) == (2, True)
    assert up.stop() == 1
    assert up.said(f"it was stopped without web and watch: see the logs in {up.root / 'log'}")

    detached_run = subprocess.run(line, env=part_environment(), capture_output=True, check=False)
    try:
        assert detached_run.returncode == 1
        assert detached_run.stdout.splitlines()[-1].startswith(b"it runs without web and watch")
    finally:
        assert detached.stop(up.root)


def test_a_database_waits_for_what_the_one_before_has_left_running(open_tmp: Path) -> None:
    """Killed with its server, a backend holds the memory until it notices."""
    folder = open_folder(open_tmp / "one", server_account())
    database = Database(
        folder=folder,
        programs=binaries.find_database(),
        port=reserve_port(),
        password="secret",
        extra=tuple(FORGETFUL.items()),
    )
    first = start_database(database)
    with psycopg.connect(database.url("postgres")) as connection:
        pid = connection.info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        first.child.kill()
        first.child.wait()
        noticing = threading.Timer(2.0, os.kill, [pid, signal.SIGCONT])
        noticing.start()
        try:
            start_database(database).halt()
        finally:
            noticing.join()
    assert "is still in use" in folder.log("database").read_text()


def test_another_broker_that_answers_is_not_ours(
    open_tmp: Path, make_broker: Callable[[], Broker]
) -> None:
    other = make_broker()
    folder = open_folder(open_tmp / "second", server_account())
    ours = Broker(
        folder=folder, programs=binaries.find_broker(), port=other.port, parts_port=reserve_port()
    )
    with pytest.raises(PortLostError, match="Address already in use"):
        start_broker(ours, answers=lambda: False)


def test_lost_ports_are_given_up_and_a_damaged_password_file_costs_no_device_its_account(
    start: Callable[..., Up], open_tmp: Path
) -> None:
    """Accounts at `up`, and when the broker is started again under the damaged file."""
    folder = open_folder(open_tmp / "a", server_account())
    folder.folder(folder.broker)
    broker = Broker(folder=folder, programs=binaries.find_broker(), port=0, parts_port=0)
    accounts.change(broker, put={"lamp-1": "secret-1", "lamp-2": "secret-2"})
    passwords = password_file.path_of(folder)
    passwords.write_bytes(b"")

    up = start("a")
    file = up.root / SETTINGS_FILE
    assert wait_until(file.exists, seconds=PATIENCE)
    settled = load_settings(up.root)  # the broker itself starts later
    with (
        socket.create_server(("127.0.0.1", settled.broker_port)),
        socket.create_server(("127.0.0.1", settled.parts_port)),
    ):
        up.await_said("everything up")
    assert up.said("is restored from its backup, 3 accounts")
    settings = load_settings(up.root)
    assert settings.broker_port != settled.broker_port
    assert settings.parts_port != settled.parts_port
    assert both_answer(settings)

    def all_enter() -> bool:
        devices = [("lamp-1", "secret-1"), ("lamp-2", "secret-2")]
        port = settings.broker_port
        return all(connack("127.0.0.1", port, *each) == ACCEPTED for each in devices)

    assert all_enter()
    passwords.write_bytes(passwords.read_bytes()[:-60])
    with pytest.raises(StackError, match="is damaged"):
        accounts.change(broker, put={"lamp-3": "secret-3"})
    os.kill(up.pid("broker"), signal.SIGKILL)
    assert wait_until(lambda: up.restarted("broker"), seconds=PATIENCE)
    assert wait_until(all_enter, seconds=PATIENCE)


def test_orphans_of_this_folder_only_are_stopped(
    broker: Broker, make_broker: Callable[[], Broker]
) -> None:
    other = make_broker()
    said: list[str] = []
    assert stop_orphans({"the broker": (broker.is_mine, signal.SIGTERM)}, said.append) == 1
    assert said[0].startswith("the broker of an earlier run was still running (pid ")
    assert said[0].endswith("stopped")
    assert not broker.answers()
    assert other.answers()


def test_a_folder_is_held_by_one(open_tmp: Path) -> None:
    file = open_tmp / "up.lock"
    assert run_state.find_holder(file) is None
    with (
        run_state.hold_lock(file),
        pytest.raises(StackError, match=f"already up .pid {os.getpid()}."),
        run_state.hold_lock(file),
    ):
        pass
    assert run_state.find_holder(file) is None


def test_what_a_killed_run_said_is_not_believed_of_the_next(open_tmp: Path) -> None:
    """Even if both have the same pid, as in a container."""
    folder = open_folder(open_tmp, server_account())
    killed = run_state.InstanceState(
        pid=os.getpid(), mode="live", name="t", web="-", ready=True, pids={}, restarts={}
    )
    (folder.root / STATE_FILE).write_text(killed.text())
    with run_state.hold_lock(folder.lock):
        assert run_state.read_state(folder.root) is None
        (supervision,) = doctor.check_supervision(Settings(data=folder.root))
    assert supervision.what.endswith("is starting or stopping")
    assert (folder.root / STATE_FILE).exists()  # it tells that the machine died


def test_a_live_instance_is_no_exercise() -> None:
    made = Instance(mode=Mode.LIVE, name="essonne")
    with pytest.raises(InstanceError, match="'essonne' was made live and stays so"):
        require_mode(made, Mode.EXERCISE)
    with pytest.raises(InstanceError, match="replay is refused: the instance 'essonne' is live"):
        require_exercise(made, what="a replay")
