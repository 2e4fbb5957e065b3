"""Commands that rules propose: made while the alarm is active, ordered by people, withdrawn."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from hypervisor.base.settings import Settings
from hypervisor.commands import arming, diagnosis, queries, queries_arming, queries_proposals
from hypervisor.commands.arming import ArmingOrder
from hypervisor.commands.proposals import Proposer
from hypervisor.commands.queries import CommandFilter
from hypervisor.commands.queries_proposals import Proposal
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.registry.queries import RegistryCache, load
from hypervisor.stack.doctor import check_room
from sensors._domain import catalogue
from tests.integration.commands.conftest import Room
from tests.integration.commands.test_pages import read

pytestmark = pytest.mark.integration

WORDS = catalogue()
RULE = "flood-weir"
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
WEIR = """
INSERT INTO site (name, title, domain, commune) VALUES ('weir', 'Weir', 'flood', '91002');
INSERT INTO device (name, site, model, commissioned)
SELECT 'weir-gauge', id, 'radar-gauge', '2000-01-01+00' FROM site WHERE name = 'weir';
INSERT INTO series (device, quantity) SELECT id, 'level' FROM device WHERE name = 'weir-gauge';
INSERT INTO asset (name, title, kind, site) SELECT 'road', 'Road', 'road', id FROM site
WHERE name = 'orge';
"""
CLOSE = {"command": "barrier", "parameters": {"position": "closed"}, "target": "assets"}
SHOW = {"command": "sign_text", "parameters": {"text": "ROUTE INONDÉE"}, "target": "assets"}


def revise(
    connection: Connection, kind: str, key: str, value: Any, *, effective: datetime | None = None
) -> None:
    effective = effective or (datetime.now(UTC) if kind == "rule" else BEGINNING)
    connection.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason)"
        " VALUES (%s, %s, %s, %s, 'test', 'test')",
        [kind, key, None if value is None else json.dumps(value), effective],
    )
    feed.append(connection, "registry")
    connection.commit()


def rule(*proposed: dict[str, Any]) -> dict[str, Any]:
    written = {"domain": "flood", "id": RULE, "title": RULE, "when": "level > 2 m"}
    return {**written, "severity": "major", "chatter": "999 in 1 h", "propose": list(proposed)}


def measure(connection: Connection, level: float, *, age: timedelta = timedelta(0)) -> None:
    now = datetime.now(UTC) - age
    connection.execute(
        "INSERT INTO reading (series_id, time, value, quality, received_at)"
        " SELECT s.id, %s, %s, 0, %s FROM series s JOIN device d ON d.id = s.device"
        " WHERE d.name = 'weir-gauge'",
        [now, level, now],
    )
    connection.commit()


def begin_alarm(
    connection: Connection, *, age: timedelta = timedelta(0), ended: bool = False
) -> int:
    """An alarm of the rule at the weir that began so long ago; its number."""
    now = datetime.now(UTC)
    began = now - age
    ((number,),) = connection.execute(
        "INSERT INTO alarm (rule, subject, site, since, began, ended, severity, stale, title,"
        " title_fr, noticed_at, changed_at, category, domain)"
        " SELECT %s, 'weir', id, %s, %s, %s, %s, '[]', 'Weir: water', 'Déversoir : eau', %s, %s,"
        " 'hazard', 'flood' FROM site WHERE name = 'weir' RETURNING id",
        [
            *(RULE, began, began, now if ended else None),
            *(json.dumps([[began.isoformat(), "major"]]), now, now),
        ],
    ).fetchall()
    connection.commit()
    return int(number)


def flood(connection: Connection, *, age: timedelta = timedelta(0)) -> int:
    """An alarm of the rule at the weir, which its gauge has raised; its number."""
    for level in (0.1, 2.1):
        measure(connection, level, age=age)
    return begin_alarm(connection, age=age)


def end_alarm(connection: Connection, number: int) -> None:
    connection.execute("UPDATE alarm SET ended = now() WHERE id = %s", [number])
    connection.commit()


@pytest.fixture(scope="module")
def weir(room: Room) -> Iterator[Connection]:
    """A gauge in the south whose water reaches a road in the north at 2 m."""
    with connect(room.url, autocommit=True) as connection:
        connection.execute(WEIR)
        revise(connection, "reach", "road", {"gauge": "weir", "level": 2.0, "unit": "m"})
        yield connection


@pytest.fixture
def proposer() -> "Turn":
    return Turn()


class Turn:
    """The proposer of a sender that has just begun."""

    def __init__(self, *, live: bool = True) -> None:
        self._proposer, self._registry = Proposer(WORDS, live=live), RegistryCache()

    def __call__(self, connection: Connection, alarm: int | None = None) -> list[Proposal]:
        """What waits after its turn."""
        self._proposer.turn(connection, self._registry.load(connection))
        return queries_proposals.list_proposals(connection, alarm=alarm)


def test_what_the_water_reaches_is_proposed_once_and_withdrawn_with_the_alarm(
    weir: Connection, proposer: Turn
) -> None:
    revise(weir, "rule", RULE, rule({**CLOSE, "within": "0.20 m"}, SHOW))
    over, number = begin_alarm(weir, ended=True), begin_alarm(weir)
    assert proposer(weir) == []  # no level is known
    measure(weir, 1.85)
    (near,) = proposer(weir)
    assert (near.alarm, near.target, near.site) == (number, "device/barrier-1", "orge")
    assert near.parameters == {"position": "closed"}
    measure(weir, 2.05)
    both = proposer(weir)
    assert [(each.kind, each.target) for each in both] == [
        ("barrier", "device/barrier-1"),
        ("sign_text", "device/sign-1"),
    ]
    assert proposer(weir) == Turn()(weir) == both  # nor after a restart
    revise(weir, "rule", RULE, rule(CLOSE))
    assert [each.kind for each in proposer(weir)] == ["barrier"]
    end_alarm(weir, number)
    assert proposer(weir) == []
    reasons = weir.execute(
        "SELECT end_reason FROM command_proposal WHERE alarm = %s ORDER BY id", [number]
    ).fetchall()
    assert reasons == [("its alarm is over",), ("its rule proposes it no longer",)]
    weir.execute("UPDATE alarm SET ended = NULL WHERE id = %s", [number])  # a late reading
    assert [each.id for each in proposer(weir, number)] == [near.id]
    end_alarm(weir, number)
    assert proposer(weir, over) == []


def test_a_person_orders_what_is_proposed(room: Room, weir: Connection, proposer: Turn) -> None:
    """Two people for the barrier; the first commands where it stands, not where the alarm is."""
    revise(weir, "rule", RULE, rule(CLOSE, {**SHOW, "target": "device/sign-1"}))
    measure(weir, 2.1)
    number = begin_alarm(weir)
    close, show = proposer(weir, number)
    part = read(room.anne, f"/commands/part?alarm={number}")
    assert "Move the barrier: closed" in part
    assert f"/proposed-commands/{close.id}/order" in part
    for address in ("/now", "/commands/part?site=orge", "/commands/part?site=weir"):
        assert f"/proposed-commands/{show.id}/order" in read(room.anne, address)
    assert "/order" not in read(room.olga, f"/commands/part?alarm={number}")
    order = f"/api/v1/proposed-commands/{close.id}/order"
    assert room.olga.post(order, json={}).status_code == 403
    room.nora.cookies.set("lang", "fr")
    (drafted,) = room.nora.post(order, json={}).json()["commands"]
    assert (drafted["state"], drafted["author"], drafted["rule"]) == ("drafted", "nora", RULE)
    assert drafted["reason"] == "Déversoir : eau"
    again = room.anne.post(order, json={})
    assert again.status_code == 422
    assert "ordered already" in again.json()["detail"]
    room.step(room.anne, drafted["id"], "sign")
    sent = room.anne.post(f"/proposed-commands/{show.id}/order", follow_redirects=False)
    assert sent.headers["location"] == f"/alarms/{number}"
    (given,) = room.listed(room.anne, alarm=number, kind="sign_text")
    assert given["state"] == "queued"
    assert proposer(weir, number) == []
    end_alarm(weir, number)
    assert room.listed(room.anne, alarm=number, kind="sign_text")[0]["state"] == "queued"


def test_what_is_suppressed_or_cannot_obey_is_not_proposed(
    weir: Connection, proposer: Turn
) -> None:
    revise(
        weir,
        "rule",
        RULE,
        rule(
            {**SHOW, "target": "device/lamp-1"},  # obeys no such command
            {"command": "dim", "parameters": {"level": "20"}, "target": "group/street"},
            {"command": "switch", "parameters": {"state": "on"}, "target": "group/streets"},
        ),
    )
    number = begin_alarm(weir)
    hold = "INSERT INTO alarm_hold (rule, subject, kind, since, author, reason) VALUES"
    weir.execute(f"{hold} (%s, 'weir', 'out-of-service', now(), 'ada', 'test')", [RULE])
    assert proposer(weir, number) == []
    weir.execute("DELETE FROM alarm_hold WHERE rule = %s", [RULE])
    (dim,) = proposer(weir, number)
    assert (dim.kind, dim.target, dim.site) == ("dim", "group/street", "orge")
    end_alarm(weir, number)


AUTOMATIC = {**SHOW, "target": "device/sign-1", "automatic": "true"}


def arm(connection: Connection, *, hours: float = 1, starts: datetime | None = None) -> None:
    """Arm the rule at the sign's site; with 0 hours disarm it."""
    now = datetime.now(UTC)
    order = ArmingOrder(
        rule=RULE,
        site="orge",
        starts=starts,
        ends=now + timedelta(hours=hours) if hours else None,
        author="ada",
        reason="test",
    )
    arming.change(connection, load(connection), WORDS, order)
    connection.commit()


def held(connection: Connection, alarm: int) -> str | None:
    """Why what is proposed on an alarm was not sent by the rule; None: it was ordered."""
    rows = connection.execute(
        "SELECT held, command IS NOT NULL FROM command_proposal WHERE alarm = %s", [alarm]
    ).fetchall()
    why, ordered = rows[0]
    assert isinstance(why, str | None)
    assert ordered == (why is None)
    return why


@pytest.fixture
def automatic(weir: Connection) -> Iterator[Connection]:
    """The rule would send; it is not armed. Commands of earlier tests are over."""
    revise(weir, "rule", RULE, rule(AUTOMATIC))
    weir.execute(
        "INSERT INTO command_event (command, to_state, at, who, why) SELECT id, 'cancelled',"
        " drafted_at, 'test', 'test' FROM command WHERE state IN ('drafted', 'queued')"
    )
    yield weir
    arm(weir, hours=0)
    weir.execute("UPDATE alarm SET ended = now() WHERE ended IS NULL")


def test_an_armed_rule_orders_once_and_only_on_an_alarm_that_begins_now(
    automatic: Connection, proposer: Turn
) -> None:
    connection = automatic
    unarmed = flood(connection)
    proposer(connection)
    assert held(connection, unarmed) == "its rule is not armed at orge"
    arm(connection)
    proposer(connection)
    assert held(connection, unarmed) == "its alarm had begun when its rule was armed at orge"
    backfilled = flood(connection, age=timedelta(minutes=16))
    fresh, second = flood(connection), flood(connection)
    proposer(connection)
    assert held(connection, backfilled) == "its alarm did not begin within the last 15 min"
    assert held(connection, fresh) is None
    assert held(connection, second) == "another command to sign-1 is under way"
    (ordered,) = queries.list_commands(connection, CommandFilter(alarm=fresh))
    assert (ordered.author, ordered.rule) == (f"rule/{RULE}", RULE)
    assert (ordered.reason, ordered.state) == ("Déversoir : eau", "queued")
    end_alarm(connection, fresh)
    connection.execute("UPDATE alarm SET ended = NULL WHERE id = %s", [fresh])
    proposer(connection)
    Turn()(connection)  # a sender that has just begun
    assert len(queries.list_commands(connection, CommandFilter(alarm=fresh))) == 1
    with pytest.raises(psycopg.errors.RaiseException, match="stays"):
        connection.execute("UPDATE command_proposal SET command = NULL WHERE alarm = %s", [fresh])


def test_what_keeps_an_armed_rule_from_sending(automatic: Connection, proposer: Turn) -> None:
    """Disarmed, revised, not yet, over, suppressed, an exercise: each says so and sends nothing."""
    connection = automatic

    def why(turn: Turn = proposer) -> str | None:
        number = flood(connection)
        turn(connection)
        end_alarm(connection, number)
        return held(connection, number)

    arm(connection)
    assert why(Turn(live=False)) == "in an exercise no rule sends by itself"
    arm(connection, hours=0)
    assert why() == "its rule is not armed at orge"
    arm(connection, starts=datetime.now(UTC) + timedelta(minutes=30))
    assert why() == "its rule is not armed at orge"
    arm(connection, hours=0.0002)
    time.sleep(0.8)
    assert why() == "its rule is not armed at orge"
    arm(connection)
    revise(connection, "rule", RULE, {**rule(AUTOMATIC), "when": "level > 1 m"})
    assert why() == "its rule was revised since it was armed at orge"
    arm(connection)
    revise(connection, "rule", RULE, {**rule(AUTOMATIC), "when": "level > 1 m", "advice": "Go."})
    number = flood(connection)
    proposer(connection)  # a text may change
    assert held(connection, number) is None


def test_a_rollback_does_not_arm_again(automatic: Connection, proposer: Turn) -> None:
    """Edited, withdrawn or edited twice, and restored: the revision that was armed is over."""
    connection, armed = automatic, rule(AUTOMATIC)
    edits = (
        [{**armed, "when": "level > 1 m"}],
        [None],
        [rule({**AUTOMATIC, "parameters": {"text": "DÉVIATION"}})],
        [{**armed, "advice": "Go."}, {**armed, "for": "1 min"}, {**armed, "severity": "minor"}],
    )
    for edit in edits:
        arm(connection)
        for value in (*edit, armed):
            revise(connection, "rule", RULE, value)
        (arming_,) = queries_arming.list_armed(connection, RULE)
        assert not arming.is_valid(arming_, {RULE: armed})
        number = flood(connection)
        proposer(connection)
        assert held(connection, number) == "its rule was revised since it was armed at orge"
        end_alarm(connection, number)
        arm(connection)
        assert arming.is_valid(queries_arming.list_armed(connection, RULE)[0], {RULE: armed})
    later = datetime.now(UTC) + timedelta(milliseconds=300)  # and one that was planned before
    revise(connection, "rule", RULE, {**armed, "when": "level > 1 m"}, effective=later)
    arm(connection)
    assert arming.is_valid(queries_arming.list_armed(connection, RULE)[0], {RULE: armed})
    time.sleep(0.4)
    assert not arming.is_valid(queries_arming.list_armed(connection, RULE)[0], {RULE: armed})


def test_only_an_administrator_arms_and_what_can_be_armed(
    room: Room, automatic: Connection
) -> None:
    body = {"rule": RULE, "site": "orge", "reason": "test"}
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    def put(client: httpx.Client, **fields: Any) -> httpx.Response:
        return client.put(
            "/api/v1/armed-rules", json=body | {"ends": ends} | fields, headers={"If-Match": "*"}
        )

    assert put(room.anne).status_code == 403
    assert put(room.ada, rule="flood-level-x").status_code == 404
    assert "obeys" in put(room.ada, site="weir").json()["detail"]
    assert put(room.ada, ends="2020-01-01T00:00:00Z").status_code == 422
    (armed,) = put(room.ada).json()["armed"]
    assert (armed["rule"], armed["site"], armed["valid"], armed["author"]) == (
        *(RULE, "orge", True, "ada"),
    )
    with connect(room.url) as connection:
        connection.execute("UPDATE session SET confirmed_at = NULL")
    assert "confirm that it is you" in put(room.ada).json()["detail"], "whoever left the desk"
    page = read(room.olga, "/armed-rules")
    assert f"/rules/{RULE}" in page
    assert 'name="hours"' not in page
    assert "Disarm" not in page
    assert "Armed at:" in read(room.olga, f"/armed-rules/part?rule={RULE}")
    doctor = check_room(diagnosis, Settings(database_url=room.url), datetime.now(UTC))
    (ending,) = [each for each in doctor if each.what.startswith(f"{RULE} is armed at orge")]
    assert ending.state == "warning"  # it ends within two days
    data = {"rule": RULE, "site": "orge"}
    assert room.olga.post("/armed-rules", data=data).status_code == 403
    gone = room.anne.post("/armed-rules", data=data, follow_redirects=False)
    assert gone.status_code == 303
    assert room.ada.get("/api/v1/armed-rules").json()["armed"] == [], "disarming asks for no proof"
    with connect(room.url) as connection:
        connection.execute("UPDATE session SET confirmed_at = now()")
    assert 'name="hours"' in read(room.ada, "/armed-rules")
    again = room.ada.post("/armed-rules", data=data | {"hours": "8"}, follow_redirects=False)
    assert "no reason is given" in read_text(again)
    revise(automatic, "rule", RULE, rule(SHOW))
    assert "nothing can be armed" in put(room.ada).json()["detail"]
    with pytest.raises(psycopg.errors.RaiseException, match="stay on record"):
        automatic.execute("DELETE FROM arming")


def read_text(answer: httpx.Response) -> str:
    assert answer.status_code == 422, answer.text
    return answer.text
