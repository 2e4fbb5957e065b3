"""CPU of the web process while many clients listen to events.

Readings flow through a real broker, ingest and watch beside it, and alarms come and go.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from benchmarks.web import add_token, run_web
from hypervisor.bench import latency
from hypervisor.bench.servers import BenchError, Ground, Tick
from hypervisor.broker.ports import LOOPBACK, free_port

_PATIENCE = 90.0  # s
_SETTLE = 2.0  # s for the last events to arrive
_HERTZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of listeners; messages per second; duration in s."""

    listeners: int = 200
    rate: int = 500
    seconds: float = 20.0


@dataclass(kw_only=True)
class _Received:
    """Events received by each listener: of alarms, and all; times of the first and last alarm."""

    alarms: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    begun: int = 0
    first: float = 0.0
    last: float = 0.0


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Cores used by the web process between the first and the last alarm event."""
    secret = add_token(ground.settings)
    port = free_port()
    with run_web(ground.settings, port, ground.folder / "listeners.web") as process:
        tick(f"{plan.listeners} listeners connect", 0, 3)
        received = _Received()
        with _listening(port, secret, plan.listeners, received), _sample_cpu(process.pid) as used:
            flow = latency.Plan(rate=plan.rate, sites=plan.rate, seconds=plan.seconds)
            delays = latency.measure(ground, flow, tick)
            time.sleep(_SETTLE)
    if not min(received.alarms):
        raise BenchError("a listener received no alarm")
    return {
        "bench": "listeners",
        "listeners": plan.listeners,
        "messages_s": plan.rate,
        "alarms": delays["alarms"],
        "events_heard": sum(received.events),
        "alarm_events_heard_by_each": min(received.alarms),
        "listeners_that_heard_fewer": sum(
            alarm < max(received.alarms) for alarm in received.alarms
        ),
        "web_cores": round(_cores(used, received.first, received.last), 3),
        "alarm_stored_p99_ms": delays["p99_ms"],
    }


@contextmanager
def _listening(port: int, token: str, listeners: int, received: _Received) -> Iterator[None]:
    """All listeners in a thread, once each is connected."""
    over = Event()
    received.alarms, received.events = [0] * listeners, [0] * listeners
    thread = Thread(target=lambda: asyncio.run(_listen(port, token, received, over)))
    thread.start()
    try:
        since = time.monotonic()
        while received.begun < listeners:
            if time.monotonic() - since > _PATIENCE or not thread.is_alive():
                raise BenchError(f"{received.begun} of {listeners} are connected")
            time.sleep(0.1)
        yield
    finally:
        over.set()
        thread.join()


async def _listen(port: int, token: str, received: _Received, over: Event) -> None:
    tasks = [
        asyncio.create_task(_listen_once(port, token, received, n))
        for n in range(len(received.alarms))
    ]
    await asyncio.to_thread(over.wait)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _listen_once(port: int, token: str, received: _Received, number: int) -> None:
    reader, writer = await _connect(port)
    writer.write(
        b"GET /api/v1/events HTTP/1.1\r\nHost: bench\r\n"
        + f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    begun = False
    while line := await reader.readline():
        if line.startswith(b"id:") and not begun:
            begun = True
            received.begun += 1
        elif line.startswith(b"event:"):
            received.events[number] += 1
            if line == b"event: alarm\n":
                received.alarms[number] += 1
                received.last = time.monotonic()
                received.first = received.first or received.last
    writer.close()


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect once the web process accepts."""
    since = time.monotonic()
    while True:
        try:
            return await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            if time.monotonic() - since > _PATIENCE:
                raise
            await asyncio.sleep(0.2)


@contextmanager
def _sample_cpu(pid: int) -> Iterator[list[tuple[float, float]]]:
    """(when, s of processor until then) of a process, every quarter of a second."""
    responses: list[tuple[float, float]] = []
    over = Event()

    def look() -> None:
        while not over.wait(0.25):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            responses.append((time.monotonic(), (int(fields[11]) + int(fields[12])) / _HERTZ))

    thread = Thread(target=look)
    thread.start()
    try:
        yield responses
    finally:
        over.set()
        thread.join()


def _cores(used: list[tuple[float, float]], first: float, last: float) -> float:
    inside = [sample for sample in used if first <= sample[0] <= last]
    if len(inside) < 2:
        raise BenchError("too little time between the first and the last alarm to measure")
    (begun, before), (ended, after) = inside[0], inside[-1]
    return (after - before) / (ended - begun)
