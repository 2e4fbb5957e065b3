"""Time of SensorThings' answers: the latest value of each series, nested expansions."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from benchmarks.web import add_token, run_web
from hypervisor.bench import gauges, queries
from hypervisor.bench.servers import BenchError, Ground
from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK, free_port
from hypervisor.database.connect import connect

_LATEST = "Observations($top=1;$orderby=phenomenonTime desc)"
_OURS = "startswith(id,'gauge-')"  # the private server has silent devices, too
_LEVELS = "$filter=ObservedProperty/id eq 'level'"  # each device has a series of clock faults
_REQUESTS = {
    "latest": f"Datastreams?{_LEVELS} and {_OURS}&$expand={_LATEST}",
    "nested": f"Things?$filter={_OURS}&$expand=Locations,"
    f"Datastreams({_LEVELS};$expand=ObservedProperty,{_LATEST})",
    "page": f"Things?$filter={_OURS}&$expand=Datastreams({_LEVELS};$expand={_LATEST})",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of series, one a site; days of readings, every quarter of an hour."""

    series: int = 10_000
    days: int = 2
    tries: int = 5


def measure(place: Ground, plan: Plan, tick: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Median seconds of whole answers over HTTP: of all series at once, and of a page of 100."""
    tick("making a territory", 0, 0)
    with connect(place.settings.database_url) as connection:
        series = gauges.register(connection, plan.series)
        stored = gauges.fill(
            connection, series, plan.days, lambda *at: tick("writing readings", *at)
        )
        connection.commit()
    with connect(place.settings.database_url, autocommit=True) as connection:
        queries.settle(connection)
    headers = {"Authorization": f"Bearer {add_token(place.settings)}"}
    port, log = free_port(), place.folder / "web.log"
    base = f"http://{LOOPBACK}:{port}/sensorthings/v1.1/"
    result: dict[str, Any] = {}
    with (
        run_web(place.settings, port, log),
        httpx.Client(base_url=base, headers=headers, timeout=300) as client,
    ):
        if not wait_until(lambda: _answers(client), seconds=60):
            raise BenchError(f"the server does not come: {log.read_text()}")
        for number, (name, request) in enumerate(_REQUESTS.items()):
            tick(name, number, len(_REQUESTS))
            path = request if name == "page" else f"{request}&$top={plan.series}"
            size = _check(client, path, min(plan.series, 100 if name == "page" else plan.series))
            took = [_time(client, path) for _ in range(plan.tries)]
            result |= {f"{name}_seconds": round(median(took), 3), f"{name}_bytes": size}
    return {
        "bench": "sensorthings",
        "series": plan.series,
        "readings": stored,
        "load_average": round(os.getloadavg()[0], 1),
        **result,
    }


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("").is_success
    except httpx.HTTPError:
        return False


def _check(client: httpx.Client, path: str, expected: int) -> int:
    """The size of an answer; each of its entities has a latest value."""
    answer = client.get(path).raise_for_status()
    entities = answer.json()["value"]
    streams = [stream for each in entities for stream in each.get("Datastreams", [each])]
    if len(entities) != expected or not all(len(stream["Observations"]) == 1 for stream in streams):
        raise BenchError(f"{path}: {len(entities)} entities, not all with their latest value")
    return len(answer.content)


def _time(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    client.get(path).raise_for_status()
    return time.perf_counter() - began
