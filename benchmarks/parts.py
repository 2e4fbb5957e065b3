"""Readings a second through mosquitto and through a RabbitMQ node, and what each process costs.

A hundred devices, each with its own connection, publish while ingest stores, as fast as both can.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hypervisor.base.settings import Settings
from hypervisor.bench import queries
from hypervisor.bench.load import DEVICES, Load, device
from hypervisor.bench.servers import BenchError, Ground, clean_environment, ground, run_part
from hypervisor.broker.accounts import open_accounts
from hypervisor.broker.child import command_line, descendants, last_lines, wait_until
from hypervisor.broker.folder import open_folder
from hypervisor.broker.ports import LOOPBACK, free_port
from hypervisor.broker.server_account import server_account
from hypervisor.cluster.plan import Member, Plan, Ports, make_plan
from hypervisor.cluster.rabbitmq import BrokerNode, find_scripts

KINDS = {"mosquitto": 0, "one node": 1}
_ADDRESSES = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
_USER = "bench"  # at RabbitMQ; mosquitto allows an account one connection
_PASSWORD = "bench-devices"  # noqa: S105
_PATIENCE = 240.0  # s; a node on a busy machine
_QUIET = 30.0  # s without a new reading that end a run
_TICKS = os.sysconf("SC_CLK_TCK")
_PROGRAMS = ("mosquitto", "beam.smp", "postgres", "benchmarks.devices", "ingest")


@dataclass(frozen=True, kw_only=True)
class PartsPlan:
    """`messages` of four readings a run, in all; so many runs of each kind, by turns."""

    messages: int = 40_000
    rounds: int = 3
    kinds: tuple[str, ...] = tuple(KINDS)


def measure(plan: PartsPlan, tick: Callable[[str, int, int], object]) -> dict[str, Any]:
    """By kind: readings a second, and processor seconds for 100,000 readings by program."""
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in plan.kinds}
    with ground() as servers:
        done = 0
        for _ in range(plan.rounds):
            for kind in plan.kinds:
                with _brokers(servers, KINDS[kind]) as settings:
                    runs[kind].append(_run(servers, settings, plan.messages))
                done += 1
                tick(kind, done, plan.rounds * len(plan.kinds))
    return {
        "load": os.getloadavg()[0],
        **{
            kind: {
                "readings_s": [run["readings_s"] for run in each],
                "median": statistics.median(run["readings_s"] for run in each),
                "lost": sum(run["lost"] for run in each),
                "processor_s": {
                    program: round(statistics.median(run["cost"][program] for run in each), 2)
                    for program in _PROGRAMS
                },
            }
            for kind, each in runs.items()
        },
    }


@contextmanager
def _brokers(servers: Ground, nodes: int) -> Iterator[Sequence[Settings]]:
    """The settings of each node's machine; without nodes, of the one with mosquitto."""
    if not nodes:
        names = map(device, range(DEVICES))
        open_accounts(servers.settings).change(put=dict.fromkeys(names, _PASSWORD))
        yield [servers.settings]
        return
    root = servers.folder / f"nodes-{time.monotonic_ns()}"
    root.mkdir(mode=0o755)
    whole = make_plan("bench", _ADDRESSES, ports=Ports(brokers=free_port()))
    with ExitStack() as stack:
        started = [_start(stack, whole, number, nodes, root) for number in range(1, nodes + 1)]
        for node in started:
            if not wait_until(node.answers, seconds=_PATIENCE):
                raise BenchError(last_lines(node.member.folder.log("broker"), 40))
        started[0].run_tool("rabbitmqctl", "add_user", _USER, _PASSWORD)
        started[0].run_tool("rabbitmqctl", "set_permissions", _USER, ".*", ".*", ".*")
        yield [
            servers.settings.model_copy(
                update={
                    "broker_port": node.member.plan.ports.mqtt,
                    "broker_parts_port": node.member.plan.ports.mqtt_parts,
                    "broker_amqp_port": node.member.plan.ports.amqp,
                    "broker_parts": whole.parts,
                    "broker_password": whole.secrets.broker,
                    "worker": f"machine-{node.member.machine.number}",
                }
            )
            for node in started
        ]


def _start(stack: ExitStack, whole: Plan, number: int, nodes: int, root: Path) -> BrokerNode:
    """A node whose ports on the loopback address are its own; a lone one has no others."""
    own = {name: free_port() for name in ("amqp", "mqtt", "mqtt_parts", "management", "epmd")}
    machine = whole.machines[number - 1]
    update: dict[str, object] = {"ports": whole.ports.model_copy(update=own)}
    if nodes == 1:
        update["machines"] = (machine,)
    folder = open_folder(root / str(number), server_account())
    member = Member(plan=whole.model_copy(update=update), machine=machine, folder=folder)
    node = BrokerNode(member=member, scripts=find_scripts())
    node.create()
    process = node.start()
    stack.callback(process.wait)
    stack.callback(process.kill)
    return node


def _run(servers: Ground, machines: Sequence[Settings], messages: int) -> dict[str, Any]:
    """Publish to all machines while each of them stores its share."""
    url = servers.settings.database_url
    queries.clear(url)
    with ExitStack() as stack:
        for settings in machines:
            stack.enter_context(_ingest(servers, settings))
        load = Load(messages=messages, rows=4, base=int(time.time()) - 20 * 86_400)
        publishers = [
            _publish(settings, load, index, len(machines))
            for index, settings in enumerate(machines)
        ]
        expected = messages * load.rows
        before, began = _processor_seconds(), time.monotonic()
        for publisher in publishers:
            assert publisher.stdin  # noqa: S101  it is a pipe
            publisher.stdin.write("go\n")
            publisher.stdin.flush()
        stored, moved = 0, began
        while stored < expected and time.monotonic() - moved < _QUIET:
            time.sleep(0.05)
            count = queries.readings(url)
            stored, moved = count, (time.monotonic() if count != stored else moved)
        seconds = moved - began
        after = _processor_seconds()
        for publisher in publishers:
            publisher.communicate(timeout=60)
    cost = {name: (after[name] - before[name]) * 100_000 / max(stored, 1) for name in _PROGRAMS}
    return {"readings_s": round(stored / seconds), "lost": expected - stored, "cost": cost}


@contextmanager
def _ingest(servers: Ground, settings: Settings) -> Iterator[None]:
    """`hypervisor ingest` of a machine, once it receives."""
    log = servers.folder / f"{settings.worker}.log"
    names = ("broker_amqp_port", "broker_parts", "broker_parts_port")
    more = {
        f"HYPERVISOR_{name.upper()}": str(getattr(settings, name))
        for name in names
        if getattr(settings, name) is not None
    }

    def is_ready() -> bool:
        text = log.read_text()
        return (
            "receiving part" in text
            if settings.broker_amqp_port
            else "our queue" in text or ("no queue for us" in text)
        )

    with run_part(settings, "ingest", log, ready=is_ready, **more):
        time.sleep(1.0)
        yield


def _publish(
    settings: Settings, load: Load, machine: int, machines: int
) -> "subprocess.Popen[str]":
    """The devices of a machine with their messages encoded, which wait for a word."""
    order: Mapping[str, object] = {
        "load": asdict(load),
        "address": [LOOPBACK, settings.broker_port],
        "user": _USER if settings.broker_amqp_port else None,
        "password": _PASSWORD,
        "machine": machine,
        "machines": machines,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.devices"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stdin  # noqa: S101  they are pipes
    assert process.stdout  # noqa: S101
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    if process.stdout.readline().strip() != "ready":
        raise BenchError("the devices do not start")
    return process


def _processor_seconds() -> dict[str, float]:
    """What our programs have used so far, those that have ended below them included."""
    used = dict.fromkeys(_PROGRAMS, 0.0)
    for pid in descendants(os.getpid()):
        words = command_line(pid)
        named = [each for each in _PROGRAMS if any(word.endswith(each) for word in words)]
        program = named[0] if named else "postgres"  # whose processes give themselves titles
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used[program] += sum(map(int, fields[11:15])) / _TICKS
    return used
