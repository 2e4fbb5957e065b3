"""Pages of accounts, as people use them: one's own, those that one administers, the audit."""

import re
from collections.abc import Iterator

import httpx
import pytest

from hypervisor.access import passwords
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.base.instance import Instance, Mode
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from tests.integration.web.served import server, signed_in

pytestmark = pytest.mark.integration

PASSWORD = passwords.generate()
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def base(database_url: str) -> Iterator[str]:
    """Anne administers, Bruno is an operator."""
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
        for name, role in (("anne", Role.ADMINISTRATOR), ("bruno", Role.OPERATOR)):
            new = NewAccount(name=name, password=PASSWORD, roles=((role, None),))
            account_service.create_account(connection, new, Administrator(name="root"))
    with server(database_url) as found:
        yield found


def enter(base: str, name: str, password: str) -> int:
    body = {"name": name, "password": password}
    return httpx.post(f"{base}/api/v1/auth/login", json=body).status_code


def is_refused(answer: httpx.Response, why: str) -> bool:
    return answer.status_code == 422 and why in answer.text


def leads_to(answer: httpx.Response, address: str) -> bool:
    return answer.status_code == 303 and answer.headers["location"].partition("#")[0] == address


def secret_of(client: httpx.Client, answer: httpx.Response) -> str:
    """What the page shows once: a second visit does not."""
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    (secret,) = re.findall(r'class="secret-word"[^>]*>([^<]+)<', client.get(address).text)
    assert secret not in client.get(address).text
    return str(secret)


def test_ones_own_account(base: str, database_url: str) -> None:
    with signed_in(base, database_url, "bruno", (("operator", None),)) as bruno:
        bruno.headers.update(ENGLISH)

        def me() -> dict[str, object]:
            body: dict[str, object] = bruno.get("/api/v1/auth/me").json()
            return body

        for language, shown in (("fr", "fr"), ("", "en")):
            chosen = bruno.post("/account", data={"language": language})
            assert leads_to(chosen, "/account?done=changed")
            assert 'lang=""' in chosen.headers["set-cookie"]
            assert me()["language"] == (language or None)
            assert f'<html lang="{shown}"' in bruno.get("/account").text
        assert bruno.post("/account", data={"language": "de"}).status_code == 422

        new = passwords.generate()
        form = {"old": PASSWORD, "new": new, "again": PASSWORD}
        assert is_refused(bruno.post("/account/password", data=form), "passwords are not the same")
        form = {"old": new, "new": new, "again": new}
        assert is_refused(bruno.post("/account/password", data=form), "password is wrong")
        assert enter(base, "bruno", PASSWORD) == 204
        form["old"] = PASSWORD
        assert leads_to(bruno.post("/account/password", data=form), "/account?done=password")
        assert (enter(base, "bruno", PASSWORD), enter(base, "bruno", new)) == (401, 204)

        asked = {"purpose": "report", "scope": ["administer"], "days": 1}
        assert is_refused(bruno.post("/account/tokens", data=asked), "lacks administer")
        for days in (0, 731):
            assert bruno.post("/account/tokens", data={**asked, "days": days}).status_code == 422
        asked |= {"scope": ["read", "operate", "nothing"], "purpose": "r" * 101}
        assert is_refused(bruno.post("/account/tokens", data=asked), "at most 100 fit")
        asked["purpose"] = "r" * 100
        made = bruno.post("/account/tokens", data=asked)
        bearer = {"Authorization": f"Bearer {secret_of(bruno, made)}"}
        shown = httpx.get(f"{base}/api/v1/auth/me", headers=bearer).json()
        assert (shown["name"], shown["scopes"]) == ("bruno", ["read", "operate"])
        (token,) = bruno.get("/api/v1/auth/tokens").json()["tokens"]
        assert (token["name"], token["ends_at"]) == ("r" * 100, "2024-01-03T00:00:00Z")
        revoked = bruno.post(f"/account/tokens/{token['id']}/revoke")
        assert leads_to(revoked, "/account?done=revoked")
        assert httpx.get(f"{base}/api/v1/auth/me", headers=bearer).status_code == 401


def test_accounts_that_one_administers(base: str, database_url: str) -> None:
    with signed_in(base, database_url, "anne") as anne:
        anne.headers.update(ENGLISH)
        form = {"name": "chloe", "role": ["viewer", ""], "area": ["", ""], "kind": "person"}
        made = anne.post("/admin/accounts", data=form)
        secret = secret_of(anne, made)
        assert enter(base, "chloe", secret) == 204
        assert is_refused(anne.post("/admin/accounts", data=form), "already exists")

        there = "/admin/accounts/chloe"
        change = {"title": "Chloé", "role": "operator", "area": ""}
        assert anne.post(there, data=change).status_code == 409, "it does not say what was seen"
        changed = anne.post(there, data={**change, "seen": "*"})
        assert leads_to(changed, f"{there}?done=changed")
        account = anne.get("/api/v1/accounts/chloe").json()["account"]
        assert [role["role"] for role in account["roles"]] == ["operator"]
        assert account["title"] == "Chloé"
        assert is_refused(
            anne.post(there, data={"role": "king", "seen": "*"}), "expected one of source"
        )
        assert leads_to(anne.post(f"{there}/use", data={"out": "1"}), f"{there}?done=disabled")
        assert enter(base, "chloe", secret) == 401
        assert leads_to(anne.post(f"{there}/use", data={"out": ""}), f"{there}?done=enabled")
        assert enter(base, "chloe", secret) == 204
        itself = "/admin/accounts/anne"
        assert is_refused(anne.post(f"{itself}/use", data={"out": "1"}), "no administrator left")
        refused = anne.post(itself, data={"role": "viewer", "seen": "*"})
        assert is_refused(refused, "no administrator left")
        for address in (itself.replace("anne", "nobody"), "/admin/accounts/nobody/use"):
            assert anne.post(address, data={"role": "viewer", "out": "1"}).status_code == 404

        assert anne.post("/admin/accounts", data={**form, "name": "charts", "kind": "program"})
        asked = {"purpose": "Grafana", "scope": "read", "days": 730}
        for_chloe = anne.post("/admin/tokens", data={**asked, "account": "chloe"})
        assert is_refused(for_chloe, "chloe can sign in and makes its own tokens")
        for_charts = anne.post("/admin/tokens", data={**asked, "account": "charts"})
        token = secret_of(anne, for_charts)
        bearer = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{base}/api/v1/auth/me", headers=bearer).json()["name"] == "charts"
        (number,) = re.findall(r"/admin/tokens/(\d+)/revoke", anne.get("/admin/tokens").text)
        revoked = anne.post(f"/admin/tokens/{number}/revoke")
        assert leads_to(revoked, "/admin/tokens?done=revoked")
        assert httpx.get(f"{base}/api/v1/auth/me", headers=bearer).status_code == 401
        assert anne.post("/admin/tokens/999/revoke").status_code == 404


def test_the_door_says_how_long_to_wait(base: str) -> None:
    form = {"name": "bruno", "password": "a guess", "next": "/alarms"}
    answers = [httpx.post(f"{base}/login", data=form) for _ in range(20)]
    codes = [answer.status_code for answer in answers]
    assert codes == sorted(codes)
    assert set(codes) == {401, 429}
    assert "Retry-After" not in answers[0].headers
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_pages_of_acts_and_their_days(base: str, database_url: str) -> None:
    """51 acts fill a page and leave one; a day begins in the instance's zone."""
    with connect(database_url) as connection:
        connection.execute(
            "INSERT INTO audit (at, author, kind, subject, reason)"
            " SELECT timestamptz '2024-01-01 22:59:59Z' + n * interval '1 s', 'anne', 'note',"
            "  'act ' || n || '.', 'why' FROM generate_series(0, 50) n"
        )
    with signed_in(base, database_url, "anne") as anne:

        def acts(query: str) -> list[str]:
            page = anne.get(f"/admin/audit?kind=note&{query}").text
            return list(dict.fromkeys(re.findall(r"act \d+\.", page)))

        newest = [f"act {number}." for number in range(50, 0, -1)]
        assert acts("") == newest
        (before,) = set(re.findall(r"before=(\d+)", anne.get("/admin/audit").text))
        assert acts(f"before={before}") == ["act 0."]
        assert acts("since=2024-01-02") == newest
        assert "before=" not in anne.get("/admin/audit?kind=note&since=2024-01-02").text
        assert acts("until=2024-01-01") == ["act 0."]
        assert acts("since=2024-01-01&until=2024-01-02") == newest
