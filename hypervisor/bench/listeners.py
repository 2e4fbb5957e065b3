"""`hypervisor bench listeners`: what a web process costs whose events many listen to.

Readings flow through a real broker, ingest and watch beside it, and alarms come and go.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from hypervisor.bench import latency
from hypervisor.bench.ingest import BenchError
from hypervisor.bench.servers import Ground
from hypervisor.bench.web import token, web
from hypervisor.broker.ports import LOOPBACK, free_port

_PATIENCE = 90.0  # s
_SETTLE = 2.0  # s that the last events may take
_HERTZ = os.sysconf("SC_CLK_TCK")
Tick = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """So many listen, while `rate` messages a second come for so long."""

    listeners: int = 200
    rate: int = 500
    seconds: float = 20.0


@dataclass(kw_only=True)
class _Ears:
    """What all of them heard: events of alarms and all events, each; and when the first came."""

    alarms: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    begun: int = 0
    first: float = 0.0
    last: float = 0.0


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Cores that the web process took, from the first alarm that was heard to the last."""
    secret = token(ground.settings)
    port = free_port()
    with web(ground.settings, port, ground.folder / "listeners.web") as process:
        tick(f"{plan.listeners} begin to listen", 0, 3)
        ears = _Ears()
        with _listening(port, secret, plan.listeners, ears), _clocked(process.pid) as used:
            flow = latency.Plan(rate=plan.rate, sites=plan.rate, seconds=plan.seconds)
            delays = latency.measure(ground, flow, tick)
            time.sleep(_SETTLE)
    if not min(ears.alarms):
        raise BenchError("somebody listened and heard no alarm")
    return {
        "bench": "listeners",
        "listeners": plan.listeners,
        "messages_s": plan.rate,
        "alarms": delays["alarms"],
        "events_heard": sum(ears.events),
        "alarm_events_heard_by_each": min(ears.alarms),
        "listeners_that_heard_fewer": sum(alarm < max(ears.alarms) for alarm in ears.alarms),
        "web_cores": round(_cores(used, ears.first, ears.last), 3),
        "alarm_stored_p99_ms": delays["p99_ms"],
    }


@contextmanager
def _listening(port: int, token: str, listeners: int, ears: _Ears) -> Iterator[None]:
    """All of them, in a thread of their own, once each was told where it begins."""
    over = Event()
    ears.alarms, ears.events = [0] * listeners, [0] * listeners
    thread = Thread(target=lambda: asyncio.run(_listen(port, token, ears, over)))
    thread.start()
    try:
        since = time.monotonic()
        while ears.begun < listeners:
            if time.monotonic() - since > _PATIENCE or not thread.is_alive():
                raise BenchError(f"{ears.begun} of {listeners} could listen")
            time.sleep(0.1)
        yield
    finally:
        over.set()
        thread.join()


async def _listen(port: int, token: str, ears: _Ears, over: Event) -> None:
    tasks = [
        asyncio.create_task(_listen_once(port, token, ears, n)) for n in range(len(ears.alarms))
    ]
    await asyncio.to_thread(over.wait)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _listen_once(port: int, token: str, ears: _Ears, number: int) -> None:
    reader, writer = await _reached(port)
    writer.write(
        b"GET /api/v1/events HTTP/1.1\r\nHost: bench\r\n"
        + f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    begun = False
    while line := await reader.readline():
        if line.startswith(b"id:") and not begun:
            begun = True
            ears.begun += 1
        elif line.startswith(b"event:"):
            ears.events[number] += 1
            if line == b"event: alarm\n":
                ears.alarms[number] += 1
                ears.last = time.monotonic()
                ears.first = ears.first or ears.last
    writer.close()


async def _reached(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, once the web process takes them."""
    since = time.monotonic()
    while True:
        try:
            return await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            if time.monotonic() - since > _PATIENCE:
                raise
            await asyncio.sleep(0.2)


@contextmanager
def _clocked(pid: int) -> Iterator[list[tuple[float, float]]]:
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
        raise BenchError("the alarms came too close together to measure anything between them")
    (begun, before), (ended, after) = inside[0], inside[-1]
    return (after - before) / (ended - begun)
