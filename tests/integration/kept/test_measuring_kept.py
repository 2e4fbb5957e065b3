"""What the database says of every part: figures, health, panels, each under its own name."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from hypervisor.app import queries_metrics
from hypervisor.base.instance import Instance, Mode
from hypervisor.database import instance, panels
from hypervisor.database.connect import Connection, StoreError, connect, migration_files
from hypervisor.database.locks import Lock
from hypervisor.database.panels import Answer, PanelError
from hypervisor.stack import queries_doctor
from tests.integration.database.standing import HOUR, NOW, add_device, make_places, raise_alarm

pytestmark = pytest.mark.integration
MINUTE = timedelta(minutes=1)


def exercise(connection: Connection) -> None:
    """Two workers that were heard, one that was not, and one that has gone."""
    connection.execute("UPDATE instance SET mode = 'exercise'")
    connection.execute(
        "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at, messages, rows, refused,"
        " batches, retries, repeated) VALUES ('b', %(now)s, %(now)s, NULL, 1, 2, 3, 4, 5, 6),"
        " ('a', %(before)s, %(now)s, NULL, 7, 8, 9, 10, 11, 12),"
        " ('c', NULL, %(now)s, NULL, 0, 0, 0, 0, 0, 0),"
        " ('d', %(before)s, %(now)s, %(now)s, 0, 0, 0, 0, 0, 0)",
        {"now": NOW, "before": NOW - MINUTE},
    )


def test_figures_of_every_part(connection: Connection) -> None:
    connection.execute("DELETE FROM feed")
    exercise(connection)
    none = queries_metrics.measure(connection)
    assert (none.mode, none.instance) == ("exercise", "test")
    assert (none.letters, none.alarms) == ([], [])
    assert none.deliveries == [(state, 0) for state in ("dead", "dropped", "sent", "waiting")]
    second = queries_metrics.WorkerFigures(
        name="b", messages=1, rows=2, refused=3, batches=4, retries=5, repeated=6, age=0
    )
    first = queries_metrics.WorkerFigures(
        name="a", messages=7, rows=8, refused=9, batches=10, retries=11, repeated=12, age=60
    )
    third = queries_metrics.WorkerFigures(
        name="c", messages=0, rows=0, refused=0, batches=0, retries=0, repeated=0, age=None
    )
    assert none.workers == [first, second, third]
    for name in ("evaluation_age_seconds", "evaluation_watermark_age_seconds"):
        assert none.figures[name] is None
    for name in ("alarm_transitions", "notify_oldest_delivery_age_seconds", "columnar_rows"):
        assert none.figures[name] == 0

    add_device(connection, "works", "mill")
    add_device(connection, "left", "mill", retired=NOW)
    alarm = raise_alarm(connection, "r", "mill", severity="major")
    raise_alarm(connection, "r", "source", severity="major")
    raise_alarm(connection, "r", "square", ended=NOW)
    raise_alarm(connection, "r", "square", ended=NOW, acknowledged="minor")
    connection.execute("UPDATE alarm SET domain = 'flood' WHERE severity->-1->>1 = 'major'")
    for statement in (
        (
            "INSERT INTO evaluation_state (cursor, watermark, evaluated_to, engine) VALUES ('0',"
            " '2024-01-01T09:58:00Z', '2024-01-01T09:57:00Z', '')"
        ),
        "INSERT INTO feed (kind) VALUES ('registry'), ('readings'), ('readings')",
        (
            "INSERT INTO message_loss (cause, from_at, to_at, messages) VALUES"
            " ('broker-dropped', now(), now(), 3), ('session-lost', now(), now(), NULL)"
        ),
        "INSERT INTO alarm_hold VALUES ('r', 's', 'out-of-service', now(), NULL, 'a', 'b')",
        (
            "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker,"
            " replayed_at) SELECT 't', '', reason, '', now(), 'a', done FROM (VALUES"
            " ('not-json', NULL), ('not-json', now()), ('early', NULL), ('early', NULL))"
            " letter (reason, done)"
        ),
        "INSERT INTO outbox (event, key, at, body, due) VALUES ('test', 'k', now(), '{}', now())",
        (
            "INSERT INTO columnar_part VALUES (now(), now(), '1', 'f', 5),"
            " (now() + interval '1 d', now(), '1', 'g', 6)"
        ),
        "UPDATE rollup_state SET cursor = '0', seen_at = now() - interval '90 s'",
        "UPDATE event_log_horizon SET pruned_at = now() - interval '91 s'",
    ):
        connection.execute(statement.encode())
    for state, age in (("waiting", 92), ("waiting", 5), ("dead", 999), ("sent", 999)):
        connection.execute(
            "INSERT INTO delivery (outbox, route, channel, key, message, state, created_at,"
            " notified_at)"
            " SELECT max(id), 'r', 'c', %s, '{}', %s, now() - make_interval(secs => %s), now()"
            " FROM outbox",
            [f"{state} {age}", state, age],
        )
    number = connection.execute(
        "INSERT INTO alarm_act (alarm, kind, author, at, version, state)"
        " VALUES (%s, 'comment', 'ann', now(), 1, '') RETURNING id",
        [alarm],
    ).fetchone()
    found = queries_metrics.measure(connection)
    assert found.letters == [("early", False, 2), ("not-json", False, 1), ("not-json", True, 1)]
    assert found.alarms == [
        ("returned", "minor", "", 1),
        ("unacknowledged", "major", "flood", 2),
    ]
    assert found.deliveries == [("dead", 1), ("dropped", 0), ("sent", 1), ("waiting", 2)]
    figures = found.figures
    assert {name: figures[name] for name in EXACT} == EXACT
    assert number is not None
    assert figures["alarm_acts"] == number[0]
    for name, least in (
        ("notify_oldest_delivery_age_seconds", 92),
        ("housekeeping_last_run_age_seconds", 91),
        ("rollup_last_run_age_seconds", 90),
    ):
        value = figures[name]
        assert value is not None
        assert least <= value < least + 60, name
    for name in ("database_size_bytes", "database_connections"):
        assert (figures[name] or 0) > 0
    connection.execute("DELETE FROM evaluation_state")
    assert queries_metrics.measure(connection).figures["evaluation_unread_batches"] == 3


EXACT = {
    "evaluation_age_seconds": 180.0,
    "evaluation_watermark_age_seconds": 120.0,
    "evaluation_unread_batches": 3.0,
    "ingest_gaps": 2.0,
    "ingest_dropped_messages": 3.0,
    "alarms_silenced": 1.0,
    "notify_events_waiting": 1.0,
    "rollup_unread_batches": 2.0,
    "columnar_rows": 11.0,
    "sites": 4.0,
    "devices": 1.0,
}


def test_what_a_look_at_the_database_says(database_url: str) -> None:
    with connect(database_url) as connection:
        make_places(connection)
        connection.execute(
            "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at) VALUES"
            " ('b', now() - interval '1 h', now(), NULL), ('a', NULL, now(), NULL),"
            " ('c', now(), now(), now())"
        )
        connection.execute(
            "INSERT INTO evaluation_state (cursor, evaluated_to, engine) VALUES ('0', %s, '')",
            [NOW],
        )
        connection.execute("INSERT INTO set_aside VALUES ('r', 's', now(), 'p', now())")
        connection.execute(
            "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker) SELECT"
            " 't', '', 'x', '', now() - make_interval(mins => n), 'a' FROM unnest(ARRAY[59, 61]) n"
        )
        connection.execute(
            "WITH made AS (INSERT INTO outbox (event, key, at, body, due)"
            " VALUES ('test', 'k', now(), '{}', now()) RETURNING id)"
            " INSERT INTO delivery (outbox, route, channel, key, message, state, notified_at)"
            " SELECT id, 'r', 'c', state, '{}', state, now()"
            " FROM made, unnest(ARRAY['dead', 'sent', 'waiting']) state"
        )
    found = queries_doctor.read_health(database_url)
    assert found.instance == Instance(mode=Mode.LIVE, name="test")
    assert [one.name for one in found.workers] == ["a", "b"]
    assert found.workers[0].silent_for is None
    assert HOUR <= (found.workers[1].silent_for or HOUR * 0) < 2 * HOUR
    assert (found.evaluated_to, found.lacking, len(found.set_aside)) == (NOW, [], 1)
    assert (found.dead_letters_last_hour, found.dead_notifications) == (1, 1)
    assert found.timescaledb[0].isdecimal()
    last, aside = migration_files()[-1], "0024_set_aside.sql"
    with connect(database_url) as connection:
        connection.execute("DELETE FROM migration WHERE name = ANY(%s)", [[last, aside]])
        connection.execute("DROP TABLE set_aside CASCADE")
    lacking = queries_doctor.read_health(database_url)
    assert (lacking.lacking, lacking.set_aside) == ([aside, last], [])
    assert lacking == replace(
        found, lacking=lacking.lacking, set_aside=[], clock=lacking.clock, workers=lacking.workers
    )
    with connect(database_url) as connection:
        connection.execute("DROP TABLE migration")
    with pytest.raises(StoreError, match="the database was never migrated; `hypervisor up` or"):
        queries_doctor.read_health(database_url)


def test_who_has_joined_and_whether_anybody_signs_in(database_url: str) -> None:
    nowhere = psycopg.conninfo.make_conninfo(database_url, dbname="nosuch")
    assert instance.has_accounts(nowhere)
    assert not instance.is_drained(nowhere, "a")
    assert not instance.has_joined(nowhere, "a")
    with connect(database_url) as connection:
        connection.execute("INSERT INTO account (name, title) VALUES ('ann', 'A')")
        connection.execute(
            "INSERT INTO worker (name, joined_at, drained_at) VALUES ('a', now(), NULL),"
            " ('b', now(), now())"
        )
    assert not instance.has_accounts(database_url)
    assert [instance.is_drained(database_url, name) for name in "abc"] == [False, True, False]
    assert not instance.has_joined(database_url, "a")
    with connect(database_url) as connection:
        connection.execute("UPDATE account SET password = 'x'")
        connection.commit()
        connection.execute("SELECT pg_advisory_lock(%s)", [Lock.WORKER.value])
        assert [instance.has_joined(database_url, name) for name in "abc"] == [True, True, False]
    assert instance.has_accounts(database_url)


def test_a_panels_columns_are_of_four_kinds(connection: Connection) -> None:
    answer = panels.run_query(
        connection,
        "SELECT 1::int8 a, 1::int2 b, 1::int4 c, 1::float4 d, 1::float8 e, 1::numeric f,"
        " '2024-01-01'::date g, '2024-01-01'::timestamp h, '2024-01-01Z'::timestamptz i,"
        " true j, 'x' k, '1 h'::interval l",
    )
    assert answer.names == tuple("abcdefghijkl")
    assert answer.kinds == (*["number"] * 6, *["time"] * 3, "boolean", "string", "string")
    assert panels.run_query(connection, "SELECT 1 AS n WHERE false") == Answer(
        names=("n",), kinds=("number",), rows=[]
    )
    with pytest.raises(PanelError, match="no reading is rolled up: `hypervisor rollup --once`"):
        panels.reading_span(connection)


def test_what_a_panel_is_refused_is_told_on_one_line(database_url: str) -> None:
    with panels.reader(database_url, owner=True) as connection:
        with pytest.raises(PanelError) as caught:
            panels.run_query(connection, "SELECT nam FROM site")
        assert str(caught.value) == (
            'column "nam" does not exist (Perhaps you meant to reference the column "site.name".)'
        )
        with pytest.raises(PanelError) as caught:
            panels.run_query(connection, "SELECT 1 / 0")
        assert str(caught.value) == "division by zero"
        with pytest.raises(PanelError, match="permission denied for table account"):
            panels.run_query(connection, "SELECT * FROM account")
        assert panels.run_query(connection, "SHOW statement_timeout").rows == [("30s",)]
        assert panels.run_query(connection, "SHOW default_transaction_read_only").rows == [("on",)]
    with panels.reader(database_url) as connection:
        assert panels.run_query(connection, "SELECT count(*) FROM account").rows == [(0,)]
    nowhere = panels.reader(psycopg.conninfo.make_conninfo(database_url, dbname="nosuch"))
    with pytest.raises(PanelError, match="the reader cannot log in: "), nowhere:
        pass
