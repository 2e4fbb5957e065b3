"""A barrier closed by two people in a real browser: by keyboard, on a phone, on Now."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from hypervisor.base.instance import Instance, Mode
from hypervisor.commands import queries
from hypervisor.database import databases
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from tests.browser.conftest import PHONE, WALL, Console, console_at, overflow, violations
from tests.conftest import TEMPLATE, Stack
from tests.integration.commands.conftest import make_field
from tests.integration.commands.test_proposals import (
    CLOSE,
    RULE,
    SHOW,
    WEIR,
    Turn,
    arm,
    begin_alarm,
    revise,
    rule,
)
from tests.integration.web.conftest import NORTH
from tests.integration.web.served import server


@pytest.fixture
def field_console(stack: Stack, browser: Browser) -> Iterator[Console]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    with connect(url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
        make_field(connection)
    with server(url, now=WALL) as base:
        yield from console_at(base, url, browser)
    databases.drop(stack.maintenance_url, name)


def _inspect(page: Page) -> None:
    assert violations(page) == []
    assert overflow(page) <= 0


def test_two_people_close_a_barrier_by_keyboard(field_console: Console) -> None:
    first = field_console.page("/commands/new?q=barrier-1", role="controller", theme="dark")
    _inspect(first)
    first.keyboard.press("j")
    first.keyboard.press("Enter")
    first.get_by_label("closed").check()
    expect(first.locator("#preview")).to_contain_text("Move the barrier: closed")
    expect(first.locator("#preview")).to_contain_text("two people sign")
    _inspect(first)
    first.get_by_label("Reason, kept in the history").fill("the road is flooded")
    first.keyboard.press("Control+Enter")
    expect(first.get_by_role("heading", name="Move the barrier: closed")).to_be_visible()
    _inspect(first)

    second = field_console.page(
        "/commands", role="controller", area=NORTH, language="fr", size=PHONE, theme="dark"
    )
    expect(second.get_by_role("button", name="Signer")).to_be_visible()
    _inspect(second)
    second.goto(f"{field_console.base}/now")
    expect(second.locator("#commands")).to_contain_text("Manœuvrer la barrière : fermée")
    _inspect(second)
    second.keyboard.press("s")  # no row is chosen, so that nothing is signed
    expect(second.get_by_role("button", name="Signer")).to_be_visible()
    second.locator("#commands [data-row]").first.focus()
    second.keyboard.press("s")
    expect(second.locator("#command")).to_contain_text("En attente d")
    _inspect(second)
    expect(first.locator("#command")).to_contain_text("Waits to be sent")  # by its own event
    with connect(field_console.url) as connection:
        (command,) = queries.list_commands(connection, queries.CommandFilter(open=True))
    assert (command.state, command.device) == ("queued", "barrier-1")
    _order_what_a_rule_proposes(field_console, second)


def _order_what_a_rule_proposes(field_console: Console, page: Page) -> None:
    """On the phone: one key on Now; then armed rules, for those who may only disarm and who arm."""
    with connect(field_console.url, autocommit=True) as connection:
        connection.execute(WEIR)
        show = {**SHOW, "target": "device/sign-1", "automatic": "true"}
        revise(connection, "rule", RULE, rule(show, {**CLOSE, "target": "device/barrier-2"}))
        number = begin_alarm(connection)
        turn = Turn()
        turn(connection)
        turn(connection)
        arm(connection)
    page.goto(f"{field_console.base}/now")
    expect(page.locator("#commands")).to_contain_text("pas armée à orge")
    _inspect(page)
    page.keyboard.press("p")  # no row is chosen, so that nothing is sent
    page.locator(".proposals [data-row]").first.focus()
    page.keyboard.press("p")
    expect(page.locator("#command")).to_contain_text("ROUTE INONDÉE")  # its alarm is not seen
    _inspect(page)
    page.goto(f"{field_console.base}/armed-rules")
    expect(page.get_by_role("button", name="Désarmer")).to_be_visible()
    _inspect(page)
    desk = field_console.page("/armed-rules", role="administrator", language="fr", theme="light")
    expect(desk.get_by_role("heading", name="Armer une règle")).to_be_visible()
    _inspect(desk)
    desk.goto(f"{field_console.base}/alarms/{number}")
    expect(desk.locator("#commands-part")).to_contain_text("Manœuvrer la barrière")
    _inspect(desk)
    desk.goto(f"{field_console.base}/rules/{RULE}")
    expect(desk.locator("#armed-part")).to_contain_text("Armée à")
    _inspect(desk)
