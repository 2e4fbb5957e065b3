"""The web's connections: who reads, who writes, what comes back, what is closed at the end."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from psycopg.errors import ReadOnlySqlTransaction, UniqueViolation

from hypervisor.base.person import Territory
from hypervisor.broker.child import wait_until
from hypervisor.database import instance, worker
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.pool import InDoubtError, Pool, UnstorableError

pytestmark = pytest.mark.integration
NORTH = Territory(communes=frozenset({"91001"}), unplaced=False)
PART = Territory(communes=frozenset({"91002", "91001"}), unplaced=True)
WHOLE = Territory(whole=True)
NO_ANSWER = r"^the database does not answer: "


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    pool = Pool(database_url, most=2)
    pool.open()
    yield pool
    pool.close()


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s, true)", [name]).fetchone()
    assert row is not None
    return str(row[0] or "")


def _sessions(database_url: str) -> int:
    with connect(database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_closing_ends_the_sessions_of_all_three(database_url: str) -> None:
    pool = Pool(database_url)
    pool.open()
    with pool.connection() as reader, pool.owning() as owner, pool.writing() as writer:
        for connection in (reader, owner, writer):
            connection.execute("SELECT 1")
    assert _sessions(database_url) == 3
    pool.close()
    assert wait_until(lambda: _sessions(database_url) == 0, seconds=30)


def test_only_the_writer_writes_and_only_when_nothing_fails(pool: Pool) -> None:
    insert = "INSERT INTO instance (mode, name) VALUES ('live', 'test')"
    for reads in (pool.connection(), pool.owning(), pool.seeing(lambda _: WHOLE)):
        with reads as connection, pytest.raises(ReadOnlySqlTransaction):
            connection.execute(insert)
    with pytest.raises(UniqueViolation), pool.writing() as connection:
        connection.execute(f"{insert}; {insert}")
    count = "SELECT count(*) FROM instance"
    with pool.connection() as connection:
        assert connection.execute(count).fetchone() == (0,)
    with pool.writing() as connection:
        connection.execute(insert)
    with pool.connection() as connection:
        assert connection.execute(count).fetchone() == (1,)


@pytest.mark.parametrize(
    ("territory", "settings"),
    [
        (NORTH, ("hypervisor_tenant", "{91001}", "off", "seen, public")),
        (PART, ("hypervisor_tenant", "{91001,91002}", "on", "seen, public")),
        (WHOLE, ("hypervisor_whole", "{}", "off", "public")),
    ],
)
def test_a_request_reads_as_the_role_of_its_territory_and_leaves_nothing_behind(
    database_url: str, territory: Territory, settings: tuple[str, ...]
) -> None:
    names = ("role", "hypervisor.communes", "hypervisor.unplaced", "search_path")
    pool = Pool(database_url, most=1)
    pool.open()
    try:
        with pool.connection() as connection:
            pid = connection.info.backend_pid
            usual = tuple(_setting(connection, name) for name in names)
        with pool.seeing(lambda _: territory) as connection:
            assert connection.info.backend_pid == pid
            assert tuple(_setting(connection, name) for name in names) == settings
            connection.rollback()  # as after a statement that failed
            assert tuple(_setting(connection, name) for name in names) == settings
        with pool.connection() as connection:
            assert connection.info.backend_pid == pid
            assert tuple(_setting(connection, name) for name in names) == usual
    finally:
        pool.close()


def test_who_is_let_in_is_found_as_the_owner(pool: Pool) -> None:
    roles = []

    def who(connection: Connection) -> Territory:
        roles.append(_setting(connection, "role"))
        return NORTH

    with pool.seeing(who):
        pass
    assert roles == ["none"]


def test_a_connection_that_cannot_be_reset_is_not_handed_on(pool: Pool) -> None:
    with pool.seeing(lambda _: NORTH) as connection:
        pid = connection.info.backend_pid
        connection.close()
    with pool.connection() as connection:
        assert connection.info.backend_pid != pid
        assert _setting(connection, "role") == "none"


def test_a_request_that_gets_no_connection_is_told_that_the_database_does_not_answer(
    pool: Pool,
) -> None:
    with pool.connection(), pool.connection():  # as many as it may have
        with pytest.raises(StoreError, match=NO_ANSWER), pool.connection():
            pass
        with pool.owning() as owner:  # a request that has a reader gets its second one
            assert owner.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_that_is_lost_during_the_commit_leaves_a_write_in_doubt(
    pool: Pool, database_url: str
) -> None:
    def write(*, lost_at_the_end: bool) -> None:
        with pool.writing() as connection, connect(database_url, autocommit=True) as other:
            process = [connection.info.backend_pid]
            other.execute("SELECT pg_terminate_backend(%s, 5000)", process)
            if not lost_at_the_end:
                connection.execute("SELECT 1")

    with pytest.raises(InDoubtError, match="it is not known whether it was saved"):
        write(lost_at_the_end=True)
    with pytest.raises(StoreError, match=NO_ANSWER) as caught:
        write(lost_at_the_end=False)
    assert not isinstance(caught.value, InDoubtError)


def test_a_server_that_is_not_there_is_told() -> None:
    pool = Pool("postgresql://nobody@127.0.0.1:1/nowhere")
    pool.open()
    try:
        with pytest.raises(StoreError, match=NO_ANSWER), pool.connection():
            pass
    finally:
        pool.close()


def test_a_value_that_no_column_holds_is_told_on_one_line(pool: Pool) -> None:
    with pytest.raises(UnstorableError) as refused, pool.connection() as connection:
        connection.execute("SELECT 'abc'::integer")
    problem = str(refused.value)
    assert problem.startswith("a value that the database cannot hold: ")
    assert "abc" in problem
    assert "\n" not in problem


def test_work_that_fails_at_once_is_tried_again_after_growing_delays(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a watch whose database holds no instance; a lost connection is tried again soon."""
    now, messages = 0.0, list[str]()

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def work(connection: Connection) -> None:
        nonlocal now
        now += 60 if len(messages) == 4 else 0  # s that it worked before it failed
        instance.require(connection)

    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    worker.keep_working(
        "work", database_url, work, stopping=lambda: len(messages) == 6, say=messages.append
    )
    delays = [message.rpartition(" in ")[2] for message in messages]
    assert delays == ["0.5 s", "1 s", "2 s", "5 s", "0.5 s", "1 s"]
    assert "holds no instance yet" in messages[0]


def test_statements_of_requests_end_and_idle_transactions_too(pool: Pool) -> None:
    for taken in (pool.connection(), pool.owning(), pool.writing()):
        with taken as connection:
            assert _setting(connection, "statement_timeout") == "20s"
            assert _setting(connection, "idle_in_transaction_session_timeout") == "1min"
            assert _setting(connection, "TimeZone") == "UTC"
