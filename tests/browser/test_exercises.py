"""Exercises in a real browser: chosen, led and debriefed; hidden from trainees."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from playwright.sync_api import APIResponse, Browser, Request, Route, expect

from hypervisor.database.connect import connect
from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.model import NewRun
from hypervisor.exercises.plan import make_label
from simulators._scenarios import load_scenario
from tests.browser.conftest import DESK, PHONE, WALL, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs
from tests.integration.exercises.conftest import FILE, Led, led
from tests.integration.web.served import server

__all__ = ["led"]

STORY = "october-flood"
_INJECTS = "**/exercises/part/injects"


@pytest.fixture
def led_console(led: Led, browser: Browser) -> Iterator[Console]:
    """The console of an exercise in which somebody plays."""
    url = led.settings.database_url
    with (
        led.conductor(),
        server(url, now=WALL, settings=led.settings) as base,
        ExitStack() as opened,
    ):
        made = Console(base=base, url=url, browser=browser, opened=opened)
        yield made
        assert not made.problems, made.problems


@pytest.fixture
def paused_console(own_console: Console) -> Console:
    """The Essonne's flood as if its leader had paused it; a call went out, a rumour is to come."""
    story = load_scenario(STORY)
    label = make_label(STORY, story, seed=1)
    with connect(own_console.url) as connection:
        run = queries_runs.add_run(
            connection,
            NewRun(
                **vars(label),
                speed=600,
                begins=story.begins,
                ends=story.begins + timedelta(hours=story.hours),
                author="chef",
            ),
        )
        clock = story.begins + timedelta(hours=58)
        queries_runs.update_run(connection, run, state="paused", clock=clock, started_at=clock)
        call = queries_injects.add_inject(
            connection, run, author="chef", kind="call", title="A call"
        )
        queries_injects.fire_inject(connection, call, at=clock, by="chef")
        queries_injects.add_inject(
            connection,
            run,
            author="chef",
            kind="rumour",
            title="A secret rumour",
            planned=clock + timedelta(hours=3),
            expected="Nobody repeats it",
        )
        queries_injects.add_skip(connection, run, from_at=story.begins, to_at=clock, author="chef")
        queries_runs.save_heartbeat(connection, os.getpid())
    return own_console


def test_a_run_is_started_led_and_debriefed(led_console: Console) -> None:
    page = led_console.page("/exercises", language="en")
    page.locator(f"input[value='{FILE}']").check()
    page.get_by_label("Speed").select_option("3600")
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile("/exercises/lead"))
    expect(page.locator("#ex-controls")).to_contain_text("paused")
    expect(page.locator("#banner")).to_contain_text("scenario paused")
    page.get_by_text("New inject").click()
    page.get_by_label("Title").fill("The mayor calls")
    page.get_by_label("Expected response").fill("Call back")
    page.get_by_role("button", name="Add").first.click()
    page.get_by_role("button", name="Inject now: The mayor calls").click()
    expect(page.locator("#ex-injects .fired")).to_contain_text("The mayor calls")
    page.get_by_role("button", name="Go", exact=False).first.click()
    expect(page.locator("#ex-controls").get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="as fast as possible").click()
    expect(page.locator("#ex-controls")).to_contain_text("This run is over")
    page.get_by_role("link", name="Debrief").first.click()
    expect(page.locator(".ex-line")).to_contain_text("The mayor calls")
    assert page.locator(".ex-line [data-kind=alarm]").count() > 0
    page.get_by_role("checkbox", name="alarms").uncheck()
    expect(page.locator(".ex-line [data-kind=alarm]").first).to_be_hidden()
    assert violations(page) == []
    page.goto(f"{led_console.base}/exercises")
    sent: list[Request] = []

    def keep(request: Request) -> None:
        sent.append(request)

    page.on("request", keep)
    page.locator(f"input[value='{FILE}']").check()
    page.get_by_role("button", name="Start").dblclick()  # refused: the clock is past its beginning
    expect(page.get_by_role("alert")).to_contain_text("cannot be set back")
    expect(page).to_have_url(f"{led_console.base}/exercises")
    (refused,) = led_console.problems  # the browser reports the answer itself
    assert "409 (Conflict)" in refused
    led_console.problems.clear()
    page.reload()
    page.get_by_label("Reason").fill("once more")
    page.get_by_label("All participants").check()
    page.get_by_role("button", name="Clear and reset").click()
    expect(page.locator("main")).to_contain_text("No run yet")
    assert [one.url for one in sent if one.method == "POST"] == [
        f"{led_console.base}/exercises/{what}" for what in ("runs", "reset")
    ]
    with connect(led_console.url) as connection:
        (only,) = queries_runs.list_runs(connection)
    assert only.state.value == "reset"


class HeldPart:
    """The page that leads, whose injects are being fetched: the answer was made, and waits."""

    def __init__(self, console: Console) -> None:
        self.page = console.page("/exercises/lead")
        held: list[tuple[Route, APIResponse]] = []
        self.page.route(_INJECTS, lambda route: held.append((route, route.fetch())), times=1)
        self.tell()
        while not held:
            self.page.wait_for_timeout(50)
        ((self._route, self._answer),) = held

    def tell(self) -> None:
        """An event, as the stream brings it."""
        self.page.evaluate("document.dispatchEvent(new CustomEvent('hypervisor:exercise'))")

    def release(self) -> None:
        self._route.fulfill(response=self._answer)


def test_what_happens_while_a_part_is_fetched_is_shown(paused_console: Console) -> None:
    held = HeldPart(paused_console)
    with connect(paused_console.url) as connection:
        (run,) = queries_runs.list_runs(connection)
        queries_injects.add_inject(connection, run.id, author="chef", kind="call", title="Later")
    held.tell()
    held.release()
    expect(held.page.locator("#ex-injects")).to_contain_text("Later")


@pytest.mark.parametrize("written", ["before", "after"])
def test_a_part_fetched_before_does_not_replace_what_is_written(
    written: str, paused_console: Console
) -> None:
    held = HeldPart(paused_console)
    held.page.get_by_text("New inject").click()
    held.page.get_by_label("Title").fill("The mayor calls")
    if written == "before":
        held.release()

    def answer_late(route: Route) -> None:
        answer = route.fetch()
        if written == "after":
            held.release()
        route.fulfill(response=answer)

    held.page.route("**/exercises/injects", answer_late)
    held.page.get_by_role("button", name="Add").first.click()
    expect(held.page.locator("#ex-injects .ti")).to_contain_text(["The mayor calls"])


def test_what_is_to_come_is_hidden_from_those_who_train(paused_console: Console) -> None:
    page = paused_console.page("/exercises", role="operator", language="fr")
    expect(page.locator("#ex-messages")).to_contain_text("A call")
    expect(page.locator("main")).not_to_contain_text("A secret rumour")
    expect(page.locator("main")).not_to_contain_text("Choisir un scénario")
    paused_console.problems.clear()
    for path in ("/exercises/lead", "/exercises/debrief/1", "/exercises/part/truth"):
        answer = page.request.get(paused_console.base + path)
        assert answer.status == 403, path


def test_live_says_where_exercises_are_run(empty_console: Console) -> None:
    page = empty_console.page("/exercises", language="en")
    expect(page.locator("main")).to_contain_text("exercises cannot run here")
    expect(page.locator("main")).to_contain_text("up --exercise")
    assert violations(page) == []


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
def test_exercises_are_for_everyone(
    paused_console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    for path in ("/exercises", "/exercises/lead", "/exercises/debrief/1"):
        page = paused_console.page(path, language=language, theme=theme, size=size)
        expect(page.locator("h1")).to_be_visible()
        assert overflow(page) <= 0, path
        assert violations(page) == [], path
