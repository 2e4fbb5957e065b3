"""Readings a second through mosquitto and through RabbitMQ, and what each program costs.

A hundred devices, each with its own connection, publish while ingest stores, as fast as both can.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.stations import KINDS, PASSWORD, USER, Kind, Station
from hypervisor.bench import queries
from hypervisor.bench.load import Load
from hypervisor.bench.servers import BenchError, Ground, clean_environment, ground, run_part
from hypervisor.broker.child import command_line, descendants
from hypervisor.database.connect import Connection, connect

_QUIET = 30.0  # s without a new reading that end a run
_STILL = 0.5  # s without one after which they are counted
_TICKS = os.sysconf("SC_CLK_TCK")
_DEVICES = "benchmarks.devices"
_PROGRAMS = {
    "mosquitto": "mosquitto",
    "beam.smp": "RabbitMQ",
    "ingest": "ingest",
    "etcd": "etcd",
    "patroni_start.py": "Patroni",
    _DEVICES: "devices",
}
# Processor seconds by machine ("1", or "" for none) and program.
Cost = Mapping[tuple[str, str], float]


@dataclass(frozen=True, kw_only=True)
class PartsPlan:
    """`messages` of four readings in a run; `rounds`: runs of each kind."""

    messages: int = 40_000
    rounds: int = 3
    kinds: tuple[Kind, ...] = tuple(KINDS)


def measure(plan: PartsPlan, tick: Callable[[str, int, int], object]) -> dict[str, Any]:
    """By kind: readings a second, and processor seconds for 100,000 readings.

    The first run of a kind warms it up and does not count.
    """
    results: dict[str, Any] = {}
    for place, kind in enumerate(plan.kinds):
        with _servers() as servers, KINDS[kind](servers) as stations:
            runs = []
            for number in range(plan.rounds + 1):
                tick(kind, place * (plan.rounds + 1) + number, len(plan.kinds) * (plan.rounds + 1))
                runs.append(_run(servers, stations, plan.messages))
        results[kind] = _summarise(runs[1:])
    return results


@contextmanager
def _servers() -> Iterator[Ground]:
    """The database can also be reached by a socket, from every network namespace."""
    with ground(unix_socket_directories=".") as servers:
        yield servers


def _summarise(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    programs = defaultdict[str, float](float)
    machines = defaultdict[str, dict[str, float]](dict)
    for key in sorted(set().union(*(run["cost"] for run in runs))):
        machine, program = key
        seconds = statistics.mean(run["cost"].get(key, 0.0) for run in runs)
        programs[program] += seconds
        if machine:
            machines[machine][program] = round(seconds, 2)
    return {
        "load": round(os.getloadavg()[0], 1),
        "readings_s": [run["readings_s"] for run in runs],
        "median": statistics.median(run["readings_s"] for run in runs),
        "lost": sum(run["lost"] for run in runs),
        "processor_s": {name: round(seconds, 2) for name, seconds in sorted(programs.items())},
        "by_machine_s": dict(machines),
    }


def _run(servers: Ground, stations: Sequence[Station], messages: int) -> dict[str, Any]:
    """Publish at all stations while each of them stores its share."""
    here = stations[0]
    load = Load(messages=messages, rows=4, base=int(time.time()) - 20 * 86_400)
    expected = messages * load.rows
    with ExitStack() as stack:
        stack.enter_context(here.inside())
        queries.clear(here.settings.database_url)
        for station in stations:
            stack.enter_context(_ingest(servers, station))
        publishers = [
            _publish(station, load, place, len(stations)) for place, station in enumerate(stations)
        ]
        connection = stack.enter_context(connect(here.settings.database_url, autocommit=True))
        before, began = _processor_seconds(stations), time.monotonic()
        for publisher in publishers:
            assert publisher.stdin  # noqa: S101  it is a pipe
            publisher.stdin.write("go\n")
            publisher.stdin.flush()
        ended, after, stored = began, before, 0
        while stored < expected and time.monotonic() - ended < _QUIET:
            ended = _await_stillness(connection)
            after = _processor_seconds(stations)
            stored = queries.readings(here.settings.database_url)
        for publisher in publishers:
            publisher.communicate(timeout=60)
    cost = {
        key: (seconds - before.get(key, 0.0)) * 100_000 / max(stored, 1)
        for key, seconds in after.items()
    }
    return {
        "readings_s": round(stored / (ended - began)),
        "lost": expected - stored,
        "cost": cost,
    }


def _await_stillness(connection: Connection) -> float:
    """When the last batch came (s, monotonic), once no other came for a while."""
    stored, moved = -1, time.monotonic()
    while time.monotonic() - moved < _STILL:
        time.sleep(0.02)
        row = connection.execute("SELECT sum(octet_length(rows)) FROM feed").fetchone()
        if row and row[0] != stored:
            stored, moved = row[0], time.monotonic()
    return moved


@contextmanager
def _ingest(servers: Ground, station: Station) -> Iterator[None]:
    """`hypervisor ingest` of a machine, once it receives."""
    settings = station.settings
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

    with ExitStack() as stack:
        with station.inside():
            stack.enter_context(run_part(settings, "ingest", log, ready=is_ready, **more))
        time.sleep(1.0)
        yield


def _publish(station: Station, load: Load, place: int, stations: int) -> "subprocess.Popen[str]":
    """The devices of a machine with their messages encoded, which wait for a word."""
    order: Mapping[str, object] = {
        "load": asdict(load),
        "address": [station.address, station.settings.broker_port],
        "user": USER if station.settings.broker_amqp_port else None,
        "password": PASSWORD,
        "machine": place,
        "machines": stations,
    }
    with station.from_outside():
        process = subprocess.Popen(
            [sys.executable, "-m", _DEVICES],
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


def _processor_seconds(stations: Sequence[Station]) -> Cost:
    """What our programs have used so far, those that have ended below them included."""
    places = {
        pid: str(station.machine.number)
        for station in stations
        if station.machine
        for pid in station.machine.pids()
    }
    used = defaultdict[tuple[str, str], float](float)
    for pid in {*descendants(os.getpid()), *places}:
        words = command_line(pid)
        named = [name for end, name in _PROGRAMS.items() if any(w.endswith(end) for w in words)]
        program = named[0] if named else "PostgreSQL"  # its processes give themselves titles
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used[places.get(pid, ""), program] += sum(map(int, fields[11:15])) / _TICKS
    return used
