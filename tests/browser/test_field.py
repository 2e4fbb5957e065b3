"""An agent's phone: takes an order, loses the network, notes and closes it, and sends it later."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, WALL, Console, overflow, violations
from tests.integration.web.served import signed_in


Q = "\N{RIGHT SINGLE QUOTATION MARK}"


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
    empty_console: Console, dispatch: httpx.Client
) -> None:
    number, other = make_order(dispatch, "Close the quay"), make_order(dispatch, "Pump the cellar")
    phone = empty_console.page("/field", role="agent", size=PHONE, language="fr", theme="dark")
    phone.wait_for_function("navigator.serviceWorker.controller !== null")
    expect(phone.locator("#net")).to_have_text("À jour.")
    inspect(phone)
    phone.get_by_role("link", name="Close the quay").click()
    phone.get_by_role("button", name="Prendre l").click()
    expect(phone.locator("#net")).to_have_text("À jour.")
    assert ("accept", "") in acts_of(dispatch, number)
    inspect(phone)

    phone.context.set_offline(True)
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
    assert empty_console.problems == [] or all(
        "ERR_INTERNET_DISCONNECTED" in each for each in empty_console.problems
    )
    empty_console.problems.clear()
