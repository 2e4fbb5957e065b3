"""What is set aside, or late, is said on every page; what is set aside with its reason."""

import httpx
import pytest

from tests.integration.evaluation.world import World
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    base,
    client,
    world,
)

pytestmark = pytest.mark.integration


@pytest.fixture(name="page")
def _page(client: httpx.Client, world: World) -> httpx.Client:  # noqa: F811
    world.connection.execute(
        "INSERT INTO set_aside (rule, subject, since, problem) VALUES"
        " ('flood-high', 'orge', now(), 'OverflowError: <too> large')"
    )
    world.connection.commit()
    return client


def test_every_page_says_that_not_everything_is_evaluated(page: httpx.Client) -> None:
    for path in ("/now", "/alarms", "/rules", "/quality", "/wall"):
        french = page.get(path, headers={"Accept-Language": "fr"}).text
        assert 'id="set-aside-strip" role="alert"' in french, path
        assert "Tout n\u2019est pas évalué." in french, path
        english = page.get(path, headers={"Accept-Language": "en"}).text
        assert "1 rule or site is set aside" in english, path


def test_the_page_of_rules_says_which_where_and_why(page: httpx.Client) -> None:
    text = page.get("/rules", headers={"Accept-Language": "en"}).text
    found = text.split('id="set-aside"')[1].split("</section>")[0]
    assert 'href="/rules/flood-high"' in found
    assert "<td>orge</td>" in found
    assert "OverflowError: &lt;too&gt; large" in found


def test_so_does_health(page: httpx.Client) -> None:
    body = page.get("/api/v1/health").json()
    assert not body["ok"]
    (rules,) = [part for part in body["parts"] if part["name"] == "rules"]
    assert rules["detail"].startswith("1 set aside, not evaluated: rule flood-high at orge: Over")


def test_nothing_is_said_where_nothing_is_set_aside(client: httpx.Client) -> None:  # noqa: F811
    assert "set-aside" not in client.get("/rules").text
    assert 'href="/quality"' in client.get("/bar").text


def test_every_page_says_that_alarms_come_late(client: httpx.Client, world: World) -> None:  # noqa: F811
    assert "late-strip" not in client.get("/now").text
    world.connection.execute(
        "INSERT INTO feed (kind, stored_at) VALUES ('heartbeat', now() - interval '40 s')"
    )
    world.connection.commit()
    for path in ("/now", "/alarms", "/rules", "/quality"):
        french = client.get(path, headers={"Accept-Language": "fr"}).text
        assert 'id="late-strip" role="alert"' in french, path
        assert "Les alarmes arrivent en retard." in french, path
        assert "Alarms come late." in client.get(path, headers={"Accept-Language": "en"}).text
    assert "Alarmes en retard" in client.get("/bar", headers={"Accept-Language": "fr"}).text
    (line,) = [
        line
        for line in client.get("/metrics").text.splitlines()
        if line.startswith("hypervisor_evaluation_lag_seconds ")
    ]
    assert float(line.split()[1]) >= 40
