"""A backtest asked of the API: the answer of the command line, bounded, and nothing written."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hypervisor.backtest import api as backtest_api
from tests.conftest import Stack
from tests.integration.evaluation.test_equality import flood, in_batches, new_world, play
from tests.integration.evaluation.world import World
from tests.integration.web.served import serving

pytestmark = pytest.mark.integration

DAY = {"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"}
PACK = """
- id: flood-high
  title: "{site}: high"
  when: level > threshold.alert
  severity: major
  advice: look
  wrong when: never
  tests: []
"""
EVENTS = """
- name: above 4 m
  crossings: level > 4 m
  apart: 1 h
"""


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    with new_world(stack) as made:
        play(made, in_batches, flood(3), seed=7)
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    with serving(world.url) as made:
        yield made


def asked(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/backtests", json={**DAY, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refused(client: httpx.Client, code: int, **more: Any) -> str:
    answer = client.post("/api/v1/backtests", json={**DAY, **more})
    assert answer.status_code == code, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def test_it_tells_the_log(client: httpx.Client, world: World) -> None:
    body = asked(client)
    keys = ("rule", "subject", "since", "began", "ended", "severity", "stale")
    found = [{key: one[key] for key in keys} for one in body["result"]["alarms"]]
    found.sort(key=lambda one: (one["rule"], one["subject"], one["since"]))
    assert body["mode"] == "EXERCICE"
    assert found == world.log()


def test_a_pack_is_tried_against_what_is_in_force_and_scored(
    client: httpx.Client, world: World
) -> None:
    before = world.log()
    result = asked(
        client,
        rules=["flood-high"],
        against={"pack": PACK, "domain": "flood", "thresholds": {"orge/alert": "300 cm"}},
        events=EVENTS,
    )["result"]
    assert {one["rule"] for one in result["rules"]} == {"flood-high"}
    assert any("gone" in str(one["changes"]) for one in result["differences"])
    assert {one["events"] for one in result["scores"]} == {"above 4 m"}
    assert world.log() == before


def test_what_is_wrong_is_said(client: httpx.Client) -> None:
    assert "no site 'nowhere'" in refused(client, 422, sites=["nowhere"])
    assert "did you mean 'flood-high'" in refused(client, 422, rules=["flood-hihg"])
    assert "events:2:" in refused(client, 422, events="\n- {name: x, crossings: levl > 2 m}\n")
    assert "800 days" in refused(client, 422, to="2034-01-01T00:00:00Z")
    assert "domain" in refused(client, 422, trial={"pack": PACK})
    assert "/etc/passwd" in refused(client, 422, rules=["/etc/passwd"])  # no file is read


def test_none_is_at_work_for_long(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest_api, "_SECONDS", -1.0)
    assert "choose fewer rules" in refused(client, 422)
