"""`hypervisor bench latency`: from a device's publication to the alarm that is stored for it.

A real broker, ingest and watch, each a process of its own. The database itself tells
when an alarm was stored: the time of its commit.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
from hypervisor.database.connect import connect
from sensors._domain import catalogue

SERVER = {"track_commit_timestamp": "on"}  # so that the database keeps the times of commits
_AHEAD = 2.0  # s between encoding and publishing
_WARM = 2.0  # s whose alarms do not count
_PATIENCE = 60.0
_MILLISECOND = 1_000  # µs


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`rate` messages a second from all sites; every `trigger`-th raises or ends an alarm."""

    sites: int = 1_000
    rate: int = 1_000
    seconds: float = 20.0
    trigger: int = 20


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Percentiles of the time from publication to the commit of the alarm."""
    settings = ground.settings
    words = catalogue()
    places = territory.places(plan.sites, words)
    with connect(settings.database_url) as connection:
        territory.register(connection, places, words)
    tick("starting ingest and watch", 0, 3)
    log = ground.folder / "latency"
    ingest = run_part(
        settings,
        "ingest",
        log.with_suffix(".ingest"),
        ready=lambda: queries.listening(settings.database_url),
    )
    with ingest, watch(settings, log.with_suffix(".watch")):
        messages = _messages(plan, places, time.time() + _AHEAD)
        tick(f"publishing {plan.rate:,} messages a second", 1, 3)
        session = Session(
            settings.broker_host, settings.broker_port, "player", settings.player_password
        )
        time.sleep(max(0.0, messages.begins - time.time()))
        wall = time.time() - time.monotonic()
        sent = publish(session, messages.packets, plan.rate) + wall
        tick("waiting for the last alarm", 2, 3)
        stored = _await(settings, messages.raising)
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
    }


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
    quiet = [place for place in places if TRIGGER not in place.values]
    packets: list[bytes] = []
    raising: dict[tuple[str, int], int] = {}
    rows, turns, on = 0, [0, 0], dict.fromkeys((place.name for place in leaking), False)
    for number in range(int(plan.rate * plan.seconds)):
        kind = number % plan.trigger == 0
        group = leaking if kind else quiet
        place = group[turns[kind] % len(group)]
        turns[kind] += 1
        at = micros(datetime.fromtimestamp(begins, UTC)) + number * 1_000_000 // plan.rate
        at -= at % _MILLISECOND
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
