"""A cluster of three machines in their namespaces, each kept by `hypervisor up`."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from hypervisor.base.settings import Settings, load_settings
from hypervisor.broker import passwords
from hypervisor.broker.child import command_line, descendants, wait_until
from hypervisor.broker.probe import ACCEPTED, connack
from hypervisor.cluster.plan import Plan, make_plan
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.stack.parts import interpreter_command, part_environment
from hypervisor.stack.run_state import read_state
from tests.cluster.network import Machine, Network, three_machines

READY_SECONDS = 180.0


@dataclass(kw_only=True)
class Member:
    """A machine with its data folder. `start` is the power button."""

    machine: Machine
    data: Path
    up: "subprocess.Popen[bytes] | None" = None
    code: Path | None = None  # of another version than this checkout's

    @property
    def number(self) -> int:
        return self.machine.number

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `hypervisor` on it, as a person would."""
        line = [*interpreter_command(), "--data", str(self.data), *words]
        return self.machine.run(line, env=self._environment(), check=False, cwd="/")

    def start(self) -> None:
        line = [*interpreter_command(), "--data", str(self.data), "up"]
        with (self.data / "up.log").open("ab") as log:
            self.up = self.machine.popen(
                line, env=self._environment(), cwd="/", stdout=log, stderr=subprocess.STDOUT
            )

    def _environment(self) -> dict[str, str]:
        return part_environment() | ({"PYTHONPATH": str(self.code)} if self.code else {})

    def stop(self) -> None:
        assert self.up is not None
        self.up.terminate()
        self.up.wait(120)

    def lose(self) -> None:
        """kill -9 of everything on it."""
        self.machine.kill()
        if self.up is not None:
            self.up.wait()

    @property
    def ready(self) -> bool:
        """Whether the `up` that was started last has its parts; a killed one's state stays."""
        state = read_state(self.data)
        return (
            state is not None and state.ready and self.up is not None and state.pid == self.up.pid
        )

    def pid(self, part: str) -> int | None:
        state = read_state(self.data)
        pid = None if state is None else state.pids.get(part)
        return pid if pid is not None and command_line(pid) else None

    def list_findings(self) -> dict[str, str]:
        """What `doctor --all` says that is not good, by machine and subject."""
        lines = self.command("doctor", "--all").stdout.splitlines()
        wrong = [line for line in lines if line.startswith(("bad", "warning"))]
        return {line[9:26].strip(): line[26:] for line in wrong}

    def kill(self, part: str) -> None:
        """kill -9 of a part or server, with the processes below it."""
        pid = self.pid(part)
        assert pid is not None, f"{part} does not run on machine {self.number}"
        for each in (pid, *descendants(pid)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    def kill_database(self) -> None:
        """kill -9 of its PostgreSQL, all processes of it; Patroni goes on."""
        data = str(self.data / "database")
        servers = [pid for pid in self.machine.pids() if data in command_line(pid)]
        servers = [pid for pid in servers if command_line(pid)[0].endswith("postgres")]
        assert servers, f"no database runs on machine {self.number}"
        for server in servers:
            for pid in (server, *descendants(server)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def log(self, name: str = "up") -> str:
        file = self.data / "up.log" if name == "up" else self.data / "log" / f"{name}.log"
        return file.read_text(errors="replace")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The three, their network and their plan."""

    network: Network
    members: tuple[Member, ...]
    plan: Plan

    @property
    def settings(self) -> Settings:
        """Of the first machine: the database's address is the same everywhere."""
        return load_settings(self.members[0].data)

    @property
    def patient_url(self) -> str:
        """Of the primary, for who only looks: a machine under load may take long to let us in."""
        return f"{self.plan.database_url()}&connect_timeout=20"

    @contextmanager
    def database(self, *, at: Member | None = None) -> Iterator[Connection]:
        """The primary, reached from a machine."""
        machine = (at or self.members[0]).machine
        with machine.inside():
            connection = connect(self.patient_url, autocommit=True)
        with connection:
            yield connection

    def primary(self, seconds: float = READY_SECONDS) -> Member:
        """On whose machine the primary database is; waits until there is one."""
        held: list[Member] = []

        def find() -> bool:
            for member in self.members:
                with suppress(StoreError, psycopg.Error), self.database(at=member) as connection:
                    row = connection.execute("SELECT host(inet_server_addr())").fetchone()
                    address = row[0] if row else None
                    held.extend(m for m in self.members if m.machine.address == address)
                    return bool(held)
            return False

        assert wait_until(find, seconds=seconds, every=0.2), "no primary database"
        return held[0]

    def await_ready(self, members: Sequence[Member] = (), seconds: float = READY_SECONDS) -> None:
        awaited = members or self.members

        def ready() -> bool:
            ended = [each for each in awaited if each.up is None or each.up.poll() is not None]
            assert not ended, "\n".join(f"machine {each.number}:\n{each.log()}" for each in ended)
            return all(each.ready for each in awaited)

        assert wait_until(ready, seconds=seconds, every=0.2), "\n".join(
            f"machine {each.number}:\n{each.log()}" for each in awaited
        )

    def await_complete(self, seconds: float = READY_SECONDS) -> None:
        """Every machine has its parts, two copies of the database confirm, three brokers answer."""
        self.await_ready(seconds=seconds)
        whole = wait_until(lambda: not self.list_missing(), seconds=seconds, every=0.5)
        assert whole, "\n".join(self.list_missing())

    def list_missing(self) -> list[str]:
        """What keeps the cluster from losing a machine now."""
        missing = [
            f"the broker of machine {member.number}\n{member.log('broker')[-2000:]}"
            for member in self.members
            if not self._broker_answers(member)
        ]
        try:
            with self.database() as connection:
                rows = connection.execute(
                    "SELECT application_name, state, sync_state FROM pg_stat_replication"
                ).fetchall()
        except (StoreError, psycopg.Error) as error:
            return [*missing, f"a primary database: {error}"]
        confirming = [row for row in rows if row[1] == "streaming" and row[2] in {"sync", "quorum"}]
        if len(confirming) < len(self.members) - 1:
            logs = "\n".join(
                f"{each.number}: {each.log('patroni')[-2000:]}" for each in self.members
            )
            missing.append(f"a copy of the database: there are {rows}\n{logs}")
        return missing

    def _broker_answers(self, member: Member) -> bool:
        with member.machine.inside():
            login = (passwords.KEEPER, self.plan.secrets.broker)
            return connack("127.0.0.1", self.plan.ports.mqtt_parts, *login) == ACCEPTED


@contextmanager
def cluster(folder: Path, *, clocks: bool = False) -> Iterator[Cluster]:
    """Make the plan, join three machines and start them; all are killed at the end."""
    with three_machines(clocks=clocks) as network:
        made = lay_out(folder, network)
        for member in made.members:
            member.start()
        made.await_complete()
        yield made


def lay_out(folder: Path, network: Network, *, restored: bool = False) -> Cluster:
    """Three machines that have joined and do not run yet. `restored`: they wait for a backup."""
    addresses = [machine.address for machine in network.machines]
    plan = make_plan("test", addresses, restored=restored)
    file = folder / "cluster.yml"
    file.write_text(plan.text())
    members = tuple(
        Member(machine=machine, data=folder / f"machine-{machine.number}")
        for machine in network.machines
    )
    for member in members:
        joined = member.command("cluster", "join", str(file), "--as", str(member.number))
        assert joined.returncode == 0, joined.stderr
    return Cluster(network=network, members=members, plan=plan)
