"""External alarms on the pages of an operator: marked, and treated with the same keys."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from hypervisor.database.connect import connect
from tests.browser.conftest import DESK, PHONE, Console, console_at, overflow, violations
from tests.integration.external.alerts import alert, delivery
from tests.integration.external.conftest import BEGIN, NORTH, Hooked
from tests.integration.web.served import server

TITLE = "Externe, Prometheus\N{NO-BREAK SPACE}: PumpStopped on srv1"


@pytest.fixture
def outside(database_url: str, browser: Browser) -> Iterator[Console]:
    """A live instance with alarms of Prometheus: at a site, in a commune, of no place."""
    made = Hooked(url=database_url, connection=connect(database_url))
    made.found()
    with server(database_url, clock=lambda: made.now) as made.base:
        at_site = alert("PumpStopped", fingerprint="a1", site="orge", severity="critical")
        in_commune = alert(fingerprint="a2", commune=NORTH)
        made.post(delivery(at_site, in_commune, alert(fingerprint="a3"))).raise_for_status()
        made.now = made.at(7)
        yield from console_at(made.base, database_url, browser, now=BEGIN)
    made.close()


def test_the_list_and_the_panel_take_the_same_keys(outside: Console) -> None:
    page = outside.page("/alarms?which=external", role="operator", language="fr")
    rows = page.locator("[data-row]")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text(TITLE)
    expect(page.locator("#alarm-list")).to_contain_text("sans lieu")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    expect(panel).to_contain_text("elle ne vient pas de nos règles")
    expect(panel).to_contain_text("instance=“srv1:9100”")
    expect(panel.get_by_role("link", name="Sa source")).to_have_attribute(
        "href", "http://prometheus.example:9090/graph?g0.expr=up"
    )
    assert violations(page) == []
    page.keyboard.press("a")
    expect(rows.nth(0)).to_contain_text("acquittée")


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_now_and_the_wall_mark_them(outside: Console, size: tuple[int, int]) -> None:
    for path in ("/now", "/wall"):
        page = outside.page(path, language="fr", theme="dark", size=size)
        expect(page.get_by_text(TITLE).first).to_be_visible()
        assert (overflow(page), violations(page)) == (0, [])
        page.close()
