"""What official services say, on the pages: a territory on the recorded answers, in a browser."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.settings import Settings
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.feeds import collect
from hypervisor.feeds.recordings import SHIPPED
from hypervisor.feeds.territory import start_territory
from hypervisor.readings import queries as reading_queries
from tests.browser.conftest import PHONE, Console, console_at, overflow, violations
from tests.conftest import TEMPLATE, Stack
from tests.integration.feeds.served import Clock, served
from tests.integration.web.served import server

pytestmark = pytest.mark.long  # half a minute to read a territory


@pytest.fixture(scope="module")
def territory_url(stack: Stack) -> Iterator[str]:
    """The Essonne as the recorded services have it, read once."""
    name = f"browser_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    with ThreadPoolExecutor(1) as thread:  # the browser's loop runs in this one
        thread.submit(_fill, url).result()
    yield url
    databases.drop(stack.maintenance_url, name)


def _fill(url: str) -> None:
    with connect(url, autocommit=True) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="essai"))
        with served(SHIPPED, Clock(at=datetime.now(UTC)), moved=True) as service:
            settings = Settings(database_url=url, feeds_url=service.url)
            start_territory(connection, settings, "91", author="test", say=lambda _words: None)
            reading_queries.create_staging_tables(connection)
            for feed in collect.SERVICES:
                collect.poll(connection, settings, feed)


@pytest.fixture(scope="module")
def _base(territory_url: str) -> Iterator[str]:
    with server(territory_url, clock=lambda: datetime.now(UTC)) as base:
        yield base


@pytest.fixture
def territory(_base: str, territory_url: str, browser: Browser) -> Iterator[Console]:
    yield from console_at(_base, territory_url, browser, now=datetime.now(UTC))


def test_a_mayor_reads_the_bulletin_beside_the_colours_on_the_phone(territory: Console) -> None:
    mayor = territory.page("/now", role="viewer", area="91174", language="fr", size=PHONE)
    official = mayor.locator("#official")
    expect(official).to_contain_text(re.compile(r"Orge \(essai\)\s*orange"))
    bulletin = official.locator("details").first
    expect(bulletin).to_contain_text("Territoire d'essai")
    expect(bulletin.get_by_text("Mettez vos biens hors d'eau")).not_to_be_visible()
    bulletin.locator("summary").click()
    expect(bulletin).to_contain_text(
        re.compile(r"Conseils.*Mettez vos biens hors d'eau", re.DOTALL)
    )
    expect(bulletin).to_contain_text("© VIGICRUES, www.vigicrues.gouv.fr · Licence Ouverte 2.0")
    assert overflow(mayor) <= 0
    assert violations(mayor, within="#official") == []
    reach = territory.page("/sites/vigicrues-ESSAI2", language="fr", theme="dark")
    expect(reach.locator("#site-bulletins details")).to_have_count(2)
    expect(reach.locator("#site-bulletins")).to_contain_text("Yvette (essai)")
    reach.locator("#site-bulletins summary").first.click()
    assert violations(reach) == []


def test_road_events_stand_on_now_and_on_the_map_as_what_they_are(territory: Console) -> None:
    mayor = territory.page("/now", role="viewer", area="91174", language="fr", size=PHONE)
    roads = mayor.locator("#roads")
    expect(roads.locator("li").first).to_contain_text(
        "Inondation de la chaussée, route fermée · N20 Arpajon"
    )
    roads.locator("summary").first.click()
    expect(roads).to_contain_text("Ne vous engagez pas.")
    expect(roads).to_contain_text("Bison Futé, réseau routier national, Licence Ouverte 2.0")
    assert overflow(mayor) <= 0
    assert violations(mayor, within="#roads") == []
    chart = territory.page("/map", language="fr")
    expect(chart.locator("#roads li")).to_have_count(3)
    expect(chart.get_by_role("button", name="Routes")).to_be_visible()
    assert violations(chart) == []


def test_a_forecast_of_others_stands_beside_ours_with_its_issuer(territory: Console) -> None:
    page = territory.page("/sites/T910000201", language="fr")
    panel = page.locator(".panel.expert")
    expect(panel).to_contain_text("Prévision de Vigicrues")
    expect(panel).to_contain_text(re.compile("aucune règle ne l.utilise"))
    expect(panel.locator("svg .fc")).to_be_visible()
    assert violations(page, within=".panel.expert") == []
    phone = territory.page("/sites/T910000201", language="fr", size=PHONE)
    expect(phone.locator(".panel.expert")).to_be_visible()
    assert overflow(phone) <= 0
