"""Rules and thresholds in a real browser, as an author uses them who is no programmer."""

import re

import pytest
from playwright.sync_api import Page, expect

from hypervisor.database.connect import connect
from hypervisor.rulebook import service_thresholds
from hypervisor.rulebook.model import Stamp
from tests.browser.conftest import DESK, PHONE, WALL, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs

THRESHOLD = "/thresholds/yvette-villebon/attention"
PAGES = ("/rules", "/rules/flood-level", "/thresholds", THRESHOLD, f"{THRESHOLD}/history")


def alarms(page: Page, side: str) -> int:
    """How many alarms the table tells of today or of what is tried."""
    row = page.locator("#worth tr", has_text=re.compile("^(Alarms|Alarmes)"))
    cell = row.locator("td").nth(0 if side == "today" else 1)
    return int(cell.inner_text().replace("\N{EN DASH}", "0"))


def test_a_threshold_is_tried_saved_and_taken_back(own_console: Console) -> None:
    page = own_console.page(THRESHOLD, language="fr")
    field = page.locator("#value")
    before = field.input_value()
    assert alarms(page, "tried") == 0

    field.fill("1,0")
    expect(page.locator("#worth")).to_contain_text("1,00")
    assert alarms(page, "tried") >= 1
    expect(page.locator("[data-yaml-value]")).to_have_text("1")

    page.get_by_label("Raison (obligatoire)").fill("la route est coupée avant")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Enregistré.")).to_be_visible()
    expect(field).to_have_value("1,00")

    page.get_by_role("link", name="Historique et retour arrière").click()
    expect(page.get_by_text("la route est coupée avant")).to_be_visible()
    page.get_by_text("Revenir à celle-ci").first.click()
    page.get_by_label("Raison (obligatoire)").first.fill("c'était le mauvais pont")
    page.get_by_role("button", name="Rétablir la révision 1").click()
    expect(page.locator("#value")).to_have_value(before)
    assert violations(page) == []


def test_a_tried_value_is_shared_by_a_link(console: Console) -> None:
    page = console.page(THRESHOLD, language="fr")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#value").fill("1,0")
    expect(page.locator("#worth")).to_contain_text("1,00")
    link = page.get_by_role("link", name="Lien vers cet essai")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".share [role=status]")).to_contain_text("Copié")
    address = page.evaluate("navigator.clipboard.readText()").removeprefix(console.base)
    other = console.page(address, language="fr", role="viewer")
    expect(other.locator("#value")).to_have_value("1,0")
    lanes = ".strip-lanes"
    assert other.locator(lanes).inner_html() == page.locator(lanes).inner_html()


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_a_recorded_flood_comes_to_this_gauge(console: Console, size: tuple[int, int]) -> None:
    page = console.page(THRESHOLD, language="fr", size=size)
    summary = page.locator("summary", has_text="Et si")
    summary.focus()
    page.keyboard.press("Enter")
    assert overflow(page) <= 0
    page.get_by_role("link", name=re.compile("Saint-Béat")).first.click()
    expect(page.locator("#laid")).to_contain_text("rien de cela")
    expect(page.locator("#laid")).to_contain_text("Licence Ouverte")
    assert overflow(page) <= 0
    assert violations(page) == []


def test_the_line_is_moved_by_the_keyboard(console: Console) -> None:
    page = console.page(THRESHOLD)
    handle = page.get_by_role("slider")
    before = float(page.locator("#value").input_value())
    handle.focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowDown")
    now = float(page.locator("#value").input_value())
    assert now < before
    assert float(handle.get_attribute("aria-valuenow") or 0) == pytest.approx(now)
    expect(page.locator("#worth")).to_contain_text(f"{now:.2f}")
    expect(page.locator("[data-dirty]")).to_have_text("not saved")


def test_the_form_and_the_text_say_the_same(console: Console) -> None:
    page = console.page("/rules/flood-level")
    text = page.locator("#text")
    page.get_by_label("Raised after").fill("25 min")
    expect(text).to_have_value(re.compile("for: 25 min"))
    expect(page.locator("#verdict")).to_contain_text("10 min")

    text.fill(text.input_value().replace("level > threshold.attention", "levle > 3 m"))
    slip = page.locator("#slip-when")
    expect(slip).to_contain_text("did you mean 'level'?")
    page.get_by_role("button", name=re.compile("^Line 3, column")).click()
    expect(text).to_be_focused()

    text.fill(text.input_value().replace("levle > 3 m", "level > 3 m"))
    expect(page.get_by_label("Alarm when")).to_have_value("level > 3 m")
    expect(slip).to_be_hidden()


@pytest.mark.parametrize("path", ["/rules", THRESHOLD])
def test_a_page_of_authors_is_for_everyone(console: Console, path: str) -> None:
    page = console.page(path, language="fr", theme="dark", size=PHONE)
    assert overflow(page) <= 0
    assert violations(page) == []


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
def test_all_of_them_in_all_ways(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    for path in PAGES:
        page = console.page(path, language=language, theme=theme, size=size)
        assert overflow(page) <= 0, path
        assert violations(page) == [], path
        page.close()


@pytest.mark.long
def test_two_authors_do_not_overwrite_each_other(own_console: Console) -> None:
    page = own_console.page(f"{THRESHOLD}?value=1.1")
    with connect(own_console.url) as connection:
        service_thresholds.set_threshold(
            connection,
            "yvette-villebon/attention",
            "1.05 m",
            Stamp(author="B. Roy", reason="the weir is being worked", now=WALL),
        )
    page.get_by_label("Reason (needed)").fill("too nervous")
    own_console.problems.clear()
    page.get_by_role("button", name=re.compile("^Save revision")).click()
    expect(page.get_by_role("alert")).to_contain_text("B. Roy changed it")
    expect(page.get_by_role("alert")).to_contain_text("1.05 m")
    own_console.problems.clear()  # the browser tells of a 409
    page.get_by_role("button", name=re.compile("^Save revision")).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.locator("#value")).to_have_value("1.10")


def test_a_new_rule_by_who_is_no_programmer(own_console: Console) -> None:
    page = own_console.page("/rules", language="fr")
    page.get_by_text("Nouvelle règle").click()
    page.locator("a[href='/rules/new?domain=flood']").click()
    text, value = page.locator("#text"), page.get_by_label(re.compile("^Valeur"))
    value.fill("0,5")
    expect(text).to_have_value(re.compile(r"when: level > 0\.5 m"))
    expect(text).to_have_value(re.compile("id: flood-level-above-0-5"))
    expect(page.get_by_label(re.compile("^Intitulé en français"))).to_have_value(
        "{site} : hauteur d'eau au-dessus de 0,5 m"
    )
    expect(page.locator("#everywhere")).to_contain_text("Villebon")

    measure = page.locator("#g-measure")
    measure.select_option("rate")
    expect(text).to_have_value(re.compile(r"when: rate\(level, 1 h\) > 0\.5 m/h"))
    expect(page.get_by_label("sur une durée de")).to_be_visible()
    assert page.evaluate("document.activeElement.id") != "text"
    measure.select_option("value")
    expect(text).to_have_value(re.compile(r"when: level > 0\.5 m"))

    page.locator("[data-try-site='yvette-villebon']").click()
    expect(page.locator("#worth")).to_contain_text("nouvelle alarme")
    expect(page.locator(".strip-graph")).to_contain_text("0,50")
    page.get_by_label("Raison (obligatoire)").fill("le meunier le demande")
    value.fill("0,6")  # the save takes it, although its answer is not there yet
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Enregistré.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hauteur d'eau au-dessus de 0,6 m")
    expect(page.locator("#text")).to_have_value(re.compile(r"level > 0\.6 m"))


def test_what_is_changed_in_two_halves_before_an_answer_is_kept(console: Console) -> None:
    page = console.page("/rules/new?domain=flood")
    page.get_by_label(re.compile("^Value")).fill("0.5")
    page.get_by_label("What the operator does").fill("Ring the mill.")
    text = page.locator("#text")
    expect(text).to_have_value(re.compile(r"level > 0\.5 m(.|\n)*advice: Ring the mill\."))
    page.get_by_label("Limit").select_option(index=1)
    text.press("Control+End")
    text.press_sequentially("labels: {crew: north}\n")
    expect(text).to_have_value(re.compile(r"when: level > threshold(.|\n)*crew: north"))


def test_the_pickers_say_when_a_rule_is_beyond_them(console: Console) -> None:
    page = console.page("/rules/new?domain=flood")
    text = page.locator("#text")
    written = text.input_value()
    text.fill(written.replace("when: level > 1 m", "when: level > 1 m and hour > 3"))
    expect(page.locator("#guide")).to_contain_text("goes beyond the pickers")
    text.fill(written.replace("level > 1 m", "level < 2 m"))
    expect(page.get_by_label("Alarm if it is")).to_have_value("below")
    expect(page.get_by_label(re.compile("^Value"))).to_have_value("2")
    text.fill(text.input_value().replace("id: flood-level-above-1", "id: flood-level"))
    expect(page.locator("#slip-id")).to_contain_text("exists already")


@pytest.mark.parametrize("size", [(390, 844), (768, 1024), (1024, 768), DESK])
def test_a_new_rule_fits_every_screen(console: Console, size: tuple[int, int]) -> None:
    page = console.page("/rules/new?domain=flood", language="fr", theme="dark", size=size)
    assert overflow(page) <= 0
    assert violations(page) == []


@pytest.mark.long
def test_an_event_that_was_seen_makes_hits_and_misses(own_console: Console) -> None:
    page = own_console.page(f"{THRESHOLD}?value=1.0")
    page.locator("#begins").fill("2024-10-10T10:00")
    page.locator("#ends").fill("2024-10-10T12:00")
    page.get_by_label("What was observed, and where").fill("the bridge stood in water")
    page.get_by_role("button", name="Save event").click()
    expect(page.locator("#worth")).to_contain_text("Events detected")
    expect(page.get_by_role("navigation", name="Period").get_by_role("link")).to_have_count(2)


@pytest.mark.long
def test_who_may_only_look_tries_and_does_not_save(console: Console) -> None:
    page = console.page(THRESHOLD, role="viewer")
    page.locator("#value").fill("1.0")
    expect(page.locator("#worth")).to_contain_text("1.00")
    expect(page.get_by_role("button", name=re.compile("^Save"))).to_have_count(0)
    expect(page.get_by_text("you need the role of rule author")).to_be_visible()


@pytest.mark.long
def test_rules_are_searched(console: Console) -> None:
    page = console.page("/rules", language="fr")
    page.get_by_label(re.compile("^Intitulé, condition")).fill("gel")
    expect(page.locator("#results")).to_contain_text("weather-frost")
    expect(page.locator("#results")).not_to_contain_text("flood-level-silent")
