"""The operational log in a real database."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from hypervisor.database import audit
from hypervisor.database.connect import Connection, connect
from hypervisor.logbook import queries as log_queries
from hypervisor.logbook.model import EntryKind, LogEntry, LogError, NewEntry, NoEntryError
from hypervisor.logbook.queries import LogFilter
from hypervisor.logbook.service import append_entry
from tests.integration.evaluation.world import World, make_world

pytestmark = pytest.mark.integration

WALL = datetime(2026, 5, 1, 8, tzinfo=UTC)
NOTE = NewEntry(author="anne", kind=EntryKind.NOTE, text="the cellar is dry")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(["orge"])
        made.join()
        made.beat(10)
        made.settle()
        yield made


def _say(connection: Connection, new: NewEntry, minutes: float = 0) -> LogEntry:
    with connection.transaction():
        return append_entry(connection, new, now=WALL + timedelta(minutes=minutes))


def test_an_entry_is_kept_with_author_time_and_where_the_scenario_stood(world: World) -> None:
    entry = _say(world.connection, replace(NOTE, site="orge"))
    assert (entry.author, entry.at, entry.text) == ("anne", WALL, "the cellar is dry")
    assert entry.scenario_at == datetime(2024, 1, 1, 0, 10, tzinfo=UTC)
    assert entry.site == "orge"
    (act,) = audit.list_acts(world.connection, kind="log")
    assert (act.author, act.subject, act.details) == ("anne", "orge", {"entry": entry.id})


def test_what_is_promised_stands_open_until_it_is_kept_once(world: World) -> None:
    promise = _say(world.connection, replace(NOTE, kind=EntryKind.PROMISE, due=WALL))
    _say(world.connection, NOTE)
    assert [one.id for one in log_queries.list_entries(world.connection, LogFilter(open=True))] == [
        promise.id
    ]

    kept = replace(NOTE, kind=EntryKind.SETTLED, about=promise.id, author="bruno", text="called")
    _say(world.connection, kept, minutes=5)
    assert log_queries.list_entries(world.connection, LogFilter(open=True)) == []
    now = log_queries.find_entry(world.connection, promise.id)
    assert now is not None
    assert (now.settled_by, now.settled, now.open) == (
        "bruno",
        WALL + timedelta(minutes=5),
        False,
    )
    with pytest.raises(LogError, match="was settled by bruno"):
        _say(world.connection, kept)
    with pytest.raises(LogError, match="is a note, which needs no settling"):
        _say(world.connection, replace(kept, about=promise.id + 1))


def test_two_who_settle_at_once_do_not_both(world: World, database_url: str) -> None:
    promise = _say(world.connection, replace(NOTE, kind=EntryKind.PROMISE, due=WALL))
    kept = replace(NOTE, kind=EntryKind.SETTLED, about=promise.id)
    with closing(connect(database_url)) as other:
        append_entry(other, kept, now=WALL)
        other.execute("SET lock_timeout = '200ms'")
        world.connection.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            _say(world.connection, kept)
        other.commit()
    with pytest.raises(LogError, match="was settled by anne"):
        _say(world.connection, kept)


def test_what_is_not_there_is_said(world: World) -> None:
    for wrong, said in (
        (replace(NOTE, site="orgue"), "no site is named 'orgue'"),
        (replace(NOTE, alarm=99), "no alarm has the number 99"),
        (replace(NOTE, kind=EntryKind.CORRECTION, about=99), "no entry has the number 99"),
    ):
        with pytest.raises(NoEntryError, match=said):
            _say(world.connection, wrong)
    assert log_queries.list_entries(world.connection, LogFilter()) == []


def test_nothing_that_was_written_changes(world: World) -> None:
    _say(world.connection, NOTE)
    for statement in (
        "UPDATE log_entry SET text = 'x'",
        "DELETE FROM log_entry",
        "TRUNCATE log_entry CASCADE",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            world.connection.execute(statement.encode())
        world.connection.rollback()


def test_entries_are_found_by_what_they_are_about(world: World) -> None:
    first = _say(world.connection, replace(NOTE, site="orge"))
    second = _say(world.connection, replace(NOTE, kind=EntryKind.DECISION, text="Close RD 19"), 10)
    third = _say(world.connection, replace(NOTE, kind=EntryKind.CALL, author="bruno"), 20)

    def found(wanted: LogFilter) -> list[int]:
        return [one.id for one in log_queries.list_entries(world.connection, wanted)]

    assert found(LogFilter()) == [third.id, second.id, first.id]
    assert found(LogFilter(limit=1, before=third.id)) == [second.id]
    assert found(LogFilter(since=second.at, until=third.at)) == [second.id]
    assert found(LogFilter(kinds=frozenset({EntryKind.CALL, EntryKind.NOTE}))) == [
        third.id,
        first.id,
    ]
    assert found(LogFilter(author="bruno")) == [third.id]
    assert found(LogFilter(site="orge")) == [first.id]
    assert found(LogFilter(text="rd 19")) == [second.id]
