"""Who may command what, one and two signatures, groups, orders given again."""

from uuid import uuid4

import psycopg
import pytest

from hypervisor.commands.model import STEPS, CommandState
from hypervisor.database.connect import Connection
from tests.integration.commands.conftest import Room
from tests.integration.web.conftest import SOUTH
from tests.integration.web.served import signed_in

pytestmark = pytest.mark.integration


def test_a_controller_s_command_is_queued_at_once(room: Room) -> None:
    (command,) = room.order(room.anne, "dim", "device/lamp-1")
    assert (command["state"], command["device"], command["site"]) == ("queued", "lamp-1", "orge")
    assert (command["quantity"], command["low"], command["high"]) == ("light_level", 37.0, 43.0)
    assert command["words"] == "Dim the light: 40 %"
    assert room.life(room.anne, command["id"]) == ["drafted", "queued"]
    assert room.listed(room.anne, device="lamp-1", open=True)[0]["id"] == command["id"]


def test_what_no_reading_shows_is_not_waited_for(room: Room) -> None:
    (unmeasured,) = room.order(room.anne, "dim", "device/lamp-3")
    (planned,) = room.order(room.anne, "switch", "device/lamp-1", parameters={"state": "plan"})
    assert unmeasured["quantity"] is None
    assert planned["quantity"] is None


def test_an_operator_without_the_duty_commands_nothing(room: Room) -> None:
    refusal = room.order(room.olga, "dim", "device/lamp-1", status=403)
    assert "olga may not command devices here (controllers do)" in refusal
    (command,) = room.order(room.anne, "barrier", "device/barrier-1")
    assert "controllers do" in room.step(room.olga, command["id"], "sign", status=403)
    assert "controllers do" in room.step(room.olga, command["id"], "cancel", status=403)


def test_whoever_commands_in_one_town_commands_there_alone(room: Room) -> None:
    room.order(room.nora, "dim", "device/lamp-1")
    assert "may not command" in room.order(room.nora, "dim", "device/lamp-2", status=403)
    refusal = room.order(room.nora, "dim", "group/both", status=403)
    assert "at 1 of these devices: it takes a controller of all of their communes" in refusal
    (there,) = room.order(room.anne, "barrier", "device/barrier-2")
    assert "may not countersign" in room.step(room.nora, there["id"], "sign", status=403)


def test_whoever_sees_one_town_sees_its_commands_alone(room: Room) -> None:
    (here,) = room.order(room.anne, "barrier", "device/barrier-1")
    (there,) = room.order(room.anne, "barrier", "device/barrier-2")
    with signed_in(room.base, room.url, "sara", (("controller", SOUTH),)) as sara:
        assert {command["device"] for command in room.listed(sara)} <= {"lamp-2", "barrier-2"}
        assert there["id"] in {command["id"] for command in room.listed(sara)}
        assert sara.get(f"/api/v1/commands/{here['id']}").status_code == 404
        assert "there is no command" in room.step(sara, here["id"], "sign", status=404)
        assert "barrier-1" in room.order(sara, "barrier", "device/barrier-1", status=404)
        room.step(sara, there["id"], "sign")


def test_two_people_agree_on_a_barrier(room: Room, connection: Connection) -> None:
    (command,) = room.order(room.anne, "barrier", "device/barrier-1")
    assert command["state"] == "drafted"
    assert "it takes a second person" in room.step(room.anne, command["id"], "sign", status=422)
    (signed,) = room.step(room.bert, command["id"], "sign")
    assert signed["state"] == "queued"
    assert "signed already" in room.step(room.bert, command["id"], "sign", status=422)
    acts = connection.execute(
        "SELECT author, details->>'act' FROM audit WHERE kind = 'command'"
        " AND details->>'key' = %s ORDER BY id",
        [command["id"]],
    ).fetchall()
    assert acts == [("anne", "draft"), ("bert", "sign")]


def test_the_database_knows_two_people_apart(room: Room, connection: Connection) -> None:
    (command,) = room.order(room.anne, "barrier", "device/barrier-1")
    with pytest.raises(psycopg.errors.RaiseException, match="takes two people"):
        _insert(connection, command["id"], "queued", who="anne")


def test_a_group_is_its_devices_that_obey(room: Room) -> None:
    commands = room.order(room.anne, "dim", "group/street")
    assert sorted(command["device"] for command in commands) == ["lamp-1", "lamp-3"]
    (batch,) = {command["batch"] for command in commands}
    cancelled = room.step(room.anne, batch, "cancel")
    assert [command["state"] for command in cancelled] == ["cancelled"] * 2
    refusal = room.order(
        room.anne, "barrier", "group/street", status=422, parameters={"position": "open"}
    )
    assert "'group/street' is no target of barrier: expected device/NAME" in refusal


def test_the_same_order_again_is_no_second_command(room: Room) -> None:
    key = str(uuid4())
    first = room.order(room.anne, "dim", "group/street", key=key)
    again = room.order(room.anne, "dim", "group/street", key=key)
    assert [command["id"] for command in first] == [command["id"] for command in again]
    refusal = room.order(
        room.anne, "dim", "group/street", key=key, parameters={"level": 10}, status=422
    )
    assert "is another command's" in refusal


def test_a_newer_command_supersedes_one_under_way(room: Room) -> None:
    (older,) = room.order(room.anne, "dim", "device/lamp-2")
    (newer,) = room.order(room.anne, "switch", "device/lamp-2")
    assert room.life(room.anne, older["id"])[-1] == "superseded"
    assert room.life(room.anne, newer["id"])[-1] == "queued"
    assert "superseded" in room.step(room.anne, older["id"], "cancel", status=422)


@pytest.mark.parametrize(
    ("kind", "target", "fields", "sentence"),
    [
        ("dim", "device/lamp-1", {"parameters": {"level": 140}}, "expected a number from 0 to 100"),
        ("dim", "device/lamp-1", {"parameters": {"levle": 4}}, "did you mean 'level'?"),
        ("switch", "device/lamp-1", {"parameters": {"state": "of"}}, "did you mean 'off'?"),
        ("dim", "device/gauge-1", {}, "gauge-1 does not obey dim"),
        ("sign_text", "device/sign-1", {"parameters": {"text": "A\nB"}}, "one line of text"),
        ("dim", "device/lamp-1", {"valid_seconds": 7_000}, "at most 600 s"),
    ],
)
def test_what_cannot_be_commanded_is_refused_with_a_sentence(
    room: Room, kind: str, target: str, fields: dict[str, object], sentence: str
) -> None:
    assert sentence in room.order(room.anne, kind, target, status=422, **fields)


def test_kinds_are_listed_with_what_obeys_them(room: Room) -> None:
    kinds = {kind["name"]: kind for kind in room.anne.get("/api/v1/commands/kinds").json()["kinds"]}
    assert kinds["barrier"]["signatures"] == 2
    assert kinds["dim"]["models"] == ["lamp-controller", "lamp-node"]


def test_a_page_ends_where_the_next_begins(room: Room) -> None:
    for level in range(3):
        room.order(room.anne, "dim", "device/lamp-1", parameters={"level": level})
    address, listed = "/api/v1/commands?device=lamp-1&limit=2", []
    while address:
        answer = room.anne.get(address).json()
        listed += [command["id"] for command in answer["commands"]]
        address = answer["next"]
    assert listed == [command["id"] for command in room.listed(room.anne, device="lamp-1")]


# -- what the database holds ----------------------------------------------------------------------


def _insert(connection: Connection, command: str, state: str, *, who: str = "test") -> None:
    connection.execute(
        "INSERT INTO command_event (command, to_state, at, who, why)"
        " VALUES (%s, %s, clock_timestamp(), %s, 'test')",
        [command, state, who],
    )


def test_the_database_has_the_same_life(connection: Connection) -> None:
    rows = connection.execute("SELECT from_state, to_state FROM command_step").fetchall()
    steps = {(state.value, after.value) for state in STEPS for after in STEPS[state]}
    assert set(rows) == steps
    assert set(STEPS) == set(CommandState)


def test_no_step_is_left_out(room: Room, connection: Connection) -> None:
    (command,) = room.order(room.anne, "dim", "device/lamp-1")
    with pytest.raises(
        psycopg.errors.RaiseException, match="is queued: it cannot become confirmed"
    ):
        _insert(connection, command["id"], "confirmed")


def test_nothing_is_sent_after_its_validity(room: Room, connection: Connection) -> None:
    (command,) = room.order(room.anne, "dim", "device/lamp-1")
    with pytest.raises(psycopg.errors.RaiseException, match="was valid until"):
        connection.execute(
            "INSERT INTO command_event (command, to_state, at, who, why)"
            " SELECT id, 'sent', valid_until, 'test', 'test' FROM command WHERE id = %s",
            [command["id"]],
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE command SET state = 'confirmed'",
        "UPDATE command SET parameters = '{}'",
        "DELETE FROM command",
        "UPDATE command_event SET who = 'x'",
        "DELETE FROM command_event",
        "TRUNCATE command CASCADE",
    ],
)
def test_what_was_commanded_stays(room: Room, connection: Connection, statement: str) -> None:
    room.order(room.anne, "dim", "device/lamp-1")
    with pytest.raises(psycopg.errors.RaiseException, match="stays"):
        connection.execute(statement.encode())
