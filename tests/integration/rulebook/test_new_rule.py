"""A new rule: its trial draws its condition and calls its alarms new."""

import re

import httpx
import pytest

from tests.integration.web.conftest import (  # noqa: F401  fixtures
    base,
    client,
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
