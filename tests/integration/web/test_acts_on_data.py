"""What people do through the API: observe, invalidate, undo, replay, announce works."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hypervisor.database.connect import connect
from hypervisor.readings import queries_dead_letters
from ingest.message import NewDeadLetter
from tests.integration.evaluation.world import Sent, World, make_world, us
from tests.integration.web.conftest import NORTH, SOUTH, ClientOf, place
from tests.integration.web.filled import fill

pytestmark = pytest.mark.integration
API = "/api/v1"
SPAN = {"from": "2024-01-01T00:05:00Z", "to": "2024-01-01T00:10:00Z", "reason": "ice"}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    made.register(["orge", "yvette"])
    place(made)
    made.record_rules()
    made.join()
    for at in (0, 5, 10, 15):
        made.store([Sent(site=site, at=at, value=3.1) for site in ("orge", "yvette")])
    made.beat(15)
    made.settle()
    fill(made)
    yield made
    made.close()


def marks(client: httpx.Client) -> list[list[str]]:
    rows = client.get(f"{API}/series/orge/level/readings").json()["readings"]
    return [row["quality"] for row in rows]


def post(client: httpx.Client, address: str, body: dict[str, Any], status: int = 201) -> Any:
    answer = client.post(f"{API}{address}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_invalidated_and_taken_back(client_of: ClientOf) -> None:
    client = client_of("operator", NORTH, name="nora")
    done = post(client, "/series/orge/level/invalidations", SPAN)
    assert done["rows"] == 2
    assert marks(client) == [[], ["invalidated"], ["invalidated"], []]
    act = client.get(f"{API}/audit/{done['act']}").json()["act"]
    assert (act["author"], act["kind"], act["undone_by"]) == ("nora", "invalidate", None)

    undone = post(client, f"/readings/acts/{done['act']}/undo", {"reason": "wrong gauge"})
    assert marks(client) == [[], [], [], []]
    assert client.get(f"{API}/audit/{done['act']}").json()["act"]["undone_by"] == undone["act"]
    again = post(client, f"/readings/acts/{done['act']}/undo", {"reason": "again"}, 422)
    assert "already undone" in again["detail"]
    assert "believed" not in post(client, "/series/orge/level/invalidations", SPAN)


def test_observed(client: httpx.Client) -> None:
    seen = {"value": 312, "unit": "cm", "time": "2024-01-01T00:12:00Z", "reason": "staff"}
    assert post(client, "/series/orge/level/observations", seen)["rows"] == 1
    rows = client.get(f"{API}/series/orge/level/readings").json()["readings"]
    assert [row["value"] for row in rows if row["quality"] == ["manual"]] == [3.12]
    for wrong, said in (
        ({"unit": "kg"}, "is in m"),
        ({"value": 9000}, "outside"),
        ({"time": "2024-06-01T00:00:00Z"}, "is after now"),
    ):
        assert said in post(client, "/series/orge/level/observations", seen | wrong, 422)["detail"]
    post(client, "/series/orge/depth/observations", seen, 404)


def test_who_may(client_of: ClientOf) -> None:
    post(client_of("viewer", NORTH), "/series/orge/level/invalidations", SPAN, 403)
    post(client_of("operator", SOUTH), "/series/orge/level/invalidations", SPAN, 404)
    post(client_of("operator", NORTH), "/dead-letters/redrive", {"why": "mended"}, 403)


def test_dead_letters_looked_at_and_sent_again(client: httpx.Client, world: World) -> None:
    good = NewDeadLetter(
        topic="devices/orge/readings",
        payload=b'{"time": "2024-01-01T00:14:00Z", "values": {"level": 3.3}}',
        reason="unknown-device",
        detail="nobody knew it then",
        received_at=us(14),
        again=False,
    )
    queries_dead_letters.store_letters(world.connection, [good], "one")
    world.connection.commit()
    reasons = {r["reason"]: r for r in client.get(f"{API}/dead-letters/reasons").json()["reasons"]}
    assert reasons["not-json"]["waiting"] == 2
    found = client.get(f"{API}/dead-letters?reason=unknown-device").json()["letters"][0]
    shown = client.get(f"{API}/dead-letters/{found['id']}").json()
    assert '"level"' in shown["text"]
    binary = client.get(f"{API}/dead-letters?topic=devices/orge/1").json()["letters"][0]
    assert client.get(f"{API}/dead-letters/{binary['id']}").json() | {"letter": 0} == {
        "mode": "EXERCICE", "letter": 0, "base64": "/wA=", "text": None,
    }  # fmt: skip

    done = post(client, "/dead-letters/replay", {"ids": [found["id"]], "why": "known now"}, 200)
    assert (done["readings"], done["left"]) == (1, 0)
    assert done["letters"][0]["done"] is True
    assert client.get(f"{API}/dead-letters?reason=unknown-device").json()["letters"] == []
    still = post(client, "/dead-letters/replay", {"reason": "not-json", "why": "try"}, 200)
    assert [one["done"] for one in still["letters"]] == [False, False]
    assert client.get(f"{API}/audit?kind=replay").json()["acts"][0]["author"] == "anne"
    post(client, "/dead-letters/replay", {"ids": [99], "why": "x"}, 404)
    post(client, "/dead-letters/replay", {"shift": "soon", "why": "x"}, 422)


def test_a_device_that_says_nothing(client: httpx.Client, world: World) -> None:
    world.beat(240)
    world.settle()
    found = client.get(f"{API}/devices/orge").json()["device"]["health"]
    assert "silent" in found["issues"]
    assert found["silent_for_s"] == 225 * 60


def test_works_are_announced_changed_and_ended(client: httpx.Client) -> None:
    said = {"begins": "2024-01-01T00:00:00Z", "ends": "2024-01-02T00:00:00Z", "sites": ["orge"],
            "reason": "a new weir"}  # fmt: skip
    address = f"{API}/works/orge-weir"
    made = client.put(address, json=said)
    assert made.status_code == 200, made.text
    assert made.json()["works"]["state"] == "under way"
    assert client.put(address, json=said).status_code == 428
    later = said | {"ends": "2024-01-03T00:00:00Z"}
    assert client.put(address, json=later, headers={"If-Match": '"old"'}).status_code == 412
    tag = {"If-Match": client.get(address).headers["ETag"]}
    assert client.put(address, json=later, headers=tag).json()["works"]["ends"][:10] == "2024-01-03"
    tag = {"If-Match": client.get(address).headers["ETag"]}
    ended = client.post(f"{address}/end", json={"reason": "done"}, headers=tag)
    assert ended.json()["works"]["state"] == "over"
    assert client.put(f"{API}/works/x", json=said | {"sites": ["nowhere"]}).status_code == 404


def test_works_only_where_one_administers(client_of: ClientOf) -> None:
    said = {"ends": "2024-01-02T00:00:00Z", "sites": ["orge", "yvette"], "reason": "cables"}
    north = client_of("administrator", NORTH)
    assert north.put(f"{API}/works/cables", json=said).status_code == 404
    assert north.put(f"{API}/works/weir", json=said | {"sites": ["orge"]}).status_code == 404
    assert north.put(f"{API}/works/cables", json=said | {"sites": ["orge"]}).status_code == 200


def test_letters_are_replayed_from_the_page(client: httpx.Client, world: World) -> None:
    client.cookies.set("lang", "en")
    payload = b'{"time": "2024-01-01T01:14:00Z", "values": {"level": 3.3}}'
    letters = [
        NewDeadLetter(
            topic="devices/orge/readings",
            payload=payload.replace(b"01:14", b"01:1%d" % number),
            reason="unknown-device",
            detail="nobody knew it then",
            received_at=us(14),
            again=False,
        )
        for number in range(2)
    ]
    queries_dead_letters.store_letters(world.connection, letters, "one")
    world.connection.commit()
    waiting = client.get(f"{API}/dead-letters?reason=unknown-device").json()["letters"]
    number = waiting[0]["id"]
    page = "/quality/replay"
    for fields, said in (
        ({"why": " "}, "Give a reason: it is kept in the audit."),
        ({"why": "known now", "shift": "soon"}, "A shift is a number and s, min, h or d"),
    ):
        for whose in ({"number": number}, {"reason": "unknown-device"}):
            wrong = client.post(page, data={**fields, **whose})
            assert (wrong.status_code, said in wrong.text) == (422, True), wrong.text
            assert f'value="{fields["why"].strip()}"' in wrong.text or not fields["why"].strip()
    assert len(client.get(f"{API}/dead-letters?reason=unknown-device").json()["letters"]) == 2

    fields = {"why": "the clock was wrong", "shift": "-1h"}
    one = client.post(page, data={**fields, "number": number})
    assert (one.status_code, one.headers["location"]) == (303, f"/quality/letters/{number}")
    rest = client.post(page, data={**fields, "reason": "unknown-device"})
    assert (rest.status_code, "1 letter was replayed." in rest.text) == (200, True)
    assert "1 reading is stored now." in rest.text
    times = world.connection.execute(
        "SELECT to_char(time AT TIME ZONE 'UTC', 'HH24:MI') FROM reading WHERE value = 3.3"
        " ORDER BY time"
    ).fetchall()
    world.connection.commit()
    assert times == [("00:10",), ("00:11",)], "an hour earlier than they said"
    acts = client.get(f"{API}/audit?kind=replay").json()["acts"]
    assert [act["reason"] for act in acts] == ["the clock was wrong"] * 2


def test_works_are_announced_and_ended_on_their_page(client: httpx.Client) -> None:
    client.cookies.set("lang", "en")
    page = "/admin/works"
    fields = {
        "name": "lock",
        "places": "orge, device/orge",
        "begins": "2024-01-01T01:00",
        "ends": "2024-01-10T01:00",
        "reason": "a new weir",
    }
    for wrong, said in (
        ({"name": " "}, "Give the works a name, such as rd446-2024."),
        ({"name": "é"}, "Give the works a name, such as rd446-2024."),
        ({"ends": "soon"}, "xpected a day and a time, not &#39;soon&#39;"),
        ({"ends": "2023-01-01T00:00"}, "before they begin"),
        ({"places": "nowhere"}, "nowhere"),
        ({"reason": ""}, "reason: "),
    ):
        refused = client.post(page, data={**fields, **wrong})
        assert refused.status_code == 422, (wrong, refused.text)
        assert said in refused.text
        assert 'value="lock"' in refused.text or "name" in wrong, "what was typed is kept"
    assert client.get(f"{API}/works/lock").status_code == 404
    made = client.post(page, data=fields)
    assert (made.status_code, made.headers["location"]) == (303, f"{page}?done=works")
    works = client.get(f"{API}/works/lock").json()["works"]
    assert (works["begins"], works["ends"]) == ("2024-01-01T00:00:00Z", "2024-01-10T00:00:00Z")
    assert (works["sites"], works["devices"]) == (["orge"], ["orge"])
    twice = client.post(page, data=fields)
    assert (twice.status_code, "exists already" in twice.text) == (422, True), twice.text
    ended = client.post(f"{page}/lock/end")
    assert (ended.status_code, ended.headers["location"]) == (303, f"{page}?done=ended")
    assert client.get(f"{API}/works/lock").json()["works"]["state"] == "over"
    again = client.post(f"{page}/lock/end")
    assert again.status_code == 422
    assert "over" in again.text
    unknown = client.post(f"{page}/wier/end")
    assert unknown.status_code == 422
    assert "no works are called &#39;wier&#39;" in unknown.text
    assert 'name="places"' in unknown.text, "on the page that lists them"
