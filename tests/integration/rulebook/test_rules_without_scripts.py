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
