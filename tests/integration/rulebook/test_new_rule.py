"""A new rule: its trial draws its condition and calls its alarms new."""

import re
from html import unescape

import httpx
import pytest

from tests.integration.web.conftest import (  # noqa: F401  fixtures
    ORGE,
    YVETTE,
    ClientOf,
    base,
    client,
    client_of,
    world,
)

pytestmark = pytest.mark.integration

TEXT = """id: flood-bridge
title: '{site}: bridge'
when: level > 2.5 m
severity: minor
advice: look
wrong when: never
tests: []
"""


def tried(client: httpx.Client, **more: str) -> str:  # noqa: F811
    data = {"text": TEXT, "site": "orge", "span": "year", **more}
    answer = client.post("/rules/new/trial?domain=flood", data=data)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_its_trial_draws_the_condition_and_calls_the_alarm_new(client: httpx.Client) -> None:  # noqa: F811
    page = tried(client)
    assert re.search(r'class="hl halo"[^>]*>2,50\sm<', page)
    assert "nouvelle alarme" in page
    assert "comme aujourd" not in page
    assert "pas encore" in page


def test_it_is_tried_at_all_sites_where_it_would_hold(client: httpx.Client) -> None:  # noqa: F811
    page = tried(client, site="*")
    assert "appliquerait à 2 sites" in page.replace("\xa0", " ")
    assert "2 auraient été en alarme" in page.replace("\xa0", " ")
    assert 'data-try-site="orge"' in page
    nowhere = tried(client, site="*", text=TEXT.replace("level > 2.5 m", "discharge > 1 m3/s"))
    assert "nulle part" in nowhere


def test_the_pickers_write_the_text_and_an_identifier_is_not_taken_twice(
    client: httpx.Client,  # noqa: F811
) -> None:
    page = client.get("/rules/new?domain=flood").text
    assert 'name="guide quantity"' in page
    fields = {"quantity": "level", "measure": "rate", "span": "1 h", "value": "0,2"}
    data = {f"guide {name}": text for name, text in fields.items()}
    data |= {"text": TEXT.replace("flood-bridge", "flood-high"), "source": "guide", "site": "*"}
    headers = {"HX-Request": "true"}
    answer = client.post("/rules/new/draft?domain=flood", data=data, headers=headers)
    assert "rate(level, 1 h) &gt; 0.2 m/h" in answer.text
    assert "flood-high existe déjà" in answer.text
    beyond = {"text": TEXT.replace("2.5 m", "2.5 m and hour > 3"), "source": "text"}
    answer = client.post("/rules/new/draft?domain=flood", data=beyond, headers=headers)
    assert "dépasse ces listes" in answer.text


def test_a_value_that_is_no_number_is_said_at_its_field(client: httpx.Client) -> None:  # noqa: F811
    data = {"text": TEXT, "source": "guide", "guide quantity": "level", "guide value": "haut"}
    data |= {"reason": "essai", "mark": ""}
    answer = client.post("/rules/new?domain=flood", data=data)
    assert answer.status_code == 422
    slip = answer.text.split('id="slip-guide"')[1].split("</p>")[0]
    assert "haut" in slip
    assert 'name="guide value" value="haut"' in answer.text


def linked(page: str) -> str:
    found = re.search(r'href="([^"]+)" data-share', page)
    assert found is not None, page
    return unescape(found[1])


def lanes(page: str) -> str:
    """What a trial shows, without how long it took."""
    return page.partition('class="chart strip-lanes"')[2].partition("</svg>")[0]


def test_a_link_shows_a_colleague_the_same_trial_of_a_rule(
    client: httpx.Client,  # noqa: F811
    client_of: ClientOf,  # noqa: F811
) -> None:
    page = tried(client)
    answer = client_of("author").get(linked(page))
    assert answer.status_code == 200
    assert lanes(answer.text) == lanes(page)
    assert "flood-bridge" in answer.text
    assert "Essai partagé" in answer.text
    broken = client.get("/rules/new?domain=flood&draft=eJzT0y")
    assert broken.status_code == 422
    assert "le lien est incomplet" in broken.text


def test_a_link_shows_the_same_trial_of_a_threshold_to_who_may_see_it(
    client: httpx.Client,  # noqa: F811
    client_of: ClientOf,  # noqa: F811
) -> None:
    page = client.get("/thresholds/orge/attention/trial?value=2.5").text
    link = linked(page)
    assert "value=2.5" in link
    assert "%2F" in link  # the period, fixed
    answer = client_of("viewer", ORGE).get(link)
    assert answer.status_code == 200, answer.text
    assert lanes(answer.text) == lanes(page)
    assert client_of("viewer", YVETTE).get(link).status_code == 404


def test_a_recorded_flood_is_laid_over_the_gauge(client: httpx.Client) -> None:  # noqa: F811
    page = client.get("/thresholds/orge/attention?span=flood-saint-beat").text
    assert "rien de cela" in page.split('id="laid"')[1]
    assert "Saint-Béat" in page
    link = linked(page)
    assert "saint-beat" in link
    assert lanes(client.get(link).text) == lanes(page)
    assert 'id="laid"' in tried(client, flood="flood-saint-beat")
