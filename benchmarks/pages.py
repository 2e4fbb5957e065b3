"""Time to the first byte of each page of the console, with many sites."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from benchmarks import crowd
from benchmarks.map import NOW, serve, sign_in
from hypervisor.bench.servers import Ground
from hypervisor.database.connect import connect

_PAGES = (
    *("/now", "/alarms", "/map", "/sites", "/rules", "/exercises", "/log", "/handover"),
    *("/quality", "/load", "/report", "/wall", "/admin/inventory", "/admin/inventory/list/site"),
)
_SITE = re.compile(r'href="(/sites/[^"/?#]+)"')


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of sites, and how often each page is fetched."""

    sites: int = 5_000
    tries: int = 5


def measure(place: Ground, plan: Plan, tick: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Median ms to the first byte by page, after one fetch to warm up; a site's page is one too."""
    tick("making a territory", 0, 0)
    with connect(place.settings.database_url) as connection:
        crowd.register(connection, plan.sites, NOW)
        name, secret = sign_in(connection)
    with serve(place.settings.database_url) as base, httpx.Client(base_url=base) as client:
        client.cookies.set(name, secret)
        sites = _SITE.findall(client.get("/sites").raise_for_status().text)
        paths = (*_PAGES, sites[0])
        took = {}
        for number, path in enumerate(paths):
            tick(path, number, len(paths))
            _time_first_byte(client, path)
            took[path] = median(_time_first_byte(client, path) for _ in range(plan.tries))
    return {
        "bench": "pages",
        "sites": plan.sites,
        "load_average": round(os.getloadavg()[0], 1),
        "slowest_ms": round(max(took.values())),
        **{f"{path}_ms": round(ms) for path, ms in took.items()},
    }


def _time_first_byte(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    with client.stream("GET", path) as answer:
        answer.raise_for_status()
        next(answer.iter_raw())
        return (time.perf_counter() - began) * 1000
