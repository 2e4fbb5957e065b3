"""Row-level security on the real database: every table, chunks, connections that change hands."""

from collections.abc import Iterator

import psycopg
import pytest

from hypervisor.access import queries_roles
from hypervisor.base.person import EVERYWHERE, Territory
from hypervisor.database import tenancy
from hypervisor.database.connect import Connection, connect
from hypervisor.database.pool import Pool
from tests.conftest import Stack
from tests.integration.evaluation.world import Sent, World
from tests.integration.web.conftest import DEPARTEMENT, NORTH, ORGE, fresh_towns

pytestmark = pytest.mark.integration

# What requests read as their owner alone, narrowed by the account: secrets, and rows of no person.
OWNERS = frozenset(
    {
        *("account", "account_role", "session", "api_token", "login_attempt"),
        "broker_account",
        *("incident_state", "event_log", "event_log_horizon"),
        *(
            "exercise_command",
            "exercise_inject",
            "exercise_checklist",
            "exercise_skip",
        ),  # its leaders'
        "exercise_archive",
        "intervention_transition",
        "personal_domain",
        "reading",  # everybody else by a view of that name, see test_readings.py
        "reader",
        *("personal_domain", "provider_account", "provider_session", "sign_in_rules"),
        *(
            "subscription",
            "subscription_delivery",
            "subscription_progress",
            "subscription_request",
            "push_key",
        ),  # citizens' addresses
        *("totp_factor", "recovery_code", "passkey", "factor_challenge", "required_factor"),
    }
)
ORGES = Territory(communes=frozenset({ORGE}))


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    with fresh_towns(stack) as made:
        yield made


def test_every_table_is_guarded_or_the_owners_alone(database_url: str) -> None:
    with connect(database_url) as connection:
        rows = connection.execute(
            "SELECT c.relname, c.relrowsecurity,"
            " has_any_column_privilege('hypervisor_tenant', c.oid, 'SELECT'),"
            " EXISTS (SELECT FROM unnest(%s::text[]) role WHERE"
            "   has_any_column_privilege(role, c.oid, 'INSERT,UPDATE')"
            "   OR has_table_privilege(role, c.oid, 'DELETE,TRUNCATE'))"
            " FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm')"
            " AND c.relnamespace = 'public'::regnamespace",
            [list(tenancy.ROLES)],
        ).fetchall()
    open_to_all = [name for name, secured, readable, _ in rows if readable and not secured]
    assert open_to_all == [], "add SELECT guard('…', '…') to the migration that makes them"
    unreadable = {name for name, _, readable, _ in rows if not readable}
    assert unreadable == OWNERS
    assert [name for name, _, _, writable in rows if writable] == []


def test_a_hypertable_is_held_through_all_its_chunks(world: World) -> None:
    for week in range(5):
        at = week * 7 * 24 * 60 + 30
        world.store([Sent(site=site, at=at, value=1.0) for site in ("orge", "yvette")])
    with connect(world.url) as connection:
        chunks = connection.execute("SELECT count(*) FROM show_chunks('reading')").fetchone()
        whole = _series(connection)
        tenancy.become(connection, ORGES)
        seen = _series(connection)
        own = connection.execute("SELECT id FROM series ORDER BY id").fetchall()
    assert chunks is not None
    assert chunks[0] >= 4
    assert len(whole) == 2
    assert list(seen) == [world.numbers["orge", "level"]]
    assert {row[0] for row in own} == {
        number for (site, _), number in world.numbers.items() if site == "orge"
    }
    assert seen == {key: count for key, count in whole.items() if key in seen}


def _series(connection: Connection) -> dict[int, int]:
    rows = connection.execute("SELECT series_id, count(*) FROM reading GROUP BY 1 ORDER BY 1")
    return {int(series): int(count) for series, count in rows}


def test_the_plan_reads_a_series_by_its_index_whoever_asks(world: World) -> None:
    """The form that costs nothing: the policy is a condition of the index, not a filter."""
    query = "EXPLAIN SELECT time, value FROM reading WHERE series_id = %s AND time > '2024-01-01'"
    with connect(world.url) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.commit()
        tenancy.become(connection, ORGES)
        plan = [row[0] for row in connection.execute(query, [world.numbers["orge", "level"]])]
    (cond,) = {line.strip() for line in plan if "Index Cond" in line and "series_id" in line}
    assert "ANY" in cond
    assert not [line for line in plan if "Filter" in line and "series_id" in line]


def test_no_connection_is_anybodys_after_its_request(world: World) -> None:
    pool = Pool(world.url, most=1)
    pool.open()
    try:
        for territory, count in ((ORGES, 1), (EVERYWHERE, 2), (Territory(), 0), (ORGES, 1)):
            with pool.seeing(lambda _, held=territory: held) as connection:  # type: ignore[misc]
                assert _sites(connection) == count
                connection.rollback()  # of whatever went wrong: it stays who it is
                assert _sites(connection) == count
            with pool.connection() as connection:
                assert _sites(connection) == 2
        with pytest.raises(ZeroDivisionError), pool.seeing(lambda _: ORGES):
            raise ZeroDivisionError
        with pool.connection() as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("hypervisor",)
    finally:
        pool.close()


def _sites(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM site").fetchone()
    return int(row[0]) if row else 0


def test_readers_write_nothing_and_see_no_password(world: World) -> None:
    with connect(world.url) as connection:
        for territory in (ORGES, EVERYWHERE):
            tenancy.own(connection)
            tenancy.become(connection, territory)
            for refused in (
                "UPDATE site SET title = 'x'",
                "DELETE FROM alarm",
                "SELECT password FROM account",
                "SELECT secret FROM session",
                "SELECT rows FROM feed",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(refused.encode())
                connection.rollback()


def test_roles_reach_as_far_as_their_areas(world: World) -> None:
    connection = world.connection
    connection.execute(
        "INSERT INTO site (name, title, domain) VALUES ('nowhere', 'Nowhere', 'flood')"
    )
    connection.commit()
    seen = {
        area: _as(connection, queries_roles.get_territory(connection, area))
        for area in (ORGE, NORTH, DEPARTEMENT, None)
    }
    assert seen == {
        ORGE: {"orge"},
        NORTH: {"orge"},
        DEPARTEMENT: {"orge", "yvette", "nowhere"},
        None: {"orge", "yvette", "nowhere"},
    }


def _as(connection: Connection, territory: Territory) -> set[str]:
    connection.rollback()
    tenancy.become(connection, territory)
    found = {name for (name,) in connection.execute("SELECT name FROM site")}
    tenancy.own(connection)
    return found
