"""Now and the wall in a real browser: what an operator sees first, and that it stays true."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from hypervisor.database.connect import Connection, connect
from hypervisor.notifications import queries_routes
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Series
from tests.browser.conftest import DESK, PHONE, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs

EARLY = datetime(2024, 10, 10, 4, tzinfo=UTC)


def test_the_first_thirty_seconds(console: Console) -> None:
    page = console.page("/now", language="fr")
    expect(page).to_have_title(re.compile(r"^\(\d+\) EXERCICE · Maintenant · Essonne$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("à acquitter, prochain enjeu")
    worse = page.locator("#worse tbody tr")
    assert worse.count() == 6
    expect(worse.first).to_contain_text("Orge, Arpajon")
    expect(worse.first).to_contain_text("non confirmé")
    expect(page.locator("#rivers")).to_contain_text("Villebon-sur-Yvette")
    expect(page.locator("#blind li").first).to_contain_text("L'Orge à Arpajon")
    expect(page.locator("#unseen li").first.get_by_role("img")).to_have_attribute(
        "aria-label", "Critique, à acquitter"
    )
    assert violations(page) == []


_CALL = """head => head.insertAdjacentHTML("beforeend", '<p class="real duty"><b>'
    + 'Permanence crues du département, 01 99 00 10 01</b> on call</p>')"""  # whom to call


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
def test_now_is_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = console.page("/now", language=language, theme=theme, size=size, hinted=False)
    expect(page.locator("#hint")).to_be_visible()
    assert overflow(page) <= 0
    assert violations(page) == []


def test_the_wall_shows_all_at_once_and_is_left_by_escape(console: Console) -> None:
    page = console.page("/wall", language="fr", theme="auto", size=WIDE)
    expect(page).to_have_title(re.compile("EXERCICE · Mur · Essonne$"))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.locator(".rows.wide li").count() == 5
    page.locator(".head").evaluate(_CALL)
    beyond = "all => all.filter(one => one.getBoundingClientRect().right > innerWidth).length"
    assert page.locator(".head > *, .kiosk .panel").evaluate_all(beyond) == 0
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 1
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.wait_for_url("**/now")


def test_an_instance_that_has_nothing_yet_says_what_to_do(empty_console: Console) -> None:
    page = empty_console.page("/now")
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    expect(page.locator(".step")).to_have_count(7)
    expect(page.locator("#step-territory")).to_have_attribute("aria-current", "step")
    expect(page.get_by_text("No sensor is blind")).to_have_count(0)
    assert violations(page) == []
    page.get_by_role("link", name="A département from official services").click()
    page.get_by_label("Département").select_option("91")
    expect(page.get_by_text("hubeau.eaufrance.fr")).to_be_visible()
    assert violations(page) == []
    asks = empty_console.page("/now", role="viewer")
    expect(asks.get_by_text("Nothing is connected yet")).to_be_visible()
    expect(asks.locator("#start")).to_contain_text("Administrator-All")
    assert violations(asks) == []
    page.goto(empty_console.base + "/wall")
    expect(page.get_by_text("No site has coordinates yet.")).to_be_visible()


@pytest.mark.long
def test_who_is_called_and_the_official_colours(own_console: Console) -> None:
    routes = (
        "routes:\n"
        "  - name: duty\n"
        '    hours: [{days: mon-sun, from: "08:00", to: "18:00"}]\n'
        "    escalate: {after: 15 min, to: chief}\n"
        "    channels: [{name: town, webhook: 'http://127.0.0.1:9/'}]\n"
        "  - name: chief\n"
        "    only escalated: yes\n"
        "    call: Head of service, 01 60 00 00 02\n"
        "    channels: [{name: mobile, webhook: 'http://127.0.0.1:9/'}]\n"
        "  - name: arpajon\n"
        "    call: Duty engineer, 01 60 00 00 01\n"
        '    when: {areas: ["91021"]}\n'
        "    channels: [{name: town, webhook: 'http://127.0.0.1:9/'}]\n"
        "  - name: elsewhere\n"
        '    when: {areas: ["91174"]}\n'
        "    channels: [{name: town, webhook: 'http://127.0.0.1:9/'}]\n"
    )
    with connect(own_console.url) as connection:
        queries_routes.ROUTES.insert_revision(connection, routes, author="test", reason="test")
        _bulletin(connection)
    page = own_console.page("/now", language="fr")
    duty = page.locator("#duty")
    expect(duty).to_contain_text("à 18:00")
    expect(duty).to_contain_text(re.compile(r"duty\s*town · Head of service.*02 après 15\smin"))
    expect(duty).to_contain_text("elsewhere")
    expect(page.locator("#official")).to_contain_text(re.compile(r"Seine\s*orange"))
    assert violations(page) == []
    mayor = own_console.page("/now", role="viewer", area="91021", language="fr")
    expect(mayor.locator("#duty")).to_contain_text(re.compile(r"arpajon\s*Duty engineer.*01"))
    expect(mayor.locator("#duty")).to_contain_text("duty")
    expect(mayor.locator("#duty")).not_to_contain_text("elsewhere")
    expect(mayor.locator("#official")).to_contain_text(re.compile(r"Seine\s*orange"))


def _bulletin(connection: Connection) -> None:
    """Orange on the Seine, said by a device of its own."""
    changes = Changes(
        devices=(Device(name="bulletin", site="seine-corbeil", commissioned=EARLY),),
        series=(Series(device="bulletin", quantity="vigilance"),),
    )
    registry_queries.write(connection, changes)
    connection.execute(
        "INSERT INTO reading (series_id, time, received_at, value, quality)"
        " SELECT series.id, %(at)s, %(at)s, 3, 0 FROM series WHERE quantity = 'vigilance'",
        {"at": EARLY},
    )
