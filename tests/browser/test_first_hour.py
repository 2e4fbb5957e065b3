"""The first hour: from nothing to a gauge on screen; forms and files of the inventory; a rota."""

import shlex
import subprocess
from collections.abc import Sequence

import pytest
from playwright.sync_api import Page, expect

from hypervisor.stack.parts import interpreter_command, part_environment
from tests.browser.conftest import PHONE, Console, overflow, violations

SIZES = [PHONE, (768, 1024), (1024, 768), (1440, 900)]
TOWN = "sites:\n  - name: orge-arpajon\n    title: The Orge at Arpajon\n"


def test_the_first_gauge_is_on_screen_without_a_file(new_console: Console) -> None:
    page = new_console.page("/now", language="fr")
    expect(page.get_by_role("heading", name="Premiers pas")).to_be_visible()
    expect(page.locator("#worse")).to_have_count(0)
    enter_site_and_device(page)

    page.get_by_role("button", name="Créer son mot de passe").click()
    secret = page.locator(".secret-word").inner_text()
    command = shlex.split(page.locator(".start pre").first.inner_text().splitlines()[0])
    assert command[-4:] == ["orge-1", "level=1", "--password", secret]
    assert violations(page) == []
    assert "refuses 'orge-1'" in run([*command[:-1], "wrong"])
    run([*command[:-3], "levle=1", *command[-2:]])
    expect(page.locator("#start-waiting")).to_contain_text("a été refusé")
    assert "the broker has it" in run(command)
    expect(page.locator("#start")).to_contain_text("La dernière mesure")
    expect(page.locator("#start")).to_contain_text("1,00")
    expect(page.locator("#rivers")).to_contain_text("Orge")
    expect(page.locator(".secret-word")).to_be_visible()  # still to be copied
    page.reload()
    expect(page.locator(".secret-word")).to_have_count(0)

    enter_threshold_and_route(page)
    expect(page.locator("#duty")).to_be_visible()
    expect(page.locator("#start")).to_have_count(0)


def enter_site_and_device(page: Page) -> None:
    """By the keyboard: each page has its focus on what comes next."""
    expect(page.get_by_role("link", name="Saisir une commune")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code (INSEE ou SIREN)")).to_be_focused()
    assert violations(page) == []
    page.keyboard.type("91021")
    page.keyboard.press("Tab")
    page.keyboard.type("Arpajon")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Saisir un site")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#f-commune")).to_have_value("91021")
    expect(page.locator("[autofocus]")).to_be_focused()
    page.keyboard.type("orge-moulin")
    page.locator("#f-title").fill("Orge au moulin")
    page.locator("#f-title").press("Enter")
    expect(page.locator("#f-domain:invalid")).to_be_focused()
    page.locator("#f-domain").select_option("flood")
    page.locator("#f-river").fill("Orge")
    page.locator("#f-river").press("Enter")
    page.get_by_role("link", name="Saisir un appareil").click()
    expect(page.locator("#f-site")).to_have_value("orge-moulin")
    expect(page.locator("[autofocus]")).to_be_focused()
    page.keyboard.type("orge-1")
    page.keyboard.press("Enter")
    expect(page.locator("#step-device")).to_contain_text("orge-1 ne mesure encore rien")
    page.get_by_role("link", name="Préciser ce qu").press("Enter")
    page.locator("#f-model").select_option("radar-gauge")
    page.get_by_role("button", name="Enregistrer").last.click()


def enter_threshold_and_route(page: Page) -> None:
    page.get_by_role("link", name="Saisir des seuils").click()
    page.locator("[name='thresholds.0.name']").fill("attention")
    page.locator("[name='thresholds.0.value']").fill("1.50 m")
    page.get_by_role("button", name="Enregistrer").last.click()
    page.get_by_role("link", name="Saisir une route").click()
    page.get_by_label("Nom de la route").fill("astreinte")
    page.locator("[name='channels.0.kind']").select_option("webhook")
    page.locator("[name='channels.0.target']").fill("https://commune.example/alarmes")
    page.locator("[name='hours.0.days']").fill("mon-fri")
    page.locator("[name='hours.0.from']").fill("18:00")
    page.locator("[name='hours.0.to']").fill("08:00")
    page.get_by_role("button", name="Enregistrer").last.click()


def run(command: Sequence[str]) -> str:
    """A command that the page shows; what it prints for a person."""
    done = subprocess.run(
        [*interpreter_command(), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        env=part_environment(),
        cwd="/",
    )
    return done.stderr


def test_what_is_missing_after_the_first_reading_is_listed(console: Console) -> None:
    page = console.page("/now")
    expect(page.locator("#start")).to_have_count(0)  # an exercise


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_first_steps_are_for_everyone(
    empty_console: Console, size: tuple[int, int], theme: str
) -> None:
    page = empty_console.page("/now", language="fr", theme=theme, size=size)
    for summary in page.locator("#start summary").all():
        summary.click()
    assert (overflow(page) <= 0, violations(page)) == (True, [])


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_inventory_is_for_everyone(
    console: Console, size: tuple[int, int], language: str
) -> None:
    page = console.page("/admin/inventory", language=language, size=size)
    for kind, key in (
        ("site", "orge-arpajon"),
        ("device", ""),
        ("group", ""),
        ("plan", ""),
        ("asset", ""),
        ("link", ""),
        ("area", "91021"),
    ):
        page.goto(f"{console.base}/admin/inventory/form/{kind}?key={key}")
        assert (kind, overflow(page) <= 0, violations(page)) == (kind, True, [])
    page.goto(f"{console.base}/admin/inventory")
    assert (overflow(page) <= 0, violations(page)) == (True, [])
    upload(page, TOWN)
    assert (overflow(page) <= 0, violations(page)) == (True, [])
    upload(page, "sites:\n  - {name: x, lon: a}\n", back=True)
    assert (overflow(page) <= 0, violations(page)) == (True, [])
    console.problems.clear()  # the 422 is meant


def upload(page: Page, text: str, *, back: bool = False) -> None:
    if back:
        page.go_back()
    page.locator("#i-files").set_input_files(
        {"name": "town.yaml", "mimeType": "application/yaml", "buffer": text.encode()}
    )
    page.locator("main form .btn.main").first.click()
    expect(page.locator("main table, .file-problems").first).to_be_visible()


def test_a_file_is_looked_at_and_applied(own_console: Console) -> None:
    page = own_console.page("/admin/inventory")
    upload(page, "sites:\n  - name: orge-arpajon\n    lon: 48.5\n    lat: 2.2\n")
    expect(page.locator(".file-problems")).to_contain_text("town.yaml:4:10")
    own_console.problems.clear()  # the 422 is meant
    upload(page, TOWN, back=True)
    row = page.get_by_role("row").filter(has_text="The Orge at Arpajon")
    expect(row).to_contain_text("orge-arpajon")
    page.get_by_label("Why").fill("its name on the sign")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("status").filter(has_text="applied")).to_be_visible()
    page.goto(f"{own_console.base}/admin/audit")
    expect(page.locator("tbody tr").first).to_contain_text("its name on the sign")
    with page.expect_download() as downloading:
        page.goto(f"{own_console.base}/admin/inventory")
        page.get_by_role("link", name="Download as YAML").click()
    assert "The Orge at Arpajon" in downloading.value.path().read_text(encoding="utf-8")


@pytest.mark.long
def test_a_form_by_keyboard_keeps_rows_and_entries(own_console: Console) -> None:
    page = own_console.page("/admin/inventory/form/site?key=orge-arpajon")
    rows = page.locator("#f-thresholds .form-row")
    before = rows.count()
    page.locator("#f-title").fill("Renamed")
    page.get_by_role("button", name="More rows").press("Enter")
    expect(rows).to_have_count(before + 3)
    expect(page.locator("#f-title")).to_have_value("Renamed")
    page.locator("#f-lat").fill("north")
    page.locator("#f-lat").press("Enter")
    expect(page.locator("#f-lat-problem")).to_contain_text("expected a number")
    expect(page.locator("#f-title")).to_have_value("Renamed")
    assert violations(page) == []
    own_console.problems.clear()  # the 422 is meant
    page.locator("#f-lat").fill("48.59")
    page.locator("#f-lat").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Renamed").first).to_be_visible()


@pytest.mark.long
def test_a_route_and_its_hours_are_entered_changed_and_removed(own_console: Console) -> None:
    page = own_console.page("/admin/notifications/route")
    page.get_by_label("Name of the route").fill("duty")
    page.locator("[name='channels.0.kind']").select_option("webhook")
    page.locator("[name='channels.0.target']").fill("https://u:secret@town.example/hook")
    page.locator("[name='hours.0.days']").fill("mon-fri")
    page.locator("[name='hours.0.from']").fill("evening")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("alert").filter(has_text="Not done.")).to_be_visible()
    expect(page.locator(".field-problem")).to_contain_text("'evening' is not a time of day")
    own_console.problems.clear()  # the 422 is meant
    page.locator("[name='hours.0.from']").fill("18:00")
    page.locator("[name='hours.0.to']").fill("08:00")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(page.locator(".gaps")).to_contain_text("no one is on call")
    page.get_by_role("link", name="duty", exact=True).click()
    expect(page.locator("[name='channels.0.target']")).to_have_value("https://town.example/…")
    page.locator("[name='hours.0.days']").fill("mon-sun")
    page.get_by_role("button", name="Save").last.click()
    page.get_by_role("link", name="duty", exact=True).click()
    expect(page.locator("[name='hours.0.days']")).to_have_value("mon-sun")
    assert violations(page) == []
    page.get_by_role("button", name="Remove this route").click()
    expect(page.get_by_text("No notifications are sent.")).to_be_visible()
