"""The public page: what is published, for whom, and what caches and other sites get of it."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from hypervisor.database.connect import connect
from tests.integration.publications.conftest import ORGE, YVETTE, Room, content
from tests.integration.web.served import NOW

pytestmark = pytest.mark.integration
FRENCH, ENGLISH = "Crue de l&#39;Orge", "Flood of the Orge"


@pytest.fixture(scope="module")
def citizen(live: Room) -> Iterator[httpx.Client]:
    """Somebody who shows nothing."""
    with httpx.Client(base_url=live.base) as client:
        yield client


@pytest.fixture
def published(live: Room) -> Iterator[Any]:
    """A warning of the Orge, which is cancelled in the end."""
    publication = live.publish((ORGE,))
    yield publication
    draft = live.follow_up(live.anne, publication, "Cancel")
    live.sign(live.bert, draft.json()["publication"])


def wait_for(client: httpx.Client, path: str, text: str, *, gone: bool = False) -> httpx.Response:
    """The answer once it holds the text, or no longer does."""
    until = time.monotonic() + 10
    while True:
        answer = client.get(path)
        if (text in answer.text) is not gone:
            return answer
        assert time.monotonic() < until, answer.text
        time.sleep(0.05)


def test_a_warning_is_shown_in_its_commune_in_both_languages(
    citizen: httpx.Client, published: Any
) -> None:
    page = wait_for(citizen, "/public", FRENCH)
    assert page.headers["content-language"] == "fr"
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text
    assert "L&#39;eau monte &lt;vite&gt; &amp; déborde." in page.text
    assert "Éloignez-vous." in page.text
    assert "vigicrues.gouv.fr" in page.text
    assert ENGLISH in citizen.get("/public?lang=en").text
    assert ENGLISH in citizen.get("/public", headers={"Accept-Language": "en-GB,fr;q=0.5"}).text
    assert FRENCH in citizen.get("/public", params={"commune": ORGE}).text
    assert FRENCH in citizen.get("/public", params={"commune": "orge le bourg"}).text
    elsewhere = citizen.get("/public", params={"commune": YVETTE}).text
    assert FRENCH not in elsewhere
    assert "publié aucune alerte en vigueur à Yvette-le-Bourg." in elsewhere
    several = citizen.get("/public", params={"commune": "bourg"})
    assert several.status_code == 404
    assert f"commune={ORGE}" in several.text
    nowhere = citizen.get("/public", params={"commune": "<b>Lyon"})
    assert nowhere.status_code == 404
    assert "&lt;b&gt;Lyon" in nowhere.text
    identifier = published["messages"][0]["identifier"]
    assert FRENCH in citizen.get(f"/public/{identifier}").text


def test_an_end_is_shown_at_once(live: Room, citizen: httpx.Client) -> None:
    publication = live.publish((ORGE,))
    address = f"/public/{publication['messages'][0]['identifier']}"
    wait_for(citizen, "/public", FRENCH)
    draft = live.follow_up(live.anne, publication, "Cancel")
    live.sign(live.bert, draft.json()["publication"])
    wait_for(citizen, "/public", FRENCH, gone=True)
    assert "plus en vigueur" in citizen.get(address).text
    soon = (NOW + timedelta(hours=1)).isoformat()
    live.publish(content=content(NOW, (YVETTE,)) | {"expires": soon})
    wait_for(citizen, "/public", FRENCH)
    live.clock.now = NOW + timedelta(hours=2)  # nothing tells that a message expires
    assert FRENCH not in citizen.get("/public").text
    assert citizen.get("/public/nothing-of-ours").status_code == 404


@pytest.mark.usefixtures("published")
def test_caches_ask_whether_it_changed(citizen: httpx.Client) -> None:
    page = wait_for(citizen, "/public?lang=fr", FRENCH)
    assert page.headers["cache-control"] == "public, max-age=30"
    assert page.headers["content-encoding"] == "gzip"
    again = citizen.get("/public?lang=fr", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304
    assert not again.content
    since = {"If-Modified-Since": page.headers["last-modified"]}
    assert citizen.get("/public?lang=fr", headers=since).status_code == 304
    other = citizen.get("/public?lang=en", headers={"If-None-Match": page.headers["etag"]})
    assert other.status_code == 200
    plain = citizen.get("/public?lang=fr", headers={"Accept-Encoding": "identity"})
    assert plain.text == page.text
    head = citizen.head("/public?lang=fr", headers={"Accept-Encoding": "identity"})
    assert (head.content, head.headers["content-length"]) == (b"", plain.headers["content-length"])


def test_what_is_answered_from_memory_is_counted(citizen: httpx.Client) -> None:
    def read_counts() -> dict[str, str]:
        lines = [line for line in citizen.get("/metrics").text.splitlines() if "/public" in line]
        return dict(line.rsplit(" ", 1) for line in lines)

    def count(route: str) -> float:
        series = f'hypervisor_http_requests_total{{method="GET",route="{route}",status="200"}}'
        return float(read_counts().get(series, 0))

    before = count("/public"), count("/public/{name}")
    page = wait_for(citizen, "/public", "Alertes")
    citizen.get(re.findall(r'href="(/public/\S+css)"', page.text)[0])
    citizen.get("/public/", params={"commune": ORGE})
    assert (count("/public"), count("/public/{name}")) >= (before[0] + 2, before[1] + 1)
    assert not any(".css" in name for name in read_counts())


def test_only_the_strip_may_be_framed(citizen: httpx.Client, published: Any) -> None:
    strip = wait_for(citizen, f"/public/strip?commune={ORGE}", FRENCH)
    assert "frame-ancestors *" in strip.headers["content-security-policy"]
    assert strip.headers["cross-origin-resource-policy"] == "cross-origin"
    warning = f"/public/{published['messages'][0]['identifier']}"
    wait_for(citizen, warning, FRENCH)
    until = time.monotonic() + 10  # at first the application answers, not the public front
    while "script-src" in citizen.get(warning).headers["content-security-policy"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    for path in ("/public", "/public/fragment", warning):
        policy = citizen.get(path).headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
    assert "frame-ancestors 'none'" in citizen.get("/login").headers["content-security-policy"]
    fragment = citizen.get("/public/fragment", params={"commune": ORGE})
    assert fragment.headers["access-control-allow-origin"] == "*"
    assert fragment.text.lstrip().startswith("<aside")
    assert "https://alerte.example/public" in fragment.text


def test_closed_roads_are_shown_where_their_site_is_public(
    live: Room, citizen: httpx.Client, published: Any
) -> None:
    with connect(live.world.url) as connection:
        connection.execute(
            "INSERT INTO site (name, title, domain, commune, properties) VALUES"
            " ('bridge', 'Pont Neuf', 'mobility', %(commune)s, '{\"public\": true}'),"
            " ('yard', 'Rue du Dépôt', 'mobility', %(commune)s, '{}')",
            {"commune": ORGE},
        )
        for name in ("bridge", "yard"):
            connection.execute(
                "INSERT INTO revision (kind, key, value, effective, author, reason)"
                " VALUES ('works', %(name)s, jsonb_build_object("
                " 'begins', %(begins)s::text, 'ends', %(ends)s::text, "
                " 'sites', jsonb_build_array(%(name)s::text)), %(begins)s, 'anne', 'secret')",
                {"name": name, "begins": NOW, "ends": NOW + timedelta(hours=5)},
            )
    draft = live.follow_up(live.anne, published, "Update").json()["publication"]
    published |= live.sign(live.bert, draft)
    page = wait_for(citizen, "/public", "Pont Neuf").text
    assert "Rue du Dépôt" not in page
    assert "secret" not in page
    assert "Pont Neuf" not in citizen.get("/public", params={"commune": YVETTE}).text


def test_an_exercise_shows_citizens_nothing(drill: Room) -> None:
    drill.publish((ORGE,))
    with httpx.Client(base_url=drill.base) as citizen:
        for path in ("/public", "/public/strip", "/public/fragment"):
            answer = citizen.get(path)
            assert answer.status_code == 303  # to sign in
            assert "Orge" not in answer.text
    page = wait_for(drill.anne, "/public", FRENCH)
    assert "EXERCICE" in page.text
    assert page.headers["cache-control"] == "private, no-cache"
    assert page.headers["x-hypervisor-mode"] == "EXERCICE"


def test_the_switch_and_the_limit(make_room: Callable[..., Room]) -> None:
    closed = make_room()
    assert closed.anne.get("/public").status_code == 404
    limited = make_room(public_page="public", public_page_requests_per_minute=2)
    with httpx.Client(base_url=limited.base) as citizen:
        codes = [citizen.get("/public").status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        # behind a proxy that is trusted, each address counts for itself
        assert citizen.get("/public", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 200
