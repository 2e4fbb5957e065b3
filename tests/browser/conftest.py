"""The console in a real Chromium: on a flood half-way, and on an instance that has nothing yet."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.broker.child import stop, wait_until
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.stack.parts import interpreter_command, part_environment
from tests.browser import flooded
from tests.chromium import find_chromium
from tests.conftest import TEMPLATE, Stack
from tests.integration.web.served import cookie, server, session

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WALL = datetime(2026, 3, 3, 13, 37, tzinfo=UTC)
FLOODED = "browser_flooded"
PATIENCE = 30_000  # ms; other lanes work beside this one
expect.set_options(timeout=PATIENCE)
SLOWER = float(os.environ.get("SLOW_BROWSER", "1"))  # times, each page; shows what races
DESK, PHONE, WIDE = (1440, 900), (390, 844), (1920, 1080)
_GRAVE = {"serious", "critical"}
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@dataclass(kw_only=True)
class Console:
    """A console at an address, and pages of it for people who are signed in."""

    base: str
    url: str  # the database's
    browser: Browser
    opened: ExitStack
    now: datetime = WALL
    problems: list[str] = field(default_factory=list)

    def page(  # noqa: PLR0913  who looks, and with what
        self,
        path: str = "/now",
        *,
        role: str | None = "administrator",
        area: str | None = None,
        language: str = "en",
        theme: str = "light",
        size: tuple[int, int] = DESK,
        hinted: bool = True,
    ) -> Page:
        """A page of somebody with that role there (None: of nobody), opened at `path`.

        What its scripts complain of is in `problems`. `hinted`: they have read the hint.
        """
        width, height = size
        context = self.browser.new_context(
            viewport=ViewportSize(width=width, height=height),
            has_touch=width < 600,
            locale="fr-FR" if language == "fr" else "en-GB",
            timezone_id="Europe/Paris",
        )
        self.opened.callback(context.close)
        cookies = {"lang": language, "theme": theme}
        if role is not None:
            who = f"{role}-{area or 'all'}"
            cookies[cookie(self.url)] = session(self.url, who, ((role, area),), now=self.now)
        context.add_cookies(
            [{"name": name, "value": value, "url": self.base} for name, value in cookies.items()]
        )
        if hinted:
            context.add_init_script("localStorage.setItem('hypervisor-hint-seen', '1')")
        made = context.new_page()
        made.set_default_timeout(PATIENCE)
        made.on("pageerror", lambda error: self.problems.append(f"{made.url}: {error}"))
        made.on("console", lambda said: self._complained(made, said.type, said.text))
        if SLOWER > 1:
            devtools = context.new_cdp_session(made)
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        made.goto(self.base + path)
        return made

    def _complained(self, page: Page, kind: str, text: str) -> None:
        if kind == "error" and "htmx:sendAbort" not in text and "htmx:afterRequest" not in text:
            self.problems.append(f"{page.url}: {text}")


def violations(page: Page, *, within: str = "body") -> list[str]:
    """What axe-core finds serious or worse: rule, and where, once scripts have run."""
    page.wait_for_load_state()
    page.evaluate(_axe())
    found = page.evaluate(
        "([within, tags]) => axe.run(within, {runOnly: tags, resultTypes: ['violations']})",
        [within, _WCAG],
    )
    return [
        f"{one['id']} ({one['impact']}): {', '.join(str(node['target']) for node in one['nodes'])}"
        for one in found["violations"]
        if one["impact"] in _GRAVE
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window, once its style is there."""
    page.wait_for_load_state()
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@lru_cache(maxsize=1)
def _axe() -> str:
    if not AXE.is_file():
        pytest.skip("axe-core is not there: `make setup` fetches it")
    return AXE.read_text()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers last: while one is driven, its loop runs in this thread and no other test's can."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.is_relative_to(here))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    found = find_chromium()
    if found is None:
        pytest.skip("not installed: chromium-headless-shell; `make setup` installs it")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--force-color-profile=srgb"]
        )
        yield made
        made.close()


@pytest.fixture(scope="session")
def flooded_template(stack: Stack) -> str:
    """The flood as a template: played once a session, copied for tests that change it."""
    databases.create(stack.maintenance_url, FLOODED, template=TEMPLATE)
    flooded.make(stack.database.url(FLOODED))
    databases.seal(stack.maintenance_url, FLOODED)
    return FLOODED


def _copy(stack: Stack, template: str) -> Iterator[str]:
    name = f"browser_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=template)
    yield stack.database.url(name)
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="session")
def flooded_url(stack: Stack, flooded_template: str) -> Iterator[str]:
    """The database of the flood that all share who only look, or act on alarms."""
    yield from _copy(stack, flooded_template)


@pytest.fixture(scope="session")
def _flooded_base(flooded_url: str) -> Iterator[str]:
    with server(flooded_url, now=WALL) as base:
        yield base


@pytest.fixture
def console(_flooded_base: str, flooded_url: str, browser: Browser) -> Iterator[Console]:
    """The console of an exercise: the Essonne in its October flood, at noon of the crest's day.

    Acts on alarms are fine; tests that change more take `own_console`. A script that complained
    fails the test.
    """
    yield from console_at(_flooded_base, flooded_url, browser)


@pytest.fixture
def own_url(stack: Stack, flooded_template: str) -> Iterator[str]:
    """A copy of the flood's database for one test."""
    yield from _copy(stack, flooded_template)


@pytest.fixture
def own_console(own_url: str, browser: Browser) -> Iterator[Console]:
    """The same on a copy of its own, for a test that changes it."""
    with server(own_url, now=WALL) as base:
        yield from console_at(base, own_url, browser)


@pytest.fixture
def empty_console(database_url: str, browser: Browser) -> Iterator[Console]:
    """A live instance that was made a moment ago: no inventory, no reading, no alarm."""
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="Essonne"))
    with server(database_url, now=WALL) as base:
        yield from console_at(base, database_url, browser)


@pytest.fixture
def new_console(instance_settings: Settings, browser: Browser) -> Iterator[Console]:
    """A live instance without anything, whose broker and ingest run; its clock is the wall's."""
    settings = instance_settings
    command = [*interpreter_command(), "--data", str(settings.data), "ingest"]
    log = settings.data / "log" / "ingest.log"
    with log.open("ab") as output:
        ingest = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=part_environment(), cwd="/"
        )
    try:
        joined = wait_until(
            lambda: instance_store.has_joined(settings.database_url, settings.worker), seconds=30
        )
        assert joined, log.read_text()
        clock = partial(datetime.now, UTC)
        with server(settings.database_url, settings=settings, clock=clock) as base:
            yield from console_at(base, settings.database_url, browser, now=clock())
    finally:
        stop(ingest)


def console_at(base: str, url: str, browser: Browser, *, now: datetime = WALL) -> Iterator[Console]:
    with ExitStack() as opened:
        made = Console(base=base, url=url, browser=browser, opened=opened, now=now)
        yield made
        assert not made.problems, json.dumps(made.problems, indent=1)
