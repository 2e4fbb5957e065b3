"""A warning in a real browser: drafted from an alarm, signed by another, read by everybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hypervisor.base.settings import Settings
from hypervisor.broker.child import wait_until
from hypervisor.database.connect import connect
from tests.browser.conftest import PHONE, WALL, Console, console_at, overflow, violations
from tests.integration.web.served import server


@pytest.fixture
def live_console(own_url: str, browser: Browser) -> Iterator[Console]:
    """The flood as on a live instance, whose public page is open."""
    with connect(own_url) as connection:
        connection.execute("UPDATE instance SET mode = 'live'")
    settings = Settings(
        database_url=own_url,
        data=Path("/nonexistent"),
        public_page="public",
        publisher="Préfecture de l'Essonne",
    )
    with server(own_url, now=WALL, settings=settings) as base:
        yield from console_at(base, own_url, browser)


def _inspect(page: Page) -> None:
    assert violations(page) == []
    assert overflow(page) <= 0


def _reload(page: Page) -> str:
    page.reload()
    return page.locator("main").inner_text()


def _choose_places(page: Page) -> None:
    """By keyboard: a name typed, Enter; arrows and space; what is chosen stays in sight."""
    places = page.get_by_role("group", name="Where")
    chosen = places.get_by_role("status")
    count = places.get_by_role("checkbox").count()
    first = chosen.inner_text().removeprefix("Chosen: ")
    filters = places.get_by_role("searchbox")
    name = next(
        name
        for name in places.locator("[data-part]").last.locator("label").all_inner_texts()
        if name != first
    )
    filters.fill(name.upper().replace("-", " "))
    assert places.get_by_role("checkbox").count() < count
    filters.press("Enter")
    expect(chosen).to_contain_text(name)
    expect(filters).to_have_value("")
    filters.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    expect(places.get_by_role("checkbox").first).to_be_checked()
    page.keyboard.press("Space")
    places.get_by_role("checkbox", name=name, exact=True).uncheck()
    filters.fill("no such place")
    expect(chosen).to_have_text(f"Chosen: {first} No place has this name.")
    expect(places.get_by_role("checkbox", name=first, exact=True)).to_be_visible()
    _inspect(page)
    filters.fill("")


def test_a_warning_from_an_alarm_to_its_end(live_console: Console) -> None:
    writes = live_console.page("/alarms", role="operator")
    writes.locator("a[href*='/alarms/']").first.click()
    writes.get_by_role("link", name="Publish a warning").click()
    expect(writes.get_by_label("Headline").first).not_to_be_empty()
    _inspect(writes)
    _choose_places(writes)
    writes.get_by_label("Hazard", exact=True).select_option("wind")
    writes.get_by_role("button", name="Take the usual words").click()
    expect(writes.get_by_label("What to do, a line each").last).to_contain_text("Stay at home")
    writes.get_by_label("Why you publish this").fill("the mayor asks")
    writes.get_by_role("button", name="Save and preview").click()
    expect(writes.locator("main")).to_contain_text("Ask another operator")
    expect(writes.get_by_role("button", name="I have read this: publish")).to_have_count(0)
    signs = live_console.page("/now", language="fr", theme="dark", size=PHONE)
    signs.locator("#to-sign").get_by_role("link").click()
    expect(signs.locator("article")).to_have_count(2)
    _inspect(signs)
    preview = signs.locator("article").first.inner_text()
    signs.get_by_role("button", name="J\u2019ai relu : publier").click()
    expect(signs.locator("main")).to_contain_text("Publiée")
    reads = live_console.page("/public", role=None, language="fr", size=PHONE)
    assert wait_until(lambda: preview in _reload(reads), seconds=60)
    expect(writes.locator("main")).to_contain_text("Write an update")  # it fetched itself
    writes.get_by_role("link", name="Cancel the warning").click()
    writes.get_by_label("Why you publish this").fill("it is over")
    writes.get_by_role("button", name="Save and preview").click()
    signs.goto(f"{live_console.base}/publications")
    _inspect(signs)
    signs.locator("tbody a").first.click()
    signs.get_by_role("button", name="J\u2019ai relu : annuler l\u2019alerte").click()
    expect(signs.locator("main")).to_contain_text("Annulée")
    assert wait_until(lambda: preview not in _reload(reads), seconds=60)
