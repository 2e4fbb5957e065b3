"""`hypervisor up`: the private servers, then the parts, kept running until somebody says stop."""

import errno
import functools
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypervisor.instance import Instance, Mode, require_mode
from hypervisor.stack import binaries, lock, passwords, settled, state
from hypervisor.stack.account import unprivileged
from hypervisor.stack.broker import Broker
from hypervisor.stack.database import DATABASE, STOP_SIGNAL, Database
from hypervisor.stack.errors import StackError
from hypervisor.stack.folder import SCARCE_BYTES, DataFolder, open_folder
from hypervisor.stack.orphans import stop_orphans
from hypervisor.stack.parts import Launcher, launcher, parts_of
from hypervisor.stack.ports import LOOPBACK, is_free
from hypervisor.stack.process import trim_log, wait_until
from hypervisor.stack.servers import start_broker, start_database
from hypervisor.stack.stopping import Stop, Stopped, on_signals
from hypervisor.stack.supervisor import Job, Supervisor
from hypervisor.store import databases
from hypervisor.store import instance as instance_store
from hypervisor.store.connect import connect, migrate

TICK_SECONDS = 0.1
CHORES_SECONDS = 60.0
READY_SECONDS = 30.0
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the person asked for. `mode` None: as the instance was made, live if it is new."""

    data: Path
    mode: Mode | None = None
    name: str | None = None
    web_port: int | None = None


def run(wish: Wish, say: Say) -> None:
    """Start everything, keep it running, and stop everything in order when told to.

    Raises:
        TerritoryError: it cannot be started; whatever had been started is stopped again.
    """
    account = unprivileged()
    broker, database = binaries.broker(), binaries.database()
    folder = open_folder(wish.data, account)
    with lock.hold(folder.lock), on_signals() as stop:
        supervisor = Supervisor(say=say)
        up = _Up(
            wish=wish,
            say=say,
            stop=stop,
            supervisor=supervisor,
            broker=Broker(folder=folder, programs=broker, port=0),
            database=Database(folder=folder, programs=database, port=0, password=""),
        )
        try:
            up.start()
            up.keep()
        except Stopped:
            say("stopping")
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise StackError(f"the disk of {folder.root} is full; make room") from error
        finally:
            supervisor.stop_all()
            (folder.root / state.FILE).unlink(missing_ok=True)
        say("stopped")


@dataclass(kw_only=True)
class _Up:
    wish: Wish
    say: Say
    stop: Stop
    supervisor: Supervisor
    broker: Broker
    database: Database
    _state: state.State = field(init=False)

    @property
    def folder(self) -> DataFolder:
        return self.broker.folder

    def start(self) -> None:
        """Servers, database, accounts, parts, in the order in which they need one another."""
        began = time.monotonic()
        starter = launcher(self.folder)
        self._stop_orphans(starter)
        settings = settled.settle(self.folder, self.wish.web_port, self.say)
        self.broker = replace(self.broker, port=settings.broker_port)
        self.database = replace(
            self.database, port=settings.database_port, password=settings.database_password
        )
        instance = self._start_database()
        self._state = state.State(
            pid=os.getpid(),
            mode=instance.mode,
            name=instance.name,
            web=f"http://{LOOPBACK}:{settings.web_port}",
            ready=False,
            pids={},
            restarts={},
        )
        self._start_broker(settings, instance.mode)
        self._introduce(settings, starter)
        for part in parts_of(instance.mode):
            start = functools.partial(starter.start, part)
            self.supervisor.start(Job(name=part, start=start, log=self.folder.log(part)))
        self._publish()
        late = self._await_parts(settings)
        self._publish(ready=True)
        how = f"up after {time.monotonic() - began:.1f} s"
        self.say(f"{how}, but without {' and '.join(late)}" if late else f"everything {how}")

    def keep(self) -> None:
        """Tend the children until a stop signal."""
        chores = time.monotonic() + CHORES_SECONDS
        warned = False
        while True:
            time.sleep(TICK_SECONDS)
            self.stop.check()
            if self.supervisor.tend():
                self._publish()
                warned = self._mind_disk(warned=warned)
            if time.monotonic() >= chores:
                chores = time.monotonic() + CHORES_SECONDS
                warned = self._mind_disk(warned=warned)
                for log in (self.folder.root / "log").glob("*.log"):
                    trim_log(log)

    def _stop_orphans(self, starter: Launcher) -> None:
        """A killed `up` takes its children along; make sure of it, in stopping order."""
        ours = {
            "a part": (starter.is_mine, signal.SIGTERM),
            "the broker": (self.broker.is_mine, signal.SIGTERM),
            "the database": (self.database.is_mine, STOP_SIGNAL),
        }
        stop_orphans(ours, self.say)

    def _start_database(self) -> Instance:
        database = self.database
        running = start_database(database, self.stop.check)
        job = Job(
            name="database",
            start=database.start,
            log=self.folder.log("database"),
            stop_signal=STOP_SIGNAL,
            patience=60,
        )
        self.supervisor.adopt(job, running.child)
        databases.create(database.url("postgres"), DATABASE)
        return prepare(database.url(), self.wish, self.folder.root.name, self.say)

    def _start_broker(self, settings: settled.Settled, mode: Mode) -> None:
        broker = self.broker
        broker.create()
        put = {passwords.INGEST: settings.broker_password}
        drop = frozenset({passwords.PLAYER})
        if mode is Mode.EXERCISE:  # only an exercise can be played into
            put[passwords.PLAYER] = settings.player_password
            drop = frozenset()
        passwords.change(self.folder, broker.programs, put=put, drop=drop)
        running = start_broker(broker, self.stop.check)
        job = Job(name="broker", start=broker.start, log=self.folder.log("broker"))
        self.supervisor.adopt(job, running.child)

    def _introduce(self, settings: settled.Settled, starter: Launcher) -> None:
        self.say(
            f"{Mode(self._state.mode).banner} {self._state.name!r}, data in {self.folder.root}"
        )
        self.say(f"broker    {LOOPBACK}:{settings.broker_port}")
        self.say(f"database  {LOOPBACK}:{settings.database_port}")
        self.say(f"web       {self._state.web}")
        if not instance_store.has_accounts(settings.lines()["DATABASE_URL"]):
            here = f"hypervisor --data {self.folder.root}"
            self.say(f"nobody can sign in yet: {here} account add NAME --role administrator")
        servers, parts = self.folder.account, starter.account
        self.say(f"servers run as {servers.name!r}, parts as {parts.name!r}")
        if parts.name != servers.name:
            self.say(f"(the user {servers.name!r} cannot reach this Python or this code)")

    def _await_parts(self, settings: settled.Settled) -> list[str]:
        """Wait until ingest has joined the broker and the web answers; who is still missing."""
        url = settings.lines()["DATABASE_URL"]
        waiting: dict[str, Callable[[], bool]] = {
            "ingest": lambda: instance_store.has_joined(url, settings.worker),
            "web": lambda: not is_free(settings.web_port),
        }

        def all_there() -> bool:
            self.stop.check()
            if self.supervisor.tend():
                self._publish()
            for name in [name for name, there in waiting.items() if there()]:
                del waiting[name]
            return not waiting

        if not wait_until(all_there, seconds=READY_SECONDS, every=TICK_SECONDS):
            for name in waiting:
                self.say(f"{name} is not there yet; see {self.folder.log(name)}")
        return list(waiting)

    def _publish(self, *, ready: bool | None = None) -> None:
        self._state = replace(
            self._state,
            ready=self._state.ready if ready is None else ready,
            pids=self.supervisor.pids(),
            restarts=self.supervisor.restarts(),
        )
        with suppress(OSError):  # a full disk must not end what still runs
            self.folder.write(self.folder.root / state.FILE, self._state.text())

    def _mind_disk(self, *, warned: bool) -> bool:
        free = shutil.disk_usage(self.folder.root).free
        if free < SCARCE_BYTES and not warned:
            self.say(f"the disk of {self.folder.root} is nearly full: {free // 1024**2} MB free")
        return free < SCARCE_BYTES


def prepare(url: str, wish: Wish, default_name: str, say: Say) -> Instance:
    """Migrate the database; make the instance at the first time, check it at every other.

    Raises:
        InstanceError: it was made in the other mode.
        StoreError: the database cannot be used.
    """
    with connect(url) as connection:
        applied = migrate(connection)
        found = instance_store.read(connection)
        if found is None:
            found = Instance(mode=wish.mode or Mode.LIVE, name=wish.name or default_name)
            instance_store.create(connection, found)
    if wish.mode is not None:
        require_mode(found, wish.mode)
    if wish.name is not None and wish.name != found.name:
        say(f"the instance was named {found.name!r} when it was made and keeps that name")
    if applied:
        say(f"migrations applied: {', '.join(applied)}")
    return found
