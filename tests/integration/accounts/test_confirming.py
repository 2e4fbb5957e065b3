"""Confirming that it is you, between a form and the act that it asks for."""

import html
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest

from hypervisor.access import passwords
from hypervisor.access.context import CONFIRMED_FOR
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.base.instance import Instance, Mode
from hypervisor.database import audit
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from tests.integration.web.served import NOW, server

pytestmark = pytest.mark.integration

PASSWORD = passwords.generate()
NEW = {"name": "zoe", "title": 'Zoé "la nuit" <b>', "role": "viewer", "kind": "program", "area": ""}


class Clock:
    """Stands still until it is told."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def anne(database_url: str, clock: Clock) -> Iterator[httpx.Client]:
    """An administrator who signed in with her password, eleven minutes ago."""
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
        new = NewAccount(name="anne", password=PASSWORD, roles=((Role.ADMINISTRATOR, None),))
        account_service.create_account(connection, new, Administrator(name="root"))
    with server(database_url, clock=clock) as base, httpx.Client(base_url=base, timeout=30) as made:
        made.headers["Accept-Language"] = "en"
        login = {"name": "anne", "password": PASSWORD}
        assert made.post("/api/v1/auth/login", json=login).status_code == 204
        clock.now += CONFIRMED_FOR + timedelta(minutes=1)
        yield made


def csrf(client: httpx.Client) -> str:
    return str(client.get("/api/v1/auth/me").json()["csrf"])


def read_fields(page: str) -> dict[str, str]:
    """The hidden fields of the form that asks for the proof."""
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: html.unescape(text) for name, text in pairs}


def test_the_form_goes_on_unchanged_once_it_is_confirmed(
    anne: httpx.Client, database_url: str
) -> None:
    referer = {"Referer": f"{anne.base_url}/admin?done=x"}
    form = {**NEW, "csrf": csrf(anne)}
    page = anne.post("/admin/accounts", data=form, headers=referer)
    assert page.status_code == 403
    assert "Confirm that it is you" in page.text
    assert 'href="/admin?done=x"' in page.text
    held = read_fields(page.text)
    assert held.items() >= form.items()

    again = anne.post("/confirm", data={**held, "proof-password": "wrong"})
    assert again.status_code == 422
    assert "the current password is wrong" in again.text
    assert read_fields(again.text) == held
    unconfirmed = anne.post("/admin/accounts", data=form)
    assert unconfirmed.status_code == 403, "a wrong proof is none"

    confirmed = {**held, "proof-password": PASSWORD}
    led = anne.post("/confirm", data=confirmed)
    assert (led.status_code, led.headers["location"]) == (307, "/admin/accounts")
    done = anne.post(led.headers["location"], data=confirmed)
    assert (done.status_code, done.headers["location"]) == (303, "/admin/accounts/zoe?done=added")
    account = anne.get("/api/v1/accounts/zoe").json()["account"]
    assert account["title"] == NEW["title"]
    with connect(database_url) as connection:
        kinds = [act.kind for act in audit.list_acts(connection)]
    assert kinds[-2:] == ["confirmation", "account"]


def test_a_confirmation_leads_to_no_other_site_and_from_none(anne: httpx.Client) -> None:
    proof = {"proof-password": PASSWORD, "proof-target": "//evil.example/x", "csrf": csrf(anne)}
    assert anne.post("/confirm", data={**proof, "csrf": "x"}).status_code == 403
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert anne.post("/confirm", data=proof, headers=foreign).status_code == 403
    assert anne.post("/confirm", data=proof).headers["location"] == "/"


def test_a_program_with_a_session_is_told_what_to_do(anne: httpx.Client, clock: Clock) -> None:
    headers = {"X-CSRF-Token": csrf(anne)}
    body = {"name": "zoe", "roles": [{"role": "viewer"}]}
    refused = anne.post("/api/v1/accounts", json=body, headers=headers)
    assert refused.status_code == 403
    problem = refused.json()
    assert "confirm that it is you" in problem["detail"]
    address = problem["confirm"]
    for password, status in (("wrong", 422), (PASSWORD, 204)):
        proof = anne.post(address, json={"password": password}, headers=headers)
        assert proof.status_code == status, proof.text
    clock.now += CONFIRMED_FOR - timedelta(seconds=1)
    assert anne.post("/api/v1/accounts", json=body, headers=headers).status_code == 201
    clock.now += timedelta(seconds=1)
    change = anne.patch("/api/v1/accounts/zoe", json={"roles": []}, headers=headers)
    assert change.status_code == 403, "ten minutes, no more"


def test_guessing_is_slowed_here_as_at_the_door(anne: httpx.Client) -> None:
    headers = {"X-CSRF-Token": csrf(anne)}
    tries = [
        anne.post("/api/v1/auth/confirm", json={"password": "wrong"}, headers=headers).status_code
        for _ in range(6)
    ]
    assert tries == [422] * 5 + [429]
    right = anne.post("/api/v1/auth/confirm", json={"password": PASSWORD}, headers=headers)
    assert right.status_code == 429
