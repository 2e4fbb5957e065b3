"""`hypervisor up`: the private servers, then the parts, kept running until a stop."""

import errno
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hypervisor.base.instance import Instance, Mode, require_timezone
from hypervisor.base.program import program
from hypervisor.base.settings import load_settings
from hypervisor.broker import binaries, crash_notes, password_file, passwords, ports, tls
from hypervisor.broker.child import wait_until
from hypervisor.broker.errors import PortLostError, StackError
from hypervisor.broker.folder import DataFolder, open_folder
from hypervisor.broker.keeper import Keeper, run_keeper
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.probe import ACCEPTED, connack, get_login
from hypervisor.broker.server_account import server_account
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.stack import instance_settings
from hypervisor.stack.liveness import DatabasePulse, SchedulerPulse
from hypervisor.stack.orphans import stop_orphans
from hypervisor.stack.parts import Launcher, WebListener, make_launcher, parts_of
from hypervisor.stack.postgres import DATABASE, STOP_SIGNAL, Database
from hypervisor.stack.prepare import UpOptions, prepare
from hypervisor.stack.run_state import (
    InstanceState,
    ServiceManager,
    Stopped,
    StopRequest,
    handle_signals,
    hold_lock,
    stop_in_order,
)
from hypervisor.stack.servers import Running, start_broker, start_database
from hypervisor.stack.supervisor import Job, Supervisor
from hypervisor.stack.upkeep import TICK_SECONDS, Upkeep

READY_SECONDS = 30.0
PORT_TRIES = 5
ENTER_SECONDS = 5.0  # between two tries to enter gaps into the ledger
LATE_SECONDS = 15.0  # between two looks for what was not ready in its time
Say = Callable[[str], None]


def run(options: UpOptions, say: Say) -> list[str]:
    """Start everything, keep it running, and stop it in order; what did not work at the end.

    Raises TerritoryError: it cannot be started; whatever had been started is stopped again.
    """
    if options.timezone is not None:
        require_timezone(options.timezone)
    manager = ServiceManager.of_environment()
    account = server_account()
    broker, database = binaries.find_broker(), binaries.find_database()
    folder = open_folder(options.data, account)
    with hold_lock(folder.lock), handle_signals() as stop:
        supervisor = Supervisor(say=say)
        up = _RunningInstance(
            options=options,
            say=say,
            stop=stop,
            manager=manager,
            supervisor=supervisor,
            broker=Broker(folder=folder, programs=broker, port=0, parts_port=0),
            database=Database(folder=folder, programs=database, port=0, password=""),
        )
        with stop_in_order(folder.root, supervisor, manager, say), closing(up):
            up.start()
            with run_keeper(up.broker, say) as keeper:
                up.keep(keeper)
    return up.lacking


@dataclass(kw_only=True)
class _RunningInstance:
    options: UpOptions
    say: Say
    stop: StopRequest
    manager: ServiceManager
    supervisor: Supervisor
    broker: Broker
    database: Database
    lacking: list[str] = field(default_factory=list, init=False)  # when it was stopped
    _upkeep: Upkeep = field(init=False)
    _awaited: dict[str, Callable[[], bool]] = field(default_factory=dict, init=False)
    _settings: instance_settings.InstanceSettings = field(init=False)
    _run_id: str = field(default_factory=lambda: secrets.token_hex(8), init=False)
    _held: set[int] = field(default_factory=set, init=False)  # ports that we listen on by now
    _bound: WebListener | None = field(default=None, init=False)

    @property
    def folder(self) -> DataFolder:
        return self.broker.folder

    def start(self) -> None:
        """Start servers, database, accounts and parts in the order of their dependencies."""
        began = time.monotonic()
        starter = make_launcher(self.folder)
        self._stop_orphans(starter)
        self._note_gap()
        self._settle()
        instance = self._start_database()
        self._enter_gaps()
        self._start_broker(instance.mode)
        settings = self._settings
        state = InstanceState(
            pid=os.getpid(),
            mode=instance.mode,
            name=instance.name,
            web=f"http://{ports.reachable_address(settings.web_host)}:{settings.web_port}",
            ready=False,
            pids={},
            restarts={},
            run_id=self._run_id,
        )
        self._upkeep = Upkeep(
            folder=self.folder, supervisor=self.supervisor, state=state, say=self.say
        )
        self._print_summary(settings, starter)
        for part in parts_of(load_settings(self.folder.root), instance.mode):
            self.supervisor.start(starter.job(part, self._bound if part == "web" else None))
        self._upkeep.publish()
        self._await_parts(settings)
        self._upkeep.publish(ready=True)
        how = f"up after {time.monotonic() - began:.1f} s"
        late = self._upkeep.state.lacking
        ready = f"{how}, but without {' and '.join(late)}" if late else f"everything {how}"
        self.say(ready)
        self.manager.tell("READY=1", f"STATUS={self._upkeep.state.web}: {ready}")

    def keep(self, keeper: Keeper) -> None:
        """Tend the children until a stop signal."""
        try:
            self._keep(keeper)
        except Stopped:
            self.lacking = self._upkeep.list_lacking()
            raise

    def _keep(self, keeper: Keeper) -> None:
        entering = time.monotonic()
        looking = entering + LATE_SECONDS
        while True:
            time.sleep(TICK_SECONDS)
            self.stop.check()
            keeper.tend()
            self._upkeep.tend()
            if time.monotonic() >= entering:
                entering = time.monotonic() + ENTER_SECONDS
                self._enter_gaps()
            if self._awaited and time.monotonic() >= looking:
                looking = time.monotonic() + LATE_SECONDS
                self._look_for_late_parts()

    def _stop_orphans(self, starter: Launcher) -> None:
        """The children of a killed `up` should have died with it; make sure, in stopping order."""
        term = signal.SIGTERM
        ours = {"a part": (starter.is_mine, term), "the broker": (self.broker.is_mine, term)}
        stop_orphans({**ours, "the database": (self.database.is_mine, STOP_SIGNAL)}, self.say)

    def _settle(self) -> None:
        """Choose the settings and listen on the web's port until the end of this run.

        Called again when a server lost its port; ports that we hold stay.
        """
        while True:
            settings = self._settings = instance_settings.choose_settings(
                self.folder,
                self.options.web_port,
                self.say,
                self.options.environment,
                held=frozenset(self._held),
            )
            if self._bound is not None:
                break
            try:
                listener = ports.listen(settings.web_port, settings.web_host)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    where = f"{settings.web_host}:{settings.web_port}"
                    raise StackError(f"cannot listen at {where}: {error.strerror}") from error
            else:
                self._bound = WebListener(listener=listener, run_id=self._run_id)
                self._held.add(settings.web_port)
                break
        self.broker = replace(
            self.broker,
            port=settings.broker_port,
            parts_port=settings.broker_parts_port,
            password=settings.broker_password,
            former=settings.worker,
            secured=self._read_tls(),
        )
        self.database = replace(
            self.database, port=settings.database_port, password=settings.database_password
        )

    def _read_tls(self) -> tls.TlsListener | None:
        """Where the broker listens to devices from elsewhere. Raises StackError: it cannot."""
        settings = load_settings(self.folder.root)
        listener = tls.read_options(
            cert=settings.broker_tls_cert,
            key=settings.broker_tls_key,
            port=settings.broker_tls_port,
            host=settings.broker_tls_host,
            only=False,  # `up` keeps its plain port to this machine anyway
        )
        if listener and not ports.is_free(listener.port, listener.host):
            holder = ports.find_holder(listener.port)
            raise StackError(
                f"devices cannot be let in by TLS at {listener.host}:{listener.port}: it is taken"
                f"{f' by {holder}' if holder else ''}, or no address of this machine; choose"
                " another HYPERVISOR_BROKER_TLS_PORT or HYPERVISOR_BROKER_TLS_HOST"
            )
        return listener

    def close(self) -> None:
        """Close the web's listening socket."""
        if self._bound is not None:
            self._bound.listener.close()
            self._bound = None

    def _start_on_free_port(self, start: Callable[[], Running]) -> Running:
        """Start a server; on another port if a process takes its port meanwhile."""
        for _ in range(PORT_TRIES):
            with suppress(PortLostError):
                return start()
            self._settle()
        return start()

    def _start_database(self) -> Instance:
        running = self._start_on_free_port(lambda: start_database(self.database, self.stop.check))
        database = self.database
        self._held.add(database.port)
        job = Job(
            name="database",
            start=database.start,
            log=self.folder.log("database"),
            stop_signal=STOP_SIGNAL,
            patience=60,
            lives=DatabasePulse(host=LOOPBACK, port=database.port).lives,
        )
        self.supervisor.adopt(job, running.child)
        databases.create(database.url("postgres"), DATABASE)
        return prepare(database.url(), self.options, self.folder.root.name, self.say)

    def _start_broker(self, mode: Mode) -> None:
        settings = self._settings
        bridged = load_settings(self.folder.root).sparkplug and mode is Mode.LIVE
        self.broker = replace(self.broker, mode=mode, sparkplug=bridged)
        self._restore_passwords()
        self.broker.create()
        proof = passwords.new_password()
        player = {passwords.PLAYER: settings.player_password}  # only an exercise can be played into
        put, drop = (player, {}) if mode is Mode.EXERCISE else ({}, player)
        put = {**put, passwords.PROBE: proof}
        passwords.change(self.folder, self.broker.programs, put=put, drop=frozenset(drop))

        def is_ours() -> bool:
            return connack(LOOPBACK, self.broker.parts_port, passwords.PROBE, proof) == ACCEPTED

        running = self._start_on_free_port(
            lambda: start_broker(self.broker, self.stop.check, answers=is_ours)
        )
        job = Job(
            name="broker",
            start=self._restart_broker,
            log=self.folder.log("broker"),
            patience=60,  # it saves its queues, however long they are
            lives=SchedulerPulse().lives,
        )
        self.supervisor.adopt(job, running.child)

    def _note_gap(self, until: datetime | None = None) -> None:
        """Note a death of the broker before it saved."""
        try:
            gap = crash_notes.note_death(self.folder, until=until)
        except OSError as error:
            self.say(f"the broker died, which cannot be noted: {error.strerror}")
            return
        if gap is not None:
            since, end = (at.astimezone() for at in (gap.begins, gap.ends))
            self.say(
                "the broker died before it had saved: messages acknowledged from"
                f" {since:%H:%M:%S} to {end:%H:%M:%S} that ingest had not stored may be lost"
            )

    def _enter_gaps(self) -> None:
        with suppress(OSError):
            crash_notes.enter_gaps(self.folder, self.database.url())

    def _restart_broker(self) -> subprocess.Popen[bytes]:
        self._note_gap(until=datetime.now(UTC))
        try:
            self._restore_passwords()
        except StackError as error:  # it still admits accounts with intact lines
            self.say(str(error))
        return self.broker.start()

    def _restore_passwords(self) -> None:
        repaired = password_file.restore(self.folder)
        if repaired:
            self.say(repaired)

    def _print_summary(
        self, settings: instance_settings.InstanceSettings, starter: Launcher
    ) -> None:
        state = self._upkeep.state
        self.say(f"{Mode(state.mode).banner} {state.name!r}, data in {self.folder.root}")
        self.say(f"broker    {LOOPBACK}:{settings.broker_port}")
        if secured := self.broker.secured:
            self.say(f"          {secured.host}:{secured.port} by TLS, for devices elsewhere")
        self.say(f"database  {LOOPBACK}:{settings.database_port}")
        self.say(f"web       {state.web}")
        if not instance_store.has_accounts(settings.lines()["DATABASE_URL"]):
            here = program(self.folder.root)
            self.say(f"no account yet: {here} account add NAME --role administrator")
        servers, parts = self.folder.account, starter.account
        self.say(f"servers run as {servers.name!r}, parts as {parts.name!r}")
        if parts.name != servers.name:
            self.say(f"(the user {servers.name!r} cannot reach this Python or this code)")

    def _await_parts(self, settings: instance_settings.InstanceSettings) -> None:
        """Wait until ingest has connected and the web answers; note the parts still missing."""
        url = settings.lines()["DATABASE_URL"]
        self._awaited = {
            "ingest": lambda: instance_store.has_joined(url, settings.worker),
            "web": self._is_our_web,
        }

        def all_there() -> bool:
            self.stop.check()
            self._upkeep.tend()
            return not self._list_late_parts()

        if not wait_until(all_there, seconds=READY_SECONDS, every=TICK_SECONDS):
            for name in self._awaited:
                self.say(f"{name} is not ready yet; see {self.folder.log(name)}")
        self._upkeep.awaited = list(self._awaited)

    def _list_late_parts(self) -> list[str]:
        self._awaited = {name: ready for name, ready in self._awaited.items() if not ready()}
        return list(self._awaited)

    def _look_for_late_parts(self) -> None:
        """Say which of the parts that were not ready in their time are ready now."""
        before, self._upkeep.awaited = self._upkeep.awaited, self._list_late_parts()
        ready = [name for name in before if name not in self._upkeep.awaited]
        if ready:
            self.say(f"{' and '.join(ready)} {'is' if len(ready) == 1 else 'are'} ready now")
            self._upkeep.publish()
            late = self._upkeep.state.lacking
            status = f"up, but without {' and '.join(late)}" if late else "everything up"
            self.manager.tell(f"STATUS={self._upkeep.state.web}: {status}")

    def _is_our_web(self) -> bool:
        host = ports.reachable_address(self._settings.web_host)
        answer = get_login(host, self._settings.web_port)
        return answer is not None and answer.run_id == self._upkeep.state.run_id
