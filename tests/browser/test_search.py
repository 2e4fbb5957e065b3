"""The box of the search: by keyboard from any page, above the page, in French and on a phone."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Console, overflow, violations


def test_a_word_leads_to_a_page_by_keyboard(console: Console) -> None:
    page = console.page("/help/console", language="fr")
    page.keyboard.press("/")
    box = page.get_by_role("searchbox", name="Chercher un site")
    expect(box).to_be_focused()
    page.keyboard.type("ecole orge")
    hits = page.locator("#search-hits [data-hit]")
    expect(hits.first).to_contain_text("École entre les bras de l'Orge")
    assert violations(page) == []
    assert overflow(page) <= 0
    page.keyboard.press("ArrowDown")
    expect(hits.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    expect(hits).to_have_count(0)
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=ecole+orge")
    expect(page.get_by_role("searchbox", name="Chercher un site")).to_have_value("ecole orge")
    page.locator("main [data-hit]").first.press("Enter")
    page.wait_for_url(re.compile("/sites/orge-arpajon"))


@pytest.mark.long
def test_hits_fit_on_a_phone(console: Console) -> None:
    page = console.page("/alarms", language="fr", size=PHONE)
    page.get_by_role("searchbox", name="Chercher un site").press_sequentially("arpajon")
    hits = page.locator("#search-hits [data-hit]")
    expect(hits.first).to_contain_text("Arpajon")
    assert violations(page) == []
    assert overflow(page) <= 0
    box = page.locator("#search-hits").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE[0]


def test_the_keys_lead_to_what_the_page_is(console: Console) -> None:
    page = console.page("/alarms", language="fr")
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_role("link", name="À quoi sert cette page").click()
    expect(page.get_by_role("dialog")).not_to_be_visible()
    expect(page.locator("#about")).to_be_in_viewport()
    assert violations(page, within="main") == []
