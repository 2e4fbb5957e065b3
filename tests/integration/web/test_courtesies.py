"""What every endpoint owes: pages, ETags, forms, sound requests."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hypervisor.database import databases
from hypervisor.database.connect import connect
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import Sent, World, make_world
from tests.integration.web.conftest import place
from tests.integration.web.filled import fill
from tests.integration.web.served import server

pytestmark = pytest.mark.integration
API = "/api/v1"


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    """What is added to it meanwhile disturbs no other test."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    made = make_world(stack.database.url(name), connect(stack.database.url(name)))
    made.register(["orge", "yvette"])
    place(made)
    made.record_rules()
    made.join()
    for at, value in ((0, 2.0), (5, 3.1), (10, 3.2), (15, 4.2), (20, 4.3)):
        made.store([Sent(site=site, at=at, value=value) for site in ("orge", "yvette")])
    made.beat(20)
    made.settle()
    fill(made)
    yield made
    made.close()
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="module")
def base(world: World) -> Iterator[str]:
    with server(world.url) as found:
        yield found


def pages(client: httpx.Client, address: str, of: str) -> list[Any]:
    found: list[Any] = []
    following: str | None = f"{API}{address}"
    while following:
        answer = client.get(following)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body[of]
        following = body["next"]
        assert ('rel="next"' in answer.headers.get("Link", "")) == bool(following)
    return found


LISTINGS = [
    ("/sites", "sites"),
    ("/alarms", "alarms"),
    ("/incidents", "incidents"),
    ("/devices", "devices"),
    ("/series", "series"),
    ("/assets", "assets"),
    ("/rules", "rules"),
    ("/thresholds", "thresholds"),
    ("/dead-letters", "letters"),
    ("/audit", "acts"),
    ("/readings?series=orge/level&series=yvette/level&from=2024-01-01T00:00:00Z", "raw"),
    ("/readings?series=orge/level&span=hour&from=2023-12-31T00:00:00Z", "rolled"),
]


def test_pages_of_one_are_the_page_of_all(client: httpx.Client) -> None:
    for address, of in LISTINGS:
        whole = client.get(f"{API}{address}").json()[of]
        assert whole, address
        join = "&" if "?" in address else "?"
        assert pages(client, f"{address}{join}limit=1", of) == whole, address


def test_new_rows_shift_no_page(client: httpx.Client, world: World) -> None:
    first = client.get(f"{API}/dead-letters?limit=1").json()
    fill(world)
    rest = client.get(first["next"]).json()["letters"]
    assert rest[0]["id"] == first["letters"][0]["id"] - 1


CURSORS = ["x", "bm90IGpzb24", "W10", "WyIvYXBpL3YxL2FsYXJtcyIsMV0", "WyIvYXBpL3YxL3NpdGVzIl0", "é"]


def test_a_cursor_that_is_none_of_ours(client: httpx.Client) -> None:
    for cursor in CURSORS:
        answer = client.get(f"{API}/alarms", params={"cursor": cursor})
        assert answer.status_code == 422, cursor
        assert "cursor" in answer.json()["detail"]


def test_what_the_client_has_is_not_sent_again(client: httpx.Client, world: World) -> None:
    first = client.get(f"{API}/sites")
    again = client.get(f"{API}/sites", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    world.store([Sent(site="orge", at=25, value=4.4)])
    changed = client.get(f"{API}/sites", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_head_and_options(client: httpx.Client) -> None:
    whole, head = client.get(f"{API}/alarms"), client.head(f"{API}/alarms")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert client.options(f"{API}/works/weir").headers["Allow"] == "GET, HEAD, OPTIONS, PUT"
    assert client.head(f"{API}/events", timeout=20).status_code == 200  # and it ends
    assert client.head(f"{API}/readings?series=orge/level&format=csv").content == b""
    refused = client.request("TRACE", f"{API}/alarms")
    assert refused.status_code == 405
    assert refused.headers["content-type"] == "application/problem+json"


FORMS = [
    ("/sites", "application/geo+json", "application/geo+json"),
    ("/sites?format=geojson", "*/*", "application/geo+json"),
    ("/sites", "text/html, application/json;q=0.5", "application/json"),
    ("/rivers", "application/geo+json", "application/geo+json"),
    ("/zones?format=geojson", "*/*", "application/geo+json"),
    ("/assets?format=geojson", "*/*", "application/geo+json"),
    ("/devices?format=geojson", "*/*", "application/geo+json"),
    ("/territory?format=geojson", "*/*", "application/geo+json"),
    ("/readings?series=orge/level", "text/csv", "text/csv; charset=utf-8"),
    ("/readings?series=orge/level&format=geojson", "*/*", "application/geo+json"),
]


def test_forms(client: httpx.Client) -> None:
    for address, accept, kind in FORMS:
        answer = client.get(f"{API}{address}", headers={"Accept": accept})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == kind
        if kind == "application/geo+json":
            assert answer.json()["type"] == "FeatureCollection"


def test_a_form_that_there_is_not(client: httpx.Client) -> None:
    answer = client.get(f"{API}/sites", headers={"Accept": "text/csv"})
    assert answer.status_code == 406
    assert "application/geo+json" in answer.json()["detail"]


BODIES = [
    (b'{"reason": "a\\u0000b"}', 422),
    (b'{"reason": "a\\ud800b"}', 422),
    (b'{"reason": "\xff"}', 422),
    (b'{"reason": ' + b"[" * 100_000, 422),
    (b'{"reason": ' + b"9" * 10_000 + b"}", 422),
    (b"[]", 422),
    (b" " * (4 * 1024 * 1024 + 1), 413),
]


def test_bodies_that_are_not_sound(client: httpx.Client) -> None:
    for content, status in BODIES:
        answer = client.post(
            f"{API}/series/orge/level/invalidations",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in {status, 400}, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


FORM, FILES = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
PARTS = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
# What a browser sends, and what the page says in place of the English sentence.
PAGES = [
    ("/log", FORM, b"text=" + b"a" * 600_000, "la demande dépasse 512 Kio"),
    ("/log", FORM, b"a=1&" * 1_200, "un formulaire a au plus 1000 champs"),
    ("/log", FORM, b"text=%00", "un champ contient le caractère NUL"),
    ("/log", "application/json", b"1," * 20_000, "une demande a au plus 10000 valeurs"),
    ("/log", "application/json", b"\xff", "le JSON est en UTF-8"),
    ("/log", "application/json", b'"\\ud800"', "un texte contient la moitié"),
    ("/admin/inventory/preview", f"{FILES}; charset=utf-7", b"x", "un formulaire est en UTF-8"),
    ("/admin/inventory/preview", FILES, b"x", "Le formulaire est illisible"),
    ("/admin/inventory/preview", FILES, PARTS * 1_500 + b"--x--\r\n", "Trop de champs"),
    ("/log?x=%00", FORM, b"", "adresse contient le caractère NUL"),
]


@pytest.mark.parametrize(("path", "kind", "body", "words"), PAGES)
def test_a_page_refuses_a_body_in_french(
    client: httpx.Client, path: str, kind: str, body: bytes, words: str
) -> None:
    headers = {"Accept": "text/html", "Accept-Language": "fr", "Content-Type": kind}
    answer = client.post(path, content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert words in answer.text
    assert "Erreur du serveur" not in answer.text


ADDRESSES = [
    "/sites/a%00b",
    "/sites?domain=%00",
    "/readings?series=orge/level&from=0001-01-01T00:00:00%2B14:00",
    "/readings?series=orge/level&from=9999-12-31T23:59:59-14:00",
    "/readings?series=orge/level&from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z",
    "/readings?series=orge",
    "/alarms/99999999999999999999999",
    "/alarms?limit=1e400",
    "/audit?from=yesterday",
]


def test_addresses_that_are_not_sound(client: httpx.Client) -> None:
    for address in ADDRESSES:
        answer = client.get(f"{API}{address}")
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_slip_is_told_by_its_field(client: httpx.Client) -> None:
    answer = client.put(f"{API}/works/bridge", json={"ends": "soon", "sites": ["orge"]})
    told = {one["where"]: one["problem"] for one in answer.json()["errors"]}
    assert set(told) == {"ends", "reason"}
