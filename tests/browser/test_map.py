"""The map in a real browser that renders in software, and the list that says the same."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.map import BOUND_MS, Plan, measure
from hypervisor.base.settings import Settings
from hypervisor.bench.servers import ground
from tests.browser.conftest import DESK, PHONE, WALL, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs
from tests.integration.web.served import server
from tests.pmtiles import paint_tile, write_pmtiles


def _ready(page: Page) -> None:
    page.wait_for_selector("#map[data-ready]")


def test_the_map_comes_and_the_list_beside_it_says_the_same(console: Console) -> None:
    page = console.page("/map", language="fr")
    _ready(page)
    rows = page.locator("#view-list li[data-name]")
    expect(rows.first.get_by_role("img")).to_have_attribute("aria-label", re.compile("^Critique, "))
    page.get_by_role("button", name="Météo").click()
    expect(page).to_have_url(re.compile("domain=weather"))
    expect(page.locator("#view-count")).to_have_text("10")
    rows.first.get_by_role("link").click()
    expect(page.locator("#map-card h2")).to_be_visible()
    expect(page).to_have_url(re.compile("site="))
    assert violations(page) == []


def test_the_first_picture_comes_with_the_page_and_stands_where_the_map_will(
    console: Console,
) -> None:
    page = console.page("/map", language="fr")
    first = page.request.get(f"{console.base}/map").text()
    assert 'id="map-first"' in first
    assert 'class="border outside"' in first
    assert 'class="riv schematic"' in first
    assert re.search(r'id="map-note"[^>]* hidden>', first)  # nothing to wait for
    assert 'class="mark p1 un' in first
    calm = page.request.get(f"{console.base}/map?domain=mobility").text()
    assert 'class="mark p1' not in calm.partition('id="map-first"')[2].partition('id="map"')[0]
    assert 'id="map-first"' not in page.request.get(f"{console.base}/map?at=2.3,48.6,9").text()
    _ready(page)
    expect(page.locator("#map-first")).to_have_count(0)


def test_a_place_is_found_by_keyboard_and_shown_on_the_map(console: Console) -> None:
    page = console.page("/map", language="fr")
    _ready(page)
    page.get_by_label("Chercher sur la carte").last.fill("etampes")
    expect(page.locator("#find-hits [data-hit]").first).to_contain_text("Étampes")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"at=2\.1\d+%2C48\.4"))
    expect(page.locator("#view-list")).to_contain_text("La Juine à Étampes")
    expect(page.locator("#find-hits [data-hit]")).to_have_count(0)
    page.locator("#find").fill("yvette gif")
    expect(page.locator("#find-hits [data-hit]").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#map-card h2")).to_contain_text("Yvette")
    assert violations(page) == []


def test_a_basemap_from_a_file_lies_under_the_map(
    flooded_url: str, browser: Browser, tmp_path: Path
) -> None:
    write_pmtiles(tmp_path / "plan.pmtiles", paint_tile((200, 0, 0)), attribution="© Essonne")
    settings = Settings(database_url=flooded_url, data=tmp_path, basemap="plan.pmtiles")
    with server(flooded_url, now=WALL, settings=settings) as base, ExitStack() as opened:
        shown = Console(base=base, url=flooded_url, browser=browser, opened=opened)
        page = shown.page("/now")
        parts: list[int] = []
        page.on(
            "response",
            lambda answer: parts.append(answer.status) if ".pmtiles" in answer.url else None,
        )
        page.goto(f"{base}/map")
        _ready(page)
        expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text("© Essonne")
        with_it = page.locator("#map").screenshot()
        page.get_by_role("button", name="Basemap").click()
        page.wait_for_timeout(500)
        assert page.locator("#map").screenshot() != with_it
        assert parts
        assert set(parts) == {206}
        assert shown.problems == []


@pytest.mark.long
def test_without_webgl_the_first_picture_stays(console: Console) -> None:
    page = console.page("/now")
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(f"{console.base}/map")
    expect(page.locator("#map-note")).to_contain_text("no WebGL")
    expect(page.locator("#map-first .mark").first).to_be_visible()
    console.problems.clear()  # the library says so, too


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE])
def test_the_map_is_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = console.page("/map", language=language, theme=theme, size=size)
    _ready(page)
    assert overflow(page) <= 0
    assert violations(page) == []


@pytest.mark.long
def test_what_is_shown_stands_in_the_address(console: Console) -> None:
    page = console.page("/map?domain=flood&without=zones&alarmed=1")
    _ready(page)
    expect(page.get_by_role("button", name="Zones")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("button", name="Floods")).to_have_attribute("aria-pressed", "true")
    seen = int(page.locator("#view-count").inner_text())
    assert 0 < seen < 20
    page.get_by_role("button", name="with an alarm").click()
    expect(page).to_have_url(re.compile(r"^(?!.*alarmed)"))


@pytest.mark.long
def test_a_territory_without_sites_has_a_map(empty_console: Console) -> None:
    page = empty_console.page("/map")
    _ready(page)
    expect(page.locator("#view-list")).to_contain_text("No site in view")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_no_task_of_the_map_blocks_for_long() -> None:
    """Where other programs want the machine, only the processor's time says what the map takes."""
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    # In a thread of its own: in this one the other tests' browser keeps its loop.
    with ground() as place, ThreadPoolExecutor(1) as own:
        tries = 1 if busy else 3
        found = own.submit(measure, place, Plan(), lambda *_said: None, tries=tries).result()
    assert found["sites"] == 5_000
    assert 0 < found["longest_cpu_ms"] < BOUND_MS, found
    assert busy or found[f"tasks_over_{BOUND_MS}_ms"] == 0, found
