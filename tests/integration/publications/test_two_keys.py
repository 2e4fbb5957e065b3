"""Drafted by one operator, signed by another, updated, cancelled; who may, and what stays."""

from datetime import timedelta
from random import Random
from typing import Any

import httpx
import psycopg
import pytest

from hypervisor.database.connect import connect
from hypervisor.publications import queries_messages
from hypervisor.publications.queries_messages import Selection
from tests.integration.publications.conftest import ORGE, YVETTE, Room, content
from tests.integration.web.conftest import DEPARTEMENT, NORTH, SOUTH
from tests.integration.web.served import NOW, signed_in

pytestmark = pytest.mark.integration


def in_force(room: Room, **selected: Any) -> list[str]:
    with connect(room.world.url) as connection:
        messages = queries_messages.list_published(connection, room.clock(), Selection(**selected))
    return [message.identifier for message in messages]


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def test_one_drafts_and_another_signs(live: Room) -> None:
    drafted = live.draft(live.anne).json()["publication"]
    assert (drafted["state"], drafted["draft"]["authors"]) == ("drafted", ["anne"])
    before = in_force(live)
    assert "you wrote this draft" in problem(live.step(live.anne, drafted), 422)
    revised = live.anne.post(
        f"/api/v1/publications/{drafted['id']}/drafts",
        json={
            "act": "revise",
            "kind": "Alert",
            "version": 1,
            "content": drafted["draft"]["content"] | {"severity": "critical"},
            "reason": "worse",
        },
    ).json()["publication"]
    assert "meanwhile" in problem(live.step(live.bert, drafted), 409)
    assert in_force(live) == before
    published = live.sign(live.bert, revised)
    (message,) = published["messages"]
    assert (published["state"], published["version"]) == ("published", 3)
    assert in_force(live)[0] == message["identifier"]
    assert (message["content"]["severity"], message["communes"]) == ("critical", [ORGE])
    assert [(event["act"], event["author"]) for event in published["events"]] == [
        ("draft", "anne"),
        ("revise", "anne"),
        ("publish", "bert"),
    ]


def test_whoever_revises_is_an_author_too(live: Room) -> None:
    drafted = live.draft(live.anne).json()["publication"]
    body = {"act": "revise", "kind": "Alert", "version": 1, "reason": "a word"}
    body["content"] = drafted["draft"]["content"]
    path = f"/api/v1/publications/{drafted['id']}/drafts"
    revised = live.bert.post(path, json=body).json()["publication"]
    for client in (live.anne, live.bert):
        assert "you wrote" in problem(live.step(client, revised), 422)
    assert live.sign(live.nora, revised)["state"] == "published"


def test_a_program_signs_nothing(live: Room) -> None:
    drafted = live.draft(live.anne).json()["publication"]
    ends = (NOW + timedelta(days=1)).isoformat()
    made = live.bert.post(
        "/api/v1/auth/tokens",
        json={"name": "program", "scopes": ["read", "operate"], "ends_at": ends},
    )
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['secret']}"}
    with httpx.Client(base_url=live.base, headers=headers) as program:
        assert "sign in" in problem(live.step(program, drafted), 403)


def test_updates_and_cancellations_take_two_keys_and_refer_to_what_they_replace(live: Room) -> None:
    first = live.publish((ORGE, YVETTE))
    updated = live.follow_up(live.bert, first, "Update", areas=[ORGE]).json()["publication"]
    assert in_force(live)[0] == first["messages"][0]["identifier"]
    assert "waits" in problem(live.follow_up(live.anne, updated, "Cancel"), 422)
    assert "you wrote" in problem(live.step(live.bert, updated), 422)
    updated = live.sign(live.anne, updated)
    latest = updated["messages"][-1]
    assert (latest["communes"], latest["concerned"]) == ([ORGE], [ORGE, YVETTE])
    assert in_force(live, commune=ORGE)[0] == latest["identifier"]
    assert first["messages"][0]["identifier"] not in in_force(live, commune=YVETTE)
    cancelled = live.follow_up(live.anne, updated, "Cancel", areas=[YVETTE]).json()["publication"]
    assert cancelled["draft"]["content"]["areas"] == [ORGE], "it holds where the warning does"
    cancelled = live.sign(live.bert, cancelled)
    assert cancelled["state"] == "cancelled"
    assert latest["identifier"] not in in_force(live)
    assert "cancelled" in problem(live.follow_up(live.anne, cancelled, "Update"), 422)
    with connect(live.world.url) as connection:
        sent = queries_messages.list_sent(connection, first["messages"][0]["id"] - 1)
        xml = queries_messages.find_message(connection, sent[-1].identifier)
    assert [message.kind.value for message in sent] == ["Alert", "Update", "Cancel"]
    assert xml is not None
    assert f"<references>{sent[0].reference} {sent[1].reference}</references>" in xml[1]


def test_what_waits_too_long_or_is_over_is_not_signed(live: Room) -> None:
    drafted = live.draft(live.anne).json()["publication"]
    live.clock.now = NOW + timedelta(hours=7)
    assert live.anne.get(f"/api/v1/publications/{drafted['id']}").json()["publication"]["draft"][
        "stale"
    ]
    assert "more than 6 h" in problem(live.step(live.bert, drafted), 422)
    live.clock.now = NOW
    published = live.publish()
    identifier = published["messages"][0]["identifier"]
    assert identifier in in_force(live)
    live.clock.now = NOW + timedelta(hours=12)
    assert identifier not in in_force(live)
    read = live.anne.get(f"/api/v1/publications/{published['id']}").json()["publication"]
    assert read["state"] == "expired"
    later = (NOW + timedelta(hours=20)).isoformat()
    again = live.follow_up(live.anne, published, "Update", expires=later)
    assert "expired" in problem(again, 422)


def test_a_draft_can_be_taken_back(live: Room) -> None:
    drafted = live.draft(live.anne).json()["publication"]
    assert "no reason" in problem(live.step(live.anne, drafted, "discard"), 422)
    taken = live.step(live.anne, drafted, "discard", reason="a mistake").json()["publication"]
    assert (taken["state"], taken["draft"], taken["messages"]) == ("discarded", None, [])
    assert "was discarded" in problem(live.step(live.bert, taken), 422)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"hazard": "floood"}, "did you mean 'flood'"),
        ({"areas": ["99999"]}, "no area has the code"),
        ({"expires": "2023-12-31T00:00:00Z"}, "at most 7 days"),
        ({"expires": "2024-02-01T00:00:00Z"}, "at most 7 days"),
        ({"begins": "2024-01-03T00:00:00Z"}, "expire before it begins"),
        ({"fr": {"headline": "\x0b ", "description": "x"}}, "fr headline"),
        ({"fr": {"headline": "x"}}, "content fr description"),
        ({"en": {"description": "no headline"}}, "English needs a headline"),
        ({"severity": "terrible"}, "severity"),
    ],
)
def test_what_cannot_be_published_is_refused(
    live: Room, changed: dict[str, Any], words: str
) -> None:
    body = content(live.clock(), (ORGE,)) | changed
    answer = live.anne.post("/api/v1/publications", json={"content": body, "reason": "test"})
    assert words in problem(answer, 422)


def test_an_area_without_communes_is_refused_and_a_warning_there_can_be_cancelled(
    live: Room,
) -> None:
    published = live.publish((NORTH,))

    def move(parent: str) -> None:
        live.world.connection.execute("UPDATE area SET parent = %s WHERE code = %s", [parent, ORGE])
        live.world.connection.commit()

    move(SOUTH)
    try:
        for areas in ((NORTH,), (YVETTE, NORTH)):
            refusal = problem(live.draft(live.anne, areas), 422)
            assert refusal.startswith("Nord has no communes in the inventory")
        assert "no communes" in problem(live.follow_up(live.anne, published, "Update"), 422)
        cancelled = live.follow_up(live.anne, published, "Cancel")
        assert cancelled.status_code == 200, cancelled.text
        signed = live.sign(live.bert, cancelled.json()["publication"])
        assert (signed["state"], signed["messages"][-1]["communes"]) == ("cancelled", [ORGE])
    finally:
        move(NORTH)


def test_an_operator_publishes_in_their_communes_only(live: Room) -> None:
    for areas in ((YVETTE,), (ORGE, YVETTE), (SOUTH,), (DEPARTEMENT,)):
        assert "only in the communes" in problem(live.draft(live.nora, areas), 403)
    everywhere = live.draft(live.anne, (DEPARTEMENT,)).json()["publication"]
    assert [area["name"] for area in everywhere["draft"]["areas"]] == ["Essonne"]
    assert "only in the communes" in problem(live.step(live.nora, everywhere), 403)
    elsewhere = live.publish((YVETTE,))
    assert live.nora.get(f"/api/v1/publications/{elsewhere['id']}").status_code == 404
    problem(live.follow_up(live.nora, elsewhere, "Cancel"), 404)
    seen = live.nora.get("/api/v1/publications").json()["publications"]
    assert elsewhere["id"] not in [each["id"] for each in seen]
    assert live.draft(live.nora, (NORTH,)).status_code == 201


def test_nothing_that_others_left_keeps_an_operator_from_cancelling_their_own_warning(
    live: Room,
) -> None:
    """Drafts of others for more places, revised, discarded, left to grow stale; in any order."""
    for seed in range(20):
        random = Random(seed)
        published = live.sign(live.anne, live.draft(live.nora).json()["publication"])
        for _ in range(random.randint(1, 4)):
            published = _meddle(live, random, published)
        if random.random() < 0.3:
            live.clock.now = NOW + timedelta(hours=7)
        if published["draft"] is not None:
            waits = published["draft"]["kind"] == "Cancel"
            assert waits or "waits" in problem(live.follow_up(live.nora, published, "Cancel"), 422)
            page = live.nora.get(f"/publications/{published['id']}").text
            assert 'value="discard"' in page
            taken = live.step(live.nora, published, "discard", reason="the warning ends")
            assert taken.status_code == 200, (seed, taken.text)
            published = taken.json()["publication"]
        cancelled = live.follow_up(live.nora, published, "Cancel")
        assert cancelled.status_code == 200, (seed, cancelled.text)
        signed = live.sign(live.anne, cancelled.json()["publication"])
        assert (signed["state"], signed["messages"][-1]["communes"]) == ("cancelled", [ORGE])
        live.clock.now = NOW


def _meddle(live: Room, random: Random, published: Any) -> Any:
    """What anne or bert, who may do so everywhere, do to a warning of the north."""
    areas = random.choice([(DEPARTEMENT,), (ORGE, YVETTE), (YVETTE,), (SOUTH, NORTH), (ORGE,)])
    client = random.choice([live.anne, live.bert])
    kind = random.choice(["Update", "Update", "Cancel"])
    if published["draft"] is None:
        answer = live.follow_up(client, published, kind, areas=list(areas))
    elif random.random() < 0.5:
        answer = live.step(client, published, "discard", reason="no")
    else:
        body = {"act": "revise", "kind": published["draft"]["kind"], "reason": "more"}
        body |= {"version": published["version"], "content": published["draft"]["content"]}
        body["content"] = body["content"] | {"areas": list(areas)}
        answer = client.post(f"/api/v1/publications/{published['id']}/drafts", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["publication"]


def test_what_others_put_in_force_elsewhere_is_not_cancelled_by_a_local_operator(
    live: Room,
) -> None:
    local = live.sign(live.anne, live.draft(live.nora).json()["publication"])
    wider = live.follow_up(live.anne, local, "Update", areas=[ORGE, YVETTE])
    wider = live.sign(live.bert, wider.json()["publication"])
    assert "only in the communes" in problem(live.follow_up(live.nora, wider, "Cancel"), 403)
    waiting = live.follow_up(live.anne, wider, "Update", areas=[ORGE]).json()["publication"]
    assert "only in the communes" in problem(live.step(live.nora, waiting), 403)
    problem(live.step(live.nora, waiting, "discard", reason="no"), 403)


def test_viewers_look_on(live: Room) -> None:
    published = live.publish()
    with signed_in(live.base, live.world.url, "vera", (("viewer", NORTH),)) as vera:
        assert vera.get(f"/api/v1/publications/{published['id']}").status_code == 200
        problem(live.follow_up(vera, published, "Cancel"), 403)
        problem(live.draft(vera), 403)


def test_an_alarm_out_of_sight_cannot_be_published(live: Room) -> None:
    (alarm,) = [alarm.id for alarm in live.world.alarms() if alarm.place == "yvette"][:1]
    assert "no alarm" in problem(live.draft(live.nora, alarm=alarm), 404)
    assert live.draft(live.anne, alarm=alarm).json()["publication"]["alarm"] == alarm


@pytest.mark.parametrize("table", ["publication_event", "publication_message"])
def test_what_was_done_and_sent_stays(live: Room, table: str) -> None:
    live.publish()
    with connect(live.world.url) as connection:
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET kind = 'Cancel'"):  # noqa: S608
            with pytest.raises(psycopg.errors.RaiseException, match="stays"):
                connection.execute(statement.encode())
            connection.rollback()


def test_an_exercise_publishes_exercises_alone(drill: Room) -> None:
    published = drill.publish(status="Actual")
    assert (published["status"], published["messages"][0]["status"]) == ("Exercise", "Exercise")
    assert in_force(drill) == []
    assert in_force(drill, status="Exercise") != []
    with connect(drill.world.url) as connection:
        assert queries_messages.list_sent(connection) == []
        with pytest.raises(psycopg.errors.RaiseException, match="nothing real"):
            connection.execute("INSERT INTO publication (status, communes) VALUES ('Actual', '{}')")


def test_an_exercise_or_test_on_a_live_instance_is_no_warning(live: Room) -> None:
    for status in ("Exercise", "Test"):
        identifier = live.publish(status=status)["messages"][0]["identifier"]
        assert identifier not in in_force(live)
        assert identifier in in_force(live, status=status)
