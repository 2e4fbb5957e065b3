"""What every answer carries, what a browser keeps, what a tenant learns of another's names."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hypervisor.access import passwords
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.database.connect import connect
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH, SOUTH, ClientOf

pytestmark = pytest.mark.integration

PASSWORD = passwords.generate()
SECRET = re.compile(r"hyp_[\w-]{43}")  # of a token; lists show its first letters


@pytest.fixture
def browser(base: str, world: World) -> Iterator[httpx.Client]:
    """Of Ada, who administers everything and is not signed in yet."""
    with connect(world.url) as connection:
        new = NewAccount(name="Ada", password=PASSWORD, roles=((Role.ADMINISTRATOR, None),))
        account_service.create_account(connection, new, Administrator(name="root"))
    with httpx.Client(base_url=base, timeout=30) as found:
        yield found


def enter(browser: httpx.Client, **headers: str) -> httpx.Response:
    said = {"name": "ada", "password": PASSWORD}
    found = browser.post("/api/v1/auth/login", json=said, headers=headers)
    assert found.status_code == 204, found.text
    return found


@pytest.mark.parametrize("path", ["/login", "/api/v1/sites", "/now", "/static/1/css/none.css"])
def test_every_answer_tells_the_browser_what_it_may(browser: httpx.Client, path: str) -> None:
    plain = browser.get(path)
    carried = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(self), microphone=()",
    }
    assert {name: plain.headers.get(name) for name in carried} == carried
    policy = dict(part.strip().partition(" ")[::2] for part in
                  plain.headers["content-security-policy"].split(";"))  # fmt: skip
    assert policy["default-src"] == "'none'"
    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
    assert policy["form-action"] == "'self'"
    for part in ("script-src", "style-src"):
        assert "unsafe" not in policy[part]
    assert "strict-transport-security" not in plain.headers
    over_https = browser.get(path, headers={"X-Forwarded-Proto": "https"})
    assert over_https.headers["strict-transport-security"] == "max-age=31536000"


def test_what_somebody_may_see_is_kept_by_nobody(browser: httpx.Client) -> None:
    enter(browser)
    for path in ("/api/v1/sites", "/now", "/api/v1/auth/me", "/admin"):
        said = browser.get(path).headers["cache-control"]
        assert "no-store" in said or "no-cache" in said or "private" in said, path
        assert "public" not in said


def test_a_session_over_https_is_shown_over_https_alone(browser: httpx.Client) -> None:
    plain = enter(browser).headers["set-cookie"]
    secured = enter(browser, **{"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    for cookie in (plain, secured):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert f"Max-Age={7 * 24 * 3600}" in cookie
        assert "Domain" not in cookie
    assert (plain.startswith("hypervisor-"), "Secure" in plain) == (True, False)
    assert (secured.startswith("__Host-hypervisor-"), "Secure" in secured) == (True, True)


def test_signing_in_leads_to_no_other_host(browser: httpx.Client) -> None:
    said = {"name": "ada", "password": PASSWORD}
    for wanted in ("//evil.example", "/\\evil.example", "https://evil.example", "/\n/evil.example",
                   "evil", "", "/\t/evil.example", "/%2F/evil.example"):  # fmt: skip
        found = browser.post("/login", data={**said, "next": wanted})
        lands = httpx.URL(str(browser.base_url)).join(found.headers["location"])
        assert lands.host == "127.0.0.1", wanted
        assert not found.headers["location"].startswith(("//", "/\\", "/\t"))


def test_what_is_shown_once_is_shown_to_its_session_alone(
    browser: httpx.Client, client_of: ClientOf
) -> None:
    enter(browser)
    csrf = browser.get("/api/v1/auth/me").json()["csrf"]
    form = {"csrf": csrf, "purpose": "script", "scope": "read", "days": "1"}
    made = browser.post("/account/tokens", data=form)
    assert made.status_code == 303
    cookie = made.headers["set-cookie"]
    for part in ("HttpOnly", "Max-Age=60", "Path=/account", "SameSite=strict"):
        assert part in cookie
    kept = cookie.partition("=")[2].partition(";")[0].strip('"')
    other = client_of("viewer")
    shown = {"Cookie": f"{_cookies(other)}; hypervisor-once={kept}"}
    assert not SECRET.search(other.get("/account", headers=shown).text)
    forged = kept.replace(kept[:2], "7c", 1)
    wrong = {"Cookie": f"{_cookies(browser)}; hypervisor-once={forged}"}
    with httpx.Client(base_url=browser.base_url, headers=wrong, timeout=30) as same:
        assert not SECRET.search(same.get("/account").text)
    page = browser.get("/account")
    assert SECRET.search(page.text)
    assert not SECRET.search(browser.get("/account").text)
    assert page.headers["set-cookie"].startswith("hypervisor-once=")
    assert "Max-Age=0" in page.headers["set-cookie"]


def _cookies(client: httpx.Client) -> str:
    return "; ".join(
        f"{cookie.name}={cookie.value}"
        for cookie in client.cookies.jar
        if cookie.name != "hypervisor-once"
    )


WORKS: dict[str, Any] = {"ends": "2024-01-09T00:00:00Z", "reason": "paint"}


def test_works_of_another_part_are_neither_changed_nor_told_of(client_of: ClientOf) -> None:
    """Their name is taken: that is all that is told."""
    south, north = client_of("administrator", SOUTH), client_of("administrator", NORTH)
    made = south.put("/api/v1/works/weir", json={**WORKS, "sites": ["yvette"]})
    assert made.status_code == 200, made.text
    for found in (
        north.put("/api/v1/works/weir", json={**WORKS, "sites": ["orge"]}),
        north.put(
            "/api/v1/works/weir", json={**WORKS, "sites": ["orge"]}, headers={"If-Match": "*"}
        ),
        north.post("/api/v1/works/weir/end", json={}, headers={"If-Match": "*"}),
    ):
        assert 400 <= found.status_code < 500, found.text
        assert "yvette" not in found.text.lower()
    assert south.get("/api/v1/works/weir").json()["works"]["sites"] == ["yvette"]
    assert north.get("/api/v1/works").json()["works"] == []
