"""Settings, transactions and changes of a reader delay no other session, and are reverted."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest
from psycopg import errors

from hypervisor.accounts import queries_reader_sessions, reader_guard, readers
from hypervisor.accounts import queries_readers as store
from hypervisor.accounts.queries_reader_sessions import EndedSession
from hypervisor.base.settings import Settings
from hypervisor.database import audit, feed
from hypervisor.database.connect import Connection, connect
from hypervisor.stack import doctor
from tests.conftest import Stack
from tests.integration.accounts.reading import drop, log_in, new_name, start_guard, value

pytestmark = pytest.mark.integration
WORD = "quite-a-long-word"
TIMEOUT = 30.0


@pytest.fixture
def name(database_url: str) -> Iterator[str]:
    made = new_name()
    with connect(database_url) as connection:
        readers.add_reader(connection, made, WORD, timeout=TIMEOUT)
    yield made
    drop(database_url, f"reader_{made}")


@pytest.fixture
def session(database_url: str, name: str) -> Iterator[Connection]:
    with closing(log_in(database_url, f"reader_{name}", WORD)) as made:
        yield made


def end_blocking(owner: Connection, longest: float) -> list[EndedSession]:
    readers_there = queries_reader_sessions.list_readers(owner)
    return queries_reader_sessions.end_blocking_sessions(owner, readers_there, longest)


def _write_of_itself(session: Connection, statement: str = "SET work_mem = '8MB'") -> None:
    """What no privilege forbids; it gives the transaction a number."""
    session.execute("BEGIN READ WRITE")
    session.execute(f"ALTER ROLE CURRENT_USER {statement}".encode())


def test_a_reader_that_leaves_a_write_open_does_not_stop_the_feed(
    database_url: str, session: Connection
) -> None:
    _write_of_itself(session)
    with connect(database_url, autocommit=True) as ingest, connect(database_url) as slow:
        feed.append(ingest, "registry")
        entries, cursor = feed.read(ingest, "0")
        assert [entry.kind for entry in entries] == ["registry"]
        slow.execute("SELECT pg_current_xact_id()")  # of ours it is waited for
        feed.append(ingest, "heartbeat", worker="one")
        assert feed.read(ingest, cursor)[0] == []
        slow.commit()
        assert [entry.kind for entry in feed.read(ingest, cursor)[0]] == ["heartbeat"]


def test_nor_does_a_transaction_of_another_database(database_url: str, stack: Stack) -> None:
    with connect(stack.maintenance_url) as other:
        other.execute("SELECT pg_current_xact_id()")
        with connect(database_url, autocommit=True) as ingest:
            feed.append(ingest, "registry")
            assert len(feed.read(ingest, "0")[0]) == 1


def test_sessions_that_hold_things_up_are_ended(database_url: str, name: str) -> None:
    role = f"reader_{name}"
    with connect(database_url, autocommit=True) as owner:
        owner.execute("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO PUBLIC")
        for statements, longest, reason in (
            (("BEGIN READ WRITE", "ALTER ROLE CURRENT_USER SET work_mem = '8MB'"), 60, "it wrote"),
            (("SELECT pg_advisory_lock(7354)",), 60, "advisory lock"),
            (("LISTEN hypervisor_feed",), 60, "notifications"),
            (("SELECT 1; /* so */ listen hypervisor_feed",), 60, "notifications"),
            (("-- a panel\nNotify hypervisor_feed",), 60, "notifications"),
            (("/* so\rLISTEN */ SELECT 1; --\rLISTEN hypervisor_feed",), 60, "notifications"),
            (("BEGIN", "PREPARE mine AS DELETE FROM public.reader"), 60, "lock on a table"),
            (("SET idle_in_transaction_session_timeout = 0", "BEGIN", "TABLE site"), 0, "too long"),
        ):
            with closing(log_in(database_url, role, WORD)) as session:
                for statement in statements:
                    session.execute(statement.encode())
                ended = end_blocking(owner, longest)
                assert [(one.role, reason in one.reason) for one in ended] == [(role, True)]
                with pytest.raises(errors.AdminShutdown):
                    session.execute("SELECT 1")
        with closing(log_in(database_url, role, WORD)) as session:
            session.execute("BEGIN")
            session.execute("SELECT 'whom to notify', name AS listen FROM site")
            assert end_blocking(owner, 60) == [], "who only reads goes on"
            session.execute("TABLE site")


def test_what_it_set_of_itself_is_taken_back(
    database_url: str, name: str, session: Connection
) -> None:
    with connect(database_url) as owner:
        assert queries_reader_sessions.find_drift(owner, TIMEOUT).settings == []
    session.execute("SET default_transaction_read_only = off")
    for statement in (
        "SET statement_timeout = 0",
        f"IN DATABASE {session.info.dbname} SET default_transaction_read_only = off",
        f"IN DATABASE {session.info.dbname} RESET search_path",
        "IN DATABASE postgres SET timezone = 'UTC'",
        "IN DATABASE postgres SET application_name = 'kept here, of any length'",
    ):
        session.execute(f"ALTER ROLE CURRENT_USER {statement}".encode())
    with pytest.raises(errors.InsufficientPrivilege):
        session.execute("ALTER ROLE CURRENT_USER SET temp_file_limit = -1")
    with connect(database_url, autocommit=True) as owner:
        assert queries_reader_sessions.find_drift(owner, TIMEOUT).settings == [f"reader_{name}"]
        assert queries_reader_sessions.restore_settings(owner, TIMEOUT) == [f"reader_{name}"]
        assert queries_reader_sessions.find_drift(owner, TIMEOUT).settings == []
        assert queries_reader_sessions.restore_settings(owner, TIMEOUT) == []
        databases = owner.execute(
            "SELECT d.datname FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole"
            " LEFT JOIN pg_database d ON d.oid = s.setdatabase WHERE r.rolname = %s",
            [f"reader_{name}"],
        ).fetchall()
        assert databases == [(owner.info.dbname,)]
    with closing(log_in(database_url, f"reader_{name}", WORD)) as again:
        assert value(again, "SHOW default_transaction_read_only") == "on"
        assert value(again, "SHOW statement_timeout") == "30s"
        assert value(again, "SHOW search_path") == "public"
        assert value(again, "SHOW temp_file_limit") == "512MB"
        assert value(again, "SHOW log_min_error_statement") == "panic"
        for setting in (
            "temp_file_limit = -1",
            "log_min_error_statement = error",
            "log_min_messages = error",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                again.execute(f"SET {setting}".encode())


def test_one_that_does_it_again_and_again_is_let_in_no_more(database_url: str, name: str) -> None:
    role, said = f"reader_{name}", list[str]()
    settings = Settings(database_url=database_url, reader_timeout_seconds=TIMEOUT)
    with ExitStack() as held:
        for _ in range(reader_guard.MAX_HOSTILE_SESSIONS):
            session = held.enter_context(closing(log_in(database_url, role, WORD)))
            session.execute("NOTIFY hypervisor_feed, 'a flood'")
        thread = start_guard(
            settings, stopping=lambda: any("rotate" in line for line in said), say=said.append
        )
        thread.join(60)
        assert not thread.is_alive()
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        log_in(database_url, role, WORD)
    with connect(database_url) as owner:
        assert [act.kind for act in audit.list_acts(owner)] == ["reader", "reader-suspended"]
        readers.rotate_password(owner, name, WORD)
    log_in(database_url, role, WORD).close()


def test_it_is_rotated_and_removed_whatever_it_set(
    database_url: str, name: str, session: Connection
) -> None:
    """A setting for another database once passed for another instance's reader."""
    session.execute("SET default_transaction_read_only = off")
    session.execute("ALTER ROLE CURRENT_USER IN DATABASE postgres SET timezone = 'UTC'")
    with connect(database_url) as owner:
        readers.rotate_password(owner, name, f"{WORD}-2")
    with closing(log_in(database_url, f"reader_{name}", f"{WORD}-2")) as again:
        again.execute("SET default_transaction_read_only = off")
        again.execute("ALTER ROLE CURRENT_USER IN DATABASE template1 SET timezone = 'UTC'")
        again.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    with connect(database_url) as owner:
        readers.remove_reader(owner, name)
        assert store.find_role(owner, f"reader_{name}") is None


def test_a_password_that_it_changed_is_noticed(
    database_url: str, name: str, session: Connection
) -> None:
    with connect(database_url, autocommit=True) as owner:
        assert queries_reader_sessions.find_drift(owner, TIMEOUT).passwords == []
        session.execute("SET default_transaction_read_only = off")
        session.execute("ALTER ROLE CURRENT_USER PASSWORD 'theirs'")
        assert queries_reader_sessions.find_drift(owner, TIMEOUT).passwords == [f"reader_{name}"]
        readers.rotate_password(owner, name, WORD)
        assert queries_reader_sessions.find_drift(owner, TIMEOUT).passwords == []


def test_readers_together_leave_connections_to_our_parts(database_url: str) -> None:
    names = [new_name() for _ in range(5)]
    with connect(database_url) as owner, ExitStack() as held:
        for name in names:
            held.callback(drop, database_url, f"reader_{name}")
            readers.add_reader(owner, name, WORD)
        owner.commit()
        with pytest.raises(psycopg.OperationalError, match="reserved for roles with the SUPERUSER"):
            _crowd(held, database_url, names)
        with ExitStack() as ours:
            for _ in range(30):
                ours.enter_context(closing(connect(database_url)))


def _crowd(held: ExitStack, url: str, names: list[str]) -> None:
    """Every connection that these readers may have."""
    for name in names * store.MAX_CONNECTIONS:
        held.enter_context(closing(log_in(url, f"reader_{name}", WORD)))


def test_the_doctor_says_what_is_not_as_it_was_given(
    database_url: str, name: str, session: Connection
) -> None:
    settings = Settings(database_url=database_url, reader_timeout_seconds=TIMEOUT)
    assert list(doctor.check_readers(settings)) == []
    session.execute("SET default_transaction_read_only = off")
    session.execute("ALTER ROLE CURRENT_USER SET statement_timeout = 0")
    session.execute("ALTER ROLE CURRENT_USER PASSWORD 'theirs'")
    with connect(database_url) as owner:
        owner.execute("GRANT EXECUTE ON FUNCTION pg_sleep TO PUBLIC")
    changed, password, open_to_all = list(doctor.check_readers(settings))
    assert {changed.state, password.state, open_to_all.state} == {"warning"}
    assert f"reader_{name}" in changed.what
    assert f"reader rotate {name}" in password.mend
    assert "1 functions" in open_to_all.what


def test_housekeeping_looks_after_them(database_url: str, name: str, session: Connection) -> None:
    session.execute("SET default_transaction_read_only = off")
    session.execute("ALTER ROLE CURRENT_USER SET statement_timeout = 0")
    session.execute("BEGIN")
    session.execute("ALTER ROLE CURRENT_USER SET work_mem = '8MB'")
    said: list[str] = []
    settings = Settings(database_url=database_url, reader_timeout_seconds=TIMEOUT)
    thread = start_guard(settings, stopping=lambda: len(said) >= 2, say=said.append)
    thread.join(60)
    assert not thread.is_alive()
    assert "a session of" in said[0]
    assert f"reader_{name} had changed its own settings" in said[1]
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    with connect(database_url) as owner:
        assert [act.kind for act in audit.list_acts(owner)] == ["reader", "reader-mended"]


@pytest.mark.parametrize(("usage", "ended"), [("0.1", False), ("0.11", True)])
def test_who_keeps_a_queue_of_notifications_from_being_emptied_is_ended(
    database_url: str, name: str, usage: str, *, ended: bool
) -> None:
    with (
        connect(database_url, autocommit=True) as owner,
        closing(log_in(database_url, f"reader_{name}", WORD)) as session,
    ):
        owner.execute(
            "CREATE FUNCTION public.pg_notification_queue_usage() RETURNS float8 LANGUAGE sql AS"
            f" 'SELECT {usage}::float8'".encode()
        )
        owner.execute("SET search_path = public, pg_catalog")
        session.execute("BEGIN")
        session.execute("SELECT name FROM site")
        found = [(it.reason, it.hostile) for it in end_blocking(owner, 60)]
        assert found == [("its transaction kept notifications waiting", True)] * ended


def test_a_session_that_lasts_too_long_is_ended_and_is_no_attack(
    database_url: str, name: str
) -> None:
    with (
        connect(database_url, autocommit=True) as owner,
        closing(log_in(database_url, f"reader_{name}", WORD)) as session,
    ):
        session.execute("BEGIN")
        session.execute("SELECT name FROM site")
        (found,) = end_blocking(owner, 0)
        assert (found.reason, found.hostile) == ("its transaction lasted too long", False)


def test_what_it_takes_away_or_adds_of_its_settings_is_noticed(
    database_url: str, name: str, session: Connection
) -> None:
    session.execute("SET default_transaction_read_only = off")
    here, role = session.info.dbname, f"reader_{name}"
    with connect(database_url, autocommit=True) as owner:
        for statement in (
            f"IN DATABASE {here} RESET search_path",
            f"IN DATABASE {here} SET work_mem = '8MB'",
            "SET work_mem = '8MB'",
        ):
            session.execute(f"ALTER ROLE CURRENT_USER {statement}".encode())
            assert queries_reader_sessions.find_drift(owner, TIMEOUT).settings == [role], statement
            assert queries_reader_sessions.restore_settings(owner, TIMEOUT) == [role]
            assert queries_reader_sessions.find_drift(owner, TIMEOUT).settings == []


def test_without_a_reader_nothing_strays(database_url: str) -> None:
    with connect(database_url) as owner:
        owner.execute("GRANT EXECUTE ON FUNCTION pg_sleep TO PUBLIC")
        assert queries_reader_sessions.find_drift(
            owner, TIMEOUT
        ) == queries_reader_sessions.ReaderDrift(settings=[], passwords=[], functions=0)
