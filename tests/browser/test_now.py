"""Now and the wall in a real browser: what an operator sees first, and that it stays true."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, WIDE, Console, overflow, violations


def test_the_first_thirty_seconds(console: Console) -> None:
    page = console.page("/now", language="fr")
    expect(page).to_have_title(re.compile(r"^\(\d+\) EXERCICE · Maintenant · Essonne$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("à acquitter, prochain enjeu dans")
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


@pytest.mark.long
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE, WIDE])
def test_now_is_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = console.page("/now", language=language, theme=theme, size=size, hinted=False)
    expect(page.locator("#hint")).to_be_visible()
    assert overflow(page) <= 0
    assert violations(page) == []
