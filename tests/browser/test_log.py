"""Log, hand-over and report in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs


def test_a_promise_is_written_and_kept(own_console: Console) -> None:
    page = own_console.page("/log")
    due = page.get_by_label("By when")
    expect(due).to_be_hidden()  # a note is due at no time
    page.get_by_label("Promise", exact=True).check(force=True)
    expect(due).to_be_visible()
    due.fill("2024-10-10T18:00")
    text = page.get_by_label("What happened, what you decided or promised")
    text.fill("Call the mayor of Longjumeau back")
    text.press("Control+Enter")
    opened = page.locator(".open-list")
    expect(opened).to_contain_text("Call the mayor of Longjumeau back")
    expect(text).not_to_be_focused()  # the keys are keys again
    assert violations(page) == []
    opened.get_by_role("button", name="Kept").click()
    expect(page.locator("#log-page")).to_contain_text("Nothing promised, closed or expected.")
    expect(page.locator(".log-lines").first).to_contain_text("Settled")
    assert own_console.problems == []


def test_what_others_write_appears_and_what_one_types_stays(own_console: Console) -> None:
    mine, theirs = own_console.page("/log"), own_console.page("/log")
    mine.get_by_label("What happened, what you decided or promised").fill("half a sentence")
    theirs.get_by_label("What happened, what you decided or promised").fill("Road closed at Gif")
    theirs.get_by_role("button", name="Add to the log").click()
    expect(theirs.locator(".log-lines").first).to_contain_text("Road closed at Gif")
    expect(mine.get_by_label("What happened, what you decided or promised")).to_have_value(
        "half a sentence"
    )
    page = own_console.page("/log")
    expect(page.locator(".log-lines").first).to_contain_text("Road closed at Gif")


def test_two_hand_the_shift_over(own_console: Console) -> None:
    goes = own_console.page("/handover", role="operator")
    goes.keyboard.press("c")
    expect(goes.get_by_label("What the next shift must know first")).to_be_focused()
    goes.keyboard.type("The Orge rises at Arpajon")
    goes.get_by_role("button", name="Sign and offer").click()
    expect(goes.get_by_role("button", name="Withdraw my signature")).to_be_visible()
    goes.goto(f"{own_console.base}/now")
    expect(goes.locator("#offer")).to_contain_text("awaits its second signature")
    comes = own_console.page("/now", role="administrator")
    assert violations(comes) == []
    comes.get_by_role("link", name="Read and sign").click()
    expect(comes.locator("main")).to_contain_text("The Orge rises at Arpajon")
    comes.wait_for_load_state()  # with its style
    sign = comes.get_by_role("button", name="I have read this and take over").first
    assert sign.evaluate("one => one.getBoundingClientRect().bottom < innerHeight")
    sign.click()
    expect(comes.locator(".signs")).to_contain_text("Administrator-All")
    watches = own_console.page("/now", role="viewer")
    expect(watches.locator("#offer")).to_have_count(0)
    assert violations(comes) == []
    assert own_console.problems == []


def test_the_report_has_charts_and_its_log(console: Console) -> None:
    page = console.page("/report")
    expect(page.locator("svg.chart").first).to_be_visible()
    assert page.locator("tbody tr").count() > 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Alarm log as CSV").click()
    assert download.value.suggested_filename.startswith("report-")
    assert console.problems == []


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
def test_the_log_is_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    for path in ("/log", "/handover", "/report"):
        page = console.page(path, language=language, theme=theme, size=size)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert overflow(page) <= 0, path
        assert violations(page) == [], path
