"""`hypervisor bench latency`: from a device's publication to the alarm that is stored for it.

A real broker, ingest and watch, each a process of its own. The database itself tells
when an alarm was stored: the time of its commit.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings
from hypervisor.bench import queries, territory
from hypervisor.bench.ingest import watch
from hypervisor.bench.load import encoded
from hypervisor.bench.publisher import Session, publish
from hypervisor.bench.servers import BenchError, Ground, Tick, run_part
from hypervisor.bench.territory import RULE, TRIGGER, Place
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.readings import queries as reading_queries
from hypervisor.registry import queries as registry_queries
from sensors._domain import catalogue
from sensors._row import ROW

SERVER = {"track_commit_timestamp": "on"}  # so that the database keeps the times of commits
_AHEAD = 2.0  # s between encoding and publishing
_WARM = 2.0  # s whose alarms do not count
_PATIENCE = 60.0
_MILLISECOND, _SECOND = 1_000, 1_000_000  # µs
_PAST, _APART = 34 * 3_600, 600  # s


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`rate` messages a second from all sites; every `trigger`-th raises or ends an alarm.

    Beside them `late` messages a second of `catching_up` sites, which send what they measured 34
    hours ago, between readings that are stored already.
    """

    sites: int = 1_000
    rate: int = 1_000
    seconds: float = 20.0
    trigger: int = 20
    late: int = 0
    catching_up: int = 200

    @property
    def sent(self) -> int:
        """Messages a second, late ones included."""
        return self.rate + self.late


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Percentiles of the time from publication to the commit of the alarm."""
    settings = ground.settings
    words = catalogue()
    places = territory.places(plan.sites, words)
    with connect(settings.database_url) as connection:
        territory.register(connection, places, words)
        if plan.late:
            _store_past(connection, _quiet(places)[: plan.catching_up])
    tick("starting ingest and watch", 0, 3)
    log = ground.folder / "latency"
    ingest = run_part(
        settings,
        "ingest",
        log.with_suffix(".ingest"),
        ready=lambda: queries.listening(settings.database_url),
    )
    with ingest, watch(settings, log.with_suffix(".watch")) as evaluation:
        messages = _messages(plan, places, time.time() + _AHEAD)
        tick(f"publishing {plan.rate:,} messages a second", 1, 3)
        session = Session(
            settings.broker_host, settings.broker_port, "player", settings.player_password
        )
        time.sleep(max(0.0, messages.begins - time.time()))
        wall = time.time() - time.monotonic()
        sent = publish(session, messages.packets, plan.sent) + wall
        tick("waiting for the last alarm", 2, 3)
        stored = _await(settings, messages.raising)
        memory = _read_peak_memory(evaluation.pid)
    delays = [
        (stored[key] - sent[number]) * 1e3
        for key, number in messages.raising.items()
        if key in stored and sent[number] >= sent[0] + _WARM
    ]
    if not delays:
        raise BenchError(f"no alarm was stored: {log.with_suffix('.watch').read_text()[-1000:]}")
    missing = len(messages.raising.keys() - stored.keys())
    if missing:  # the slowest of all: without them the percentiles would look good
        raise BenchError(
            f"{missing} of {len(messages.raising)} alarms were not stored within {_PATIENCE:g} s:"
            f" {log.with_suffix('.watch').read_text()[-1000:]}"
        )
    p50, p99 = np.percentile(delays, [50, 99])
    return {
        "bench": "latency",
        "messages_s": plan.rate,
        "rows_s": round(messages.rows / plan.seconds),
        "sites": plan.sites,
        "alarms": len(stored),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "most_ms": round(float(max(delays)), 1),
        "late_messages_s": plan.late,
        "evaluation_peak_mb": memory,
    }


def _store_past(connection: Connection, places: Sequence[Place]) -> None:
    """34 hours of readings, ten minutes apart."""
    numbers = {k: each.id or 0 for k, each in registry_queries.load(connection).series.items()}
    reading_queries.create_staging_tables(connection)
    began = int(time.time()) - _PAST - _APART
    for at in range(began, began + _PAST, _APART):
        stamp = at * _SECOND
        rows = [
            (numbers[place.name, name], stamp, stamp, _shown(value, at // _APART), 0)
            for place in places
            for name, value in place.values.items()
        ]
        standing = reading_queries.store(connection, np.array(rows, dtype=ROW))
        feed.append(connection, "readings", rows=standing.tobytes())
    connection.commit()


def _read_peak_memory(process: int) -> int:
    """The most memory that a process had, in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


@dataclass(frozen=True, kw_only=True)
class _Messages:
    """What is published from `begins` (s) on; which messages raise: (subject, µs) -> number."""

    begins: float
    packets: list[bytes]
    raising: dict[tuple[str, int], int]
    rows: int


def _messages(plan: Plan, places: Sequence[Place], begins: float) -> _Messages:
    """Sites publish by turns; every `trigger`-th message begins or ends a leakage."""
    leaking = [place for place in places if TRIGGER in place.values]
    quiet = _quiet(places)
    packets: list[bytes] = []
    raising: dict[tuple[str, int], int] = {}
    rows, turns, on = 0, [0, 0], dict.fromkeys((place.name for place in leaking), False)
    catching_up, late = 0, np.random.default_rng(0)
    for number in range(int(plan.sent * plan.seconds)):
        at = micros(datetime.fromtimestamp(begins, UTC)) + number * _SECOND // plan.sent
        at -= at % _MILLISECOND
        is_late = number * plan.late // plan.sent > catching_up
        if is_late:
            place = quiet[catching_up % plan.catching_up]
            catching_up += 1
            at -= _PAST * _SECOND - int(late.integers(0, 7_200)) * _SECOND
            values = {name: _shown(value, number) for name, value in place.values.items()}
            payload = _payload(at, values, place.states)
            packets.append(encoded(f"devices/{place.name}/readings", payload, number))
            rows += len(values)
            continue
        lively = number - catching_up
        kind = lively % plan.trigger == 0
        group = leaking if kind else quiet
        place = group[turns[kind] % len(group)]
        turns[kind] += 1
        values = dict(place.values)
        if kind:
            on[place.name] = not on[place.name]
            values[TRIGGER] = float(on[place.name])
            if on[place.name]:
                raising[place.name, at] = number
        else:
            values = {name: _shown(value, number) for name, value in values.items()}
        payload = _payload(at, values, place.states)
        packets.append(encoded(f"devices/{place.name}/readings", payload, number))
        rows += len(values)
    return _Messages(begins=begins, packets=packets, raising=raising, rows=rows)


def _quiet(places: Sequence[Place]) -> list[Place]:
    """The places that raise no alarm here."""
    return [place for place in places if TRIGGER not in place.values]


def _shown(value: float, number: int) -> float:
    """The value with some noise."""
    return value * (1 + number % 97 / 1e4) if value > 1 else value


def _payload(at: int, values: dict[str, float], states: frozenset[str]) -> bytes:
    seconds, rest = divmod(at, 1_000_000)
    clock = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1_000:03d}Z"
    fields = ",".join(
        f'"{name}":{"true" if value else "false"}' if name in states else f'"{name}":{value:.3f}'
        for name, value in values.items()
    )
    return f'{{"time":"{clock}","values":{{{fields}}}}}'.encode()


def _await(settings: Settings, raising: dict[tuple[str, int], int]) -> dict[tuple[str, int], float]:
    """The alarms stored, once all are, or no more come."""
    since = time.monotonic()
    while True:
        stored = queries.stored_alarms(settings.database_url, RULE)
        if raising.keys() <= stored.keys() or time.monotonic() - since > _PATIENCE:
            return stored
        time.sleep(0.5)
