"""Signing in, one's account and administration in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from hypervisor.access import passwords
from tests.browser.conftest import DESK, PHONE, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs

SHEETS = (
    *(
        "/admin",
        "/admin/tokens",
        "/admin/devices",
        "/admin/works",
        "/admin/settings",
        "/admin/sources",
    ),
    *(
        "/admin/sign-in",
        "/admin/notifications",
        "/admin/audit",
        "/account",
        "/admin/accounts/administrator-all",
    ),
    *("/admin/inventory", "/admin/inventory/list/site", "/admin/notifications/route"),
    *(f"/admin/inventory/form/{kind}" for kind in ("area", "site", "device", "plan", "zone")),
)


def enter(page: Page, name: str, word: str) -> None:
    page.get_by_label("Account").fill(name)
    page.get_by_label("Password").fill(word)
    page.get_by_role("button", name="Sign in").click()


def test_an_account_is_made_signs_in_and_is_taken_out_of_use(own_console: Console) -> None:
    admin = own_console.page("/admin")
    admin.get_by_label(re.compile("Account name")).fill("b.diallo")
    admin.get_by_label("Name that people read").fill("B. Diallo")
    admin.locator("#a-role").select_option("operator")
    admin.get_by_role("button", name="Create the account").click()
    expect(admin.get_by_role("status").first).to_be_attached()
    secret = admin.locator(".secret-word").inner_text()
    assert violations(admin) == []

    door = own_console.page("/sites?x=1", role=None)
    expect(door).to_have_url(re.compile(r"/login\?next="))
    assert violations(door) == []
    own_console.problems.clear()
    enter(door, "b.diallo", "wrong")
    expect(door.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    expect(door.get_by_label("Account")).to_have_value("b.diallo")
    own_console.problems.clear()  # the 401 is meant
    enter(door, "B.Diallo", secret)
    expect(door).to_have_url(re.compile(r"/sites\?x=1$"))
    expect(door.get_by_role("link", name="Administration")).to_have_count(0)

    door.goto(f"{own_console.base}/account")
    expect(door.get_by_role("heading", level=1)).to_have_text("My account")
    door.get_by_label("What it is for").fill("a script")
    door.get_by_role("button", name="Create a token").click()
    expect(door.locator(".secret-word")).to_have_text(re.compile("^hyp_"))
    new = passwords.generate()
    door.get_by_label("Current one").fill(secret)
    door.get_by_label("New one, 12").fill(new)
    door.get_by_label("New one again").fill(new)
    door.get_by_role("button", name="Change the password").click()
    expect(door.get_by_role("status").filter(has_text="password was changed")).to_be_visible()

    admin.goto(f"{own_console.base}/admin")
    admin.get_by_role("link", name="B. Diallo").click()
    admin.get_by_label("Why it is disabled").fill("left the town")
    admin.get_by_role("button", name="Disable").click()
    expect(admin.get_by_role("status").filter(has_text="disabled")).to_be_visible()
    away = door.request.get(f"{own_console.base}/now", max_redirects=0)
    assert (away.status, away.headers["location"]) == (303, "/login?next=%2Fnow")
    expect(door).to_have_url(re.compile(r"/login\?next=%2Faccount"))  # its open page was told, too
    own_console.problems.clear()  # by a 401
    door.close()
    admin.goto(f"{own_console.base}/admin/audit?author=administrator-all")
    expect(admin.locator("tbody tr").first).to_contain_text("left the town")


@pytest.mark.long
def test_works_service_and_settings(own_console: Console) -> None:
    page = own_console.page("/admin/works")
    page.get_by_label("Name, such as").fill("mill-2024")
    page.locator("#w-places").press_sequentially("ORGE-ARP")
    proposed = page.locator("#w-sites option").first
    expect(proposed).to_have_attribute("value", "orge-arpajon")
    page.locator("#w-places").fill("orge-arpajon")
    page.locator("#w-ends").fill("2024-12-24T12:00")
    page.get_by_label("Description of the works").fill("the staff is renewed")
    page.get_by_role("button", name="Announce").click()
    row = page.get_by_role("row").filter(has_text="mill-2024")
    expect(row).to_contain_text("the staff is renewed")
    row.get_by_role("button", name="mill-2024").click()
    expect(page.get_by_role("status").filter(has_text="The works are over.")).to_be_visible()

    page.goto(f"{own_console.base}/admin/devices?q=orge-arpajon")
    row = page.get_by_role("row").filter(has_text="orge-arpajon").first
    row.locator("summary").click()
    row.get_by_label("Why").fill("its cable is cut")
    row.get_by_role("button", name="Take out of service").click()
    expect(page.get_by_role("row").filter(has_text="out of service").first).to_be_visible()

    page.goto(f"{own_console.base}/admin/settings")
    page.locator("#s-chatter_count").fill("7")
    page.locator("#r-chatter_count").fill("many gusts")
    page.get_by_role("button", name=re.compile("Set: Chattering: an alarm")).click()
    expect(page.locator("#s-chatter_count")).to_have_value("7")
    page.locator("#s-chatter_count").fill("never")
    page.locator("#r-chatter_count").fill("x")
    page.get_by_role("button", name=re.compile("Set: Chattering: an alarm")).click()
    expect(page.get_by_role("alert").filter(has_text="Not done.")).to_contain_text("whole number")
    own_console.problems.clear()  # the 422 is meant


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
def test_administration_is_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = console.page("/login", role=None, language=language, theme=theme, size=size)
    assert (overflow(page) <= 0, violations(page)) == (True, [])
    page = console.page("/admin", language=language, theme=theme, size=size)
    for address in SHEETS:
        page.goto(console.base + address)
        assert (address, overflow(page) <= 0, violations(page)) == (address, True, [])


@pytest.mark.long
def test_before_there_is_anything(empty_console: Console) -> None:
    page = empty_console.page("/admin", language="en")
    for address in SHEETS:
        page.goto(empty_console.base + address)
        assert (address, overflow(page) <= 0, violations(page)) == (address, True, [])
    nobody = empty_console.page("/admin", role="viewer", language="en")
    expect(nobody.get_by_role("heading", level=1)).to_have_text("You may not do this")
    empty_console.problems.clear()  # the 403 is meant
