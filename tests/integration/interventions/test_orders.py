"""Orders through the API: who may, what the life cycle allows, what a repeat or a delay does."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx
import psycopg
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database.connect import connect
from hypervisor.interventions.model import TRANSITIONS
from hypervisor.notifications.dispatcher import Dispatcher
from hypervisor.notifications.routes import Channel, Route, Routes
from tests.integration.interventions.conftest import Room
from tests.integration.web.conftest import ORGE, YVETTE
from tests.integration.web.served import NOW

pytestmark = pytest.mark.integration


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def test_the_database_has_the_same_life_cycle(live: Room) -> None:
    with connect(live.world.url) as connection:
        rows = connection.execute("SELECT act, before, after FROM intervention_transition")
        stored = {(act, before): after for act, before, after in rows}
    assert stored == {
        (act.value, before and before.value): after.value
        for (act, before), after in TRANSITIONS.items()
    }


def test_an_order_from_its_alarm_to_its_end(live: Room) -> None:
    alarm = live.anne.get("/api/v1/alarms?site=orge").json()["alarms"][0]["id"]
    made = live.order(site=None, alarm=alarm, team=None, priority="urgent", due=NOW.isoformat())
    assert (made["state"], made["site"], made["commune"], made["alarm"]) == (
        *("open", "orge", ORGE),
        alarm,
    )
    number = made["id"]
    assert "no team yet" in problem(live.act(live.anne, number, "arrive"), 422)
    assert live.act(live.nora, number, "assign", team="north").status_code == 200
    for act in ("accept", "depart", "arrive"):
        answer = live.note(live.tom, number, act)
        assert (answer.status_code, answer.json()["kept"]) == (200, None)
    closed = live.note(
        *(live.tom, number, "close"),
        text="Barrier closed",
        minutes=45,
        parts=[{"name": "padlock", "count": 2}],
    )
    assert closed.json()["kept"] is None
    body = live.read(number)
    assert (body["intervention"]["state"], body["intervention"]["version"]) == ("done", 6)
    assert body["events"][-1]["details"] == {
        "minutes": 45,
        "parts": [{"name": "padlock", "count": 2.0}],
    }
    assert [(e["act"], e["author"]) for e in body["events"]] == [
        *(("create", "anne"), ("assign", "nora"), ("accept", "tom")),
        *(("depart", "tom"), ("arrive", "tom"), ("close", "tom")),
    ]
    listed = live.anne.get(f"/api/v1/interventions?alarm={alarm}&open=false").json()
    assert [row["id"] for row in listed["interventions"]] == [number]


def test_two_dispatchers_do_not_overwrite_each_other(live: Room) -> None:
    order = live.order()
    due = (NOW + timedelta(hours=1)).isoformat()
    edited = live.act(live.anne, order["id"], "edit", version=2, due=due, priority="high")
    assert edited.json()["intervention"]["priority"] == "high"
    assert edited.json()["intervention"]["due"] == "2024-01-02T01:00:00Z"
    assert "anne has changed" in problem(
        live.act(live.nora, order["id"], "cancel", version=2, text="no need"), 409
    )
    live.clock.now = NOW + timedelta(hours=2)
    late = live.anne.get("/api/v1/interventions?overdue=true").json()["interventions"]
    assert order["id"] in [row["id"] for row in late]
    assert live.act(live.anne, order["id"], "edit", due=None).json()["intervention"]["due"] is None
    assert "say why" in problem(live.act(live.anne, order["id"], "cancel"), 422)


def test_a_repeat_changes_nothing(live: Room) -> None:
    number, key = live.order()["id"], str(uuid4())
    before = live.read(number)["intervention"]["version"]
    for _ in range(3):
        answer = live.note(live.tom, number, "accept", key=key)
        assert (answer.status_code, answer.json()["kept"]) == (200, None)
    assert live.read(number)["intervention"]["version"] == before + 1
    key, several = str(uuid4()), 6
    with ThreadPoolExecutor(several) as pool:  # a phone that repeats before it was answered
        answers = list(
            pool.map(lambda _: live.note(live.tom, number, "arrive", key=key), range(several))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert live.read(number)["intervention"]["version"] == before + 2
    other = live.order()["id"]
    assert "another act" in problem(live.note(live.tom, other, "accept", key=key), 422)
    key = str(uuid4())
    body = {"title": "Once", "site": "orge", "key": key}
    made = [live.anne.post("/api/v1/interventions", json=body).json() for _ in range(2)]
    assert made[0]["intervention"]["id"] == made[1]["intervention"]["id"]


def test_what_comes_too_late_is_kept_and_said(live: Room) -> None:
    number, key = live.order()["id"], str(uuid4())
    assert live.act(live.anne, number, "close", text="by radio").status_code == 200
    for _ in range(2):  # the answer to the first was lost
        answer = live.note(
            *(live.tom, number, "close"),
            key=key,
            text="two bolts",
            minutes=20,
            age_ms=3_600_000,
        )
        assert "anne has closed order" in answer.json()["kept"]
        assert "stands in its history" in answer.json()["kept"]
    event = live.read(number)["events"][-1]
    assert (event["act"], event["state"], event["text"]) == ("late", "done", "two bolts")
    assert event["details"]["act"] == "close"
    assert event["details"]["minutes"] == 20
    assert event["noted_at"] == "2024-01-01T23:00:00Z"
    moved = live.order()["id"]
    assert live.act(live.anne, moved, "assign", team="south").status_code == 200
    assert "another team" in live.note(live.tom, moved, "accept").json()["kept"]
    assert live.note(live.tom, moved, "comment", text="the key is with me").json()["kept"] is None


def test_an_agent_sees_the_orders_of_their_teams_and_nothing_else(live: Room) -> None:
    own, other = live.order()["id"], live.order(site="yvette", team="south")["id"]
    orders = live.tom.get("/api/v1/field/orders").json()["orders"]
    assert own in [row["id"] for row in orders]
    assert other not in [row["id"] for row in orders]
    assert "no order" in problem(live.note(live.tom, other, "accept"), 404)
    for path in ("/api/v1/interventions", "/api/v1/sites", "/api/v1/alarms", "/api/v1/teams"):
        assert "works in the field" in problem(live.tom.get(path), 403)
    assert live.tom.get("/now", follow_redirects=False).headers["location"] == "/field"
    assert "may not work in the field" in problem(live.anne.get("/api/v1/field/orders"), 403)
    assert "dispatch does this" in problem(live.note(live.tom, own, "assign", team="south"), 422)


def test_dispatch_sees_its_own_communes(live: Room) -> None:
    south = live.order(site="yvette", team="south")["id"]
    nowhere = live.order(site=None, team=None)["id"]
    for hidden in (south, nowhere):
        assert "no order" in problem(live.nora.get(f"/api/v1/interventions/{hidden}"), 404)
        assert "no order" in problem(live.act(live.nora, hidden, "cancel", text="x"), 404)
    assert south not in [
        row["id"] for row in live.nora.get("/api/v1/interventions").json()["interventions"]
    ]
    teams = live.nora.get("/api/v1/teams").json()["teams"]
    assert [(team["name"], team["members"]) for team in teams] == [("north", ["tom"])]
    refused = {
        "site": live.nora.post("/api/v1/interventions", json={"title": "x", "site": "yvette"}),
        "commune": live.nora.post("/api/v1/interventions", json={"title": "x", "commune": YVETTE}),
    }
    assert [answer.status_code for answer in refused.values()] == [404, 404]
    nowhere_of_hers = live.nora.post("/api/v1/interventions", json={"title": "x"})
    assert "whole instance" in problem(nowhere_of_hers, 403)
    assert "no team" in problem(
        live.act(live.nora, live.order()["id"], "assign", team="south"), 404
    )


def test_the_database_refuses_what_the_life_cycle_does_not_allow(live: Room) -> None:
    number = live.order()["id"]
    attempts = {
        "not possible": "INSERT INTO intervention_event (intervention, number, act, state, at,"
        " noted_at, author) VALUES (%s, 3, 'reopen', 'done', now(), now(), 'x')",
        "does not follow": "INSERT INTO intervention_event (intervention, number, act, state, at,"
        " noted_at, author) VALUES (%s, 9, 'accept', 'accepted', now(), now(), 'x')",
        "by its events only": "UPDATE intervention SET state = 'done' WHERE id = %s",
        "stays": "DELETE FROM intervention_event WHERE intervention = %s",
    }
    for words, statement in attempts.items():
        with connect(live.world.url) as connection, pytest.raises(psycopg.Error, match=words):
            connection.execute(statement, [number])


def test_its_team_is_notified_unless_it_has_moved_on(live: Room) -> None:
    with connect(live.world.url) as connection:
        connection.execute("DELETE FROM delivery")
        connection.execute("DELETE FROM outbox")
    waits = live.order(priority="urgent", due="2024-01-02T12:00:00Z")["id"]
    taken = live.order()["id"]
    assert live.note(live.tom, taken, "accept").status_code == 200
    moved = live.order()["id"]
    assert live.act(live.anne, moved, "assign", team="south").status_code == 200
    live.order(team=None)
    channels = (Channel(name="1", kind="mqtt", fields={"target": "orders"}),)
    north = Route(name="roads", teams=frozenset({"north"}), channels=channels, language="en")
    dispatcher = Dispatcher(
        instance=Instance(mode=Mode.LIVE, name="Essonne"),
        link="https://h.example",
        quantities={},
        holiday=lambda _day: False,
        wall=live.clock,
        routes=Routes(routes=(north, replace(north, name="duty", teams=frozenset()))),
    )
    with connect(live.world.url) as connection:
        dispatcher.decide(connection)
        sent = connection.execute("SELECT route, message->>'title' FROM delivery").fetchall()
        rows = connection.execute(
            "SELECT body->'order', body->>'team', outcome, reason FROM outbox ORDER BY id"
        ).fetchall()
    assert sent == [("roads", "WORK ORDER, URGENT - Close the road")]
    late = "the order no longer waits for this team"
    assert rows == [
        (waits, "north", "sent to", "roads"),
        (taken, "north", "dropped", late),
        (moved, "north", "dropped", late),
        (moved, "south", "dropped", "no route names its team"),
    ]
