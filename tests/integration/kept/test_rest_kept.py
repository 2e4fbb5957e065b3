"""What a bench, a backup and a pool ask of the database, and what is said where none answers."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import micros
from hypervisor.bench import queries as bench_queries
from hypervisor.bench import territory
from hypervisor.database import databases, feed
from hypervisor.database.connect import (
    Connection,
    StoreError,
    connect,
    join_snapshot,
    listen,
    migrate,
    migration_files,
    wait_for_notification,
)
from hypervisor.database.pool import Pool, UnstorableError
from hypervisor.readings import queries_workers
from hypervisor.registry.model import Device, Gateway
from hypervisor.stack import queries_backup
from sensors._row import ROW
from tests.integration.database.standing import (
    HOUR,
    NOW,
    add_device,
    make_places,
    raise_alarm,
    store,
)

pytestmark = pytest.mark.integration


def test_a_database_that_does_not_answer_is_named() -> None:
    for url, where in (
        ("postgresql://127.0.0.1:1/x", "127.0.0.1:1"),
        ("host=/nosuch", "/nosuch:5432"),
        ("port=1", "localhost:1"),
    ):
        with pytest.raises(StoreError) as caught:
            connect(url)
        said = str(caught.value)
        assert said.startswith(f"no database answers at {where} (")
        assert said.endswith("); is the instance up?")
        assert "\n" not in said


def test_a_bench_has_devices_at_sites_with_thresholds_and_others(connection: Connection) -> None:
    connection.execute("DELETE FROM feed")
    since = datetime(2000, 1, 1, tzinfo=UTC)
    own: dict[str, Any] = {"gateway": "mast", "codec": "probe", "commissioned": since}
    territory.write_territory(
        connection,
        dict.fromkeys(("a", "b", "bench"), "flood"),
        [
            Device(name="a", site="a", address="0A", **own),
            Device(name="b", site="b", address="0B", **own),
            Device(name="lamp-0", site="bench", model="lamp", commissioned=since),
            Device(name="lamp-1", site="bench", model="lamp", commissioned=since),
        ],
        {**{name: ["level", "rain"] for name in "ab"}, "lamp-0": ["power"], "lamp-1": ["power"]},
        gateways=(Gateway(name="mast", title="mast", protocol="chirpstack"),),
        revisions=tuple(
            territory.limit_fact(site, name, value)
            for site in "ab"
            for name, value in (("attention", 3.0), ("alert", 4.0), ("danger", 5.0))
        ),
    )
    sites = connection.execute(
        "SELECT name, title, domain FROM site WHERE name IN ('a', 'b', 'bench') ORDER BY 1"
    ).fetchall()
    assert sites == [(name, name, "flood") for name in ("a", "b", "bench")]
    devices = connection.execute(
        "SELECT device.name, site.name, gateway, address, codec, model FROM device"
        " JOIN site ON site.id = device.site ORDER BY 1"
    ).fetchall()
    assert devices == [
        ("a", "a", "mast", "0A", "probe", None),
        ("b", "b", "mast", "0B", "probe", None),
        ("lamp-0", "bench", None, None, None, "lamp"),
        ("lamp-1", "bench", None, None, None, "lamp"),
    ]
    series = connection.execute(
        "SELECT device.name, quantity FROM series JOIN device ON device.id = series.device"
        " ORDER BY 1, 2"
    ).fetchall()
    assert series == [
        ("a", "level"),
        ("a", "rain"),
        ("b", "level"),
        ("b", "rain"),
        ("lamp-0", "power"),
        ("lamp-1", "power"),
    ]
    limits = connection.execute(
        "SELECT key, value FROM revision WHERE kind = 'threshold' ORDER BY 1"
    ).fetchall()
    assert limits == [
        (f"{site}/{name}", {"value": value, "unit": "m"})
        for site in "ab"
        for name, value in (("alert", 4.0), ("attention", 3.0), ("danger", 5.0))
    ]
    assert connection.execute("SELECT kind FROM feed").fetchall() == [("registry",)]


def rows_of(series: int, count: int) -> Any:
    return np.array([(series, micros(NOW) + n, micros(NOW), 1.5, 0) for n in range(count)], ROW)


def test_what_a_bench_counts_and_clears(database_url: str) -> None:
    with connect(database_url) as connection:
        make_places(connection)
        level = add_device(connection, "gauge", "mill", "level")["level"]
    assert not bench_queries.listening(database_url)
    assert bench_queries.readings(database_url) == 0
    with connect(database_url) as connection:
        queries_workers.join(connection, "one")
        bench_queries.load(connection, rows_of(level, 3))
        connection.execute("DELETE FROM feed")
        for _ in range(2):
            feed.append(connection, "readings", rows=rows_of(level, 1).tobytes())
        feed.append(connection, "registry")
        alarm = raise_alarm(connection, "r", "mill")
        raise_alarm(connection, "q", "mill")
        connection.execute("UPDATE alarm SET subject = 'device/gauge' WHERE id = %s", [alarm])
    assert not bench_queries.listening(database_url), "it joined, and was not heard yet"
    with connect(database_url) as connection:
        queries_workers.record_heartbeat(connection, "one", micros(NOW))
    assert bench_queries.listening(database_url)
    assert bench_queries.readings(database_url) == 3
    assert (bench_queries.unread(database_url), bench_queries.unrolled(database_url)) == (2, 2)
    with connect(database_url) as connection:
        kept = connection.execute("SELECT time, received_at, value, quality FROM reading LIMIT 1")
        assert kept.fetchone() == (NOW, NOW, 1.5, 0)
        for table in ("rollup_state", "evaluation_state"):
            connection.execute("DELETE FROM evaluation_state")
            connection.execute(
                "INSERT INTO evaluation_state (cursor, engine) VALUES (pg_current_xact_id(), '')"
            )
            connection.execute(f"UPDATE {table} SET cursor = pg_current_xact_id()".encode())  # noqa: S608
    assert (bench_queries.unread(database_url), bench_queries.unrolled(database_url)) == (0, 0)
    bench_queries.clear_evaluation(database_url)
    bench_queries.clear(database_url)
    assert bench_queries.readings(database_url) == 0
    counts = queries_backup.count_rows(database_url)
    for table in ("alarm", "evaluation_state", "rollup_hour", "dead_letter", "reading_version"):
        assert counts[table] == 0
    assert (counts["feed"], counts["site"], counts["series"]) == (1, 4, 1)


def test_a_snapshot_holds_still_while_others_write(database_url: str) -> None:
    with pytest.raises(StoreError, match="the database holds no instance yet: there is nothing"):
        with_snapshot(database_url)
    with connect(database_url) as connection:
        make_places(connection)
        level = add_device(connection, "gauge", "mill", "level")["level"]
        store(connection, level, [(NOW, 1, 0)])
    with (
        queries_backup.open_snapshot(database_url, readings=True) as held,
        connect(database_url) as other,
    ):
        other.execute("DELETE FROM reading")
        other.commit()
        join_snapshot(other, held.name)
        assert other.execute("SELECT count(*) FROM reading").fetchone() == (1,)
    assert held.instance == Instance(mode=Mode.LIVE, name="test")
    assert held.migrations == tuple(migration_files())
    assert (held.counts["site"], held.counts["reading"]) == (4, 1)
    assert held.timescaledb[0].isdecimal()
    with queries_backup.open_snapshot(database_url, readings=False) as held:
        assert held.counts.keys() == queries_backup.count_rows(database_url).keys() - {
            "reading",
            "reading_version",
        }


def with_snapshot(url: str) -> None:
    with queries_backup.open_snapshot(url, readings=True):
        pass


def test_how_dumps_are_told_where_the_database_is_and_what_to_leave_out() -> None:
    words, secret = queries_backup.connection_options("postgresql://u:word@h:5/d")
    assert words[0] == "--dbname"
    assert psycopg.conninfo.conninfo_to_dict(words[1]) == {
        "user": "u",
        "host": "h",
        "port": "5",
        "dbname": "d",
    }
    assert secret == {"PGPASSWORD": "word"}
    assert queries_backup.connection_options("postgresql://u@h/d")[1] == {}
    assert queries_backup.exclude_readings() == [
        "--exclude-table-data=_timescaledb_internal._hyper_*",
        "--exclude-table-data=_timescaledb_internal.compress_hyper_*",
        "--exclude-table-data=public.reading",
        "--exclude-table-data=public.reading_version",
    ]


def test_nothing_is_restored_over_what_is_there(database_url: str) -> None:
    with pytest.raises(StoreError) as caught:
        queries_backup.prepare_restore(database_url, timescaledb="2")
    assert str(caught.value) == (
        "the database is not empty: nothing is restored over existing data"
    )


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.EXERCISE])
def test_a_restored_database_goes_on_where_it_stood(connection: Connection, mode: Mode) -> None:
    connection.execute("DELETE FROM feed")
    connection.execute("UPDATE instance SET mode = %s", [mode.value])
    for xid, kind in ((5, "readings"), (6, "registry"), (9, "heartbeat"), (7, "readings")):
        connection.execute(
            "INSERT INTO feed (xid, kind, worker) VALUES (%s, %s, %s)",
            [str(xid), kind, f"of {xid}"],
        )
    connection.execute("INSERT INTO evaluation_state (cursor, engine) VALUES ('7', '')")
    connection.execute("INSERT INTO columnar_part VALUES (now(), now(), '1', 'f', 5)")
    connection.execute("INSERT INTO columnar_dirty VALUES ('2024-01-01', '1')")
    connection.execute(
        "INSERT INTO worker (name, heartbeat_at, joined_at, drained_at) VALUES"
        " ('heard', %(now)s, %(early)s, NULL), ('new', NULL, %(early)s, NULL),"
        " ('gone', %(early)s, %(early)s, %(now)s), ('ahead', %(late)s, %(early)s, NULL)",
        {"now": NOW, "early": NOW - HOUR, "late": NOW + HOUR},
    )
    queries_backup.resume(connection, NOW + HOUR)
    here = "(SELECT pg_current_xact_id())"
    entries = connection.execute(
        f"SELECT worker, kind, xid = '0', xid = {here} FROM feed ORDER BY xid, id".encode()  # noqa: S608
    ).fetchall()
    assert entries == [
        ("of 6", "registry", True, False),
        ("of 7", "readings", False, True),
        ("of 9", "heartbeat", False, True),
    ]
    assert connection.execute(
        f"SELECT cursor = {here}, (SELECT xid = {here} FROM event_log_horizon),"  # noqa: S608
        " (SELECT count(*) FROM columnar_part) + (SELECT count(*) FROM columnar_dirty)"
        " + (SELECT count(*) FROM event_log),"
        " (SELECT cursor = '0' AND fill = '-infinity' AND seen_at IS NULL FROM rollup_state)"
        " FROM evaluation_state".encode()
    ).fetchall() == [(True, True, 0, True)]
    deaf = connection.execute("SELECT * FROM ingest_gap ORDER BY worker").fetchall()
    assert deaf == (
        [("heard", NOW, NOW + HOUR), ("new", NOW - HOUR, NOW + HOUR)] if mode is Mode.LIVE else []
    )


def test_what_a_pool_says_where_it_cannot_serve(database_url: str) -> None:
    with closing(Pool(database_url, most=1)) as pool:
        pool.open()
        with pytest.raises(UnstorableError) as wrong, pool.writing() as connection:
            connection.execute("SELECT 'x'::integer")
        assert str(wrong.value) == (
            'a value that the database cannot hold: invalid input syntax for type integer: "x"'
        )
        with pool.writing() as connection:
            connection.execute("INSERT INTO account (name, title) VALUES ('ann', 'A')")
        with pool.connection() as connection:
            assert connection.execute("SELECT name FROM account").fetchall() == [("ann",)]
            assert connection.execute("SHOW statement_timeout").fetchone() == ("20s",)
            session = "idle_in_transaction_session_timeout"
            assert connection.execute(f"SHOW {session}".encode()).fetchone() == ("1min",)
        for reading in (pool.connection, pool.owning):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), reading() as connection:
                connection.execute("DELETE FROM account")
    nowhere = psycopg.conninfo.make_conninfo(database_url, port=1)
    with closing(Pool(nowhere)) as pool:
        pool.open()
        with pytest.raises(StoreError, match="the database does not answer: "), pool.connection():
            pass


def test_a_migration_that_fails_applies_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = migration_files()
    with connect(database_url) as connection:
        monkeypatch.setattr("hypervisor.database.connect.migration_files", lambda: files[:1])
        with pytest.raises(StoreError, match="a newer version has changed this database"):
            migrate(connection)
        connection.rollback()
        monkeypatch.setattr(
            "hypervisor.database.connect.migration_files", lambda: [*files, "none.sql"]
        )
        connection.execute("DELETE FROM migration WHERE name = '0001_spine.sql'")
        connection.commit()
        with pytest.raises(StoreError, match=r"migration 0001_spine.sql failed: "):
            migrate(connection)
        connection.rollback()
        done = {name for (name,) in connection.execute("SELECT name FROM migration")}
        assert "0001_spine.sql" not in done


def test_whether_a_server_answers(database_url: str) -> None:
    assert databases.answers(database_url)
    assert not databases.answers("postgresql://127.0.0.1:1/x")


def test_what_woke_one_is_heard_once(database_url: str) -> None:
    with (
        closing(connect(database_url, autocommit=True)) as sleeper,
        closing(connect(database_url, autocommit=True)) as other,
    ):
        listen(sleeper, "bell")
        for _ in range(2):
            other.execute("NOTIFY bell")
            wait_for_notification(sleeper, 30)
            assert list(sleeper.notifies(timeout=0)) == []


@pytest.mark.parametrize(
    ("cursor", "seen", "kept", "refill"),
    [
        (5, "1 min", [5, 7], False),  # behind, and it was seen: what it has not read stays
        (6, "1 min", [7], False),
        (5, "2 h", [7], True),  # behind, and long gone: all is rolled up again
        (6, "2 h", [7], False),
        (7, "2 h", [7], False),
    ],
)
def test_what_the_roll_ups_have_not_read_is_not_pruned(
    connection: Connection, cursor: int, seen: str, kept: list[int], *, refill: bool
) -> None:
    connection.execute("DELETE FROM feed")
    for xid, kind in ((4, "registry"), (4, "readings"), (5, "readings"), (7, "heartbeat")):
        connection.execute("INSERT INTO feed (xid, kind) VALUES (%s, %s)", [str(xid), kind])
    connection.execute(
        "UPDATE rollup_state SET cursor = %s, fill = NULL,"
        " seen_at = clock_timestamp() - %s::interval",
        [str(cursor), seen],
    )
    feed.prune(connection, "6")
    rows = connection.execute("SELECT xid::text::integer, kind FROM feed ORDER BY xid, id")
    found = rows.fetchall()
    assert found[0] == (4, "registry")
    assert [xid for xid, _ in found[1:]] == kept
    row = connection.execute("SELECT fill = '-infinity' FROM rollup_state").fetchone()
    assert row == (True if refill else None,)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE pg_proc SET prosrc = prosrc || ' ' WHERE oid = 'shown.alarm_rows()'::regprocedure",
        "ALTER FUNCTION shown.alarm_rows() OWNER TO CURRENT_USER",
        "REVOKE EXECUTE ON FUNCTION shown.alarm_rows() FROM hypervisor_reader",
        "REVOKE SELECT ON shown.alarm FROM hypervisor_reader",
        "DROP VIEW shown.alarm",
        "DROP VIEW shown.alarm; DROP FUNCTION shown.alarm_rows()",
    ],
)
def test_a_view_of_readers_that_was_harmed_is_mended(database_url: str, harm: str) -> None:
    look = (
        "SELECT prosrc, proowner::regrole::text,"
        " has_function_privilege('hypervisor_reader', oid, 'EXECUTE'),"
        " has_table_privilege('hypervisor_reader', to_regclass('shown.alarm'), 'SELECT'),"
        " has_function_privilege('public', oid, 'EXECUTE')"
        " FROM pg_proc WHERE oid = to_regprocedure('shown.alarm_rows()')"
    )
    with connect(database_url, autocommit=True) as owner:
        before = owner.execute(look.encode()).fetchall()
        assert [row[1:] for row in before] == [("hypervisor_tenant", True, True, False)]
        owner.execute(harm.encode())
        assert owner.execute(look.encode()).fetchall() != before
        assert migrate(owner) == []
        assert owner.execute(look.encode()).fetchall() == before
