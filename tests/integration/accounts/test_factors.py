"""Second factors: enrolled, shown at the door and to confirm, guessed, replayed, lost, required."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from hypervisor.access import factors, passwords, totp
from hypervisor.access.context import CONFIRMED_FOR
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.base.instance import Instance, Mode
from hypervisor.database import audit
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from tests.integration.accounts.test_confirming import Clock
from tests.integration.web.served import server

pytestmark = pytest.mark.integration

PASSWORD = passwords.generate()
NEW = {"name": "zoe", "roles": [{"role": "viewer"}]}


class Door:
    """The console, its database and its clock; Anne administers, Otto operates."""

    def __init__(self, base: str, url: str, clock: Clock) -> None:
        self.base, self.url, self.clock = base, url, clock

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers={"Accept-Language": "en"}, timeout=30)

    @contextmanager
    def enter(self, name: str = "anne", code: str | None = None) -> Iterator[httpx.Client]:
        """Somebody who has signed in on the page, as far as their password and code lead."""
        with self.browser() as client:
            form = {"name": name, "password": PASSWORD, "next": "/account"}
            led = client.post("/login", data=form)
            assert led.status_code == 303, led.text
            if code is not None:
                assert led.headers["location"] == "/login/factor?next=%2Faccount"
                done = self.step(client, code)
                assert (done.status_code, done.headers["location"]) == (303, "/account"), done.text
            self.show_csrf(client)
            yield client

    def step(self, client: httpx.Client, code: str) -> httpx.Response:
        page = client.get("/login/factor")
        assert page.status_code == 200, page.text
        csrf = re.findall(r'name="csrf" value="(\w+)"', page.text)[0]
        return client.post("/login/factor", data={"csrf": csrf, "code": code, "next": "/account"})

    def show_csrf(self, client: httpx.Client) -> None:
        me = client.get("/api/v1/auth/me")
        if me.status_code == 200:
            client.headers["X-CSRF-Token"] = me.json()["csrf"]

    def code(self, key: bytes, *, steps: int = 0) -> str:
        return totp.compute_code(key, int(self.clock().timestamp()) // totp.PERIOD + steps)

    def enrol(self, client: httpx.Client) -> tuple[bytes, list[str]]:
        """An authenticator of one's own account: its key, and the recovery codes."""
        assert client.post("/account/factors/totp").status_code == 303
        key = read_key(client.get("/account/factors").text)
        wrong = client.post("/account/factors/totp/check", data={"code": self.code(key, steps=5)})
        assert (wrong.status_code, "does not fit this key" in wrong.text) == (422, True)
        done = client.post("/account/factors/totp/check", data={"code": self.code(key)})
        assert done.status_code == 303, done.text
        shown, again = (client.get("/account/factors").text for _ in range(2))
        assert read_codes(again) == []
        self.clock.now += timedelta(seconds=totp.PERIOD)
        return key, read_codes(shown)

    def kinds(self) -> list[str]:
        with connect(self.url) as connection:
            return [act.kind for act in audit.list_acts(connection)]


def read_key(page: str) -> bytes:

    (text,) = re.findall(r'<p class="secret-word mono">([A-Z2-7 ]+)</p>', page)
    assert "<svg" in page
    assert "style=" not in page.partition("<svg")[2].partition("</svg>")[0]
    return base64.b32decode(text.replace(" ", ""))


def read_codes(page: str) -> list[str]:
    return re.findall(r"<li>([a-z2-8]{4}(?:-[a-z2-8]{4}){3})</li>", page)


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test: one"))
        for name, role in (("anne", Role.ADMINISTRATOR), ("otto", Role.OPERATOR)):
            new = NewAccount(name=name, password=PASSWORD, roles=((role, None),))
            account_service.create_account(connection, new, Administrator(name="root"))
    clock = Clock()
    with server(database_url, clock=clock) as base:
        yield Door(base, database_url, clock)


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, by their last six digits."""
    key = b"12345678901234567890"
    for seconds, code in (
        *((59, "287082"), (1111111109, "081804"), (1111111111, "050471")),
        *((1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")),
    ):
        assert totp.compute_code(key, seconds // totp.PERIOD) == code


def test_a_password_alone_opens_nothing_any_more(door: Door) -> None:
    with door.enter() as anne, door.enter() as elsewhere:
        key, codes = door.enrol(anne)
        assert len(set(codes)) == factors.RECOVERY_CODES
        assert elsewhere.get("/api/v1/auth/me").status_code == 401, "its sessions before end"
        assert anne.get("/api/v1/auth/me").status_code == 200
    with door.enter() as half:
        for path in ("/now", "/account", "/account/factors", "/api/v1/sites", "/confirm/done"):
            assert half.get(path).status_code in {303, 401}, path
        for path in ("/account/factors/totp", "/account/tokens", "/confirm", "/logout"):
            assert half.post(path, data={"code": "1"}).status_code in {303, 401, 403}, path
        half.headers["Authorization"] = "Bearer x"
        assert half.get("/api/v1/sites").status_code == 401
    with door.enter(code=door.code(key)) as anne:
        assert anne.post("/api/v1/accounts", json=NEW).status_code == 201, "the code is a proof"
    with door.enter(code=codes[0].upper().replace("-", " ")) as anne:
        assert "9 recovery codes are left" in anne.get("/account/factors").text
    assert {"second-factor", "sign-in"} <= set(door.kinds())


def test_codes_replayed_guessed_early_late_and_anothers(door: Door) -> None:
    with door.enter() as anne, door.enter("otto") as otto:
        key, codes = door.enrol(anne)
        others, other_codes = door.enrol(otto)
    wrong = [
        *(door.code(key, steps=steps) for steps in (-3, -2, 2, 3)),
        *(
            door.code(others),
            other_codes[0],
            codes[0][:-1],
            codes[0] + "x",
            "",
            "000000",
            "\N{FULLWIDTH DIGIT ONE}" * 6,
        ),
    ]
    used = door.code(key)
    with door.enter(code=used):
        wrong += [used, door.code(key, steps=-1)]
    tries = 0
    for code in wrong:
        with door.enter() as half:
            answer = door.step(half, code)
            assert answer.status_code in {422, 429}, (code, answer.text)
            assert half.get("/api/v1/auth/me").status_code == 401
            tries += answer.status_code == 422
    assert tries == 5, "then one waits, whatever the address"
    with door.enter() as half:
        assert door.step(half, door.code(key, steps=1)).status_code == 429
        door.clock.now += timedelta(minutes=9)
        assert door.step(half, door.code(key)).status_code == 303
    with connect(door.url) as connection:
        assert connection.execute("SELECT count(*) FROM recovery_code WHERE used_at IS NOT NULL"
                                  ).fetchone() == (0,)  # fmt: skip


def test_the_factor_confirms_and_the_password_does_not(door: Door) -> None:
    with door.enter() as anne:
        key, _ = door.enrol(anne)
        door.clock.now += CONFIRMED_FOR
        refused = anne.post("/api/v1/accounts", json=NEW)
        assert refused.status_code == 403
        there = refused.json()["confirm"]
        assert anne.post(there, json={"password": PASSWORD}).status_code == 422
        page = anne.post("/admin/accounts", data={"name": "zoe"}).text
        assert ("proof-code" in page, "proof-password" in page) == (True, False)
        code = door.code(key)
        assert anne.post(there, json={"code": code}).status_code == 204
        assert anne.post("/api/v1/accounts", json=NEW).status_code == 201
        assert anne.post(there, json={"code": code}).status_code == 422, "used"


def test_a_program_signs_in_with_the_code(door: Door) -> None:
    with door.enter() as anne:
        key, _ = door.enrol(anne)
    with door.browser() as program:
        body: dict[str, Any] = {"name": "anne", "password": PASSWORD}
        for code in ({}, {"code": "000000"}):
            answer = program.post("/api/v1/auth/login", json=body | code)
            assert answer.status_code == 401
            assert not program.cookies
        assert program.post("/api/v1/auth/login", json=body | {"code": door.code(key)}).is_success
        assert program.get("/api/v1/auth/me").status_code == 200


def test_a_role_asks_for_a_factor(door: Door) -> None:
    """At the next sign-in, before anything else; who is signed in widens nothing meanwhile."""
    with door.enter() as anne, door.enter() as earlier:
        form = {"role": "administrator", "reason": "the audit of June"}
        assert anne.post("/admin/sign-in/factors", data=form).status_code == 303
        assert "checked" in anne.get("/admin/sign-in").text
        refused = earlier.post("/api/v1/accounts", json=NEW)
        assert (refused.status_code, "second factor" in refused.text) == (403, True)
        assert "confirm" not in refused.json()
    with door.enter("otto") as otto:
        assert otto.get("/api/v1/auth/me").status_code == 200, "his role asks for none"
    with door.browser() as program:
        body = {"name": "anne", "password": PASSWORD, "code": "000000"}
        assert program.post("/api/v1/auth/login", json=body).status_code == 403
    with door.enter() as anne:
        assert anne.get("/api/v1/sites").status_code == 401
        page = anne.get("/login/factor").text
        key = read_key(page)
        assert door.step(anne, door.code(key, steps=4)).status_code == 422
        shown = door.step(anne, door.code(key))
        assert len(read_codes(shown.text)) == factors.RECOVERY_CODES
        door.show_csrf(anne)
        assert anne.post("/api/v1/accounts", json=NEW).status_code == 201
        kept = anne.post("/account/factors/remove")
        assert (kept.status_code, "replace it instead" in kept.text) == (422, True)


def test_a_lost_factor_is_removed_on_the_machine(door: Door) -> None:
    with door.enter() as anne:
        door.enrol(anne)
        with connect(door.url) as connection:
            assert factors.remove_lost_factors(connection, "anne", author="root") == ["totp"]
        assert anne.get("/api/v1/auth/me").status_code == 401
    with door.enter() as anne:
        assert anne.get("/api/v1/auth/me").status_code == 200
        assert "No second factor" in anne.get("/account/factors").text
        door.enrol(anne)
        assert anne.post("/account/factors/codes").status_code == 303
        assert anne.post("/account/factors/remove").status_code == 303
        door.clock.now += CONFIRMED_FOR
        assert anne.post("/account/factors/totp").status_code == 403, "adding one asks for a proof"
