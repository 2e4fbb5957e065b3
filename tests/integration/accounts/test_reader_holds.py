"""A reader writes SQL of its own: what it cannot do, cannot see and cannot guess."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from hypervisor.alarms import service_list
from hypervisor.database import databases, reader_views, tenancy
from hypervisor.database.connect import Connection, connect, migrate
from hypervisor.readings.rollup import catch_up
from tests.conftest import TEMPLATE, Stack
from tests.integration.accounts.reading import log_in, logged_in, new_name, value
from tests.integration.evaluation.world import CATALOGUE, Sent, World
from tests.integration.web.conftest import DEPARTEMENT, NORTH, ORGE, YVETTE, fresh_towns

pytestmark = pytest.mark.integration
SECRET = 4242.125  # what the other town's gauge said
PERSONAL = re.compile(
    r"author|assignee|acknowledged|reason|.*_by$|note|text|secret|password|payload"
)


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    with fresh_towns(stack, name="measured", fill=_measure) as made:
        yield made


def _measure(world: World) -> None:
    world.store([Sent(site="yvette", at=60 * week, value=SECRET) for week in (24, 400, 800)])
    world.store([Sent(site="orge", at=60 * week, value=1.5) for week in (24, 400, 800)])
    _roll_up(world)


def _roll_up(world: World) -> None:
    with connect(world.url) as connection:
        catch_up(connection, CATALOGUE)


@pytest.fixture
def north(world: World) -> Iterator[Connection]:
    with logged_in(world.url, NORTH) as session:
        yield session


def _sites(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM site")}


def test_it_sees_its_area_whatever_it_sets(world: World, north: Connection) -> None:
    mine = world.numbers["orge", "level"]
    for _ in range(2):
        assert _sites(north) == {"orge"}
        assert value(north, "SELECT array_agg(DISTINCT series_id) FROM reading") == [mine]
        assert value(north, "SELECT array_agg(DISTINCT series_id) FROM rollup_hour") == [mine]
        assert value(north, "SELECT array_agg(DISTINCT subject) FROM alarm") == ["orge"]
        north.execute(f"SET hypervisor.communes = '{{{ORGE},{YVETTE}}}'".encode())
        north.execute("SET hypervisor.unplaced = on")
    with logged_in(world.url, DEPARTEMENT) as session:
        assert _sites(session) == {"orge", "yvette"}
    with logged_in(world.url, None) as session:
        session.execute("SET hypervisor.communes = '{}'")
        assert _sites(session) == {"orge", "yvette"}
        assert value(session, "SELECT count(DISTINCT series_id) FROM reading") == 2


def test_it_becomes_nobody_else_and_makes_nothing(north: Connection) -> None:
    north.execute("SET default_transaction_read_only = off")  # this much it may
    for refused in (
        *(f"SET ROLE {role}" for role in (*tenancy.ROLES, "hypervisor")),
        "SET SESSION AUTHORIZATION hypervisor",
        "CREATE TEMP TABLE mine ()",
        "CREATE TABLE mine ()",
        "CREATE TABLE shown.mine ()",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION pg_temp.mine(float8) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION mine(float8) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW mine AS SELECT 1",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "ALTER ROLE CURRENT_USER CONNECTION LIMIT 100",
        "GRANT hypervisor_reader TO hypervisor_whole",
        "SELECT id FROM alarm FOR SHARE",
        "CREATE ROLE mine",
        "UPDATE site SET title = 'x'",
        "DELETE FROM shown.reading",
        "INSERT INTO reader (name, created_by) VALUES ('mine', 'me')",
        "SELECT * FROM public.reading",
        "SELECT * FROM seen.reading",
        "SELECT * FROM reader",
        "SELECT * FROM account",
        "SELECT * FROM session",
        "SELECT * FROM api_token",
        "SELECT * FROM notify_routes",
        "SELECT * FROM audit",
        "SELECT rows FROM feed",
        "SELECT set_config('timescaledb.license', 'timescale', false)",
        "COPY site TO PROGRAM 'cat'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT drop_chunks('public.reading', now())",
    ):
        with pytest.raises((errors.InsufficientPrivilege, errors.InvalidParameterValue)):
            north.execute(refused.encode())


def test_no_chunk_is_read_by_its_name_nor_guessed_from_its_statistics(
    world: World, north: Connection
) -> None:
    late = 3 * 365 * 24 * 60  # into chunks that are made after the roles were granted
    world.store([Sent(site=site, at=late, value=1.0) for site in ("orge", "yvette")])
    _roll_up(world)
    with connect(world.url, autocommit=True) as owner:
        migrate(owner)  # and granted once more when they are there
        owner.execute("ANALYZE")
    chunks = north.execute(
        "SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks"
    ).fetchall()
    assert len(chunks) >= 3 + 2 + 2
    for (chunk,) in chunks:
        with pytest.raises(errors.InsufficientPrivilege):
            north.execute(f"SELECT * FROM {chunk}".encode())  # noqa: S608
    told = "SELECT count(*) FROM pg_stats WHERE schemaname !~ '^(pg_|information_|_timescaledb_c)'"
    assert value(north, f"{told} AND tablename ~ 'reading|rollup|chunk$'") == 0


def test_an_error_tells_nothing_of_anothers_rows(world: World, north: Connection) -> None:
    """The same question that would tell it, were the view no security barrier."""
    guess = f"SELECT count(*) FROM reading WHERE 1 / (value - {SECRET}) > 0"  # noqa: S608
    aloud = "SELECT count(*) FROM {} WHERE ('v' || value)::integer = 0"
    with connect(world.url, autocommit=True) as owner:
        owner.execute(f"SET hypervisor.communes = '{{{ORGE}}}'".encode())
        owner.execute("SET ROLE hypervisor_tenant")
        for session, path in ((north, "shown, public"), (owner, "seen, public")):
            session.execute(f"SET search_path = {path}".encode())
            for plan in ("enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"):
                session.execute(f"SET {plan} = off".encode())
        with pytest.raises(errors.DivisionByZero):
            owner.execute(guess.encode())
    assert value(north, guess) == 0
    for table in ("reading", "rollup_hour", "rollup_day"):
        query = aloud.format(table).replace("value", "value" if table == "reading" else "last")
        with pytest.raises(errors.InvalidTextRepresentation) as caught:
            north.execute(query.encode())
        assert str(SECRET) not in str(caught.value)


def test_no_plan_tells_whether_anothers_row_is_there(world: World, north: Connection) -> None:
    """A key of theirs, looked up, is answered and explained as one that never was."""
    with connect(world.url) as owner:
        service_list.refresh_incidents(owner)
        owner.execute(
            "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)"
            " VALUES ('devices/yvette/readings', '', 'not-json', '', now(), 'one')"
        )
        owner.commit()
        owner.execute("ANALYZE")
        keys = owner.execute(
            "SELECT id::text, subject,"
            " (SELECT max(t.id) FROM transition t WHERE t.alarm = alarm.id)::text,"
            " (SELECT i.incident FROM incident_alarm i WHERE i.alarm = alarm.id)::text"
            " FROM alarm WHERE subject = 'yvette' ORDER BY id LIMIT 1"
        ).fetchone()
    assert keys is not None
    alarm, subject, transition, incident = keys
    assert value(north, "SELECT count(*) FROM alarm") != 0
    for table, column, theirs, nobodys in (
        ("alarm", "id", alarm, "999999999"),
        ("alarm", "subject", f"'{subject}'", "'nosuch'"),
        ("transition", "id", transition, "999999999"),
        ("transition", "alarm", alarm, "999999999"),
        ("incident", "number", incident, "999999999"),
        ("incident_alarm", "alarm", alarm, "999999999"),
        ("rule_state", "subject", f"'{subject}'", "'nosuch'"),
        ("dead_letter", "topic", "'devices/yvette/readings'", "'devices/nosuch/readings'"),
    ):
        north.execute("SET enable_seqscan = off")
        plans = [
            _explained(north, f"SELECT * FROM {table} WHERE {column} = {key}")  # noqa: S608
            for key in (theirs, nobodys)
        ]
        assert plans[0] == plans[1], (table, column)
        with pytest.raises(errors.InsufficientPrivilege):
            north.execute(f"SELECT FROM public.{table}".encode())


@pytest.mark.parametrize(("table", "column"), [("reading", "value"), ("rollup_hour", "last")])
def test_no_plan_tells_whether_anothers_value_is_higher(
    world: World, north: Connection, table: str, column: str
) -> None:
    """Else it is found by halving: what is asked first shows in what was never executed."""
    with connect(world.url, autocommit=True) as owner:
        owner.execute("ANALYZE")
    series = world.numbers["yvette", "level"]
    for settings in (
        {},
        {"timescaledb.enable_optimizations": "off"},
        {"timescaledb.enable_chunk_append": "off", "enable_indexscan": "off"},
        {"enable_bitmapscan": "off", "enable_indexonlyscan": "off", "cpu_operator_cost": "100"},
        {"cpu_operator_cost": "0"},
    ):
        for name, setting in settings.items():
            north.execute(f"SET {name} = {setting}".encode())
        for which in ("", f" AND series_id = {series}", " AND series_id <> 1"):
            below, above = (
                _explained(north, f"SELECT FROM {table} WHERE {column} > {limit}{which}")
                for limit in (SECRET - 1, SECRET + 1)
            )
            assert below == above, (settings, which)


def _explained(connection: Connection, query: str) -> list[str]:
    """What was done, without the question's own words."""
    rows = connection.execute(
        f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {query}".encode()
    )
    return [row[0] for row in rows if not re.match(r" *(Filter|Index Cond): ", row[0])]


def test_what_names_people_is_withheld_from_readers_alone(database_url: str) -> None:
    with connect(database_url) as connection:
        rows = connection.execute(
            "SELECT c.relname, a.attname, has_column_privilege(%s, c.oid, a.attnum, 'SELECT'),"
            " has_column_privilege(%s, c.oid, a.attnum, 'SELECT'),"
            " has_column_privilege(%s, c.oid, a.attnum, 'SELECT')"
            " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            " AND NOT a.attisdropped",
            [tenancy.READER, tenancy.READER_WHOLE, tenancy.WHOLE],
        ).fetchall()
        through_views = set(
            connection.execute(
                "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a"
                " ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
                " WHERE c.relnamespace = 'shown'::regnamespace"
                " AND has_column_privilege(%s, c.oid, a.attnum, 'SELECT')",
                [tenancy.READER],
            ).fetchall()
        )
    said = {(table, column) for table, columns in tenancy.WITHHELD.items() for column in columns}
    every = {table for table, columns in tenancy.WITHHELD.items() if not columns}
    assert said <= {(table, column) for table, column, *_ in rows}, "named there, and not here"
    for table, column, area, whole, our in rows:
        withheld = table in every or (table, column) in said
        assert not (withheld and (area or whole)), (table, column)
        if our and table != "reading":
            assert whole == (not withheld), (table, column)
            assert area == (whole and table not in reader_views.FENCED), (table, column)
        if table in reader_views.FENCED:
            assert ((table, column) in through_views) == whole, (table, column)
    personal = [
        (table, column)
        for table, column, area, *_ in rows
        if area and PERSONAL.fullmatch(column) and (table, column) not in IMPERSONAL
    ]
    assert personal == [], "say in store/tenancy.py that readers do not get it, or here why they do"


IMPERSONAL = {
    ("incident", "grouped_by"),
    ("dead_letter", "reason"),  # a short word of ours
    ("exercise_message", "text"),  # of a scenario
}


def test_a_reader_of_another_database_of_the_server(world: World, stack: Stack) -> None:
    other = new_name("other")
    url = stack.database.url(other)
    databases.create(stack.maintenance_url, other, template=TEMPLATE)
    try:
        with connect(url) as connection:
            migrate(connection)
        for area in (NORTH, None):
            name, theirs = new_name(), "quite-a-long-word"
            with logged_in(world.url, area, name=name) as session:
                assert session.info.user == f"reader_{name}"
                with connect(world.url) as connection:
                    connection.execute(f"ALTER ROLE reader_{name} PASSWORD '{theirs}'".encode())
                with pytest.raises(psycopg.OperationalError, match="CONNECT privilege"):
                    log_in(url, f"reader_{name}", theirs)
                if area is None:
                    continue
                with connect(url) as connection:  # nor does it see anything where it was let in
                    connection.execute(
                        f"GRANT CONNECT ON DATABASE {other} TO reader_{name}".encode()
                    )
                    _put_a_site(connection)
                with log_in(url, f"reader_{name}", theirs) as inside:
                    inside.execute(f"SET hypervisor.communes = '{{{ORGE}}}'".encode())
                    assert _sites(inside) == set()
                databases.drop(stack.maintenance_url, other)
                databases.create(stack.maintenance_url, other, template=TEMPLATE)
                with connect(url) as connection:
                    migrate(connection)
    finally:
        databases.drop(stack.maintenance_url, other)


def _put_a_site(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO area (code, kind, name) VALUES (%s, 'commune', 'There')", [ORGE]
    )
    connection.execute(
        "INSERT INTO site (name, title, domain, commune) VALUES ('there', 't', 'flood', %s)", [ORGE]
    )
