"""A site in a real browser: its chart read and zoomed, a reading entered, others set aside."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs

GAUGE = "/sites/yvette-villebon"


def test_the_chart_of_a_gauge_is_read_and_zoomed(console: Console) -> None:
    page = console.page(GAUGE, language="fr")
    expect(page.get_by_role("heading", level=1)).to_have_text("L'Yvette à Villebon-sur-Yvette")
    chart = page.locator("[data-plot]")
    expect(chart.locator("svg")).to_contain_text("alerte 1,80")
    expect(page.locator("#site-chart")).to_contain_text("Amont, même axe de temps")
    expect(page.locator("[data-plot].fitted")).to_be_visible()
    chart.focus()
    page.keyboard.press("End")
    expect(page.locator("[data-readout]")).to_contain_text("Hauteur d'eau")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 420, box["y"] + 150, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"\?from=.*&to="))
    page.keyboard.press("t")
    expect(page.locator("#site-table tbody tr").first).to_be_visible()
    assert violations(page) == []


def test_the_list_is_searched_and_leads_to_a_site(console: Console) -> None:
    page = console.page("/sites", language="en")
    page.keyboard.press(",")
    page.keyboard.type("savigny orge")
    expect(page.locator("tr.site")).to_have_count(4)
    expect(page).to_have_url(re.compile("q=savigny"))
    page.get_by_role("link", name="L'Orge à Savigny-sur-Orge").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Savigny")


@pytest.mark.long
def test_a_person_enters_a_reading_and_sets_others_aside(own_console: Console) -> None:
    page = own_console.page(GAUGE)
    page.keyboard.press("r")
    page.get_by_label("Value, with its unit").fill("187")
    page.get_by_label("Source of the value").fill("read off the staff")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("write the unit")
    page.get_by_label("Value, with its unit").fill("187 cm")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="Stored")).to_be_visible()
    expect(page.locator("#site-history")).to_contain_text("read by a person: 1.87")
    page.get_by_role("link", name="Set readings aside").click()
    page.get_by_label("Reason, kept permanently").fill("a branch on the float")
    page.get_by_role("button", name="Set aside").click()
    expect(page.get_by_role("status").filter(has_text="Set aside")).to_be_visible()
    expect(page.locator("#site-history")).to_contain_text("readings of Water level set aside")
    acts = page.locator(".hands li").filter(has_text="set aside")
    acts.get_by_label("Reason").fill("wrong gauge")
    acts.get_by_role("button", name="Undo").click()
    expect(page.locator("#site-history")).to_contain_text("undone")


@pytest.mark.long
def test_an_alarm_is_acknowledged_where_it_is_seen(own_console: Console) -> None:
    page = own_console.page(GAUGE)
    before = page.locator("#site-history").get_by_text("to acknowledge").count()
    page.keyboard.press("a")
    expect(page.locator("#site-history").get_by_text("to acknowledge")).to_have_count(before - 1)


@pytest.mark.long
def test_a_viewer_is_offered_no_act(console: Console) -> None:
    page = console.page(GAUGE, role="viewer")
    expect(page.locator("[data-plot]")).to_be_visible()
    assert page.locator(".site-acts").count() == 0
    refused = page.request.get(f"{console.base}{GAUGE}/observe")
    assert refused.status == 403


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
@pytest.mark.parametrize("path", [GAUGE, "/sites/weather-orsay", "/sites/cab-orsay-1", "/sites"])
def test_sites_are_for_everyone(
    console: Console, path: str, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = console.page(path, language=language, theme=theme, size=size)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert overflow(page) <= 0
    assert violations(page) == []


@pytest.mark.long
def test_spans_of_all_domains_draw(console: Console) -> None:
    page = console.page("/sites")
    links = page.locator("tr.site th a").evaluate_all("all => all.map((one) => one.pathname)")
    assert len(links) > 20
    for path in links[::4]:
        for span in ("12h", "7d", "1y"):
            answer = page.request.get(f"{console.base}{path}/chart?span={span}&w=640")
            assert answer.ok, f"{path} {span}: {answer.status}"


@pytest.mark.long
def test_nothing_is_said_plainly(empty_console: Console) -> None:
    page = empty_console.page("/sites")
    expect(page.locator("#site-rows")).to_contain_text("No matching sites")
    assert violations(page) == []
