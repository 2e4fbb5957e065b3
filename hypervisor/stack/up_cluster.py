"""`hypervisor up` on a machine of a cluster: its share of the three servers, then its parts.

Every machine runs every part; which of three works, the locks in the database decide. A machine
whose clock is wrong keeps its vote in etcd and stops the rest, until the clock is right again.
"""

import os
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum, auto

from hypervisor.base.instance import Mode
from hypervisor.base.program import program
from hypervisor.base.settings import load_settings
from hypervisor.broker import ports
from hypervisor.broker.child import find_processes, is_stopped, stop_pid
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import LEAST_FREE_BYTES, PLAN_FILE, DataFolder, open_folder
from hypervisor.broker.server_account import server_account
from hypervisor.cluster.clock import LIMIT_SECONDS, ClockWatch
from hypervisor.cluster.disk_watch import LEAVE_BYTES, RETURN_BYTES, Advice, DiskWatch
from hypervisor.cluster.etcd import start_etcd
from hypervisor.cluster.patroni import start_patroni
from hypervisor.cluster.patroni_start import kill_database
from hypervisor.cluster.plan import Member, read_member
from hypervisor.cluster.rabbitmq import LIMIT_BYTES, start_rabbitmq
from hypervisor.cluster.server import Server
from hypervisor.cluster.settings_file import write_settings
from hypervisor.database import databases, locks
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import StoreError, connect, store_errors
from hypervisor.database.locks import Lock
from hypervisor.stack.orphans import stop_orphans
from hypervisor.stack.parts import Launcher, WebListener, make_launcher, parts_of
from hypervisor.stack.postgres import DATABASE, STOP_SIGNAL
from hypervisor.stack.prepare import UpOptions, prepare
from hypervisor.stack.run_state import (
    BROKER_ASIDE,
    InstanceState,
    ServiceManager,
    handle_signals,
    hold_lock,
    stop_in_order,
)
from hypervisor.stack.supervisor import Job, Supervisor
from hypervisor.stack.upkeep import TICK_SECONDS, Upkeep

BROKER = "broker"
ETCD = "etcd"  # keeps its vote whatever the clock says: it measures with none
COMPARE_SECONDS = 3.0  # at the start, before servers that trust the clock
TRY_SECONDS = 1.0  # between two tries to reach the primary database
REMIND_SECONDS = 30.0

Say = Callable[[str], None]


class Stage(Enum):
    """How far this machine is."""

    COMPARING = auto()  # its clock with the others'; only etcd runs
    WAITING = auto()  # for a primary database, which takes two machines
    RUNNING = auto()
    FENCED = auto()  # its clock is wrong


def run(options: UpOptions, say: Say) -> list[str]:
    """Be a machine of the cluster until stopped; what did not work at the end.

    Raises TerritoryError: it cannot be started; whatever had been started is stopped again.
    """
    if options.mode is Mode.EXERCISE:
        raise StackError(
            "an exercise needs no cluster: make it on one machine, with a --data of its own"
        )
    manager = ServiceManager.of_environment()
    # A member starts again however full its disk is: its vote and its copy are needed.
    account = server_account()
    founded = DataFolder(root=options.data, account=account).database.exists()
    folder = open_folder(options.data, account, least_free=0 if founded else LEAST_FREE_BYTES)
    with hold_lock(folder.lock), handle_signals() as stop:
        number = load_settings(folder.root).machine
        if number is None:
            raise StackError(
                f"{folder.settings_file} does not say which machine this is:"
                f" `hypervisor cluster join {PLAN_FILE} --as NUMBER` again"
            )
        member = read_member(folder, number)
        write_settings(member)
        supervisor = Supervisor(say=say)
        with closing(ClockWatch(member=member)) as clocks, closing(_listen(member)) as bound:
            machine = _RunningMachine(
                options=options,
                member=member,
                say=say,
                clocks=clocks,
                supervisor=supervisor,
                manager=manager,
                bound=bound,
            )
            with stop_in_order(folder.root, supervisor, manager, say):
                machine.begin()
                while not stop.requested:
                    time.sleep(TICK_SECONDS)
                    machine.tend()
                lacking = machine.list_lacking()
                stop.check()
    return lacking


def _listen(member: Member) -> WebListener:
    """The web's listening socket. Raises StackError: it cannot be had."""
    settings = load_settings(member.folder.root)
    host, port = settings.web_host, settings.web_port
    try:
        return WebListener(listener=ports.listen(port, host), run_id=secrets.token_hex(8))
    except OSError as error:
        holder = ports.find_holder(port)
        by = f", by {holder}" if holder else ""
        raise StackError(
            f"the web cannot listen at {host}:{port}: {error.strerror}{by};"
            f" change HYPERVISOR_WEB_HOST or _PORT in {member.folder.settings_file}"
        ) from error


@dataclass(kw_only=True)
class _RunningMachine:
    options: UpOptions
    member: Member
    say: Say
    clocks: ClockWatch
    supervisor: Supervisor
    manager: ServiceManager
    bound: WebListener
    stage: Stage = Stage.COMPARING
    _starter: Launcher = field(init=False)
    _servers: dict[str, Server] = field(init=False)
    _upkeep: Upkeep = field(init=False)
    _disk: DiskWatch = field(init=False)
    _since: float = field(default_factory=time.monotonic)  # of the stage
    _next: float = float("-inf")  # try to reach the database
    _remind: float = 0.0

    def begin(self) -> None:
        """Stop what a killed `up` left, and start to take part in the vote."""
        self._starter = make_launcher(self.member.folder)
        servers = [start(self.member) for start in (start_etcd, start_patroni, start_rabbitmq)]
        self._servers = {server.name: server for server in servers}
        self._stop_orphans()
        self._disk = DiskWatch.of(self.member)
        settings = load_settings(self.member.folder.root)
        web = f"http://{ports.reachable_address(settings.web_host)}:{settings.web_port}"
        plan, number = self.member.plan, self.member.machine.number
        self._upkeep = Upkeep(
            folder=self.member.folder,
            supervisor=self.supervisor,
            say=self.say,
            state=InstanceState(
                pid=os.getpid(),
                mode=Mode.LIVE,
                name=plan.name,
                web=web,
                ready=False,
                pids={},
                restarts={},
                run_id=self.bound.run_id,
            ),
            awaited=["its parts"],
        )
        self.say(f"machine {number} of {', '.join(plan.addresses)}: {plan.name!r}, web {web}")
        self.supervisor.start(_job(self._servers[ETCD]))
        self._upkeep.publish()
        # From here on it waits for the others as long as it takes: that is no failed start.
        self.manager.tell("READY=1", "STATUS=waiting for another machine")

    def tend(self) -> None:
        """One round: called several times a second."""
        self._upkeep.tend()
        self.clocks.tend()
        if self.clocks.wrong:
            if self.stage is not Stage.FENCED:
                self._fence()
            return
        waited = time.monotonic() - self._since
        if self.stage is Stage.FENCED:
            self.say("the clock is right again: this machine takes its part")
            self._start_servers()
        elif self.stage is Stage.COMPARING:
            if len(self.clocks.offsets) == len(self.member.others) or waited > COMPARE_SECONDS:
                self._start_servers()
        elif self.stage is Stage.WAITING:
            self._try_parts()
        if self.stage in (Stage.WAITING, Stage.RUNNING):
            self._mind_disk()

    def _mind_disk(self) -> None:
        """Have the broker leave before its full disk would block all three, and come back."""
        before = self._disk.why
        advice = self._disk.look()
        if advice is Advice.LEAVE:
            self.supervisor.dismiss(BROKER)
            self._say_aside()
        elif advice is Advice.RETURN:
            self.supervisor.start(_job(self._servers[BROKER]))
            self.say("there is room on the disk again, or the broker is needed: it comes back")
            self._await_broker(aside=False)
        elif self._disk.why and self._disk.why != before:
            self.say(
                f"the disk of {self.member.folder.root} is nearly full, and the broker cannot leave"
                f" ({self._disk.why}): below {LIMIT_BYTES // 10**6} MB it takes no message at any"
                " machine; free some space"
            )

    def _say_aside(self) -> None:
        self.say(
            f"the disk of {self.member.folder.root} is nearly full (less than"
            f" {LEAVE_BYTES // 10**6} MB free): the broker leaves, the other two machines go on;"
            f" it comes back at {RETURN_BYTES // 10**6} MB"
        )
        self._await_broker(aside=True)

    def _await_broker(self, *, aside: bool) -> None:
        kept = [each for each in self._upkeep.awaited if each != BROKER_ASIDE]
        self._upkeep.awaited = [*kept, BROKER_ASIDE] if aside else kept
        self._upkeep.publish()

    def list_lacking(self) -> list[str]:
        """What of this machine does not work."""
        return self._upkeep.list_lacking()

    def _start_servers(self) -> None:
        aside = self._disk.begins_aside()
        for name, server in self._servers.items():
            if name != ETCD and not (aside and name == BROKER):
                self.supervisor.start(_job(server))
        self._enter(Stage.WAITING)
        if aside:
            self._say_aside()

    def _try_parts(self) -> None:
        """Start the parts once a primary database is there and up to date."""
        if time.monotonic() < self._next:
            return
        try:
            there = self._prepare_database()
        except StoreError as error:  # the primary moved just then
            self.say(f"{error}; trying again")
            there = False
        self._next = time.monotonic() + TRY_SECONDS
        if not there:
            return
        for part in parts_of(load_settings(self.member.folder.root), Mode.LIVE):
            bound = self.bound if part == "web" else None
            self.supervisor.start(self._starter.job(part, bound))
        self.say(f"the parts start, {time.monotonic() - self._since:.1f} s after the servers")
        self._enter(Stage.RUNNING)

    def _prepare_database(self) -> bool:
        """Make or migrate the instance's database, one machine at a time; False: not yet."""
        maintenance = self.member.plan.database_url("postgres")
        if not databases.answers(maintenance):
            self._remind_of_wait()
            return False
        with store_errors(), connect(maintenance, autocommit=True) as connection:
            if not databases.awaits_copy(connection):
                self._remind_of_wait()
                return False
            if not locks.take(connection, Lock.MIGRATING):
                if self._is_time_to_remind():
                    self.say("another machine prepares the database: waiting until it has ended")
                return False
            databases.create(maintenance, DATABASE)
            if self.member.plan.restored and not self._is_restored():
                return False
            prepare(self.member.plan.database_url(), self.options, self.member.plan.name, self.say)
        return True

    def _is_restored(self) -> bool:
        with connect(self.member.plan.database_url()) as connection:
            restored = instance_store.is_there(connection)
        if not restored and self._is_time_to_remind():
            here = program(self.member.folder.root)
            self.say(f"waiting for its data: {here} restore FILE --database-only")
        return restored

    def _is_time_to_remind(self) -> bool:
        if time.monotonic() < self._remind:
            return False
        self._remind = time.monotonic() + REMIND_SECONDS
        return True

    def _remind_of_wait(self) -> None:
        if not self._is_time_to_remind():
            return
        missing = [name for name, server in self._servers.items() if not server.answers()]
        logs = self.member.folder.root / "log"
        self.say(
            f"waiting for a primary database for {time.monotonic() - self._since:.0f} s, which"
            " takes two machines that reach each other: is `hypervisor up` running there?"
            + (f" (here does not answer yet: {', '.join(missing)}; see {logs})" if missing else "")
        )

    def _fence(self) -> None:
        others = self.clocks.offsets.items()
        seen = ", ".join(f"{each.seconds:+.1f} s to machine {number}" for number, each in others)
        self.say(
            f"the clock of this machine is wrong ({seen}; at most {LIMIT_SECONDS:g} s): it stops"
            " its parts, database and broker until the clock is right; look at NTP"
        )
        self._enter(Stage.FENCED)
        # Others wait to take over: a stop in good order would hold them up for seconds, and what
        # was acknowledged is with a copy. Patroni then gives its lease back.
        kill_database(self.member.folder.database)
        self.supervisor.stop_all(keep={ETCD}, at_once=True)
        self._stop_database()

    def stop(self) -> None:
        self.supervisor.stop_all()
        self._stop_database()

    def _stop_database(self) -> None:
        """Stop what a Patroni that had to be killed left running."""
        data = str(self.member.folder.database)
        for pid in find_processes(lambda words: data in words and words[0].endswith("postgres")):
            ended = stop_pid(pid, STOP_SIGNAL, seconds=30)
            self.say(f"the database still ran without Patroni: {'stopped' if ended else 'killed'}")

    def _enter(self, stage: Stage) -> None:
        self.stage, self._since, self._remind = stage, time.monotonic(), 0.0
        aside = [each for each in self._upkeep.awaited if each == BROKER_ASIDE]
        self._upkeep.awaited = aside if stage is Stage.RUNNING else ["its parts", *aside]
        self._upkeep.publish(ready=stage is Stage.RUNNING)
        self.manager.tell(f"STATUS={_STATUS[stage]}")

    def _stop_orphans(self) -> None:
        """The children of a killed `up` should have died with it; make sure, in stopping order."""
        left = {f"{each.name}": (each.is_mine, each.stop_signal) for each in self._servers.values()}
        parts = {"a part": (self._starter.is_mine, signal.SIGTERM)}
        stop_orphans({**parts, **dict(reversed(left.items()))}, self.say)


_STATUS = {
    Stage.COMPARING: "comparing its clock with the other machines'",
    Stage.WAITING: "waiting for another machine",
    Stage.RUNNING: "its parts run",
    Stage.FENCED: "stopped, since its clock is wrong",
}


def _job(server: Server) -> Job:
    return Job(
        name=server.name,
        start=server.start,
        log=server.log,
        stop_signal=server.stop_signal,
        patience=server.patience,
        lives=lambda process: not is_stopped(process.pid),
    )
