"""After a form was sent its page is loaded again: nothing is sent twice, nothing shown twice."""

import re
from collections.abc import Mapping

import httpx
import pytest

from tests.integration.web.conftest import (  # noqa: F401  fixtures
    base,
    client,
    world,
)

pytestmark = pytest.mark.integration

SECRET = re.compile(r'class="secret-word[^>]*>([^<]+)<')
TOKEN: Mapping[str, str] = {"purpose": "a script", "scope": "read", "days": "3"}
NEW: Mapping[str, str] = {
    "name": "b.diallo",
    "title": "B. Diallo",
    "role": "operator",
    "area": "",
    "reason": "joins us",
    "kind": "person",
}


def _secret(found: httpx.Client, address: str) -> str | None:
    answer = found.get(address)
    assert answer.status_code == 200, answer.text
    shown = SECRET.search(answer.text)
    return shown.group(1) if shown else None


@pytest.mark.parametrize(
    ("address", "form"),
    [("/account/tokens", TOKEN), ("/admin/accounts", NEW), ("/admin/accounts/zoe/password", {})],
)
def test_what_is_shown_once_is_shown_once(
    client: httpx.Client,  # noqa: F811
    address: str,
    form: Mapping[str, str],
) -> None:
    if "zoe" in address:
        assert client.post("/admin/accounts", data={**NEW, "name": "zoe"}).status_code == 303
    answer = client.post(address, data={"reason": "asked for", **form})
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert _secret(client, "/admin/devices") is None, "another page shows it not"
    assert _secret(client, page)
    assert _secret(client, page) is None


def test_a_cookie_of_anothers_making_is_not_shown(client: httpx.Client) -> None:  # noqa: F811
    said = b'{"secret": "call this number"}'.hex()
    client.cookies.set("hypervisor-once", f"{said}.{'0' * 64}")
    assert "call this number" not in client.get("/account").text
