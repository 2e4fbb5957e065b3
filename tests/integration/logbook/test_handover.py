"""A shift is handed over: one page, two signatures."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.database.connect import connect
from hypervisor.logbook import handover_page, queries_handovers, service_handover
from hypervisor.logbook.model import EntryKind, Handover, HandoverError, NewEntry, NoEntryError
from hypervisor.logbook.service import append_entry
from hypervisor.logbook.service_handover import Step
from tests.integration.evaluation.world import Sent, World, make_world

pytestmark = pytest.mark.integration

WALL = datetime(2026, 5, 1, 8, tzinfo=UTC)
LATER = WALL + timedelta(hours=8)
NOTE = NewEntry(author="anne", kind=EntryKind.NOTE, text="quiet night")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(["orge"])
        made.record_rules()
        made.join()
        for at, value in ((0, 3.1), (5, 3.1), (10, 3.2)):
            made.store([Sent(site="orge", at=at, value=value)])
        made.beat(10)
        made.settle()
        yield made


def _page(world: World, since: datetime = WALL) -> dict[str, Any]:
    return handover_page.build_page(world.connection, since=since, wall=LATER)


def _offer(world: World, author: str = "anne", at: datetime = LATER) -> Handover:
    made = service_handover.offer_handover(
        world.connection, _page(world), author=author, note="all told", area=None, now=at
    )
    world.connection.commit()
    return made


def test_the_page_tells_what_whoever_comes_must_know(world: World) -> None:
    connection = world.connection
    before = _page(world)
    (alarm,) = before["unacknowledged"]
    assert (alarm["site"], alarm["severity"], alarm["state"]) == ("orge", "minor", "unacknowledged")
    assert [before[part] for part in ("held", "faulty", "decisions", "promises")] == [[]] * 4

    due = datetime(2024, 1, 1, 6, tzinfo=UTC)
    for new in (
        replace(NOTE, kind=EntryKind.DECISION, text="close RD 19"),
        replace(NOTE, kind=EntryKind.PROMISE, text="call the mayor back", due=due),
        replace(NOTE, kind=EntryKind.CLOSURE, text="RD 19 at the bridge"),
    ):
        append_entry(connection, new, now=LATER)
    until = datetime(2024, 1, 1, 2, tzinfo=UTC)
    perform(
        connection,
        Act(
            alarm=alarm["id"],
            kind=ActKind.SHELVE,
            author="anne",
            reason="weir",
            version=1,
            until=until,
        ),
        now=LATER,
    )
    connection.commit()

    after = _page(world)
    assert after["unacknowledged"] == []
    (held,) = after["held"]
    assert (held["id"], held["why"]["kind"], held["why"]["until"]) == (
        alarm["id"],
        "shelved",
        "2024-01-01T02:00:00Z",
    )
    assert [one["text"] for one in after["decisions"]] == ["close RD 19"]
    assert [(one["text"], one["due"]) for one in after["promises"]] == [
        ("call the mayor back", "2024-01-01T06:00:00Z")
    ]
    assert [one["text"] for one in after["closures"]] == ["RD 19 at the bridge"]
    later = _page(world, since=LATER + timedelta(minutes=1))
    assert (later["decisions"], len(later["promises"])) == ([], 1)  # what is open stays


def test_two_people_sign_one_page(world: World) -> None:
    offered = _offer(world)
    assert (offered.state, offered.offered_by, offered.note) == ("offered", "anne", "all told")
    taken = service_handover.apply_step(
        world.connection,
        offered.id,
        "take",
        author="bruno",
        signed=offered.digest,
        remark="seen",
        now=LATER + timedelta(minutes=5),
    )
    assert (taken.state, taken.closed_by, taken.remark) == ("taken", "bruno", "seen")
    assert taken.page == offered.page
    following = _offer(world, "bruno", LATER + timedelta(hours=8))
    assert following.begins == taken.closed_at


def test_what_is_not_allowed_is_refused_with_its_reason(world: World) -> None:
    offered = _offer(world)

    def refused(what: Step, author: str, signed: str | None, number: int = offered.id) -> str:
        with pytest.raises((HandoverError, NoEntryError)) as caught:
            service_handover.apply_step(
                world.connection, number, what, author=author, signed=signed, now=LATER
            )
        return str(caught.value)

    assert "the same person cannot sign twice" in refused("take", "anne", offered.digest)
    assert "read it again" in refused("take", "bruno", "another")
    assert "only anne" in refused("withdraw", "bruno", None)
    assert "no hand-over has the number 99" in refused("take", "bruno", offered.digest, 99)
    with pytest.raises(HandoverError, match="anne has already offered a hand-over"):
        _offer(world, "bruno")

    service_handover.apply_step(world.connection, offered.id, "withdraw", author="anne", now=LATER)
    world.connection.commit()
    assert "is withdrawn: it cannot be taken" in refused("take", "bruno", offered.digest)
    assert _offer(world).state == "offered"


def test_a_signed_page_stays_as_it_was_signed(world: World) -> None:
    offered = _offer(world)
    with pytest.raises(psycopg.errors.RaiseException, match="is not changed"):
        world.connection.execute("UPDATE handover SET note = 'x'")
    world.connection.rollback()
    service_handover.apply_step(
        world.connection, offered.id, "take", author="b", signed=offered.digest, now=LATER
    )
    world.connection.commit()
    with pytest.raises(psycopg.errors.RaiseException, match="is not changed"):
        world.connection.execute(
            "UPDATE handover SET state = 'offered', closed_at = NULL, closed_by = NULL"
        )
    world.connection.rollback()
    assert [handover.state for handover in queries_handovers.list_handovers(world.connection)] == [
        "taken"
    ]


def test_two_who_take_it_at_once_do_not_both(world: World, database_url: str) -> None:
    offered = _offer(world)
    with closing(connect(database_url)) as other:
        for who in ("bruno", "carla"):
            assert queries_handovers.find_handover(other, offered.id) is not None, who
        first = queries_handovers.close_handover(
            other, offered.id, "taken", author="bruno", remark="", now=LATER
        )
        other.commit()
        second = queries_handovers.close_handover(
            world.connection, offered.id, "taken", author="carla", remark="", now=LATER
        )
    assert (first, second) == (True, False)
