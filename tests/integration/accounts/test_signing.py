"""Signing in and out over HTTP: cookies, slowness, ends of sessions, tokens, accounts."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from hypervisor.access import passwords
from hypervisor.access.identity import IDLE_TIMEOUT, SESSION_LIFETIME
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.database import audit
from hypervisor.database.connect import connect
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    NORTH,
    SOUTH,
    ClientOf,
    base,
    client,
    client_of,
    world,
)
from tests.integration.web.served import NOW, server

pytestmark = pytest.mark.integration

PASSWORD = passwords.generate()
SEEN = {"If-Match": "*"}


@pytest.fixture
def anne(world: World) -> World:  # noqa: F811  a fixture
    with connect(world.url) as connection:
        new = NewAccount(name="Anne", password=PASSWORD, roles=((Role.OPERATOR, NORTH),))
        account_service.create_account(connection, new, Administrator(name="root"))
    return world


@pytest.fixture
def browser(base: str, anne: World) -> Iterator[httpx.Client]:  # noqa: F811  a fixture
    assert anne
    with httpx.Client(base_url=base, timeout=30) as found:
        yield found


def enter(browser: httpx.Client, password: str = PASSWORD, name: str = "anne") -> httpx.Response:
    return browser.post("/api/v1/auth/login", json={"name": name, "password": password})


def me(browser: httpx.Client) -> Any:
    found = browser.get("/api/v1/auth/me")
    assert found.status_code == 200, found.text
    return found.json()


def test_in_and_out(browser: httpx.Client, anne: World) -> None:
    assert browser.get("/api/v1/auth/me").status_code == 401
    entered = enter(browser)
    assert entered.status_code == 204, entered.text
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Domain" not in cookie
    known = me(browser)
    assert (known["name"], known["duties"]) == ("Anne", ["read", "operate"])
    assert known["roles"] == [{"role": "operator", "area": NORTH, "area_name": "Nord"}]

    refused = browser.post("/api/v1/auth/logout")
    assert refused.status_code == 403
    token = {"X-CSRF-Token": known["csrf"]}
    foreign = {**token, "Sec-Fetch-Site": "cross-site"}
    assert browser.post("/api/v1/auth/logout", headers=foreign).status_code == 403
    assert browser.post("/api/v1/auth/logout", headers=token).status_code == 204
    assert browser.get("/api/v1/auth/me").status_code == 401
    kinds = [act.kind for act in audit.list_acts(anne.connection)]
    assert kinds == ["account", "sign-in", "sign-out"]


def test_a_session_is_another_after_signing_in_again(browser: httpx.Client) -> None:
    enter(browser)
    old = dict(browser.cookies)
    enter(browser)
    assert dict(browser.cookies) != old
    stolen = httpx.Client(base_url=browser.base_url, cookies=old, timeout=30)
    with stolen:
        assert stolen.get("/api/v1/auth/me").status_code == 401


def test_guessing_is_slowed_for_names_that_exist_and_for_those_that_do_not(
    browser: httpx.Client,
) -> None:
    for name in ("anne", "nobody"):
        said = [enter(browser, "wrong", name) for _ in range(6)]
        assert [one.status_code for one in said] == [401] * 5 + [429]
        assert {one.json()["detail"] for one in said[:5]} == {"the name or the password is wrong"}
        assert int(said[5].headers["retry-after"]) >= 1
    assert enter(browser).status_code == 429  # even the right one waits
    assert enter(browser, name="another").status_code == 401  # who shares the address does not


def test_sessions_end(anne: World) -> None:
    cookies: Any = None
    ages = {
        timedelta(0): 204,
        IDLE_TIMEOUT - timedelta(seconds=1): 200,
        2 * IDLE_TIMEOUT - timedelta(minutes=2): 200,  # it slides
        3 * IDLE_TIMEOUT: 401,
    }
    for age, status in ages.items():
        with (
            server(anne.url, now=NOW + age) as address,
            httpx.Client(base_url=address, cookies=cookies, timeout=30) as browser,
        ):
            if status == 204:
                assert enter(browser).status_code == 204
                cookies = dict(browser.cookies)
            else:
                assert browser.get("/api/v1/auth/me").status_code == status
    anne.connection.execute("UPDATE session SET seen_at = %s", [NOW + SESSION_LIFETIME])
    anne.connection.commit()
    with (
        server(anne.url, now=NOW + SESSION_LIFETIME) as address,
        httpx.Client(base_url=address, cookies=cookies, timeout=30) as browser,
    ):
        assert browser.get("/api/v1/auth/me").status_code == 401


def test_another_password_ends_all_other_sessions(browser: httpx.Client, base: str) -> None:  # noqa: F811
    with httpx.Client(base_url=base, timeout=30) as elsewhere:
        enter(elsewhere)
        enter(browser)
        headers = {"X-CSRF-Token": me(browser)["csrf"]}
        new = passwords.generate()
        for old, wanted, status in (
            ("wrong", new, 422),
            (PASSWORD, "short", 422),
            (PASSWORD, new, 204),
        ):
            found = browser.put(
                "/api/v1/auth/me/password", json={"old": old, "new": wanted}, headers=headers
            )
            assert found.status_code == status, found.text
        assert me(browser)["name"] == "Anne"
        assert elsewhere.get("/api/v1/auth/me").status_code == 401
        assert enter(elsewhere, new).status_code == 204
        out = browser.post("/api/v1/auth/logout?everywhere=true", headers=headers)
        assert out.status_code == 204
        assert elsewhere.get("/api/v1/auth/me").status_code == 401


def test_tokens(browser: httpx.Client, base: str, anne: World) -> None:  # noqa: F811
    enter(browser)
    headers = {"X-CSRF-Token": me(browser)["csrf"]}

    def make(status: int, *scopes: str, days: int = 30) -> Any:
        ends = (NOW + timedelta(days=days)).isoformat()
        said = {"name": "script", "scopes": scopes, "ends_at": ends}
        found = browser.post("/api/v1/auth/tokens", json=said, headers=headers)
        assert found.status_code == status, found.text
        return found.json()

    assert "lacks rules" in make(422, "read", "rules")["detail"]
    make(422, "read", days=1_000)
    made = make(201, "read")
    number = made["token"]["id"]
    (alarm,) = browser.get("/api/v1/alarms").json()["alarms"][:1]
    act = {"kind": "comment", "version": alarm["version"], "reason": "seen"}
    with httpx.Client(
        base_url=base, headers={"Authorization": f"Bearer {made['secret']}"}
    ) as program:
        assert me(program)["scopes"] == ["read"]
        assert program.get("/api/v1/sites").status_code == 200
        refused = program.post(f"/api/v1/alarms/{alarm['id']}/acts", json=act)
        assert refused.status_code == 403
        assert "scope 'operate'" in refused.json()["detail"]
        assert program.post("/api/v1/auth/tokens", json={}).status_code in {403, 422}
        (listed,) = browser.get("/api/v1/auth/tokens").json()["tokens"]
        assert listed["used_at"] == "2024-01-02T00:00:00Z"
        assert made["secret"] not in browser.get("/api/v1/auth/tokens").text
        assert browser.delete(f"/api/v1/auth/tokens/{number}", headers=headers).status_code == 204
        assert program.get("/api/v1/sites").status_code == 401

    operating = make(201, "operate")
    with httpx.Client(
        base_url=base, headers={"Authorization": f"Bearer {operating['secret']}"}
    ) as program:
        done = program.post(f"/api/v1/alarms/{alarm['id']}/acts", json=act)
        assert done.status_code == 200, done.text  # no token of a form is asked of a program
        assert done.json()["acts"][-1]["author"] == "Anne"
        with connect(anne.url) as connection:
            doer = Administrator(name="root")
            account_service.set_roles(connection, "Anne", ((Role.VIEWER, NORTH),), doer)
        again = {**act, "version": done.json()["alarm"]["version"]}
        refused = program.post(f"/api/v1/alarms/{alarm['id']}/acts", json=again)
        assert refused.status_code == 403  # it never may more than its owner now may
        with connect(anne.url) as connection:
            account_service.set_disabled(connection, "Anne", doer, at=NOW)
        assert program.get("/api/v1/sites").status_code == 401
    assert browser.get("/api/v1/sites").status_code == 401
    assert enter(browser).status_code == 401


def _token(browser: httpx.Client, **said: Any) -> tuple[int, dict[str, str]]:
    """Of a token that was made: its number, and how a program shows it."""
    ends = (NOW + timedelta(days=30)).isoformat()
    made = browser.post(
        "/api/v1/auth/tokens",
        json={"name": "script", "ends_at": ends, **said},
        headers={"X-CSRF-Token": me(browser)["csrf"]},
    )
    assert made.status_code == 201, made.text
    return made.json()["token"]["id"], {"Authorization": f"Bearer {made.json()['secret']}"}


@pytest.mark.parametrize("act", ["reset", "disable", "roles", "own"])
def test_what_ends_when_an_account_changes(
    browser: httpx.Client,
    client_of: ClientOf,  # noqa: F811
    base: str,  # noqa: F811
    act: str,
) -> None:
    """As docs/accounts.md says it: of a session, another session, and a token."""
    enter(browser)
    _, bearer = _token(browser)
    csrf = {"X-CSRF-Token": me(browser)["csrf"]}
    new = passwords.generate()
    with (
        httpx.Client(base_url=base, timeout=30) as elsewhere,
        httpx.Client(base_url=base, headers=bearer, timeout=30) as program,
    ):
        enter(elsewhere)
        root, path = client_of("administrator", name="root"), "/api/v1/accounts/Anne"
        if act == "own":
            said = {"old": PASSWORD, "new": new}
            done = browser.put("/api/v1/auth/me/password", json=said, headers=csrf)
        else:
            changes: dict[str, dict[str, Any]] = {
                "reset": {"password": new},
                "disable": {"disabled": True},
                "roles": {"roles": [{"role": "viewer", "area": NORTH}]},
            }
            done = root.patch(path, json=changes[act], headers=SEEN)
        assert done.is_success, done.text
        clients = (browser, elsewhere, program)
        status_codes = [one.get("/api/v1/auth/me").status_code for one in clients]
        assert (
            status_codes
            == {
                "reset": [401, 401, 401],
                "disable": [401, 401, 401],
                "roles": [200, 200, 200],
                "own": [200, 401, 200],
            }[act]
        )
        if act == "roles":
            assert me(program)["duties"] == me(browser)["duties"] == ["read"]
        if act == "disable":
            assert root.patch(path, json={"disabled": False}).is_success
            status_codes = [one.get("/api/v1/auth/me").status_code for one in clients]
            assert status_codes == [401, 401, 401], "what was shown before is void for good"
            assert enter(browser).status_code == 204


def test_a_token_gives_nobody_a_password_or_a_token(
    client: httpx.Client,  # noqa: F811
    base: str,  # noqa: F811
) -> None:
    """Not even one that administers: what it began would outlive it."""
    _, bearer = _token(client, scopes=["administer"])
    viewer = {"name": "other", "roles": [{"role": "viewer"}]}
    with httpx.Client(base_url=base, headers=bearer, timeout=30) as program:
        for method, path, body in (
            ("POST", "/api/v1/accounts", {**viewer, "password": passwords.generate()}),
            ("PATCH", "/api/v1/accounts/anne", {"password": passwords.generate()}),
            ("POST", "/api/v1/auth/tokens", {"name": "x", "ends_at": "2024-02-01T00:00:00Z"}),
        ):
            found = program.request(method, path, json=body)
            assert (found.status_code, "sign in" in found.text) == (403, True), found.text
        for path in ("accounts", "accounts/anne/password", "tokens"):
            form = {"name": "other", "role": "viewer", "account": "other", "scope": "read"}
            assert program.post(f"/admin/{path}", data=form).status_code == 403
        assert program.post("/api/v1/accounts", json=viewer).status_code == 403


def test_a_program_revokes_the_token_that_it_shows_and_no_other(
    browser: httpx.Client,
    client_of: ClientOf,  # noqa: F811
    base: str,  # noqa: F811
) -> None:
    enter(browser)
    root = client_of("administrator", name="root")
    mine, bearer = _token(browser)
    (other, _), (foreign, _) = _token(browser), _token(root)
    headers = {"X-CSRF-Token": me(browser)["csrf"]}
    with httpx.Client(base_url=base, headers=bearer, timeout=30) as program:
        for number in (other, foreign):
            assert program.delete(f"/api/v1/auth/tokens/{number}").status_code == 403
        assert program.post("/api/v1/auth/logout?everywhere=true").status_code == 403
        assert program.delete(f"/api/v1/auth/tokens/{mine}").status_code == 204
        assert program.get("/api/v1/sites").status_code == 401
    assert browser.delete(f"/api/v1/auth/tokens/{foreign}", headers=headers).status_code == 404
    form = {"csrf": headers["X-CSRF-Token"]}
    assert browser.post(f"/account/tokens/{foreign}/revoke", data=form).status_code == 404
    (listed,) = root.get("/api/v1/auth/tokens").json()["tokens"]
    assert listed["revoked_at"] is None
    assert browser.delete(f"/api/v1/auth/tokens/{other}", headers=headers).status_code == 204


def test_a_valid_sign_in_does_not_forgive_the_address(browser: httpx.Client) -> None:
    """Somebody with an account of their own does not guess others' passwords for ever."""
    for number in range(20):
        name = f"other{number}"
        assert enter(browser, "wrong", name).status_code == 401
        if number % 5 == 4 and number < 19:
            assert enter(browser).status_code == 204
    found = enter(browser, "wrong", "yet another")
    assert found.status_code == 429
    assert enter(browser).status_code == 429, "nor does it sign in meanwhile"


def test_an_administrator_of_an_epci_keeps_to_it(client_of: ClientOf) -> None:  # noqa: F811
    north = client_of("administrator", NORTH)
    south = client_of("viewer", SOUTH)
    assert south.get("/api/v1/accounts").status_code == 403

    def add(status: int, role: str, area: str | None, name: str = "new") -> Any:
        roles = [{"role": role, "area": area}]
        found = north.post("/api/v1/accounts", json={"name": name, "roles": roles})
        assert found.status_code == status, found.text
        return found.json()

    assert "reaches beyond" in add(403, "viewer", None)["detail"]
    add(403, "viewer", SOUTH)
    add(404, "viewer", "99999")
    assert add(201, "operator", NORTH)["account"]["signs_in"] is False
    assert "named" in add(422, "viewer", NORTH, name="NEW")["detail"]
    names = {one["name"] for one in north.get("/api/v1/accounts").json()["accounts"]}
    assert names == {f"administrator-{NORTH}", "new"}
    assert north.get(f"/api/v1/accounts/viewer-{SOUTH}").status_code == 404
    wider = north.patch("/api/v1/accounts/new", json={"roles": [{"role": "viewer"}]}, headers=SEEN)
    assert wider.status_code == 403
    change = {"title": "New One", "disabled": True, "reason": "left"}
    changed = north.patch("/api/v1/accounts/new", json=change, headers=SEEN)
    assert changed.json()["account"]["title"] == "New One"
    assert changed.json()["account"]["disabled_at"] is not None


def test_somebody_is_left_who_administers(client: httpx.Client) -> None:  # noqa: F811
    for change in ({"roles": [{"role": "viewer"}]}, {"disabled": True}):
        found = client.patch("/api/v1/accounts/anne", json=change, headers=SEEN)
        assert found.status_code == 422
        assert "no administrator left" in found.json()["detail"]


def test_the_door_of_the_console(browser: httpx.Client) -> None:
    away = browser.get("/now?x=1")
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=%2Fnow%3Fx%3D1")
    part = browser.get("/bar", headers={"HX-Request": "true"})
    assert part.status_code == 401
    assert part.headers["hx-redirect"] == "/login"

    door = browser.get("/login?lang=en", follow_redirects=True)
    assert "Sign in" in door.text
    said = {"name": "anne", "password": "wrong", "next": "/sites"}
    wrong = browser.post("/login", data=said)
    assert wrong.status_code == 401
    assert "The name or the password is wrong" in wrong.text
    assert "wrong&#34;" not in wrong.text
    right = {**said, "password": PASSWORD}
    for elsewhere in ("https://elsewhere.example", "null"):
        foreign = browser.post("/login", data=right, headers={"Origin": elsewhere})
        assert foreign.status_code == 403
    # A browser over plain http says so by Origin alone, and only where we let it.
    assert door.headers["referrer-policy"] == "same-origin"
    ours = {"Origin": str(browser.base_url).rstrip("/")}
    assert browser.post("/login", data=right, headers=ours).status_code == 303
    for wanted, lands in (("/sites", "/sites"), ("//elsewhere.example", "/"), ("x:y", "/")):
        found = browser.post("/login", data={**right, "next": wanted})
        assert (found.status_code, found.headers["location"]) == (303, lands)
    csrf = me(browser)["csrf"]
    assert browser.post("/logout", data={}).status_code == 403
    out = browser.post("/logout", data={"csrf": csrf})
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert browser.get("/now").status_code == 303
