"""Commands that rules propose: made while the alarm is active, ordered by people, withdrawn."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypervisor.commands import queries_proposals
from hypervisor.commands.proposals import Proposer
from hypervisor.commands.queries_proposals import Proposal
from hypervisor.database import feed
from hypervisor.database.connect import Connection, connect
from hypervisor.registry.queries import RegistryCache
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


def revise(connection: Connection, kind: str, key: str, value: Any) -> None:
    connection.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason)"
        " VALUES (%s, %s, %s, %s, 'test', 'test')",
        [kind, key, json.dumps(value), datetime.now(UTC) if kind == "rule" else BEGINNING],
    )
    feed.append(connection, "registry")
    connection.commit()


def rule(*proposed: dict[str, Any]) -> dict[str, Any]:
    written = {"domain": "flood", "id": RULE, "title": RULE, "when": "level > 2 m"}
    return {**written, "severity": "major", "propose": list(proposed)}


def measure(connection: Connection, level: float) -> None:
    now = datetime.now(UTC)
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

    def __init__(self) -> None:
        self._proposer, self._registry = Proposer(WORDS), RegistryCache()

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
