"""An agent's phone: takes an order, loses the network, notes and closes it, and sends it later."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import BrowserContext, Error, Page, ViewportSize, expect

from hypervisor.broker.child import wait_until
from tests.browser.conftest import PATIENCE, PHONE, WALL, Console, overflow, violations
from tests.browser.link import Link
from tests.chromium import find_chromium
from tests.integration.web.served import cookie, session, signed_in

Q = "\N{RIGHT SINGLE QUOTATION MARK}"

SLOW_CLOCK = """
localStorage.slow ??= 600000;
const now = Date.now;
Date.now = () => now() - Number(localStorage.slow);
"""
_CONTROLLED = "navigator.serviceWorker.controller !== null"


@pytest.fixture
def wire(empty_console: Console) -> Iterator[Link]:
    """Between the phone and the server; the console's pages take it."""
    direct = empty_console.base
    link = Link(direct)
    empty_console.base = link.base
    yield link
    link.close()
    empty_console.base = direct
    # Chromium says each request that found no network.
    own = [each for each in empty_console.problems if "net::ERR" not in each]
    empty_console.problems[:] = own


@pytest.fixture
def dispatch(empty_console: Console) -> Any:
    """The administrator's client; a team with the agent in it."""
    agent = signed_in(
        empty_console.base, empty_console.url, "agent-all", (("agent", None),), now=WALL
    )
    agent.close()
    with signed_in(
        empty_console.base, empty_console.url, "chief", (("administrator", None),), now=WALL
    ) as client:
        body = {"title": "Voirie nord", "members": ["agent-all"], "reason": "new"}
        assert client.put("/api/v1/teams/north", json=body).status_code == 204
        yield client


def make_order(client: httpx.Client, title: str) -> int:
    place = {"address": "12, quai Bourgoin", "lon": 2.48, "lat": 48.61}
    body = {"title": title, "team": "north", "key": str(uuid4()), **place}
    answer = client.post("/api/v1/interventions", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["intervention"]["id"])


def acts_of(client: httpx.Client, number: int) -> list[tuple[str, str]]:
    events = client.get(f"/api/v1/interventions/{number}").json()["events"]
    return [(event["act"], event["text"]) for event in events]


def inspect(page: Page) -> None:
    assert violations(page) == []
    assert overflow(page) <= 0


class Phone:
    """A phone of the agent: a browser with a profile, which can be killed. Its clock is slow."""

    def __init__(self, console: Console, profile: Path) -> None:
        self._console, self._profile = console, profile
        self.context = self._start()

    def _start(self) -> BrowserContext:
        width, height = PHONE
        context = self._console.browser.browser_type.launch_persistent_context(
            self._profile,
            executable_path=find_chromium(),
            args=["--no-sandbox"],
            viewport=ViewportSize(width=width, height=height),
            has_touch=True,
            locale="fr-FR",
            timezone_id="Europe/Paris",
            color_scheme="dark",
        )
        context.set_default_timeout(PATIENCE)
        context.add_init_script(SLOW_CLOCK)
        return context

    def sign_in(self) -> None:
        secret = session(self._console.url, "agent-all", (("agent", None),), now=WALL)
        values = {"lang": "fr", "theme": "dark", cookie(self._console.url): secret}
        self.context.add_cookies(
            [
                {"name": name, "value": value, "url": self._console.base}
                for name, value in values.items()
            ]
        )

    def open(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self._console.problems.append(str(error)))
        page.goto(self._console.base + "/field")
        return page

    def kill(self) -> None:
        """As when the battery dies; begun again, it is signed in no more."""
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if f"--user-data-dir={self._profile}".encode() in words and not any(
                    word.startswith(b"--type=") for word in words
                ):
                    os.kill(int(folder.name), signal.SIGKILL)
        with suppress(Error):
            self.context.close()
        self.context = self._start()
        self.context.clear_cookies()

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def phone(empty_console: Console, wire: Link, tmp_path: Path) -> Iterator[Phone]:
    del wire  # its address is the console's from now on
    made = Phone(empty_console, tmp_path / "profile")
    yield made
    made.close()


def test_an_order_is_closed_without_a_network(
    dispatch: httpx.Client, wire: Link, phone: Phone
) -> None:
    number, other = make_order(dispatch, "Close the quay"), make_order(dispatch, "Pump the cellar")
    phone.sign_in()
    page = phone.open()
    assert wait_until(lambda: bool(page.evaluate(_CONTROLLED)), seconds=30)
    expect(page.locator("#net")).to_have_text("À jour.")
    inspect(page)
    page.get_by_role("link", name="Close the quay").click()
    page.get_by_role("button", name="Prendre l").click()
    assert wait_until(lambda: ("accept", "") in acts_of(dispatch, number), seconds=30)
    expect(page.locator(".queue")).to_have_count(0)
    inspect(page)

    wire.cut()
    work_offline(page)
    inspect(page)
    phone.kill()
    page = phone.open()  # the page, its orders and what was noted stand on the phone
    expect(page.locator("#net")).to_contain_text("Pas de réseau")
    expect(page.locator("#net")).to_contain_text("à envoyer : 3")
    page.get_by_role("link", name="Pump the cellar").click()
    close(page, "Pompe rendue")
    expect(page.locator("#net")).to_contain_text("à envoyer : 4")
    assert acts_of(dispatch, number)[-1] == ("accept", "")
    body = {"act": "cancel", "text": "the cellar is dry"}
    assert dispatch.post(f"/api/v1/interventions/{other}/acts", json=body).status_code == 200

    wire.mend()
    page.evaluate("localStorage.setItem('slow', '0'); dispatchEvent(new Event('online'))")
    expect(page.locator("#net")).to_contain_text("Votre session est terminée ; rien n")
    inspect(page)
    assert acts_of(dispatch, number)[-1] == ("accept", "")
    phone.sign_in()
    page.route("**/acts", lambda route: route.fulfill(body="<h1>Back soon</h1>"))
    page.reload()
    expect(page.locator("#net")).to_contain_text("Le serveur ne répond pas")
    expect(page.locator("#net")).to_contain_text("à envoyer : 4")
    page.unroute("**/acts")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".queue")).to_contain_text(f"chief a annulé l{Q}intervention")
    inspect(page)
    assert acts_of(dispatch, number)[-3:] == [
        ("arrive", ""),
        ("observe", "Eau sur la chaussée"),
        ("close", "Barrière posée"),
    ]
    assert acts_of(dispatch, other)[-1] == ("late", "Pompe rendue"), "nothing is lost"
    events = dispatch.get(f"/api/v1/interventions/{number}").json()["events"]
    noted = datetime.fromisoformat(events[-1]["noted_at"])
    assert WALL - noted < timedelta(minutes=5), "the clock that was set right does not count"
    page.get_by_role("button", name=f"J{Q}ai lu").click()
    expect(page.locator("main")).to_have_text(f"Aucune intervention n{Q}attend vos équipes.")


def test_an_exercise_is_told_apart(console: Console) -> None:
    page = console.page("/field", role="agent", size=PHONE, language="fr")
    inspect(page)
    colours = "({color, backgroundColor}) => [color, backgroundColor]"
    text, ground = page.locator(".drill").evaluate(
        f"element => ({colours})(getComputedStyle(element))"
    )
    assert text != ground, "axe does not say that a text has the colour of its ground"


def work_offline(page: Page) -> None:
    page.get_by_role("button", name="Arrivé sur place").click()
    expect(page.locator("#net")).to_contain_text("Pas de réseau")
    page.locator("summary", has_text="Noter un constat").click()
    page.get_by_label("Que constatez-vous").fill("Eau sur la chaussée")
    page.get_by_role("button", name="Garder le constat").click()
    close(page, "Barrière posée")
    expect(page.locator("#net")).to_contain_text("à envoyer : 3")


def close(page: Page, work: str) -> None:
    page.locator("summary", has_text="Clore").click()
    page.get_by_label("Ce qui a été fait").fill(work)
    page.get_by_label("Minutes").fill("25")
    page.get_by_role("button", name="Clore").click()
