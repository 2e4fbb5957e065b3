"""The operators' load in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs


def test_the_load_of_a_day_beside_its_targets(console: Console) -> None:
    page = console.page("/load", language="fr")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Charge d.alarmes"))
    expect(page.locator(".load-figures")).to_contain_text("objectif : 10 au plus")
    expect(page.locator(".load-plot svg")).to_have_attribute("aria-label", re.compile("objectifs"))
    assert page.locator(".bar-calm, .bar-over").count() == 2
    page.keyboard.press("t")
    expect(page.locator(".load-table tbody tr")).to_have_count(24)
    counts = [int(cell) for cell in page.locator(".load-table td:nth-child(2)").all_inner_texts()]
    raised = page.locator(".load-figures div").nth(3).locator(".big").inner_text()
    assert sum(counts) == int(raised) > 0
    tops = [
        int(all_inner_text)
        for all_inner_text in page.locator(".load-top .count b").all_inner_texts()
    ]
    assert tops == sorted(tops, reverse=True)
    page.get_by_role("link", name="7 jours").click()
    expect(page).to_have_url(re.compile(r"span=week"))
    expect(page.locator(".load-table tbody tr")).to_have_count(7)
    assert violations(page) == []


def test_before_anything_happened(empty_console: Console) -> None:
    page = empty_console.page("/load", language="en")
    expect(page.locator("main")).to_contain_text("Evaluation of alarms: never received")
    assert violations(page) == []


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
def test_load_is_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = console.page("/load", language=language, theme=theme, size=size)
    expect(page.locator(".load-plot svg")).to_be_visible()
    assert overflow(page) <= 0
    assert violations(page) == []


@pytest.mark.long
def test_a_phone_opens_the_chart_at_the_present(console: Console) -> None:
    page = console.page("/load", size=PHONE)
    edges = page.evaluate(
        "(() => { const plot = document.querySelector('.load-plot').getBoundingClientRect();"
        " const svg = document.querySelector('.load-plot svg').getBoundingClientRect();"
        " return svg.right - plot.right; })()"
    )
    assert abs(edges) < 20


@pytest.mark.long
def test_earlier_and_back(console: Console) -> None:
    page = console.page("/load", language="en")
    page.get_by_role("link", name="Earlier").click()
    expect(page.locator("main")).to_contain_text("Standing at the end")
    page.get_by_role("link", name="Back to now").click()
    expect(page).to_have_url(re.compile(r"/load$"))
