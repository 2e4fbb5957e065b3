"""Readers made, changed and taken away: in the table, in the server and by the command line."""

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest

from hypervisor.access import passwords
from hypervisor.access.errors import AccountError, NoAccountError
from hypervisor.accounts import queries_reader_sessions, readers
from hypervisor.accounts import queries_readers as store
from hypervisor.database import audit
from hypervisor.database.connect import StoreError, connect, migrate
from tests import command_line
from tests.conftest import Stack
from tests.integration.accounts.reading import drop, log_in, new_name, value
from tests.integration.web.conftest import AREAS, NORTH, SOUTH

pytestmark = pytest.mark.integration
Type = Callable[..., str]
WORD = "quite-a-long-word"


@pytest.fixture
def url(database_url: str) -> str:
    with connect(database_url) as connection:
        for row in AREAS:
            connection.execute(
                "INSERT INTO area (code, kind, name, parent) VALUES (%s, %s, %s, %s)", row
            )
    return database_url


@pytest.fixture
def name(url: str) -> Iterator[str]:
    made = new_name()
    yield made
    drop(url, f"reader_{made}")


@pytest.fixture
def hypervisor(url: str, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", url)

    def run(*words: str, typed: str = "", errors: bool = False) -> str:
        ran = command_line.run(*words, typed=typed)
        return ran.stderr if errors else ran.stdout

    return run


def test_its_sessions_begin_as_readers(url: str, name: str) -> None:
    with connect(url) as connection:
        made = readers.add_reader(connection, name, WORD, area=NORTH, timeout=7)
    with log_in(url, made.role, WORD) as session:
        assert value(session, "SHOW default_transaction_read_only") == "on"
        assert value(session, "SHOW statement_timeout") == "7s"
        assert value(session, "SHOW search_path") == "shown, public"
        assert value(session, "SELECT current_schema()") == "shown"
        assert value(session, "SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user") == (
            store.MAX_CONNECTIONS
        )
    with connect(url) as connection:
        kept = value(connection, f"SELECT rolpassword FROM pg_authid WHERE rolname='{made.role}'")  # noqa: S608
    assert str(kept).startswith("SCRAM-SHA-256$")


def test_having_it_twice_changes_what_differs(url: str, name: str) -> None:
    with connect(url) as connection:
        readers.ensure_reader(connection, name, WORD)
        made = readers.ensure_reader(connection, name, WORD)
        assert (made.area, made.may_log_in) == (None, True)
    with log_in(url, made.role, WORD) as session:
        assert value(session, "SELECT count(*) FROM public.reading") == 0
    with connect(url) as connection:
        readers.ensure_reader(connection, name, f"{WORD}-2", NORTH)
        acts = [(one.kind, one.reason) for one in audit.list_acts(connection)]
    assert acts == [
        ("reader", "lets it read the whole territory"),
        ("reader", f"lets it read {NORTH}"),
    ]
    with pytest.raises(psycopg.OperationalError, match="password"):
        log_in(url, made.role, WORD)
    with log_in(url, made.role, f"{WORD}-2") as session:
        assert value(session, "SELECT count(*) FROM reading") == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SELECT count(*) FROM public.reading")


def test_names_and_passwords_that_cannot_be(url: str, name: str) -> None:
    with connect(url) as connection:
        connection.execute(f"CREATE ROLE reader_{name}_dba".encode())
        with pytest.raises(AccountError, match="is no reader's"):
            readers.add_reader(connection, f"{name}_dba", WORD)
        connection.rollback()
    with connect(url) as connection:
        for wrong in ("", "Nord", "9", "a-b", "x" * 41, 'a"; DROP'):
            with pytest.raises(AccountError, match="no reader's name"):
                readers.add_reader(connection, wrong, WORD)
        with pytest.raises(NoAccountError, match="no area has the code '7'"):
            readers.add_reader(connection, name, WORD, area="7")
        with pytest.raises(AccountError, match="at least 12"):
            readers.add_reader(connection, name, "short")
        with pytest.raises(NoAccountError, match="no reader is named"):
            readers.rotate_password(connection, name, WORD)
        readers.add_reader(connection, name, WORD)
        with pytest.raises(AccountError, match="already"):
            readers.add_reader(connection, name, WORD)


def test_a_user_who_makes_no_roles_is_told_so(url: str, stack: Stack, name: str) -> None:
    owner = f"{name}_owner"
    with connect(stack.maintenance_url) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN PASSWORD '{WORD}'".encode())
    theirs = psycopg.conninfo.make_conninfo(url, user=owner, password=WORD)
    try:
        with connect(url) as connection:
            for statement in (
                "GRANT CREATE ON SCHEMA public TO",
                "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO",
                f"GRANT CONNECT ON DATABASE {connection.info.dbname} TO",
                "GRANT EXECUTE ON FUNCTION pg_try_advisory_xact_lock(bigint) TO",
            ):
                connection.execute(f"{statement} {owner}".encode())
        with connect(theirs) as connection:
            with pytest.raises(StoreError) as caught:
                readers.add_reader(connection, name, WORD)
            assert str(caught.value) == (
                f"the role 'reader_{name}' could not be made (permission denied to create role):"
                " the database's user must be a superuser, or have CREATEROLE and own the database"
            )
            connection.rollback()
            with pytest.raises(StoreError, match="superuser, or have CREATEROLE"):
                migrate(connection)
    finally:
        with connect(url) as connection:
            connection.execute(f"DROP OWNED BY {owner}; DROP ROLE {owner}".encode())


def test_a_name_that_another_database_reads_by(url: str, stack: Stack, name: str) -> None:
    """The role of another instance is not rotated or dropped; a restored one gets an error."""
    with connect(stack.maintenance_url) as connection:  # stands for that other database
        connection.execute(f"CREATE ROLE reader_{name} LOGIN".encode())
        connection.execute(f"GRANT hypervisor_reader TO reader_{name}".encode())
        connection.execute(f"GRANT CONNECT ON DATABASE postgres TO reader_{name}".encode())
    with connect(url) as connection:
        store.upsert_reader(connection, name, None, "a backup")
        with pytest.raises(AccountError, match="a reader of the database postgres"):
            readers.rotate_password(connection, name, WORD)
        readers.remove_reader(connection, name)
        assert store.list_readers(connection) == []
        assert store.find_role(connection, f"reader_{name}") is not None
    with connect(stack.maintenance_url) as connection:
        connection.execute(f"REVOKE CONNECT ON DATABASE postgres FROM reader_{name}".encode())


def test_one_that_came_out_of_a_backup_logs_in_after_rotating(url: str, name: str) -> None:
    with connect(url) as connection:
        store.upsert_reader(connection, name, NORTH, "a backup")
        assert not readers.get_reader(connection, name).may_log_in
        readers.rotate_password(connection, name, WORD)
        assert readers.get_reader(connection, name).may_log_in
    with log_in(url, f"reader_{name}", WORD) as session:
        assert value(session, "SHOW search_path") == "shown, public"


def test_as_a_person_types_it(hypervisor: Type, url: str, name: str) -> None:
    assert "no reader yet" in hypervisor("reader", "list")
    secret = hypervisor("reader", "add", name, "--area", NORTH, "--author", "anne").strip()
    with log_in(url, f"reader_{name}", secret) as session:
        (told,) = [json.loads(line) for line in hypervisor("reader", "list", "--json").splitlines()]
        assert (told["role"], told["area"], told["created_by"]) == (f"reader_{name}", NORTH, "anne")
        assert f"Nord ({NORTH})" in hypervisor("reader", "list")
        hypervisor("reader", "rotate", name, "--password-stdin", typed=f"{WORD}\n")
        with pytest.raises(psycopg.errors.AdminShutdown):
            session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="password"):
        log_in(url, f"reader_{name}", secret)
    with log_in(url, f"reader_{name}", WORD) as session:
        hypervisor("reader", "remove", name, "--reason", "over")
        with pytest.raises(psycopg.errors.AdminShutdown):
            session.execute("SELECT 1")
    with connect(url) as connection:
        assert store.find_role(connection, f"reader_{name}") is None
        acts = audit.list_acts(connection)
    assert [one.kind for one in acts] == ["reader", "reader-rotate", "reader-remove"]
    assert acts[-1].reason == "over"
    assert not any(secret in str(one) or WORD in str(one) for one in acts)


def test_what_grafana_is_told(hypervisor: Type, url: str, name: str) -> None:
    told = hypervisor("reader", "add", name, errors=True)
    info = psycopg.conninfo.conninfo_to_dict(url)
    lines = dict(line.split(maxsplit=1) for line in told.replace(" URL", "").splitlines()[3:])
    assert lines["Host"] == f"{info['host']}:{info['port']}"
    assert lines["Username"] == f"reader_{name}"
    assert lines["TimescaleDB"] == "on"


def test_migrate_has_a_reader_where_it_is_given_a_password(
    hypervisor: Type, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hypervisor("migrate")
    with connect(url) as connection:
        assert store.list_readers(connection) == []
    secret = passwords.generate()
    monkeypatch.setenv("HYPERVISOR_READER_PASSWORD", secret)
    try:
        for _ in range(2):
            assert "reader_grafana reads the whole territory" in hypervisor("migrate")
        with log_in(url, "reader_grafana", secret) as session:
            assert value(session, "SELECT count(*) FROM reading") == 0
    finally:
        drop(url, "reader_grafana")


def test_what_is_done_to_a_reader_is_recorded_and_what_is_wrong_is_said(
    url: str, name: str
) -> None:
    with connect(url) as connection:
        readers.ensure_reader(connection, name, WORD, SOUTH)
        readers.ensure_reader(connection, name, WORD, NORTH)
        readers.ensure_reader(connection, name, WORD, SOUTH)
        readers.ensure_reader(connection, name, WORD, SOUTH)
        made = readers.rotate_password(connection, name, f"{WORD}-2", author="ann")
        assert (made.name, made.role, made.area, made.area_name) == (
            *(name, f"reader_{name}", SOUTH, "Sud"),
        )
        assert (made.created_by, made.may_log_in) == ("hypervisor", True)
        assert [one.name for one in store.list_readers(connection)] == [name]
        wrong: tuple[tuple[Callable[[], object], str], ...] = (
            (
                lambda: readers.add_reader(connection, name, WORD),
                (
                    f"a reader is named '{name}' already: `hypervisor reader rotate {name}`"
                    " gives it another password"
                ),
            ),
            (
                lambda: readers.rotate_password(connection, "nosuch", WORD),
                "no reader is named 'nosuch': `hypervisor reader list` names them",
            ),
            (
                lambda: readers.rotate_password(connection, name, "short"),
                f"reader '{name}': a password needs at least 12 characters",
            ),
            (
                lambda: readers.add_reader(connection, "a" * 41, WORD),
                (
                    f"'{'a' * 41}' is no reader's name: expected up to 40 small letters, digits and"
                    " '_', a letter first"
                ),
            ),
        )
        for act, told in wrong:
            with pytest.raises(AccountError) as caught:
                act()
            assert str(caught.value) == told
        readers.remove_reader(connection, name)
        assert store.find_role(connection, f"reader_{name}") is None
        acts = [
            (one.kind, one.subject, one.author, one.reason) for one in audit.list_acts(connection)
        ]
    assert acts == [
        ("reader", name, "hypervisor", f"lets it read {SOUTH}"),
        ("reader", name, "hypervisor", f"lets it read {NORTH}"),
        ("reader", name, "hypervisor", f"lets it read {SOUTH}"),
        ("reader-rotate", name, "ann", "gave it another password"),
        ("reader-remove", name, "hypervisor", "took it away"),
    ]


def test_a_reader_has_ten_connections_and_its_groups_rights_alone(url: str, name: str) -> None:
    with connect(url) as connection:
        readers.add_reader(connection, name, WORD)
        role = f"reader_{name}"
        assert store.MAX_CONNECTIONS == 10

        def groups() -> list[tuple[object, ...]]:
            return connection.execute(
                "SELECT roleid::regrole::text, inherit_option, set_option, admin_option"
                " FROM pg_auth_members WHERE member = %s::regrole",
                [role],
            ).fetchall()

        assert groups() == [("hypervisor_reader_whole", True, False, False)]
        readers.ensure_reader(connection, name, WORD, NORTH)
        assert groups() == [("hypervisor_reader", True, False, False)]
        held = store.find_role(connection, role)
        assert held == store.ServerRole(reads=True, elsewhere=())
    with log_in(url, f"reader_{name}", WORD) as session:
        assert value(session, "SHOW statement_timeout") == "30s", "unless another is asked for"
        assert value(session, "SHOW idle_in_transaction_session_timeout") == "1min"
        assert value(session, "SHOW timezone") == "UTC"


def test_a_schema_that_is_older_is_said_to_be(url: str, name: str) -> None:
    with connect(url) as connection:
        readers.add_reader(connection, name, WORD)
    looked = queries_reader_sessions.read_drift(url, readers.TIMEOUT)
    assert looked == queries_reader_sessions.ReaderDrift(settings=[], passwords=[], functions=0)
    for statement in ("ALTER TABLE reader DROP COLUMN verifier", "DROP TABLE reader"):
        with connect(url) as connection:
            connection.execute(statement.encode())
        with pytest.raises(
            StoreError, match="the database's schema is older; `hypervisor migrate`"
        ):
            queries_reader_sessions.read_drift(url, readers.TIMEOUT)
