"""The page of an incident in a real browser: written to, with files, and printed."""

import base64
import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import DESK, PHONE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def _open(console: Console, **more: object) -> Page:
    """The incident with most alarms, found as operators find it."""
    page = console.page("/alarms", **more)  # type: ignore[arg-type]
    page.locator(".alist tr.grp a").first.click()
    page.wait_for_url(re.compile(r"/incidents/\d+$"))  # and its scripts: Ctrl+Enter is theirs
    return page


def test_notes_tasks_and_files_of_an_incident(own_console: Console) -> None:
    page = _open(own_console, language="fr", role="operator")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    text = page.locator("#log-text")
    text.fill("Le quai est fermé")
    picture = FilePayload(name="quai été.png", mimeType="image/png", buffer=PIXEL)
    page.locator("#log-files").set_input_files(picture)
    text.press("Control+Enter")
    timeline = page.locator(".timeline")
    expect(timeline).to_contain_text("Le quai est fermé")
    expect(timeline).to_contain_text("quai été.png")
    shown = timeline.locator("img").first
    shown.scroll_into_view_if_needed()
    expect(shown).to_have_js_property("naturalWidth", 1)  # 0 until it is loaded
    with page.expect_download() as download:
        timeline.get_by_role("link", name="quai été.png").click()
    assert download.value.suggested_filename == "quai été.png"
    expect(page.locator("#log-owner")).to_be_hidden()  # a note is nobody's
    page.get_by_role("radio", name="Tâche", exact=True).check(force=True)
    page.locator("#log-text").fill("Poser les batardeaux")
    page.locator("#log-owner").select_option(index=1)
    page.get_by_role("button", name=re.compile("^Ajouter")).click()
    tasks = page.locator(".tasks")
    expect(tasks).to_contain_text("Poser les batardeaux")
    assert violations(page) == []
    tasks.get_by_role("button", name=re.compile("^Fait")).click()
    expect(tasks.locator("s")).to_have_text("Poser les batardeaux")
    page.locator("#owner").select_option(index=0)
    page.get_by_role("button", name="Affecter").click()
    expect(page.locator(".facts dd")).not_to_have_text("personne")
    page.emulate_media(media="print")
    expect(page.locator("#log-form")).to_be_hidden()
    expect(timeline).to_be_visible()


def test_what_others_write_comes_by_itself_and_what_one_types_stays(own_console: Console) -> None:
    mine = _open(own_console)
    theirs = own_console.page(mine.url.removeprefix(own_console.base), language="en")
    mine.locator("#log-text").fill("half a sentence")
    theirs.locator("#log-text").fill("Road closed at Gif")
    theirs.get_by_role("button", name="Add to the incident").click()
    expect(mine.locator(".timeline")).to_contain_text("Road closed at Gif")
    expect(mine.locator("#log-text")).to_have_value("half a sentence")


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, (768, 1024)])
def test_an_incident_is_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = _open(console, language=language, theme=theme, size=size)
    expect(page.locator(".timeline .line").first).to_be_visible()
    assert overflow(page) <= 0
    assert violations(page) == []
