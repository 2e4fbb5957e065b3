"""The shell round every page: structure, keys, languages, appearance, live, offline, weight."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from hypervisor.access import secrets
from hypervisor.access.identity import CSRF_HEADER
from hypervisor.app import navigation
from hypervisor.database.connect import connect
from hypervisor.web.vendoring import VENDOR
from tests.browser.conftest import DESK, PHONE, WALL, WIDE, Console, overflow, violations
from tests.browser.pairs import THEMES, in_pairs
from tests.integration.web.served import EVERYTHING, cookie, session

PAGES = [page.address for page in navigation.list_pages()]
HOME_BYTES = 600_000
_MARKS = "document.getElementById('bar-live').dataset.unacknowledged"


def test_every_page_has_a_title_one_heading_and_landmarks(console: Console) -> None:
    page = console.page("/now")
    for address in PAGES:
        page.goto(console.base + address)
        assert re.search(r"\S+ · \S", page.title()), address
        assert page.locator("h1").count() == 1, address
        assert page.locator("main").count() == 1, address
        assert page.locator("header.bar").count() == 1, address
        assert page.locator("nav.rail a[aria-current=page]").count() >= 1, address


@pytest.mark.long
@in_pairs(address=[*PAGES, "/wall", "/account"], theme=THEMES, size=[DESK, PHONE, WIDE])
def test_every_page_is_for_everyone(
    console: Console, address: str, theme: str, size: tuple[int, int]
) -> None:
    page = console.page(address, language="fr", theme=theme, size=size)
    assert violations(page) == []
    assert overflow(page) <= 0


def test_everything_goes_by_keyboard(console: Console) -> None:
    page = console.page("/now")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("#worse-1")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/alarms**")


@pytest.mark.long
def test_single_keys_can_be_switched_off(console: Console) -> None:
    page = console.page("/now")
    page.keyboard.press("?")
    page.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).not_to_be_visible()
    page.locator("#who summary").click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.long
def test_language_and_appearance_are_kept(console: Console) -> None:
    page = console.page("/now?all=1")
    page.locator("#who summary").click()
    page.get_by_role("link", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert page.url.endswith("/now?all=1")
    page.locator("#who summary").click()
    page.get_by_role("link", name="sombre").click()
    page.goto(console.base + "/alarms")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("Alarmes")


@pytest.mark.long
def test_the_hint_of_the_first_visit_goes_for_good(console: Console) -> None:
    page = console.page("/now", hinted=False)
    page.get_by_role("button", name="Understood").click()
    expect(page.locator("#hint")).not_to_be_visible()
    page.reload()
    expect(page.locator("#hint")).not_to_be_visible()


def test_an_act_elsewhere_is_seen_without_a_reload(own_console: Console) -> None:
    page = own_console.page("/now")
    before = int(page.evaluate(_MARKS))
    page.evaluate("window.stayed = true")
    _acknowledge_one(own_console)
    expect(page.locator("#bar-live")).to_have_attribute("data-unacknowledged", str(before - 1))
    expect(page).to_have_title(re.compile(rf"^\({before - 1}\) "))
    assert page.evaluate("window.stayed") is True


def test_a_cut_network_is_told_and_heals(own_console: Console) -> None:
    page = own_console.page("/now")
    before = int(page.evaluate(_MARKS))
    page.evaluate("window.stayed = true")
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#offline")).to_contain_text("You see the state of 14:00:00")
    _acknowledge_one(own_console)
    page.context.set_offline(False)
    expect(page.locator("#offline")).not_to_be_visible()
    expect(page.locator("#bar-live")).to_have_attribute("data-unacknowledged", str(before - 1))
    assert page.evaluate("window.stayed") is True
    own_console.problems.clear()  # the browser tells of what it could not fetch


@pytest.mark.long
def test_whose_session_ends_is_led_to_the_door(own_console: Console) -> None:
    page = own_console.page("/now")
    with connect(own_console.url) as connection:
        connection.execute("DELETE FROM session")
    page.evaluate("dispatchEvent(new Event('online'))")  # the stream begins again, and is refused
    page.wait_for_url("**/login?next=%2Fnow")
    own_console.problems.clear()


def _acknowledge_one(console: Console) -> None:
    """By somebody else, over the API."""
    secret = session(console.url, "anne", EVERYTHING, now=WALL)
    with httpx.Client(
        base_url=console.base,
        cookies={cookie(console.url): secret},
        headers={CSRF_HEADER: secrets.derive_csrf_token(secret)},
    ) as client:
        alarms = client.get("/api/v1/alarms?state=unacknowledged").json()["alarms"]
        act = {"kind": "acknowledge", "version": alarms[0]["version"]}
        client.post(f"/api/v1/alarms/{alarms[0]['id']}/acts", json=act).raise_for_status()


def test_home_is_light_and_asks_nobody_else(console: Console) -> None:
    asked: list[str] = []
    page = console.page("/account")
    page.on("request", lambda request: asked.append(request.url))
    page.goto(console.base + "/now")
    page.wait_for_load_state("load")
    assert all(address.startswith((console.base, "data:")) for address in asked)
    files = {address for address in asked if "/static/" in address}
    assert not any("maplibre" in address for address in files), "the first paint waits for it"
    stamp = next(iter(files)).split("/static/")[1].split("/")[0]
    files |= {
        f"{console.base}/static/{stamp}/vendor/{path.name}" for path in VENDOR.glob("maplibre-gl*s")
    }
    with httpx.Client(headers={"Accept-Encoding": "gzip"}) as client:
        weighed = {address: _weight(client, address) for address in files}
    assert sum(weighed.values()) < HOME_BYTES, weighed


def _weight(client: httpx.Client, address: str) -> int:
    """As it goes over the wire."""
    with client.stream("GET", address) as answer:
        return sum(len(part) for part in answer.iter_raw())


@pytest.mark.long
def test_files_are_kept_by_browsers_under_their_own_address(console: Console) -> None:
    page = console.page("/now")
    address = page.locator("link[rel=stylesheet]").first.get_attribute("href")
    answer = httpx.get(f"{console.base}{address}")
    assert "immutable" in answer.headers["cache-control"]
    tag = answer.headers["etag"]
    again = httpx.get(f"{console.base}{address}", headers={"If-None-Match": tag})
    assert again.status_code == 304
    older = httpx.get(f"{console.base}/static/older/css/tokens.css")
    assert older.headers["cache-control"] == "no-cache"
    for outside in ("%2e%2e/page.py", "..%2fpage.py", "css/%2e%2e/%2e%2e/page.py"):
        assert httpx.get(f"{console.base}/static/x/{outside}").status_code == 404


@pytest.mark.long
@pytest.mark.parametrize("width", [768, 820, 1024])
def test_no_page_is_wider_than_a_tablet(console: Console, width: int) -> None:
    page = console.page("/now", language="fr", size=(width, 1024))
    wide = {}
    for path in (*PAGES, "/report", "/alarms?which=over", "/alarms?flat=1"):
        page.goto(console.base + path)
        if (beyond := overflow(page)) > 0:
            wide[path] = beyond
    assert wide == {}
    page.goto(f"{console.base}/alarms")
    page.locator("tr[data-row] [data-open]").first.click()
    expect(page.locator("#panel")).to_be_visible()
    assert overflow(page) <= 0


def test_on_a_phone_the_end_of_a_page_is_above_the_navigation(console: Console) -> None:
    """In an exercise too, whose frame has a margin of its own."""
    page = console.page("/load", size=PHONE)
    last = page.locator("main summary").last
    last.focus()
    expect(last).to_be_in_viewport()
    bottom = last.evaluate("element => element.getBoundingClientRect().bottom")
    assert bottom <= page.locator(".rail").evaluate("rail => rail.getBoundingClientRect().top")
