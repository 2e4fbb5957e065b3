"""What `migrate` grants: made once, left as it is, mended where somebody undid it."""

from collections.abc import Iterator
from typing import Any, LiteralString

import pytest
from psycopg import sql

from hypervisor.database import reader_views, tenancy
from hypervisor.database.connect import Connection, connect, migrate

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as connection:
        yield connection


def _one(connection: Connection, query: LiteralString, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def _views(connection: Connection) -> dict[str, int]:
    """The number of each function of the views: another once it was made again."""
    rows = connection.execute(
        "SELECT proname, oid::bigint FROM pg_proc WHERE pronamespace = 'shown'::regnamespace"
    )
    return dict(rows.fetchall())


def test_what_is_as_it_should_be_is_left_alone(connection: Connection) -> None:
    before = _views(connection)
    assert {f"{table}_rows" for table in reader_views.FENCED} == set(before)
    migrate(connection)
    assert _views(connection) == before


UNDONE: dict[str, LiteralString] = {
    "another owner": "ALTER FUNCTION shown.alarm_rows() OWNER TO CURRENT_USER",
    "no call": "REVOKE EXECUTE ON FUNCTION shown.alarm_rows() FROM hypervisor_reader",
    "no look": "REVOKE SELECT ON shown.alarm FROM hypervisor_reader",
    "no view": "DROP VIEW shown.alarm",
    "no function": "DROP FUNCTION shown.alarm_rows() CASCADE",
}


@pytest.mark.parametrize("undone", UNDONE.values(), ids=UNDONE)
def test_a_view_that_was_changed_is_made_again_and_no_other(
    connection: Connection, undone: LiteralString
) -> None:
    before = _views(connection)
    connection.execute(undone)
    migrate(connection)
    after = _views(connection)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"alarm_rows"}
    assert _one(
        connection,
        "SELECT proowner::regrole::text FROM pg_proc"
        " WHERE oid = 'shown.alarm_rows()'::regprocedure",
    ) == (tenancy.TENANT)
    connection.execute("SET ROLE hypervisor_reader")
    assert connection.execute("SELECT id, title FROM shown.alarm").fetchall() == []


def test_a_column_that_came_or_went_is_one_of_the_view_too(connection: Connection) -> None:
    columns: LiteralString = (
        "SELECT array_agg(attname::text) FROM pg_attribute"
        " WHERE attrelid = 'shown.past_event'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    before = set(_one(connection, columns))
    connection.execute("ALTER TABLE past_event ADD COLUMN colour text")
    migrate(connection)
    assert set(_one(connection, columns)) == before | {"colour"}
    connection.execute("DROP VIEW shown.past_event; ALTER TABLE past_event DROP COLUMN colour")
    migrate(connection)
    assert set(_one(connection, columns)) == before


def test_a_function_that_lost_its_owner_says_so(connection: Connection) -> None:
    connection.execute(UNDONE["another owner"])
    with pytest.raises(Exception, match="this function lost its owner: `hypervisor migrate`"):
        connection.execute("SELECT * FROM shown.alarm")


def test_a_table_without_policies_is_granted_to_nobody(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE bare (id integer); CREATE TABLE guarded (id integer);"
        "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY whole ON guarded TO hypervisor_whole USING (true);"
        "CREATE TABLE other (id integer); ALTER TABLE other ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY strange ON other USING (true)"
    )
    migrate(connection)
    may: LiteralString = "SELECT has_table_privilege(%s, %s, 'SELECT')"
    for role in tenancy.ROLES:
        assert _one(connection, may, role, "guarded")
        assert not _one(connection, may, role, "bare")
        assert not _one(connection, may, role, "other")


def test_roles_are_made_and_given_to_the_user_without_what_they_may(
    connection: Connection,
) -> None:
    user = sql.Identifier(str(_one(connection, "SELECT current_user::text")))
    for role in tenancy.ROLES:
        connection.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(role), user))
    migrate(connection)
    rows = connection.execute(
        "SELECT roleid::regrole::text, inherit_option, set_option FROM pg_auth_members"
        " WHERE member = current_user::regrole AND roleid::regrole::text = ANY (%s)",
        [list(tenancy.ROLES)],
    ).fetchall()
    assert sorted(rows) == sorted((role, False, True) for role in tenancy.ROLES)
    migrate(connection)  # a second membership would be an error
