"""Databases of the versions before: tables and columns take new names, every row stays."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import psycopg
import pytest

from hypervisor.database import databases, events
from hypervisor.database.connect import Connection, connect, migrate, migration_files
from tests.conftest import Stack

POLICIES = (
    "SELECT polrelid::oid, polname, polroles, pg_get_expr(polqual, polrelid) FROM pg_policy"
    # Those of revisions name each kind, of which there are more; those of alarms external ones.
    " WHERE polrelid <> ALL ('{revision,alarm,alarm_hold}'::regclass[])"
    " ORDER BY polrelid, polname"
)
_SESSION = "secret, account, seen_at, ends_at, address, browser"
_DELIVERY = (  # its columns then; a later version adds one
    "id, outbox, alarm, route, channel, key, message, active, state, attempts, next_try, worker,"
    " lease, sent_at, last_error"
)


@dataclass(frozen=True, kw_only=True)
class Renaming:
    """A migration that renames. `pairs`: a query before it, and one after it with the same rows."""

    name: str
    rows: str
    pairs: tuple[tuple[str, str], ...]
    fenced: frozenset[str]  # what readers saw through views
    views: tuple[str, str]  # gone, and there

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(query for query, _ in self.pairs)

    @property
    def after(self) -> tuple[str, ...]:
        return tuple(query for _, query in self.pairs)


EVALUATION = Renaming(
    name="0029_evaluation_names.sql",
    rows="""
INSERT INTO watch_state (cursor, heard_to, judged_to, engine)
    VALUES ('7', '2024-01-02Z', '2024-01-03Z', '1');
INSERT INTO journal VALUES ('flood', 'orge', '2024-01-01Z', '{"phase": "active"}');
INSERT INTO judged_under VALUES ('rule', 'flood', '{"when": 1}'), ('deaf', '', '[[1, 2]]');
UPDATE happening_forgotten SET xid = '3', swept_at = '2024-01-04Z';
INSERT INTO happening (xid, at, kind, key, sites, data)
    VALUES ('5', '2024-01-05Z', 'alarm', '1', '{orge}', '{"state": "returned"}');
""",
    pairs=(
        (
            "SELECT cursor::text, heard_to, judged_to, engine FROM watch_state",
            "SELECT DISTINCT cursor::text, watermark, evaluated_to, engine FROM evaluation_state",
        ),
        ("SELECT * FROM journal", "SELECT * FROM rule_state"),
        (
            "SELECT replace(kind, 'deaf', 'gap'), key, facts FROM judged_under ORDER BY kind",
            "SELECT DISTINCT kind, key, facts FROM evaluation_input ORDER BY kind",
        ),
        (
            "SELECT xid, id, at, kind, key, sites, data FROM happening ORDER BY xid, id",
            "SELECT xid, id, at, kind, key, sites, data FROM event_log ORDER BY xid, id",
        ),
        ("SELECT * FROM happening_forgotten", "SELECT * FROM event_log_horizon"),
    ),
    fenced=frozenset({"journal", "alarm"}),
    views=("shown.journal", "shown.rule_state"),
)
COLUMNS = Renaming(
    name="0031_plain_columns.sql",
    rows="""
INSERT INTO site (name, title, domain) VALUES ('orge', 'Orge', 'flood');
INSERT INTO deaf_span VALUES ('one', '2024-01-01Z', '2024-01-02Z');
INSERT INTO ingest_gap (cause, from_at, to_at, noted_at)
    VALUES ('machine-died', '2024-01-01Z', '2024-01-02Z', '2024-01-03Z');
INSERT INTO worker (name, heard_at, joined_at) VALUES ('one', '2024-01-05Z', '2024-01-01Z');
INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker, redriven_at) VALUES
    ('devices/a', 'x', 'not-json', 'no JSON', '2024-01-01Z', 'one', NULL),
    ('devices/b', 'y', 'not-json', 'no JSON', '2024-01-01Z', 'one', '2024-01-02Z');
INSERT INTO outbox (event, key, at, body, due) VALUES ('test', 'k', now(), '{}', now());
INSERT INTO delivery (outbox, route, channel, key, message, made_at, told_at)
    SELECT id, 'duty', 'mail', 'k', '{}', '2024-01-01Z', '2024-01-02Z' FROM outbox;
INSERT INTO account (name, title, made_at) VALUES ('ada', 'Ada', '2024-01-01Z');
INSERT INTO session (secret, account, made_at, seen_at, ends_at)
    SELECT 's', id, '2024-01-01Z', '2024-01-02Z', '2024-01-03Z' FROM account;
INSERT INTO api_token (secret, shown, account, name, scopes, made_at, ends_at)
    SELECT 't', 'hyp_3f', id, 'script', '{read}', '2024-01-01Z', '2024-01-03Z' FROM account;
INSERT INTO reader (name, made_at, made_by) VALUES ('grafana', '2024-01-01Z', 'ada');
INSERT INTO noted_event (site, kind, begins, ends, note, author, noted_at, withdrawn_at,
    withdrawn_by, withdrawn_why) SELECT id, 'flood', '2024-01-01Z', '2024-01-02Z', 'over the quay',
    'ada', '2024-01-03Z', '2024-01-04Z', 'ben', 'twice' FROM site;
INSERT INTO exercise_run (kind, source, title, state, begins, ends, author, asked_at) VALUES
    ('story', 'october', 'October', 'finished', '2024-01-01Z', '2024-01-02Z', 'ada', '2024-01-03Z');
INSERT INTO exercise_command (run, kind, author, asked_at)
    SELECT id, 'stop', 'ada', '2024-01-03Z' FROM exercise_run;
INSERT INTO exercise_sheet (run, expected, outcome, seen, author)
    SELECT id, 'the prefecture is called', 'done', '2024-01-01Z', 'ada' FROM exercise_run;
INSERT INTO lit_made VALUES ('cabinet', 'facts', '2024-01-01Z', '2024-01-02Z');
""",
    pairs=(
        ("SELECT *, heard_at FROM worker", "SELECT *, heartbeat_at FROM worker"),
        ("SELECT * FROM deaf_span", "SELECT * FROM ingest_gap"),
        ("SELECT *, noted_at FROM ingest_gap", "SELECT *, recorded_at FROM message_loss"),
        (
            "SELECT *, redriven_at FROM dead_letter ORDER BY id",
            "SELECT *, replayed_at FROM dead_letter ORDER BY id",
        ),
        (
            f"SELECT {_DELIVERY}, made_at, told_at FROM delivery",  # noqa: S608  constants
            f"SELECT {_DELIVERY}, created_at, notified_at FROM delivery",  # noqa: S608
        ),
        ("SELECT *, made_at FROM account", "SELECT *, created_at FROM account"),
        (
            f"SELECT {_SESSION}, made_at FROM session",  # noqa: S608
            f"SELECT {_SESSION}, created_at FROM session",  # noqa: S608
        ),
        ("SELECT *, made_at, shown FROM api_token", "SELECT *, created_at, prefix FROM api_token"),
        (
            "SELECT name, role, area, made_at, made_by FROM reader",
            "SELECT name, role, area, created_at, created_by FROM reader",
        ),
        (
            "SELECT *, noted_at, withdrawn_why FROM noted_event",
            "SELECT *, recorded_at, withdrawn_reason FROM past_event",
        ),
        ("SELECT *, asked_at FROM exercise_run", "SELECT *, requested_at FROM exercise_run"),
        (
            "SELECT *, asked_at FROM exercise_command",
            "SELECT *, requested_at FROM exercise_command",
        ),
        ("SELECT * FROM exercise_sheet", "SELECT * FROM exercise_checklist"),
        ("SELECT * FROM lit_made", "SELECT * FROM lit_input"),
    ),
    fenced=frozenset({"noted_event", "dead_letter", "delivery"}),
    views=("shown.noted_event", "shown.past_event"),
)
RENAMINGS = [pytest.param(each, id=each.name[:4]) for each in (EVALUATION, COLUMNS)]
Older = Callable[[Renaming], Connection]


class KilledError(Exception):
    """The process ends before it commits."""


@pytest.fixture
def older(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Older]:
    """Makes a database by the migrations before a renaming, with rows."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name)
    with closing(connect(stack.database.url(name))) as connection:

        def make(renaming: Renaming) -> Connection:
            with monkeypatch.context() as patch:
                earlier = [file for file in migration_files() if file < renaming.name]
                patch.setattr("hypervisor.database.connect.migration_files", lambda: earlier)
                patch.setattr("hypervisor.database.reader_views.FENCED", renaming.fenced)
                migrate(connection)
            connection.execute(renaming.rows.encode())
            connection.commit()
            return connection

        yield make
    databases.drop(stack.maintenance_url, name)


def read(connection: Connection, queries: tuple[str, ...]) -> list[list[tuple[object, ...]]]:
    return [connection.execute(query.encode()).fetchall() for query in queries]


@pytest.mark.parametrize("renaming", RENAMINGS)
def test_every_row_stays(older: Older, renaming: Renaming) -> None:
    old = older(renaming)
    rows, policies = read(old, renaming.before), read(old, (POLICIES,))
    assert all(rows)
    applied = migrate(old)
    assert applied[0] == renaming.name
    assert read(old, renaming.after) == rows
    (before,), (after,) = policies, read(old, (POLICIES,))
    assert [policy for policy in before if policy not in after] == []  # later ones add theirs
    readers = "SELECT to_regclass(%s), to_regclass(%s) IS NOT NULL"
    assert old.execute(readers, renaming.views).fetchone() == (None, True)


def test_nothing_keeps_an_old_name(older: Older) -> None:
    old = older(EVALUATION)
    migrate(old)
    left = old.execute(
        "SELECT relname FROM pg_class WHERE relname ~ %(old)s"
        " UNION SELECT conname FROM pg_constraint WHERE conname ~ %(old)s"
        " UNION SELECT attname FROM pg_attribute WHERE attname ~ %(columns)s"
        "   AND NOT attisdropped AND attrelid IN (SELECT oid FROM pg_class"
        "   WHERE relnamespace = ANY ('{public,shown}'::regnamespace[]))"
        " UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        "   AND (proname ~ 'happened' OR prosrc ~ %(old)s)"
        " UNION SELECT tgname FROM pg_trigger WHERE tgname ~ 'happened'",
        {
            "old": "happen(ed\\(|ing)|heard_(at|in)\\(|deaf_span|noted_event|exercise_(told|sheet)"
            "|lit_made|watch_state|journal|judged_under|told/",
            "columns": "^((redriven|told|made|asked)_at|made_by|withdrawn_why|(heard|judged)_to)$",
        },
    )
    assert left.fetchall() == []


def test_triggers_write_to_the_event_log(older: Older) -> None:
    old = older(EVALUATION)
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


@pytest.mark.parametrize("renaming", RENAMINGS)
def test_a_kill_before_the_commit_leaves_what_was_there(
    older: Older, renaming: Renaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = older(renaming)
    rows = read(old, renaming.before)
    old.commit()

    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("hypervisor.database.tenancy.grant", die)
        with pytest.raises(KilledError):
            migrate(old)
    assert read(old, renaming.before) == rows
    with pytest.raises((psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)):
        old.execute(renaming.after[0].encode())
    old.rollback()
    migrate(old)
    assert read(old, renaming.after) == rows
