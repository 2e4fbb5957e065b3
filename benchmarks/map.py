"""The map in a browser with software rendering: first picture, long tasks by phase."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, Any

import uvicorn

from benchmarks import crowd
from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles, queries_sessions, secrets
from hypervisor.access.identity import cookie_name
from hypervisor.app.application import create_app
from hypervisor.base.duties import Role
from hypervisor.base.settings import Settings
from hypervisor.bench.servers import Ground
from hypervisor.broker.ports import LOOPBACK, free_port
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.feeds.communes import read_recorded
from hypervisor.geography import queries
from sensors._domain import catalogue
from sensors._errors import TerritoryError

if TYPE_CHECKING:
    from playwright.sync_api import Page

BOUND_MS = 200  # limit for a task
_LONG_MS = 50  # what browsers call a long task
NOW = datetime(2026, 1, 5, 6, 2, tzinfo=UTC)
_SETTLED = 700  # ms to wait after each phase
_WATCH = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.longTasks.push([one.startTime, one.duration]);
}).observe({type: 'longtask', buffered: true});
"""
# From the request of the page, without anything cached.
_TIMES = """
() => ({
  first_picture_ms: Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime),
  movable_ms: Math.round(performance.getEntriesByName('map-ready')[0].startTime),
})
"""
_SOFTWARE = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)


class MapBenchError(TerritoryError):
    """There is no browser, or the map did not load."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of sites and size of the window in px."""

    sites: int = 5_000
    width: int = 1440
    height: int = 900


def measure(
    place: Ground, plan: Plan, tick: Callable[[str, int, int], None], *, tries: int = 1
) -> dict[str, Any]:
    """The longest task and the number of long ones, on loading and on each interaction.

    The best of `tries` counts, since other load on the machine delays rendering.
    """
    tick("making a territory", 0, 0)
    with connect(place.settings.database_url) as connection:
        crowd.register(connection, plan.sites, NOW)
        _store_outlines(connection)
        cookie = sign_in(connection)
    rounds: list[tuple[int, dict[str, list[int]]]] = []
    times: list[dict[str, int]] = []
    with serve(place.settings.database_url) as base:
        for _each in range(tries):
            with _page(plan) as page:
                page.context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": base}])
                rounds.append(_trace(page, base, tick))
                times.append(page.evaluate(_TIMES))
    cpu, phases = min(rounds, key=lambda entry: max(map(_longest, entry[1].values())))
    every = [task for phase in phases.values() for task in phase]
    return {
        "bench": "map",
        "sites": plan.sites,
        "tasks_over_50_ms": sum(task > _LONG_MS for task in every),
        f"tasks_over_{BOUND_MS}_ms": sum(task > BOUND_MS for task in every),
        "longest_ms": _longest(every),
        "longest_cpu_ms": cpu,
        **{name: min(each[name] for each in times) for name in times[0]},
        "load_average": round(os.getloadavg()[0], 1),
        **{f"{name}_longest_ms": _longest(tasks) for name, tasks in phases.items()},
    }


def _store_outlines(connection: Connection) -> None:
    """Those of the Essonne, for as many communes."""
    recorded = [commune.outline for commune in read_recorded("91") if commune.outline]
    codes = queries.list_commune_codes(connection)
    outlines = dict(zip(codes, recorded, strict=False))
    queries.store_outlines(connection, outlines, source="bench")
    connection.commit()


def _longest(tasks: list[int]) -> int:
    return max(tasks, default=0)


def _trace(
    page: "Page", base: str, tick: Callable[[str, int, int], None]
) -> tuple[int, dict[str, list[int]]]:
    """(CPU time of the longest task in ms, long tasks by phase).

    Long tasks include waiting for the processor, CPU time does not.
    """
    browser = page.context.browser
    if browser is None:
        raise MapBenchError("the page has no browser")
    browser.start_tracing(page=page, categories=["disabled-by-default-devtools.timeline"])
    phases = dict(_phases(page, base, tick))
    events = json.loads(browser.stop_tracing())["traceEvents"]
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    took = [
        event.get("tdur", 0) / 1_000
        for event in events
        if event.get("name", "").endswith("RunTask") and (event["pid"], event["tid"]) in threads
    ]
    return round(max(took, default=0)), phases


def sign_in(connection: Connection) -> tuple[str, str]:
    """Sign an administrator in: name and value of the session cookie."""
    instance = instance_store.read(connection)
    if instance is None:
        raise MapBenchError("the benchmark's database is not an instance")
    number = access_queries.insert_account(
        connection, name="bench", title="Bench", password=None, language="en"
    )
    queries_roles.replace_roles(connection, number, [(Role.ADMINISTRATOR, None)])
    secret = secrets.generate_session()
    queries_sessions.insert_session(
        connection,
        queries_sessions.Session(
            secret=secrets.digest(secret),
            account=number,
            created_at=NOW,
            seen_at=NOW,
            ends_at=NOW + timedelta(days=1),
            address="bench",
            browser="bench",
        ),
    )
    connection.commit()
    return cookie_name(instance, secure=False), secret


@contextmanager
def serve(url: str) -> Iterator[str]:
    port = free_port()
    app = create_app(Settings(database_url=url), catalogue(), lambda: NOW)
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = Thread(target=running.run)
    thread.start()
    while not running.started:
        sleep(0.01)
    try:
        yield f"http://{LOOPBACK}:{port}"
    finally:
        running.should_exit = True
        thread.join()


@contextmanager
def _page(plan: Plan) -> "Iterator[Page]":
    """A page of a browser without hardware rendering."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  a developer's tool
    except ImportError as error:
        raise MapBenchError("playwright is not installed: `make setup` does (group dev)") from error
    program = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell")
    if program is None:
        raise MapBenchError("not installed: chromium-headless-shell, on PATH or in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_SOFTWARE))
        try:
            context = browser.new_context(viewport={"width": plan.width, "height": plan.height})
            context.add_init_script(_WATCH)
            context.add_init_script("localStorage.setItem('hypervisor-hint-seen', '1')")
            yield context.new_page()
        finally:
            browser.close()


def _phases(
    page: "Page", base: str, tick: Callable[[str, int, int], None]
) -> Iterator[tuple[str, list[int]]]:
    """(name, long tasks in ms) of each phase."""
    steps: list[tuple[str, Callable[[], object]]] = [
        ("load", lambda: _load(page, base)),
        ("pan", lambda: _drag(page)),
        ("zoom_in", lambda: _press(page, "in", 4)),
        ("zoom_out", lambda: _press(page, "out", 5)),
        ("filter", lambda: page.click("[data-domain=flood]")),
        ("unfilter", lambda: page.click("[data-domain=flood]")),
        ("alarms", lambda: _dispatch_alarm(page)),
        ("layers", lambda: page.click("[data-layer=communes]")),
        ("card", lambda: page.click("#view-list li[data-name] a")),
    ]
    for number, (name, do) in enumerate(steps):
        tick(name, number, len(steps))
        do()
        page.wait_for_timeout(_SETTLED)
        tasks = page.evaluate("() => window.longTasks.splice(0).map((one) => Math.round(one[1]))")
        yield name, tasks


def _load(page: "Page", base: str) -> None:
    page.goto(f"{base}/map")
    page.wait_for_selector("#map[data-ready]", timeout=60_000)


def _press(page: "Page", which: str, times: int) -> None:
    for _each in range(times):
        page.click(f"[data-zoom={which}]")
        page.wait_for_timeout(400)


def _drag(page: "Page") -> None:
    box = page.locator("#map").bounding_box()
    if box is None:
        raise MapBenchError("the map is not on the page")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(x - 12 * step, y + 6 * step)
    page.mouse.up()


def _dispatch_alarm(page: "Page") -> None:
    page.evaluate("document.dispatchEvent(new CustomEvent('hypervisor:alarm', {detail: []}))")
    page.wait_for_timeout(1_000)
