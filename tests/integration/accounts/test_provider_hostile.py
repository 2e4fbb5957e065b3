"""Whatever the provider answers: a sentence, no session, within bounds of memory and of time."""

import json
import os
import random
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from hypervisor.accounts import provider_calls, service_provider
from hypervisor.base.settings import Settings
from hypervisor.database import databases
from hypervisor.database.connect import connect
from tests.conftest import TEMPLATE, Stack
from tests.integration.accounts.hostile_provider import (
    ANSWERS,
    CALLS,
    CLAIMS,
    CLIENT,
    DRIPS,
    EVENTS,
    RAW_CLAIMS,
    VALUES,
    HostileProvider,
    serving,
)
from tests.integration.accounts.test_provider import make_database
from tests.integration.web.served import server
from tests.memory import measure_peak, reset_peak

pytestmark = pytest.mark.integration

RULES = """
provider: Essonne Login
account: email
roles:
  - {when: {groups: operators, email: "*@*.*"}, role: operator}
"""
SECONDS = 0.5  # that an answer may take here
MOST_MEMORY = 120 * 2**20  # bytes more than before, of console and provider in one process
random_of = random.Random


class Console:
    """The console that is connected to it; its clock moves on, so that nothing is cached."""

    def __init__(self, provider: HostileProvider) -> None:
        self.provider, self.now, self.base, self.url = provider, datetime.now(UTC), "", ""

    def clock(self) -> datetime:
        return self.now

    def forget(self) -> None:
        """What was cached is old from now on."""
        self.now += timedelta(hours=2)
        self.provider.now = int(self.now.timestamp())

    def sign_in(self) -> httpx.Response:
        """All the way, or as far as it goes."""
        with self.visit() as browser:
            begun = browser.get("/login/provider")
            if begun.status_code != 303:
                return begun
            sent = parse_qs(urlsplit(begun.headers["location"]).query)
            self.provider.nonce = sent["nonce"][0]
            words = {"code": "c", "state": sent["state"][0], "iss": self.provider.issuer}
            return browser.get("/login/provider/callback", params=words)

    def visit(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers={"Accept-Language": "en"}, timeout=60)

    def count_sessions(self) -> int:
        with connect(self.url) as connection:
            row = connection.execute("SELECT count(*) FROM session").fetchone()
        return int(row[0]) if row else 0


@pytest.fixture(scope="module")
def console(stack: Stack) -> Iterator[Console]:
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    with serving() as provider:
        made = Console(provider)
        made.url = make_database(stack.database.url(name))
        with connect(made.url) as connection:
            service_provider.apply_rules(
                connection, RULES, file="rules", author="root", reason="a test"
            )
        settings = Settings(
            database_url=made.url,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret="secret",
        )
        with server(made.url, clock=made.clock, settings=settings) as made.base:
            yield made
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_calls, "_TIMEOUT", SECONDS)


def check_refusal(console: Console, answer: httpx.Response, what: object) -> None:
    """A page with a sentence, and nobody signed in."""
    assert answer.status_code in {403, 503}, (what, answer.status_code, answer.text[-3_000:])
    problem = re.search(r'role="alert"><p><b>(.*?)</b></p><p>(.*?)</p>', answer.text, re.DOTALL)
    assert problem is not None, (what, answer.text[:3_000])
    assert 10 < len(problem[2]) < 900, (what, problem[2])
    assert "\0" not in answer.text
    assert "<script>" not in problem[2]
    assert console.count_sessions() == 0, what


def test_a_right_answer_signs_in(console: Console) -> None:
    """Else everything below would be refused for nothing."""
    console.forget()
    console.provider.behave()
    lands = console.sign_in()
    assert lands.status_code == 303, lands.text
    with connect(console.url) as connection:
        connection.execute("DELETE FROM session")
        row = connection.execute("SELECT name FROM account WHERE name LIKE 'eve%'").fetchone()
    assert row == ("eve@essonne.example",)


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("call", CALLS)
def test_hostile_answers_of_a_call(console: Console, call: str, every: int) -> None:
    chance, provider = random_of(f"answers {call}"), console.provider
    for kind in list(ANSWERS)[CALLS.index(call) % every :: every]:  # each of some call
        make = ANSWERS[kind]
        console.forget()
        provider.behave()
        hostile = make(provider.build(call), chance)
        provider.behave(call=call, answer=hostile or b"\0")
        before, began = reset_peak(), time.monotonic()
        answer = console.sign_in()
        took, grown = time.monotonic() - began, measure_peak() - before
        check_refusal(console, answer, (call, kind))
        assert grown < MOST_MEMORY, (call, kind, grown)
        assert took < 20 + 5 * SECONDS, (call, kind, took)


@pytest.mark.parametrize("call", CALLS)
def test_answers_that_drip(console: Console, call: str) -> None:
    for kind, begins in DRIPS.items():
        console.forget()
        console.provider.behave(call=call, answer=begins, drips=True)
        began = time.monotonic()
        check_refusal(console, console.sign_in(), (call, kind))
        assert time.monotonic() - began < 7.0, (call, kind)  # it drips for eight


@pytest.mark.parametrize("call", CALLS)
def test_hostile_values_of_a_call(console: Console, call: str) -> None:
    for changes in VALUES[call]:
        console.forget()
        console.provider.behave(call=call, changes=changes)
        check_refusal(console, console.sign_in(), changes)


def test_hostile_claims(console: Console) -> None:
    for claims in CLAIMS:
        console.forget()
        console.provider.behave(claims=claims)
        check_refusal(console, console.sign_in(), claims)
    for raw in RAW_CLAIMS:
        console.forget()
        console.provider.behave(raw=raw)
        check_refusal(console, console.sign_in(), raw[:40])


def list_logout_tokens(provider: HostileProvider) -> Iterator[str]:
    right: dict[str, Any] = {"events": EVENTS}
    for claims in CLAIMS:
        if not claims.keys() & {"iss", "aud", "exp", "iat", "sub", "sid"}:
            continue
        if claims in ({"sub": None}, {"sub": ""}):
            continue  # it names the session
        provider.behave(claims=claims)
        yield provider.sign(json.dumps(provider.make_claims(**right)))
    for raw in RAW_CLAIMS:
        provider.behave(raw=raw)
        yield provider.sign(json.dumps(provider.make_claims(**right)))
    provider.behave()
    yield from ("a" * 200_000, "é.é.é", "a.b.c", "{}", "." * 10_000)
    yield provider.sign(json.dumps(provider.make_claims(events={"x": 1})))
    yield provider.sign(json.dumps(provider.make_claims(events=[])))


def test_hostile_logout_tokens(console: Console) -> None:
    console.forget()
    with console.visit() as browser:
        for token in list_logout_tokens(console.provider):
            answer = browser.post("/login/provider/logout", data={"logout_token": token})
            assert answer.status_code == 400, (token[:200], answer.text)
            assert answer.json()["error"] == "invalid_request"
            assert 10 < len(answer.json()["error_description"]) < 600


@pytest.mark.parametrize("field", ["code", "state", "error", "error_description", "iss"])
def test_hostile_words_in_the_address(console: Console, field: str) -> None:
    chance = random_of(field)
    for value in ("\0", "é" * 3_000, "\ud800".encode("utf-8", "surrogatepass"), "\x1b[2J", "<b>",
                  "a" * chance.randrange(5_000, 9_000), "\r\nX: y"):  # fmt: skip
        console.forget()
        console.provider.behave()
        with console.visit() as browser:
            begun = browser.get("/login/provider")
            sent = parse_qs(urlsplit(begun.headers["location"]).query)
            words: dict[str, Any] = {"state": sent["state"][0], "iss": console.provider.issuer}
            if field == "error_description":
                words["error"] = "x"
            answer = browser.get("/login/provider/callback", params={**words, field: value})
        assert answer.status_code in {400, 403, 503}, (value, answer.status_code, answer.text)
        assert 'role="alert"' in answer.text or answer.status_code == 400  # NUL: of every page
        assert console.count_sessions() == 0
