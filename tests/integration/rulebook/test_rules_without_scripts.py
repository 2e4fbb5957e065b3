"""A drafted rule is tried at a chosen site by a plain form."""

import re
from html import unescape

import httpx
import pytest

from tests.integration.web.conftest import (  # noqa: F401  fixtures
    base,
    client,
    world,
)

pytestmark = pytest.mark.integration


def test_the_chosen_site_is_shown(client: httpx.Client) -> None:  # noqa: F811
    page = client.get("/rules/flood-high").text
    chooser, tried = page.split('id="site"')[1].split('id="trial"')
    assert 'formaction="/rules/flood-high/draft"' in chooser
    assert "<h2>Orge</h2>" in tried
    text = re.search(r"<textarea[^>]*name=\"text\"[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert text is not None
    said = {"text": unescape(text.group(1)), "site": "yvette", "span": "year", "reason": "a trial"}
    answer = client.post("/rules/flood-high/draft", data=said)
    assert answer.status_code == 200, answer.text
    assert "<h2>Yvette</h2>" in answer.text.split('id="trial"')[1]


def test_what_is_sent_before_the_scripts_come_counts(client: httpx.Client) -> None:  # noqa: F811
    """Of the form only what differs from the page, lest it undo what the guide says."""
    page = client.get("/rules/new?domain=flood").text
    shown = re.search(r"<textarea[^>]*name=\"text\"[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert shown is not None
    unchanged = {"text": unescape(shown.group(1)), "when": "level > 1 m"}
    guide = {"guide quantity": "level", "guide value": "0.5"}
    answer = client.post(
        "/rules/new/draft?domain=flood", data=unchanged | guide | {"advice": "Ring the mill."}
    )
    assert answer.status_code == 200, answer.text
    text = re.search(r"<textarea[^>]*name=\"text\"[^>]*>(.*?)</textarea>", answer.text, re.DOTALL)
    assert text is not None
    assert "when: level > 0.5 m" in unescape(text.group(1))
    assert "advice: Ring the mill." in text.group(1)


def test_halves_that_were_changed_together_are_merged(client: httpx.Client) -> None:  # noqa: F811
    data = {
        "text": "id: flood-mill\ntitle: mill\nwhen: level > 1 m\nfor: 5 min\nseverity: minor\n",
        "source": "text guide form",
        "guide quantity": "level",
        "guide value": "0.5",
        "advice": "Ring the mill.",
    }
    answer = client.post("/rules/new/draft?domain=flood", data=data, headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.text
    text = re.search(r"<textarea[^>]*name=\"text\"[^>]*>(.*?)</textarea>", answer.text, re.DOTALL)
    assert text is not None
    assert "when: level > 0.5 m" in unescape(text.group(1))
    assert "advice: Ring the mill." in text.group(1)
    broken = client.post(
        "/rules/new/draft?domain=flood",
        data=data | {"text": "id: [flood"},
        headers={"HX-Request": "true"},
    )
    assert "id: [flood" in unescape(broken.text)  # not what the guide alone makes of it
