"""Edits through the API: ETags, slips by line and column, and the same revisions as files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hypervisor.base.errors import StaleError
from hypervisor.database import audit
from tests.integration.evaluation.world import Sent, World, us
from tests.integration.web.served import serving

pytestmark = pytest.mark.integration

Type = Callable[..., str]
SAID = {"reason": "too nervous"}


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    with serving(world.url, "Zoé") as client:
        yield client


def ask(client: httpx.Client, method: str, path: str, status: int, **more: Any) -> Any:
    answer = client.request(method, f"/api/v1{path}", **more)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    body["etag"] = answer.headers.get("etag")
    return body


def test_a_rule_is_read_changed_and_rolled_back_under_its_etag(
    client: httpx.Client, world: World
) -> None:
    found = ask(client, "GET", "/rules/flood-high", 200)
    text = found["text"].replace("\nfor: 10 min", "\nfor: 25 min")
    body = {**SAID, "text": text}
    assert found["written"]["for"] == "10 min"
    assert list(found["written"])[:3] == ["id", "title", "when"]

    assert "If-Match" in ask(client, "PUT", "/rules/flood-high", 428, json=body)["detail"]
    old = {"If-Match": '"1-00000000"'}
    assert (
        "changed meanwhile"
        in ask(client, "PUT", "/rules/flood-high", 412, json=body, headers=old)["detail"]
    )
    changed = ask(
        client, "PUT", "/rules/flood-high", 200, json=body, headers={"If-Match": found["etag"]}
    )
    assert changed["differences"] == [{"where": "for", "before": "10 min", "after": "25 min"}]
    assert changed["holds_from"] == "2024-01-01T00:30:00Z"
    again = ask(
        client, "PUT", "/rules/flood-high", 412, json=body, headers={"If-Match": found["etag"]}
    )
    assert "by Zoé" in again["detail"]

    log = ask(client, "GET", "/rules/flood-high/revisions", 200)
    assert [one["author"] for one in log["revisions"]] == ["hypervisor", "Zoé"]
    back = ask(
        client,
        "POST",
        "/rules/flood-high/rollback",
        200,
        json={**SAID, "to": str(log["revisions"][0]["id"])},
        headers={"If-Match": changed["etag"]},
    )
    assert ask(client, "GET", "/rules/flood-high", 200)["written"]["for"] == "10 min"
    gone = ask(
        client,
        "DELETE",
        "/rules/flood-high",
        200,
        params=SAID,
        headers={"If-Match": back["etag"]},
    )
    assert gone["does"] == "withdraw"
    assert [act.kind for act in audit.list_acts(world.connection, subject="flood-high")] == [
        "rule",
        "rule-rollback",
        "rule-withdraw",
    ]


def test_slips_say_line_and_column(client: httpx.Client) -> None:
    text = (
        "id: flood-new\ntitle: t\nwhen: levle > 3 m\nadvice: a\nwrong when: w\nseverity: major\n"
        "tests: []\n"
    )
    body = {**SAID, "text": text}

    (slip,) = ask(client, "PUT", "/rules/flood-new", 422, json=body)["errors"]
    assert (slip["line"], slip["column"]) == (3, 7)
    assert "did you mean 'level'" in slip["problem"]
    checked = ask(client, "POST", "/rules/check", 200, json={"text": text, "domain": "flood"})
    assert checked["ok"] is False
    assert checked["slips"] == [slip]

    right = text.replace("levle", "level").replace(
        "tests: []",
        "tests:\n- {name: wet, every: 5 min, level: 1 4, expect: nothing}",
    )
    checked = ask(client, "POST", "/rules/check", 200, json={"text": right, "domain": "flood"})
    assert (checked["ok"], checked["slips"], checked["rules"]) == (False, [], ["flood-new"])
    assert "expected no alarm" in checked["tests"][0]["differences"][0]
    made = ask(client, "PUT", "/rules/flood-new", 200, json={**SAID, "text": right})
    assert made["does"] == "add"
    assert (
        "the address says"
        in ask(client, "PUT", "/rules/flood-newer", 422, json={**SAID, "text": right})["detail"]
    )
    assert "no rule 'flood-nwe'" in ask(client, "GET", "/rules/flood-nwe", 404)["detail"]
    assert "reason" in ask(client, "PUT", "/rules/flood-new", 422, json={"text": right})["detail"]


def test_an_edit_here_and_an_edit_of_the_file_meet(
    client: httpx.Client, hypervisor: Type, tmp_path: Path
) -> None:
    file = tmp_path / "flood.yaml"
    why = ("--reason", "after the flood", "--author", "Ada")
    hypervisor("export", "--domain", "flood", "--output", str(file))
    found = ask(client, "GET", "/rules/flood-high", 200)
    written = {**found["written"], "for": "25 min"}
    ask(
        client,
        "PUT",
        "/rules/flood-high",
        200,
        json={**SAID, "written": written},
        headers={"If-Match": found["etag"]},
    )
    file.write_text(file.read_text().replace("severity: minor", "severity: info"))

    with pytest.raises(StaleError, match=r"since then came revision \d+ by Zoé"):
        hypervisor("apply", str(file), *why)

    hypervisor("export", "--domain", "flood", "--output", str(file), "--force")
    file.write_text(file.read_text().replace("severity: minor", "severity: info"))
    assert "severity: minor -> info" in hypervisor("apply", str(file), *why)
    now = ask(client, "GET", "/rules/flood-high", 200)
    assert (now["written"]["for"], now["written"]["severity"]) == ("25 min", "info")
    assert now["etag"] != found["etag"]
    assert f"based on: {now['revision']}" in file.read_text()


def test_a_threshold_is_set_and_taken_back(client: httpx.Client, world: World) -> None:
    found = ask(client, "GET", "/thresholds/orge/attention", 200)
    body = {**SAID, "value": "240 cm"}
    assert found["threshold"]["value"]["value"] == 3.0
    ask(client, "PUT", "/thresholds/orge/attention", 428, json=body)
    changed = ask(
        client,
        "PUT",
        "/thresholds/orge/attention",
        200,
        json={**body, "effective": "2024-01-01T00:00:00Z"},
        headers={"If-Match": found["etag"]},
    )
    assert changed["threshold"]["differences"] == [
        {"where": "value", "before": "3 m", "after": "2.4 m"}
    ]
    world.settle()
    assert [one.episode.began for one in world.alarms()] == [us(10)]

    ask(
        client,
        "PUT",
        "/thresholds/orge/attention",
        412,
        json=body,
        headers={"If-Match": found["etag"]},
    )
    log = ask(client, "GET", "/thresholds/orge/attention/revisions", 200)
    assert [one["author"] for one in log["revisions"]] == ["test", "Zoé"]
    back = ask(
        client,
        "POST",
        "/thresholds/orge/attention/rollback",
        200,
        json={**SAID, "to": str(log["revisions"][0]["id"])},
        headers={"If-Match": log["etag"]},
    )
    assert back["threshold"]["value"]["value"] == 3.0
    for at in (35, 40, 45):
        world.store([Sent(site="orge", at=at, value=2.5)])
    world.beat(45)
    world.settle()
    (alarm,) = world.alarms()
    assert alarm.episode.ended == us(40)  # the rule has `keep for: 10 min`

    headers = {"If-Match": back["etag"]}
    wrong = {**SAID, "value": "4.5 m"}
    said = ask(client, "PUT", "/thresholds/orge/alert", 428, json=wrong)
    assert "If-Match" in said["detail"]
    high = ask(client, "PUT", "/thresholds/orge/attention", 422, json=wrong, headers=headers)
    assert "is not below alert, 4 m" in high["detail"]
    lacking = ask(
        client,
        "PUT",
        "/thresholds/orge/attention",
        422,
        json={**SAID, "value": "3"},
        headers=headers,
    )
    assert "has no unit" in lacking["detail"]
    assert "'orge'" in ask(client, "PUT", "/thresholds/orgee/alert", 404, json=wrong)["detail"]
    new = ask(client, "PUT", "/thresholds/orge/rise", 200, json={**SAID, "value": "5 cm/h"})
    assert new["changed"] is True
    listed = ask(client, "GET", "/thresholds?owner=orge", 200)["thresholds"]
    assert {one["key"] for one in listed} == {
        "orge/attention",
        "orge/alert",
        "orge/danger",
        "orge/rise",
    }
    gone = ask(
        client,
        "DELETE",
        "/thresholds/orge/rise",
        200,
        params=SAID,
        headers={"If-Match": new["etag"]},
    )
    assert gone["threshold"]["value"] is None


@pytest.mark.parametrize(
    ("when", "slip"),
    [
        ("(" * 5000 + "level > 1 m" + ")" * 5000, "characters of one expression"),
        ("(" * 200 + "level > 1 m" + ")" * 200, "nested too deep"),
        (" or ".join(["level > 1 m"] * 20_000), "characters of one expression"),
        ("mean(level, 999999999 d) > 1 m", "is too long"),
    ],
)
def test_a_check_of_what_is_beyond_all_bounds_is_a_slip(
    client: httpx.Client, when: str, slip: str
) -> None:
    text = (
        f"id: flood-x\ntitle: x\nwhen: {when}\nseverity: minor\nadvice: a\nwrong when: w\ntests: []"
    )
    answer = client.post("/api/v1/rules/check", json={"text": text, "domain": "flood"})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["slips"]
    assert slip in found["problem"]
    nested = {"text": "{a: " * 5000 + "}" * 5000, "domain": "flood"}
    assert "lists or mappings" in client.post("/api/v1/rules/check", json=nested).text
