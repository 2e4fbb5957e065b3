"""Readers that make the database itself wait, log, compute or store; each went on for ever once."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from hypervisor.access import passwords
from hypervisor.accounts import reader_guard, reader_processes, readers
from hypervisor.accounts.reader_guard import SUSPENDED, Guard
from hypervisor.base.settings import Settings
from hypervisor.broker import binaries
from hypervisor.broker.child import wait_until
from hypervisor.broker.folder import open_folder
from hypervisor.broker.passwords import new_password
from hypervisor.broker.server_account import server_account
from hypervisor.database import audit, databases
from hypervisor.database.connect import Connection, StoreError, connect, migrate
from hypervisor.stack.postgres import Database
from hypervisor.stack.servers import start_database
from tests.conftest import Stack
from tests.integration.accounts.reading import drop, log_in, new_name, start_guard, value
from tests.ports import reserve_port

pytestmark = pytest.mark.integration
WORD = passwords.generate()
TIMEOUT = 30.0


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    name = new_name()
    with connect(database_url) as connection:
        readers.add_reader(connection, name, WORD, timeout=TIMEOUT)
    yield f"reader_{name}"
    drop(database_url, f"reader_{name}")


def enter(url: str, role: str) -> Connection:
    session = log_in(url, role, WORD)
    session.execute("SET default_transaction_read_only = off; SET statement_timeout = 0")
    return session


def begin(held: ExitStack, session: Connection, statement: str) -> None:
    """Send what is not answered; the session is to be ended meanwhile."""

    def send() -> None:
        with suppress(psycopg.Error):
            session.execute(statement.encode())

    thread = Thread(target=send, daemon=True)
    thread.start()
    held.callback(thread.join, 60)


def may_log_in(connection: Connection, role: str) -> object:
    query = f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{role}'"  # noqa: S608
    return value(connection, query)


# Logging in needs the table, or the guard does. The first session only reads, or prepares what it
# may not execute. Each pair once in `make test`, on a table of its own.
TABLES = ("pg_database", "pg_proc", "public.reader")
PAIRS = (
    ("SELECT FROM", "TRUNCATE {}"),
    ("SELECT FROM", "CREATE RULE mine AS ON INSERT TO {} DO INSTEAD NOTHING"),
    ("DELETE FROM", "CREATE TRIGGER mine AFTER INSERT ON {} EXECUTE FUNCTION mine()"),
)


@pytest.mark.parametrize(
    ("table", "both"),
    [
        pytest.param(table, both, marks=() if column == row else pytest.mark.long)
        for column, table in enumerate(TABLES)
        for row, both in enumerate(PAIRS)
    ],
)
def test_a_lock_that_it_waits_for_keeps_nobody_waiting(
    database_url: str, stack: Stack, role: str, table: str, both: tuple[str, str]
) -> None:
    prepared, waiting = both
    settings = Settings(database_url=database_url, data=stack.database.folder.root)
    said = list[str]()
    with ExitStack() as held:
        holder = held.enter_context(closing(enter(database_url, role)))
        waiter = held.enter_context(closing(enter(database_url, role)))
        holder.execute("BEGIN")
        holder.execute(f"PREPARE mine AS {prepared} {table}".encode())
        begin(held, waiter, waiting.format(table))
        guard = start_guard(settings, stopping=lambda: bool(said), say=said.append)
        guard.join(60)
        assert not guard.is_alive()
    with connect(database_url) as owner:
        assert value(owner, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0


def test_who_comes_back_at_once_is_let_in_no_more(
    database_url: str, stack: Stack, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody waits for pg_authid nobody can log in, the guard neither."""
    monkeypatch.setattr(reader_guard, "_PATIENCE_SECONDS", 0.3)
    data, said = stack.database.folder.root, list[str]()

    def come_back(statement: str) -> None:
        while True:
            try:
                with closing(enter(database_url, role)) as session:
                    session.execute(statement.encode())
            except psycopg.Error as error:
                if "not permitted to log in" in str(error):
                    return

    statements = ("SELECT count(*) FROM pg_roles, generate_series(1, 1e12)", "TRUNCATE pg_authid")
    threads = [Thread(target=come_back, args=(it,), daemon=True) for it in statements * 2]
    for thread in threads:
        thread.start()
    while not any(it[-1] == "waiting" for it in reader_processes.list_processes(data).values()):
        assert all(thread.is_alive() for thread in threads)
    settings = Settings(database_url=database_url, data=data)
    guard = start_guard(
        settings, stopping=lambda: any(SUSPENDED in it for it in said), say=said.append
    )
    for thread in (guard, *threads):
        thread.join(90)
        assert not thread.is_alive()
    with connect(database_url) as owner:
        assert may_log_in(owner, role) is False


def test_it_outlives_what_it_did_not_expect(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, said = list[int](), list[str]()

    def look(_guard: Guard, _connection: Connection) -> None:
        looks.append(1)
        raise KeyError("x")

    monkeypatch.setattr(Guard, "look", look)
    settings = Settings(database_url=database_url)
    start_guard(settings, stopping=lambda: len(looks) >= 3, say=said.append).join(60)
    assert (len(looks), said) == (3, ["the guard of readers failed (KeyError: 'x')"])


def test_its_own_row_kept_locked_does_not_stop_the_guard(database_url: str, role: str) -> None:
    """It sees the guard look by a session that is ended, and changes its password just then."""
    with connect(database_url, autocommit=True) as owner, ExitStack() as held:
        said = list[str]()
        guard = Guard(Settings(database_url=database_url), said.append)
        owner.execute("SET lock_timeout = '100ms'")
        guard.look(owner)
        for number in range(reader_guard.MAX_HOSTILE_SESSIONS):
            session = held.enter_context(closing(enter(database_url, role)))
            session.execute("LISTEN mine")
            if number == reader_guard.MAX_HOSTILE_SESSIONS - 1:
                session.execute("BEGIN")
                session.execute("ALTER ROLE CURRENT_USER PASSWORD 'mine'")
            guard.look(owner)
        assert may_log_in(owner, role) is False
        assert [act.kind for act in audit.list_acts(owner)] == ["reader", "reader-suspended"]


def test_it_fills_no_log(database_url: str, stack: Stack, role: str) -> None:
    log = stack.database.folder.log("database")
    before = log.stat().st_size
    with closing(enter(database_url, role)) as session:
        for setting in ("parse", "rewritten", "plan"):
            session.execute(f"SET debug_print_{setting} = on".encode())
        session.execute("SELECT " + ", ".join(map(str, range(1000))))
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            session.execute("SELECT repeat('y', 1000000)::integer")
    assert log.stat().st_size - before < 100_000


def test_it_connects_to_no_other_database_of_the_server(
    database_url: str, stack: Stack, role: str
) -> None:
    for other in ("postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="CONNECT privilege"):
            log_in(stack.database.url(other), role, WORD)
    said = list[str]()
    with connect(stack.maintenance_url, autocommit=True) as owner:
        owner.execute(f"GRANT CONNECT ON DATABASE postgres TO {role}".encode())
    try:  # as on a server that others use
        with closing(log_in(stack.maintenance_url, role, WORD)) as session:
            guard = Guard(Settings(database_url=database_url), said.append)
            with connect(database_url, autocommit=True) as own:
                guard.look(own)
                guard.look(own)
            assert said == [f"a session of {role} was ended: it was in another database"]
            with pytest.raises(psycopg.OperationalError):
                session.execute("SELECT 1")
    finally:
        with connect(stack.maintenance_url, autocommit=True) as owner:
            owner.execute(f"REVOKE ALL ON DATABASE postgres FROM {role}".encode())


@pytest.fixture
def own_server(open_tmp: Path) -> Iterator[Database]:
    """It is to be restarted."""
    database = Database(
        folder=open_folder(open_tmp / "instance", server_account()),
        programs=binaries.find_database(),
        port=reserve_port(),
        password=new_password(),
        extra=(("fsync", "off"),),  # what is committed outlives a killed session all the same
    )
    server = start_database(database)
    databases.create(database.url("postgres"), "hypervisor")
    with connect(database.url()) as connection:
        migrate(connection)
    yield database
    server.halt()


@pytest.mark.parametrize("name", ["byte", "text"])
def test_what_the_database_cannot_interrupt_is_killed(
    own_server: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Half a million million comparisons, in a loop that looks at no signal."""
    monkeypatch.setattr(reader_guard, "STUCK_SECONDS", 0.5)
    url, said = own_server.url(), list[str]()
    kind = {"text": "{}", "byte": "convert_to({}, 'utf8')"}[name]
    long, part = (kind.format(text) for text in ("repeat('a', 4000000)", "repeat('a', 2000000)"))
    first = kind.format("'b'")
    sought = f"{first} || {part}" if name == "text" else f"{part} || {first}"
    with connect(url) as connection:
        made = readers.add_reader(connection, "mine", WORD)
    monkeypatch.setattr(reader_guard, "LONGEST_SECONDS", 0.0)
    settings = Settings(database_url=url, reader_timeout_seconds=0.001, data=own_server.folder.root)
    with ExitStack() as held:
        session = held.enter_context(closing(log_in(url, made.role, WORD)))
        begin(held, session, f"SELECT position(({sought}) in {long})")
        with connect(url, autocommit=True) as owner:
            begun = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT position'"
            while not value(owner, begun):
                assert not session.closed
        guard = start_guard(
            settings, stopping=lambda: any("cannot interrupt" in it for it in said), say=said.append
        )
        guard.join(60)
        assert not guard.is_alive()

    def is_suspended() -> bool:
        """Asked again while the server, which first has to notice, starts again."""
        with suppress(StoreError, psycopg.Error), connect(url) as owner:
            acts = audit.list_acts(owner)
            return may_log_in(owner, made.role) is False and acts[-1].kind == "reader-suspended"
        return False

    root = own_server.folder.root
    assert wait_until(
        lambda: not reader_processes.list_processes(root) and is_suspended(), seconds=60
    )
