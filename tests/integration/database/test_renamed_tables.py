"""A database of the version before: evaluation and event log take new names, every row stays."""

import os
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from hypervisor.database import databases, events
from hypervisor.database.connect import Connection, connect, migrate, migration_files
from tests.conftest import Stack

RENAMING = "0029_evaluation_names.sql"
ROWS = """
INSERT INTO watch_state (cursor, heard_to, judged_to, engine)
    VALUES ('7', '2024-01-02Z', '2024-01-03Z', '1');
INSERT INTO journal VALUES ('flood', 'orge', '2024-01-01Z', '{"phase": "active"}');
INSERT INTO judged_under VALUES ('rule', 'flood', '{"when": 1}'), ('deaf', '', '[[1, 2]]');
UPDATE happening_forgotten SET xid = '3', swept_at = '2024-01-04Z';
INSERT INTO happening (xid, at, kind, key, sites, data)
    VALUES ('5', '2024-01-05Z', 'alarm', '1', '{orge}', '{"state": "returned"}');
"""
BEFORE = (
    "SELECT cursor::text, heard_to, judged_to, engine FROM watch_state",
    "SELECT * FROM journal",
    "SELECT replace(kind, 'deaf', 'gap') AS kind, key, facts FROM judged_under ORDER BY kind",
    "SELECT * FROM happening ORDER BY xid, id",
    "SELECT * FROM happening_forgotten",
)
AFTER = (
    "SELECT cursor::text, watermark, evaluated_to, engine FROM evaluation_state",
    "SELECT * FROM rule_state",
    "SELECT kind, key, facts FROM evaluation_input ORDER BY kind",
    "SELECT * FROM event_log ORDER BY xid, id",
    "SELECT * FROM event_log_horizon",
)
POLICIES = (
    "SELECT polrelid::oid, polname, polroles, pg_get_expr(polqual, polrelid) FROM pg_policy"
    " ORDER BY polrelid, polname"
)


class KilledError(Exception):
    """The process ends before it commits."""


@pytest.fixture
def old(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A database made by the migrations before, with rows."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name)
    with closing(connect(stack.database.url(name))) as connection:
        with monkeypatch.context() as patch:
            earlier = [file for file in migration_files() if file < RENAMING]
            patch.setattr("hypervisor.database.connect.migration_files", lambda: earlier)
            patch.setattr(
                "hypervisor.database.reader_views.FENCED", frozenset({"journal", "alarm"})
            )
            migrate(connection)
        connection.execute(ROWS.encode())
        connection.commit()
        yield connection
    databases.drop(stack.maintenance_url, name)


def read(connection: Connection, queries: tuple[str, ...]) -> list[list[tuple[object, ...]]]:
    return [connection.execute(query.encode()).fetchall() for query in queries]


def test_every_row_stays(old: Connection) -> None:
    rows, policies = read(old, BEFORE), read(old, (POLICIES,))
    applied = migrate(old)
    assert applied[0] == RENAMING
    assert read(old, AFTER) == rows
    assert read(old, (POLICIES,)) == policies
    readers = "SELECT to_regclass('shown.journal'), to_regclass('shown.rule_state') IS NOT NULL"
    assert old.execute(readers).fetchone() == (None, True)


def test_triggers_write_to_the_event_log(old: Connection) -> None:
    migrate(old)
    old.execute("DELETE FROM event_log")
    old.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason)"
        " VALUES ('rule', 'flood', '{}', now(), 'ada', 'tried')"
    )
    old.execute("INSERT INTO audit (kind, subject, author, reason) VALUES ('a', 's', 'ada', 'r')")
    events.record(old, "exercise", "run/1", sites=None)
    old.execute(
        "INSERT INTO log_entry (kind, text, author, at) VALUES ('note', 'calm', 'ada', now())"
    )
    kinds = [kind for (kind,) in old.execute("SELECT kind FROM event_log ORDER BY id")]
    assert kinds == ["rule", "log", "exercise", "log"]
    left = old.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND (proname ~ 'happened' OR prosrc ~ 'happen(ed\\(|ing)|heard_(at|in)\\(')"
        " UNION SELECT tgname FROM pg_trigger WHERE tgname ~ 'happened'"
    )
    assert left.fetchall() == []


def test_a_kill_before_the_commit_leaves_what_was_there(
    old: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = read(old, BEFORE)
    old.commit()

    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("hypervisor.database.tenancy.grant", die)
        with pytest.raises(KilledError):
            migrate(old)
    assert read(old, BEFORE) == rows
    with pytest.raises(psycopg.errors.UndefinedTable):
        old.execute("SELECT FROM rule_state")
    old.rollback()
    migrate(old)
    assert read(old, AFTER) == rows
