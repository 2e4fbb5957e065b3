"""Time of a trial over HTTP: an edited threshold, evaluated over a year of readings."""

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import median
from typing import Any
from urllib.parse import urlencode

from benchmarks.web import add_token, run_web
from hypervisor.bench import gauges
from hypervisor.bench import queries as bench_queries
from hypervisor.bench.servers import BenchError, Ground, Tick
from hypervisor.broker.ports import LOOPBACK, free_port
from hypervisor.database.connect import connect
from hypervisor.evaluation import pack_revisions as shipped_rules
from rules._pack import packs as all_packs

_FULL = 4  # gauges that have readings
_PATIENCE = 60.0  # s


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of gauges, days of readings every quarter of an hour, and number of edits."""

    gauges: int = 1_000
    days: int = 365
    edits: int = 20


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Seconds from request to complete response: the first, then median and worst."""
    url = ground.settings.database_url
    with connect(url) as connection:
        series = gauges.register(connection, max(plan.gauges, _FULL))
        shipped_rules.record_and_log(connection, all_packs(), now=None)
    with connect(url, autocommit=True) as connection:
        gauges.fill(connection, series[:_FULL], plan.days, lambda *at: tick("storing", *at))
        bench_queries.settle(connection)
    port, secret = free_port(), add_token(ground.settings)
    took: list[float] = []
    readings = 0
    with run_web(ground.settings, port, ground.folder / "edit.web"):
        client = _connect(port)
        for number in range(plan.edits + 1):
            tick("moving a threshold", number, plan.edits)
            began = time.perf_counter()
            readings = _edit(client, secret, plan, number)
            took.append(time.perf_counter() - began)
        client.close()
    return {
        "bench": "edit",
        "gauges": plan.gauges,
        "readings": readings,
        "first_seconds": round(took[0], 3),
        "seconds": round(median(took[1:]), 3),
        "worst_seconds": round(max(took[1:]), 3),
    }


def _edit(client: HTTPConnection, secret: str, plan: Plan, number: int) -> int:
    """Edit a threshold; the number of readings evaluated."""
    query = urlencode(
        {
            "value": f"{2.6 + number / 50:.2f} m",
            "from": gauges.FIRST.isoformat(),
            "to": (gauges.FIRST + timedelta(days=plan.days)).isoformat(),
        }
    )
    client.request(
        "GET",
        f"/api/v1/trials/{gauges.name(number % _FULL)}/alert?{query}",
        headers={"Authorization": f"Bearer {secret}"},
    )
    answer = client.getresponse()
    body = answer.read()
    if answer.status != HTTPStatus.OK:
        raise BenchError(f"an edit failed with status {answer.status}: {body[:300].decode()}")
    return int(json.loads(body)["readings"])


def _connect(port: int) -> HTTPConnection:
    """Connect to the web process once it answers."""
    client = HTTPConnection(LOOPBACK, port, timeout=_PATIENCE)
    since = time.monotonic()
    while time.monotonic() - since < _PATIENCE:
        try:
            client.connect()
        except OSError:
            time.sleep(0.1)
        else:
            return client
    raise BenchError("the web process does not answer")
