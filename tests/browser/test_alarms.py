"""The page of alarms in a real browser: worked by keyboard, live, and whole after a cut network."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import uvicorn
from playwright.sync_api import expect

from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.app.application import create_app
from hypervisor.base.settings import Settings
from hypervisor.broker.ports import listen
from hypervisor.database.connect import connect
from tests.browser.conftest import DESK, PHONE, WALL, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs
from tests.integration.evaluation.world import CATALOGUE
from tests.integration.web.served import running_on
from tests.ports import reserve_port

_ANOTHER = """
INSERT INTO alarm (rule, subject, site, since, began, severity, stale, title, title_fr, advice,
    last_value, noticed_at, changed_at, category, domain)
SELECT rule || n, subject, site, since, began, jsonb_build_array(jsonb_build_array(
    severity->0->>0, %(severity)s::text)), '[]', %(title)s || n, NULL, advice, last_value,
    noticed_at, changed_at, category, domain
FROM (SELECT * FROM alarm WHERE domain = 'flood' AND site IS NOT NULL ORDER BY id LIMIT 1) a,
    generate_series(1, %(count)s) n RETURNING id
"""


def raised(url: str, title: str, severity: str = "minor", count: int = 1) -> list[int]:
    """So many new alarms; their numbers."""
    with closing(connect(url)) as connection, connection:
        rows = connection.execute(
            _ANOTHER, {"title": title, "severity": severity, "count": count}
        ).fetchall()
    return [row[0] for row in rows]


def row(number: int) -> str:
    return f"#alarm-{number}"


def test_an_alarm_is_worked_by_keyboard(own_console: Console) -> None:
    page = own_console.page("/alarms", language="fr")
    expect(page).to_have_title(re.compile(r"^\(\d+\) EXERCICE · Alarmes · Essonne$"))
    rows = page.locator("tr[data-row]")
    ranks = [int(locator.get_attribute("data-rank") or 0) for locator in rows.all()[:4]]
    assert ranks == sorted(ranks)
    page.keyboard.press("j")
    expect(rows.first).to_be_focused()
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    expect(panel).to_contain_text("Consigne")
    expect(page).to_have_url(re.compile(r"/alarms/\d+$"))
    expect(page.locator("tr[aria-selected=true]")).to_have_count(1)
    assert violations(page) == []
    page.keyboard.press("Enter")  # once more: into the panel, whose links are far away by Tab
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("a")
    expect(panel.locator(".log")).to_contain_text("a acquitté")
    expect(rows.first).to_contain_text("acquittée")  # where it stood: it does not jump
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(page.locator("tr[data-row]:focus")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/alarms$"))


@pytest.mark.long
def test_after_an_act_the_keys_go_on_from_the_row(own_console: Console) -> None:
    page = own_console.page("/alarms", language="fr", size=(1024, 800))
    here = page.locator("tr[data-row]").first
    panel = page.locator("#panel")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(panel).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.type("Le garde est sur place.")
    page.keyboard.press("Control+Enter")
    expect(panel.locator(".log")).to_contain_text("Le garde est sur place.")
    expect(here).to_be_focused()
    page.keyboard.press("d")
    page.keyboard.press("Tab")
    page.keyboard.type("Essai de pompe")
    page.keyboard.press("Control+Enter")
    expect(panel.locator(".log")).to_contain_text("Essai de pompe")
    expect(here).to_be_focused()
    boxes = [
        button.bounding_box()
        for button in (panel.locator("[data-key=d]"), panel.locator(".fold.more > summary"))
    ]
    ends = boxes[0]
    assert ends
    assert panel.locator("[data-key=d]").evaluate("one => one.scrollWidth <= one.clientWidth")
    assert boxes[1]
    apart = boxes[1]["x"] >= ends["x"] + ends["width"] or boxes[1]["y"] >= ends["y"] + 20
    assert apart, "what ends the shelving is covered"
    page.keyboard.press("d")
    expect(panel.locator(".log")).to_contain_text("ne diffère plus")
    expect(here).to_be_focused()


@pytest.mark.long
def test_only_what_is_to_acknowledge_is_filled(own_console: Console) -> None:
    (number,) = raised(own_console.url, "Over ")
    with closing(connect(own_console.url)) as connection, connection:
        done = Act(alarm=number, kind=ActKind.ACKNOWLEDGE, author="benoit")
        perform(connection, done, now=WALL)
        connection.execute("UPDATE alarm SET ended = began WHERE id = %s", [number])
    page = own_console.page("/alarms?which=over", language="en")
    mark = page.locator(f"#alarm-{number} .mark")
    expect(mark).to_have_attribute("aria-label", "Minor, over")
    fill = "one => getComputedStyle(one.querySelector('.s')).fill"
    over = mark.evaluate(fill)
    page.goto(f"{own_console.base}/alarms?flat=1")
    full = {
        mark.evaluate(fill)
        for mark in page.locator(".alist .mark.un").all()
        if "Minor" in (mark.get_attribute("aria-label") or "")
    }
    assert full
    assert over not in full


def test_a_cut_network_heals_without_a_missed_alarm(own_console: Console) -> None:
    page = own_console.page("/alarms")
    page.evaluate("window.before = true")
    expect(page.locator("tr[data-row]").first).to_be_visible()
    page.context.set_offline(True)
    (number,) = raised(own_console.url, "Raised in the dark ", "critical")
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator(row(number))).to_have_count(0)
    page.locator("tr[data-row] [data-open]").first.scroll_into_view_if_needed()
    page.context.set_offline(False)
    expect(page.locator(row(number))).to_contain_text("Raised in the dark 1")
    expect(page.locator("#offline")).to_be_hidden()
    assert page.evaluate("window.before") is True  # it was not loaded again
    own_console.problems.clear()  # a browser says itself that it is offline


@contextmanager
def serving(url: str, port: int) -> Iterator[None]:
    """A web process on a port of one's choice, until the context ends."""
    app = create_app(Settings(database_url=url), CATALOGUE, lambda: WALL)
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
    with running_on(listen(port), config):
        yield


@pytest.mark.long
def test_a_web_process_that_comes_back_has_told_everything(own_console: Console) -> None:
    """What was done meanwhile is sent then."""
    port = reserve_port()
    base, own_console.base = own_console.base, f"http://127.0.0.1:{port}"
    with serving(own_console.url, port):
        page = own_console.page("/alarms")
        page.evaluate("window.before = true")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator("#panel")).to_be_visible()
        opened = page.locator("#panel").get_attribute("data-number")
    (number,) = raised(own_console.url, "Nobody served ", "major")
    expect(page.locator("#offline")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("#offline")).to_contain_text("One action waits.")
    with serving(own_console.url, port):
        expect(page.locator("#offline")).to_be_hidden()
        expect(page.locator(f"#alarm-{opened}")).to_contain_text("acknowledged")
        page.keyboard.press("Escape")
        expect(page.locator(row(number))).to_contain_text("Nobody served 1")
        assert page.evaluate("window.before") is True
        page.close()
    own_console.base = base
    own_console.problems.clear()  # refused connections, as it must be


@pytest.mark.long
def test_new_alarms_wait_while_one_is_open(own_console: Console) -> None:
    page = own_console.page("/alarms", language="fr")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_visible()
    before = page.locator("tr[data-row]").count()
    numbers = raised(own_console.url, "Neuve ", "critical", 3)
    button = page.locator("#newcomers")
    expect(button).to_contain_text("3 nouvelles alarmes")
    expect(button).to_contain_text("dont 3 critique")
    assert page.locator("tr[data-row]").count() == before
    expect(page.locator("#announce")).to_contain_text("3 nouvelles alarmes")
    button.click()
    for number in numbers:
        expect(page.locator(row(number))).to_be_visible()
    expect(page.locator("#panel")).to_be_visible()


@pytest.mark.long
def test_several_are_acted_on_at_once(own_console: Console) -> None:
    page = own_console.page("/alarms")
    for _ in range(3):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("#selected")).to_have_text("3 selected")
    page.keyboard.press("d")
    page.keyboard.press("Tab")
    page.keyboard.type("Works on the embankment")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#outcome")).to_contain_text("Done for 3 alarms.")
    page.get_by_role("link", name="Shelved now").click()
    expect(page.locator("tr[data-row]")).to_have_count(3)
    expect(page.locator("tr[data-row]").first).to_contain_text("shelved until")


@pytest.mark.long
def test_who_acts_on_what_has_changed_compares_or_abandons(own_console: Console) -> None:
    (number,) = raised(own_console.url, "Contested ", "major")
    page = own_console.page(f"/alarms/{number}")
    page.locator("#comment").fill("The warden is there.")
    with closing(connect(own_console.url)) as connection, connection:
        done = Act(alarm=number, kind=ActKind.ACKNOWLEDGE, author="benoit")
        perform(connection, done, now=WALL)
    expect(page.locator("#moved")).to_be_visible()
    page.locator("#comment").press("Control+Enter")
    conflict = page.locator("#conflict")
    expect(conflict).to_contain_text("benoit acknowledged it")
    expect(conflict).to_contain_text("The warden is there.")
    assert violations(page) == []
    conflict.get_by_role("button", name="Do it anyway").click()
    expect(conflict).to_have_count(0)
    expect(page.locator("#panel .log")).to_contain_text("The warden is there.")
    own_console.problems.clear()  # the browser names the 409


@pytest.mark.long
def test_filters_live_in_the_address(console: Console) -> None:
    page = console.page("/alarms")
    page.select_option("#f-domain", "weather")
    page.wait_for_url("**/alarms?domain=weather")
    expect(page.locator("#f-domain")).to_be_focused()  # an arrow key goes on from there
    domains = page.locator("tr[data-row] .dom").all_inner_texts()
    assert domains
    assert {domain.strip() for domain in domains} == {"Weather"}
    page.get_by_role("link", name="Critical").last.click()
    page.wait_for_url(re.compile("severity=critical"))
    expect(page.locator("#alarm-list")).to_contain_text("No alarm matches these filters.")
    page.locator("#alarm-list").get_by_role("link", name="Clear the filters").click()
    page.wait_for_url("**/alarms")
    page.keyboard.press(",")
    page.keyboard.type("arpajon")
    page.keyboard.press("Enter")
    page.wait_for_url("**/alarms?q=arpajon")
    titles = page.locator("tr[data-row] .ti").all_inner_texts()
    assert titles
    assert all("Arpajon" in title for title in titles)


@pytest.mark.long
def test_a_thousand_alarms_stay_usable(own_console: Console) -> None:
    raised(own_console.url, "One of many ", "minor", 1_000)
    page = own_console.page("/alarms")
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(100)
    expect(page.locator("#alarm-chips a").first).to_contain_text(re.compile(r"1[,\s]?0\d\d"))
    page.locator("[data-more]").click()
    expect(rows).to_have_count(300)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_visible()


@pytest.mark.long
def test_a_critical_alarm_calls_until_it_is_acknowledged_or_hushed(own_console: Console) -> None:
    called = "() => Number(document.documentElement.dataset.called ?? 0)"
    page = own_console.page("/alarms")
    page.wait_for_function(f"({called})() >= 1")
    sound = page.locator(".bar [data-sound]")
    expect(sound).to_contain_text("press to allow")
    page.keyboard.press("j")  # a page may sound once somebody has touched it
    expect(sound).to_contain_text("critical")
    page.keyboard.press("m")
    expect(sound).to_contain_text("off")
    before = page.evaluate(called)
    raised(own_console.url, "Another ", "critical")
    expect(page.locator("tr[data-row]", has_text="Another 1")).to_be_visible()
    assert page.evaluate(called) == before


@pytest.mark.long
def test_who_may_only_look_acts_on_nothing(console: Console) -> None:
    page = console.page("/alarms", role="viewer")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_contain_text("You can view this alarm but not act on it.")
    expect(page.locator("#panel form")).to_have_count(0)
    expect(page.locator("#alarms input[type=checkbox]")).to_have_count(0)


@pytest.mark.long
def test_an_instance_without_alarms(empty_console: Console) -> None:
    page = empty_console.page("/alarms", language="fr")
    expect(page.locator("#alarm-list")).to_contain_text("Aucune alarme levée n’est en cours.")  # noqa: RUF001
    expect(page.locator("#alarm-list")).to_contain_text("Non évaluable")
    assert violations(page) == []


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
def test_alarms_are_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = console.page("/alarms", language=language, theme=theme, size=size)
    assert overflow(page) <= 0
    assert violations(page) == []
    page.locator("tr[data-row] [data-open]").first.click()
    expect(page.locator("#panel")).to_be_visible()
    page.locator("#panel summary").first.click()
    assert overflow(page) <= 0
    assert violations(page) == []
