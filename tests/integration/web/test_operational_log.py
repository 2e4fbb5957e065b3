"""The operational log and hand-overs through the API: who writes where, and what others see."""

from typing import Any

import httpx
import pytest

from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH, SOUTH, ClientOf
from tests.integration.web.served import signed_in

pytestmark = pytest.mark.integration


def _write(client: httpx.Client, status: int = 201, **said: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/log", json={"kind": "note", "text": "dry", **said})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found if status >= 400 else found["entry"]


def _log(client: httpx.Client, query: str = "") -> list[int]:
    answer = client.get(f"/api/v1/log{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["entries"]]


def test_an_operator_writes_in_the_own_territory_and_is_seen_there(client_of: ClientOf) -> None:
    north, south = client_of("operator", NORTH), client_of("operator", SOUTH)
    whole = client_of("viewer")
    mine = _write(north, text="sandbags at the bridge")
    there = _write(north, text="the cellar is dry", site="orge")
    assert (mine["author"], mine["area"], there["site"]) == (f"operator-{NORTH}", NORTH, "orge")
    assert _log(north) == [there["id"], mine["id"]]
    assert _log(south) == []
    assert _log(whole) == [there["id"], mine["id"]]
    assert south.get(f"/api/v1/log/{mine['id']}").status_code == 404

    _write(south, 404, site="orge")  # as if it did not exist
    _write(south, 404, kind="settled", about=mine["id"])
    _write(whole, 403)


def test_what_is_wrong_is_said_in_words(client: httpx.Client) -> None:
    assert "a due time is required" in _write(client, 422, kind="promise")["detail"]
    assert "no alarm" in _write(client, 404, alarm=999)["detail"]
    _write(client, 422, kind="gossip")
    _write(client, 422, text="")
    _write(client, 422, author="somebody else")
    assert _log(client) == []


def test_pages_and_filters(client: httpx.Client) -> None:
    numbers = [_write(client, text=f"line {number}")["id"] for number in range(5)]
    promise = _write(client, kind="promise", text="call", due="2024-01-01T06:00:00Z")
    assert _log(client, "?open=true") == [promise["id"]]
    assert _log(client, "?kind=promise&kind=decision") == [promise["id"]]
    assert _log(client, "?text=LINE 3") == [numbers[3]]

    page = client.get("/api/v1/log?limit=4").json()
    _write(client, text="meanwhile")
    rest = client.get(page["next"]).json()
    told = [one["id"] for one in page["entries"] + rest["entries"]]
    assert told == [promise["id"], *reversed(numbers)]


def test_a_shift_is_handed_over_by_two(client_of: ClientOf) -> None:
    anne, bruno = client_of("operator", name="anne"), client_of("operator", name="bruno")
    _write(anne, kind="decision", text="close RD 19")
    draft = anne.get("/api/v1/handovers/draft").json()["page"]
    assert [one["text"] for one in draft["decisions"]] == ["close RD 19"]
    assert {one["site"] for one in draft["unacknowledged"]} == {"orge", "yvette"}

    made = anne.post("/api/v1/handovers", json={"note": "all told"}).json()["handover"]
    again = bruno.post("/api/v1/handovers", json={})
    assert (again.status_code, "anne has already offered" in again.json()["detail"]) == (409, True)

    steps = f"/api/v1/handovers/{made['id']}/steps"
    own = anne.post(steps, json={"step": "take", "signed": made["digest"]})
    assert own.status_code == 409
    unread = bruno.post(steps, json={"step": "take", "signed": "what I think it says"})
    assert (unread.status_code, "read it again" in unread.json()["detail"]) == (409, True)
    taken = bruno.post(steps, json={"step": "take", "signed": made["digest"], "remark": "seen"})
    assert taken.json()["handover"]["closed_by"] == "bruno"
    listed = anne.get("/api/v1/handovers").json()["handovers"]
    assert [one["state"] for one in listed] == ["taken"]


def test_towns_hand_over_for_themselves(client_of: ClientOf) -> None:
    north, south = client_of("operator", NORTH), client_of("operator", SOUTH)
    made = north.post("/api/v1/handovers", json={}).json()["handover"]
    assert made["area"] == NORTH
    assert {one["site"] for one in made["page"]["unacknowledged"]} == {"orge"}
    assert south.get(f"/api/v1/handovers/{made['id']}").status_code == 404
    step = {"step": "take", "signed": made["digest"]}
    assert south.post(f"/api/v1/handovers/{made['id']}/steps", json=step).status_code == 404
    assert south.post("/api/v1/handovers", json={}).status_code == 201  # its own, beside it


def test_who_only_reads_settles_and_corrects_nothing(client_of: ClientOf) -> None:
    operator = client_of("operator")
    promise = {"kind": "promise", "text": "call back", "due": "2024-01-01T06:00:00Z"}
    entry = operator.post("/api/v1/log", json=promise).json()["entry"]["id"]
    for role in ("viewer", "author"):
        reader = client_of(role)
        for kind in ("settled", "correction"):
            said = {"kind": kind, "text": "done", "about": entry}
            assert reader.post("/api/v1/log", json=said).status_code == 403
            csrf = reader.headers["X-CSRF-Token"]
            form = {**said, "csrf": csrf}
            assert reader.post("/log", data=form).status_code == 403
    assert operator.get(f"/api/v1/log/{entry}").json()["entry"]["open"] is True
    assert [one["kind"] for one in operator.get("/api/v1/log").json()["entries"]] == ["promise"]


def test_an_entry_is_settled_where_it_stands(base: str, world: World, client_of: ClientOf) -> None:
    """Somebody who reads everything and operates in the north leaves the south's promises open."""
    said = {"kind": "promise", "text": "call back", "due": "2024-01-01T06:00:00Z"}
    theirs = client_of("operator", SOUTH).post("/api/v1/log", json=said).json()["entry"]["id"]
    at_site = client_of("operator", SOUTH).post("/api/v1/log", json={**said, "site": "yvette"})
    whole = client_of("operator").post("/api/v1/log", json=said).json()["entry"]["id"]
    ours = client_of("operator", NORTH).post("/api/v1/log", json=said).json()["entry"]["id"]
    roles = (("viewer", None), ("operator", NORTH))
    with signed_in(base, world.url, "nora", roles) as nora:
        for entry in (theirs, at_site.json()["entry"]["id"], whole):
            done = {"kind": "settled", "text": "done", "about": entry}
            assert nora.post("/api/v1/log", json=done).status_code == 403
            # Nor is a site of one's own a way round.
            assert nora.post("/api/v1/log", json={**done, "site": "orge"}).status_code == 403
        done = {"kind": "settled", "text": "done", "about": ours}
        assert nora.post("/api/v1/log", json=done).status_code == 201
