"""A territory of gauges with years of readings, for measuring what is read back."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from hypervisor.base.instants import micros
from hypervisor.bench import queries, territory
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.model import Device
from sensors._row import ROW, Rows

FIRST = datetime(2024, 1, 4, tzinfo=UTC)  # where a chunk begins
STEP = 900  # s
_SECOND = 1_000_000
_WEEK = 7 * 86_400 // STEP  # readings
_LIMITS = {"attention": 2.5, "alert": 3.2, "danger": 4.0}


def name(number: int) -> str:
    return f"gauge-{number:04d}"


def register(connection: Connection, gauges: int) -> list[int]:
    """Sites with one gauge each; the numbers of their series, in order."""
    names = [name(number) for number in range(gauges)]
    facts = [
        territory.limit_fact(gauge, limit, value)
        for gauge in names
        for limit, value in _LIMITS.items()
    ]
    facts += [
        territory.make_fact("series", f"{gauge}/level", {"interval_s": STEP}) for gauge in names
    ]
    territory.write_territory(
        connection,
        dict.fromkeys(names, "flood"),
        [Device(name=gauge, site=gauge, commissioned=FIRST) for gauge in names],
        {gauge: ["level"] for gauge in names},
        revisions=tuple(facts),
    )
    series = registry_queries.load(connection).series
    return [series[gauge, "level"].id or 0 for gauge in names]


def fill(
    connection: Connection, series: list[int], days: int, tick: Callable[[int, int], None]
) -> int:
    """A reading every quarter of an hour, with some ten floods a year; how many in all."""
    rng = np.random.default_rng(4)
    steps = days * 86_400 // STEP
    stored = 0
    for first in range(0, steps, _WEEK):
        tick(first, steps)
        rows = _rows(rng, series, first, min(first + _WEEK, steps))
        queries.load(connection, rows)
        stored += len(rows)
    return stored


def _rows(rng: np.random.Generator, series: list[int], first: int, last: int) -> Rows:
    """A week of all: a low river, and where one floods a hump of a day or two."""
    at = np.arange(first, last)
    rows = np.empty((len(series), len(at)), dtype=ROW)
    rows["series"] = np.array(series, dtype=np.int32)[:, np.newaxis]
    rows["time"] = micros(FIRST) + at * STEP * _SECOND
    rows["received"] = rows["time"] + rng.integers(1, 90, rows.shape) * _SECOND
    rows["quality"] = 0
    base = 1.2 + 0.4 * np.sin(at / 6_000) + rng.normal(0, 0.01, rows.shape)
    floods = rng.random(len(series)) < 10 / 52
    peak = rng.uniform(0.6, 3.5, len(series)) * floods
    middle = rng.uniform(0.3, 0.7, len(series)) * len(at)
    hump = np.exp(-(((np.arange(len(at)) - middle[:, np.newaxis]) / 60) ** 2))
    rows["value"] = np.round(base + peak[:, np.newaxis] * hump, 2)
    return rows.reshape(-1)
