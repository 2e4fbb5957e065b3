"""The API's page for people, in a real browser, for somebody who has not signed in."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Console, overflow, violations


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_api_is_for_everyone(console: Console, theme: str, size: tuple[int, int]) -> None:
    page = console.page("/docs", role=None, theme=theme, size=size)
    page.locator("#readings_list_readings summary").click()
    expect(page.locator("#readings_list_readings")).to_contain_text("DEVICE/QUANTITY")
    assert overflow(page) <= 0
    assert violations(page) == []
    assert console.problems == []  # nobody is signed in: no stream is asked for
