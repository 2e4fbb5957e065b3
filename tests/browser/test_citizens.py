"""The public page on a telephone without scripts, and what axe finds on it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from hypervisor.base.reader import Reader
from hypervisor.broker.child import wait_until
from hypervisor.citizens import push_key
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.writer import Writer
from hypervisor.database.connect import Connection, connect
from hypervisor.publications import queries_messages
from tests.browser.conftest import DESK, PHONE, overflow, violations
from tests.integration.citizens.push import BrowserKeys
from tests.integration.publications.conftest import ORGE, Room, make_room

__all__ = ["make_room"]
SECRET = "a secret of forty letters, and not less!"
# Stands for the browser maker's push service, which nobody reaches from here.
SUBSCRIBED = """
const keys = %s;
PushManager.prototype.subscribe = async () => ({ toJSON: () => keys, options: {} });
"""
# The headless browser has no place where notifications appear.
RECORDED = """
self.shown = [];
self.registration.showNotification = async (title, options) => {
  self.shown.push(JSON.stringify({ title, options }));
};
"""
CLICKED = """
({ data, action }) => {
  const event = new Event("notificationclick");
  Object.assign(event, { action, notification: { data, close() {} } });
  return new Promise((resolve) => {
    event.waitUntil = (work) => work.then(resolve);
    self.dispatchEvent(event);
  });
}
"""
KEY = AddressKey(secret=SECRET)


@pytest.fixture(scope="module")
def room(make_room: Callable[..., Room]) -> Room:
    """A town with a warning, whose citizens may subscribe."""

    def make() -> Room:
        made = make_room(
            public_page="public",
            public_url="https://alerte.example",
            publisher="Préfecture de l'Essonne",
            citizens_mail="mailto://127.0.0.1:9?from=alerte@town.example",
            citizens_push="usual",
            citizens_key=SECRET,
        )
        with connect(made.world.url) as connection:
            push_key.make(connection, KEY, author="test", replace=False)
        made.publish((ORGE,))
        seen = wait_until(lambda: "Crue" in httpx.get(f"{made.base}/public").text, seconds=30)
        assert seen
        return made

    with ThreadPoolExecutor(1) as thread:  # the browser's loop runs in this one
        return thread.submit(make).result()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts = []

    def opened(
        address: str, *, size: tuple[int, int], theme: str = "light", scripts: bool = True
    ) -> Page:
        context = browser.new_context(
            viewport=ViewportSize(width=size[0], height=size[1]),
            locale="fr-FR",
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_a_citizen_finds_their_commune_and_subscribes_without_scripts(
    room: Room, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{room.base}/public", size=PHONE, scripts=False)
    expect(page.get_by_role("heading", name="Crue de l'Orge")).to_be_visible()
    page.get_by_label("Votre commune").fill("orge-le-bourg")
    page.get_by_role("button", name="Afficher").click()
    expect(page.get_by_role("heading", name="Alertes · Orge-le-Bourg")).to_be_visible()
    page.get_by_label("Adresse électronique").fill("jeanne@town.example")
    page.get_by_role("button", name="S’abonner pour Orge-le-Bourg").click()  # noqa: RUF001
    expect(page.get_by_role("status")).to_contain_text("Un message est en route")
    page.goto(f"{room.base}/public/strip?commune={ORGE}")
    expect(page.get_by_role("link", name="Crue de l'Orge")).to_be_visible()
    assert page.context.cookies() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_axe_finds_nothing(
    room: Room, open_page: Callable[..., Page], size: tuple[int, int], theme: str
) -> None:
    for path in (f"/public?commune={ORGE}", "/public?commune=bourg", "/public/strip?lang=en"):
        page = open_page(f"{room.base}{path}", size=size, theme=theme)
        assert violations(page) == []
        assert overflow(page) <= 0


@dataclass(kw_only=True)
class Receiver:
    """A browser that subscribed: what is pushed to its service worker, and what that shows."""

    page: Page
    room: Room
    registrations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._session = self.page.context.new_cdp_session(self.page)
        self._session.on("ServiceWorker.workerRegistrationUpdated", self._remember)
        self._session.send("ServiceWorker.enable")
        (self.worker,) = self.page.context.service_workers
        self.worker.evaluate(RECORDED)

    def _remember(self, event: dict[str, Any]) -> None:
        self.registrations += [each["registrationId"] for each in event["registrations"]]

    def push(self, connection: Connection) -> tuple[str, dict[str, Any]]:
        """Push what is due, as the lane writes it; the title and options that are shown."""
        queries.fan_out(connection, self.room.clock())
        due, *others = [
            *queries.claim(connection, "push", 10),
            *queries.claim(connection, "push", 10, warnings=False),
        ]
        assert not others
        zone = ZoneInfo("Europe/Paris")
        reader = Reader(language="fr", zone=zone, now=self.room.clock())
        writer = Writer(key=KEY, publisher="test", address="https://alerte.example", zone=zone)
        if due.message:
            (message,) = queries_messages.list_sent(connection, due.message - 1, limit=1)
            text = writer.write_push_warning(due, message, reader)
        else:
            text = writer.write_push_confirmation(due, reader)
        queries.mark_sent(connection, [due.id])
        for registration in self.registrations:
            self._session.send(
                "ServiceWorker.deliverPushMessage",
                {
                    "origin": self.room.base,
                    "registrationId": registration,
                    "data": text.decode(),
                },
            )
        assert wait_until(lambda: self.worker.evaluate("self.shown.length"), seconds=30)
        shown = json.loads(self.worker.evaluate("self.shown.pop()"))
        return shown["title"], shown["options"]


def test_a_browser_shows_what_is_pushed_and_one_click_ends_it(
    room: Room, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{room.base}/public?commune={ORGE}", size=PHONE)
    page.context.grant_permissions(["notifications"])
    endpoint = "https://fcm.googleapis.com/fcm/send/jeanne"
    page.add_init_script(SUBSCRIBED % json.dumps(BrowserKeys().describe(endpoint)))
    page.reload()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.get_by_role("button", name="Recevoir ici les alertes d").click()
    expect(page.locator("[data-push] [role=status]")).to_contain_text("Une notification est en r")
    receiver = Receiver(page=page, room=room)
    with connect(room.world.url, autocommit=True) as connection:
        title, options = receiver.push(connection)
        assert title == "À confirmer : alertes de Orge-le-Bourg"
        page.goto(room.base + options["data"]["path"])
        page.get_by_role("button", name="Confirmer").click()
        expect(page.get_by_role("status")).to_contain_text("C’est confirmé")  # noqa: RUF001
        room.publish((ORGE,))
        title, options = receiver.push(connection)
        assert title.endswith("Crue de l'Orge")
        assert options["actions"][0]["title"] == "Ne plus recevoir d’alertes"  # noqa: RUF001
        page.goto(room.base + options["data"]["path"])
        expect(page.get_by_role("heading", name="Crue de l'Orge")).to_be_visible()
        receiver.worker.evaluate(CLICKED, {"data": options["data"], "action": "leave"})
        rows = connection.execute("SELECT count(*) FROM subscription WHERE channel = 'push'")
        assert rows.fetchone() == (0,)
    assert page.context.cookies() == []
    assert problems == []


def test_a_browser_without_its_push_service_says_so(
    room: Room, open_page: Callable[..., Page]
) -> None:
    """Here no push service can be reached: mail remains, and the page says so."""
    page = open_page(f"{room.base}/public?commune={ORGE}", size=DESK)
    page.context.grant_permissions(["notifications"])
    page.get_by_role("button", name="Recevoir ici les alertes d").click()
    status = page.locator("[data-push] [role=status]")
    expect(status).to_contain_text("abonnez-vous par courriel")
    expect(page.get_by_label("Adresse électronique")).to_be_visible()
