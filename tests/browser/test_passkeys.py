"""Passkeys in a real browser, with an authenticator that Chromium simulates; and their misuse."""

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from hypervisor.access import passwords
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.database.connect import connect
from tests.browser.conftest import PHONE, Console, overflow, violations

PASSWORD = passwords.generate()
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def open_page(console: Console) -> Page:
    """A page of nobody, by the name of the machine: a passkey is for no bare address."""
    context = console.browser.new_context(locale="en-GB")
    console.opened.callback(context.close)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page


def enter(page: Page, base: str, name: str) -> None:
    page.goto(f"{base}/login")
    page.get_by_label("Account").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: not address.endswith("/login"))


def forget_session(page: Page) -> None:
    """Leave the page, then drop its cookies: an open page reloads itself at its next 401."""
    page.goto("about:blank")
    page.context.clear_cookies()


def use_passkey(page: Page) -> Mapping[str, str]:
    """Press the button; the form that the browser sent."""
    with page.expect_request(lambda sent: "passkey=" in (sent.post_data or "")) as sent:
        page.get_by_role("button", name="Use a passkey").click()
    return dict(httpx.QueryParams(sent.value.post_data or ""))


def replay(base: str, name: str, passkey: str) -> int:
    """Sign in with the password and an answer that was given elsewhere: the console's status."""
    with httpx.Client(base_url=base, timeout=30) as client:
        client.post("/login", data={"name": name, "password": PASSWORD})
        csrf = re.findall(r'name="csrf" value="(\w+)"', client.get("/login/factor").text)[0]
        form = {"csrf": csrf, "passkey": passkey, "next": "/"}
        status = client.post("/login/factor", data=form).status_code
        assert client.get("/api/v1/auth/me").status_code == 401
        return status


def spoil(answer: str) -> list[str]:
    """The same answer with one part of it wrong, and what is no answer."""
    whole: dict[str, Any] = json.loads(answer)
    spoilt: list[Any] = [
        {**whole, "response": {**whole["response"], name: value}}
        for name in ("clientDataJSON", "authenticatorData", "signature")
        for value in ("", "AAAA", whole["response"][name][:-8], None, 7)
    ]
    spoilt += [{**whole, "id": "AAAA", "rawId": "AAAA"}, {**whole, "type": "x"}, {}, [], None]
    return [json.dumps(each) for each in spoilt] + ["{", "[" * 9_000, "\N{SNOWMAN}"]


def test_a_passkey_opens_confirms_and_is_used_once(empty_console: Console) -> None:
    console = empty_console
    base = console.base.replace("127.0.0.1", "localhost")
    with connect(console.url) as connection:
        for name in ("anne", "otto"):
            new = NewAccount(name=name, password=PASSWORD, roles=((Role.ADMINISTRATOR, None),))
            account_service.create_account(connection, new, Administrator(name="root"))
    pages = {}
    for name in ("otto", "anne"):
        page = pages[name] = open_page(console)
        enter(page, base, name)
        page.goto(f"{base}/account/factors")
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_role("button", name="Make the passkey").click()
        expect(page.locator("#recovery-codes li")).to_have_count(10)
        expect(page.locator("main")).to_contain_text("1 passkey.")
        assert violations(page) == []
    page = pages["anne"]
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert overflow(page) <= 0

    forget_session(page)
    enter(page, base, "anne")
    expect(page).to_have_url(re.compile("/login/factor"))
    assert violations(page) == []
    assert overflow(page) <= 0
    answer = use_passkey(page)["passkey"]
    expect(page).to_have_url(re.compile(r"/(now)?$"))
    for name, passkey in (("anne", answer), ("otto", answer)):
        assert replay(base, name, passkey) == 422
    for passkey in spoil(answer):
        assert replay(base, "anne", passkey) == 422, passkey[:300]

    with connect(console.url) as connection:
        (count,) = connection.execute(
            "SELECT sign_count FROM passkey p JOIN account a ON a.id = p.account"
            " WHERE a.name = 'anne'"
        ).fetchone() or (0,)
        connection.execute("UPDATE session SET confirmed_at = NULL")
    assert count > 1
    page.goto(f"{base}/admin")
    page.get_by_label(re.compile("Account name")).fill("zoe")
    page.locator("#a-role").select_option("operator")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    assert violations(page) == []
    assert overflow(page) <= 0
    use_passkey(page)
    expect(page).to_have_url(re.compile("/admin/accounts/zoe"))

    forget_session(page)
    with connect(console.url) as connection:  # as a copy of the authenticator would stand
        connection.execute("UPDATE passkey SET sign_count = 1000")
    enter(page, base, "anne")
    use_passkey(page)
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    console.problems.clear()
