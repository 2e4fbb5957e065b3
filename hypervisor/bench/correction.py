"""`hypervisor bench correction`: a reading of long ago is corrected; until the log agrees."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from hypervisor.base.instance import Mode
from hypervisor.bench import rules, territory
from hypervisor.bench.servers import Ground, Tick
from hypervisor.bench.territory import Place
from hypervisor.database.connect import connect
from hypervisor.evaluation import pack_revisions as shipped_rules
from hypervisor.evaluation.batch import Setup
from hypervisor.evaluation.loop import LONGEST_STEP, load_frozen_memory
from hypervisor.readings import queries as reading_queries
from hypervisor.readings import queries_workers
from hypervisor.registry import queries as registry_queries
from rules._pack import packs as all_packs
from sensors._domain import catalogue
from sensors._row import ROW, Rows

_SECOND, _DAY = 1_000_000, 86_400
_EVERY = 600  # s between two readings
_AT_ONCE = 50_000  # rows committed together


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Sites, by turns of all domains, with `days` of readings; `corrections`, one after another."""

    sites: int = 11
    days: int = 365
    corrections: int = 20


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Seconds from the commit of a corrected first reading until nothing is left to evaluate."""
    words, url = catalogue(), ground.settings.database_url
    places = territory.places(plan.sites, words)
    with connect(url) as connection:
        territory.register(connection, places, words)
        shipped_rules.record_and_log(connection, all_packs(), now=None)
        queries_workers.join(connection, "bench")
    setup = Setup(
        catalogue=words,
        mode=Mode.LIVE,
        retention=2 * plan.days * _DAY * _SECOND,
        clock=lambda: datetime.now(UTC),
        longest=LONGEST_STEP,
    )
    with connect(url) as writer, connect(url, autocommit=True) as own:
        reading_queries.create_staging_tables(writer)
        numbers = {
            key: series.id or 0 for key, series in registry_queries.load(writer).series.items()
        }
        writer.commit()
        begins = (int(time.time()) - plan.days * _DAY) * _SECOND
        year = _store_year(plan, places, numbers, begins)
        memory = load_frozen_memory(own, setup)
        for first in range(0, len(year), _AT_ONCE):
            tick("storing and evaluating", first, len(year))
            rules.commit(writer, year[first : first + _AT_ONCE])
            list(rules.take_steps(own, memory, setup))
        seconds: list[float] = []
        steps: list[float] = []
        for turn in range(plan.corrections):
            tick("correcting", turn, plan.corrections)
            rows = year[year["series"] == year["series"][turn % plan.sites]][turn : turn + 1].copy()
            rows["value"] *= 4
            rows["received"] = int(time.time()) * _SECOND
            rules.commit(writer, rows)
            taken = [pause for pause, _ in rules.take_steps(own, memory, setup)]
            seconds.append(sum(taken))
            steps += taken
    return {
        "bench": "correction",
        "sites": plan.sites,
        "days": plan.days,
        "rows": len(year),
        "rules": sum(len(pack.rules) for pack in all_packs()),
        "median_s": round(float(np.median(seconds)), 3),
        "most_s": round(max(seconds), 3),
        "step_longest_ms": round(max(steps) * 1e3, 1),
    }


def _store_year(
    plan: Plan, places: Sequence[Place], numbers: dict[tuple[str, str], int], begins: int
) -> Rows:
    """All readings, by time: as calm as they can be, with some noise."""
    times = begins + np.arange(0, plan.days * _DAY, _EVERY, dtype=np.int64) * _SECOND
    rng = np.random.default_rng(0)
    parts = []
    for place in places:
        for name, value in place.values.items():
            rows = np.zeros(len(times), dtype=ROW)
            rows["series"] = numbers[place.name, name]
            rows["time"] = rows["received"] = times
            noise = rng.random(len(times)) / 100 if value > 1 else 0.0
            rows["value"] = value * (1 + noise)
            parts.append(rows)
    year = np.concatenate(parts)
    return year[np.argsort(year["time"], kind="stable")]
