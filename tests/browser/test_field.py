"""An agent's phone: takes an order, loses the network, notes and closes it, and sends it later."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK, listen
from tests.browser.conftest import PHONE, WALL, Console, overflow, violations
from tests.integration.web.served import signed_in

Q = "\N{RIGHT SINGLE QUOTATION MARK}"

_CONTROLLED = "navigator.serviceWorker.controller !== null"


class Link:
    """A wire to a server that can be cut: browsers' own offline mode spares service workers."""

    def __init__(self, base: str) -> None:
        """Listen on loopback for the server at `base`."""
        self._target = (LOOPBACK, int(base.rpartition(":")[2]))
        self._listener = listen(0)
        self.base = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self.is_cut = False
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and accept none that lasts."""
        self.is_cut = True
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def mend(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                near, _ = self._listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._open += [near, far]
                Thread(target=_carry, args=(near, far), daemon=True).start()


def _carry(near: socket.socket, far: socket.socket) -> None:
    with near, far:
        back = Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65_536):
            sink.sendall(part)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


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


def test_an_order_is_closed_without_a_network(
    empty_console: Console, dispatch: httpx.Client, wire: Link
) -> None:
    number, other = make_order(dispatch, "Close the quay"), make_order(dispatch, "Pump the cellar")
    phone = empty_console.page("/field", role="agent", size=PHONE, language="fr", theme="dark")
    assert wait_until(lambda: bool(phone.evaluate(_CONTROLLED)), seconds=30)
    expect(phone.locator("#net")).to_have_text("À jour.")
    inspect(phone)
    phone.get_by_role("link", name="Close the quay").click()
    phone.get_by_role("button", name="Prendre l").click()
    assert wait_until(lambda: ("accept", "") in acts_of(dispatch, number), seconds=30)
    expect(phone.locator(".queue")).to_have_count(0)
    inspect(phone)

    phone.context.set_offline(True)
    wire.cut()
    phone.reload()  # the page and its orders stand on the phone
    expect(phone.locator("#net")).to_contain_text("Pas de réseau")
    phone.get_by_role("button", name="Arrivé sur place").click()
    phone.locator("summary", has_text="Noter un constat").click()
    phone.get_by_label("Que constatez-vous").fill("Eau sur la chaussée")
    phone.get_by_role("button", name="Garder le constat").click()
    phone.locator("summary", has_text="Clore").click()
    phone.get_by_label("Ce qui a été fait").fill("Barrière posée")
    phone.get_by_label("Minutes").fill("25")
    phone.get_by_role("button", name="Clore").click()
    expect(phone.locator("#net")).to_contain_text("à envoyer : 3")
    inspect(phone)
    phone.get_by_role("link", name="Pump the cellar").click()
    phone.locator("summary", has_text="Clore").click()
    phone.get_by_label("Ce qui a été fait").fill("Pompe rendue")
    phone.get_by_role("button", name="Clore").click()
    assert acts_of(dispatch, number)[-1] == ("accept", "")
    body = {"act": "cancel", "text": "the cellar is dry"}
    assert dispatch.post(f"/api/v1/interventions/{other}/acts", json=body).status_code == 200

    wire.mend()
    phone.context.set_offline(False)
    expect(phone.locator(".queue")).to_contain_text(f"chief a annulé l{Q}intervention")
    inspect(phone)
    assert acts_of(dispatch, number)[-3:] == [
        ("arrive", ""),
        ("observe", "Eau sur la chaussée"),
        ("close", "Barrière posée"),
    ]
    assert acts_of(dispatch, other)[-1] == ("late", "Pompe rendue"), "nothing is lost"
    phone.get_by_role("button", name=f"J{Q}ai lu").click()
    expect(phone.locator("main")).to_have_text(f"Aucune intervention n{Q}attend vos équipes.")
