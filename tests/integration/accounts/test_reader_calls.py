"""Which functions a reader may call: all of pg_proc is walked, each has a reason or is refused."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from hypervisor.access import passwords
from hypervisor.accounts import readers
from hypervisor.database import databases, locks, reader_functions
from hypervisor.database.connect import Connection, connect, migrate
from hypervisor.database.locks import Lock
from tests.conftest import Stack
from tests.integration.accounts.reading import log_in, logged_in, new_name, value

pytestmark = pytest.mark.integration

# What may be called although it does not answer the same each time, and why.
VOLATILE = {
    **dict.fromkeys(("clock_timestamp", "timeofday"), "the clock"),
    **dict.fromkeys(
        ("random", "random_normal", "gen_random_uuid", "array_sample", "array_shuffle"),
        "chance; setseed is of the session alone and not needed",
    ),
    "pg_is_in_recovery": "clients look for the primary server by it",
    **dict.fromkeys(
        ("time_bucket_gapfill", "locf", "interpolate"), "TimescaleDB's marks for its planner"
    ),
}
# What reads the catalog or a setting, by name, and why.
STABLE = {
    "type input and output": r"\w+_?(in|out|recv|send|typanalyze)",
    "estimates of the planner": r"\w+(sel)",
    "operators and casts": r"anytextcat|textanycat|date|time|timetz|timestamp|timestamptz|money"
    r"|numeric|xml|regclass|in_range|interval_pl_\w+|timestamptz_(pl|mi)_interval"
    r"|(date|timestamp|timestamptz)_(cmp|eq|ne|lt|le|gt|ge)_(date|timestamp|timestamptz)"
    r"|ts_match_t[qt]|pg_(dependencies|mcv_list|ndistinct|node_tree)_(recv|send)",
    "aggregates": r"jsonb?_(object_)?agg(_unique)?(_strict)?(_transfn|_finalfn)?",
    "time": r"age|now|(statement|transaction)_timestamp|timezone|date_(add|part|subtract|trunc)"
    r"|extract|make_timestamptz|overlaps|to_(date|timestamp)|generate_series"
    r"|pg_timezone_(names|abbrevs)",
    "text": r"array_to_string|concat(_ws)?|convert(_from|_to)?|format|length"
    r"|quote_(literal|nullable)|to_(char|number)",
    "json": r"array_to_json|row_to_json|to_jsonb?|jsonb?_build_(array|object)"
    r"|jsonb?_(to|populate)_record(set|_valid)?"
    r"|jsonb_path_(exists|match|query|query_array|query_first)_tz",
    "the session": r"current_(database|schema|schemas|setting|user)|session_user|version"
    r"|inet_(client|server)_(addr|port)|getdatabaseencoding"
    r"|pg_(backend_pid|client_encoding|my_temp_schema|is_other_temp_schema|typeof|basetype)",
    "words of the catalog, which tell how our public schema is made": r"format_type|oidvectortypes"
    r"|(col|obj|shobj)_description|aclexplode|pg_has_role|has_\w+_privilege|row_security_active"
    r"|to_reg\w+|pg_\w+_is_visible|pg_(char_to_encoding|encoding_to_char|collation_for)"
    r"|pg_options_to_table|pg_sequence_parameters|pg_(column|relation)_is_(updatable|publishable)"
    r"|pg_get_(constraint|function|index|partition_constraint|partkey|rule|statisticsobj|trigger"
    r"|view)def|pg_get_statisticsobjdef_(columns|expressions)|pg_get_(expr|keywords|userbyid)"
    r"|pg_get_function_(arg_default|arguments|identity_arguments|result|sqlbody)"
    r"|pg_get_serial_sequence",
    "information_schema": r"_pg_index_position",
}
OURS = re.compile(r"time_bucket|first|last|histogram")  # TimescaleDB's that compute
SEARCH = {"unaccent", "word_similarity", "word_similarity_commutator_op"}  # compare words
# One of each kind that does more than answer, as somebody would try it.
REFUSED = (
    "SELECT pg_advisory_lock(7354)",
    "SELECT pg_advisory_lock_shared(7354)",
    "SELECT pg_try_advisory_lock(7354)",
    "SELECT pg_try_advisory_lock(7353, 1)",
    "SELECT pg_advisory_xact_lock(7354)",
    "SELECT pg_try_advisory_xact_lock_shared(7354)",
    "SELECT pg_sleep(0)",
    "SELECT pg_sleep_for('0 s')",
    "SELECT pg_notify('hypervisor_feed', '')",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT pg_cancel_backend(pg_backend_pid())",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "SELECT pg_current_xact_id()",
    "SELECT txid_current()",
    "SELECT pg_export_snapshot()",
    "SELECT lo_from_bytea(0, 'kept')",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_get(1)",
    "SELECT lo_unlink(1)",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_logical_emit_message(true, 'a', 'b')",
    "SELECT pg_create_logical_replication_slot('a', 'b')",
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    "SELECT table_to_xml('site', true, true, '')",
    "SELECT database_to_xml(true, true, '')",
    "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery')",
    "SELECT * FROM ts_stat('SELECT ''a''::tsvector')",
    "SELECT pg_relation_size('alarm')",
    "SELECT pg_total_relation_size('alarm')",
    "SELECT pg_database_size(current_database())",
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM pg_stat_all_tables",
    "SELECT * FROM pg_locks",
    "SELECT pg_stat_get_tuples_inserted('alarm'::regclass)",
    "SELECT pg_notification_queue_usage()",
    "SELECT currval('alarm_id_seq')",
    "SELECT add_job('pg_sleep'::regproc, '1 h')",
    "SELECT show_chunks('reading')",
    "SELECT hypertable_size('rollup_hour')",
    "SELECT _timescaledb_functions.stop_background_workers()",
    "SELECT approximate_row_count('alarm')",
    "SELECT guard('site', 'true')",
    "CALL run_job(1)",
    "SELECT set_limit(0)",
    "DO $$ BEGIN NULL; END $$",
    "DO LANGUAGE sql $$ SELECT 1 $$",
)


@pytest.fixture
def session(database_url: str) -> Iterator[Connection]:
    with logged_in(database_url, None) as made:
        made.execute("SET default_transaction_read_only = off")  # this much it may
        yield made


def _callable(connection: Connection) -> list[tuple[str, str, str, str, str]]:
    """(schema, name, volatility, extension, whole name) of all that the session may call."""
    return connection.execute(
        "SELECT n.nspname, p.proname, p.provolatile, COALESCE(e.extname, ''),"
        " p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid"
        "   AND d.deptype = 'e'"
        " LEFT JOIN pg_extension e ON e.oid = d.refobjid"
        " WHERE has_function_privilege(p.oid, 'EXECUTE')"
        # nobody calls these by themselves
        " AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)"
    ).fetchall()


def _has_reason(schema: str, name: str, volatility: str, extension: str) -> bool:
    if extension in {"pg_trgm", "unaccent"}:
        return name in SEARCH
    if extension or volatility == "v":
        return name in VOLATILE or (schema == "public" and bool(OURS.fullmatch(name)))
    if schema == "public" or (schema == "shown" and name.endswith("_rows")):
        return True  # ours; test_rows looks at what it reads
    if schema not in {"pg_catalog", "information_schema"}:
        return False
    return volatility == "i" or any(re.fullmatch(words, name) for words in STABLE.values())


def test_whatever_a_reader_may_call_has_a_reason(session: Connection) -> None:
    found = _callable(session)
    assert len(found) > 2000, "the walk sees the catalog"
    wrong = [whole for *words, whole in found if not _has_reason(*words)]
    assert wrong == [], "say in store/reader_functions.py why a reader needs it, or do not allow it"
    assert [name for schema, name, kind, *_ in found if schema == "public" and kind == "v"] == [
        name for schema, name, *_ in found if schema == "public" and name in VOLATILE
    ], "ours only read"


def test_what_does_more_than_answer_is_refused(session: Connection) -> None:
    for statement in REFUSED:
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(statement.encode())


def test_no_reader_keeps_the_watch_from_its_place(database_url: str, session: Connection) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        session.execute(f"SELECT pg_advisory_lock({Lock.WATCH.value})".encode())
    with connect(database_url) as watch:
        assert locks.take(watch, Lock.WATCH)


def test_what_was_opened_again_is_shut_by_the_next_migration(
    database_url: str, session: Connection
) -> None:
    """As an update of TimescaleDB does, whose new functions everybody may call."""
    with connect(database_url, autocommit=True) as owner:
        owner.execute("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO PUBLIC")
        owner.execute("GRANT EXECUTE ON FUNCTION pg_sleep TO hypervisor_reader_whole")
        owner.execute("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON ROUTINES TO PUBLIC")
        owner.execute("CREATE FUNCTION new_one() RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 1'")
        for statement in ("SELECT pg_sleep(0)", "SELECT new_one()"):
            session.execute(statement.encode())
        assert migrate(owner) == []
        owner.execute("CREATE FUNCTION newer() RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 1'")
        assert reader_functions.excess(owner) == []
    for statement in (
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_sleep(0)",
        "SELECT new_one()",
        "SELECT newer()",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(statement.encode())


def test_an_owner_that_is_no_superuser_migrates_and_is_told_what_stays_open(stack: Stack) -> None:
    """PostgreSQL's own functions are not its to take away; ours are, as everywhere."""
    owner, name, word = new_name("owner"), new_name("theirs"), passwords.generate()
    with connect(stack.maintenance_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD '{word}'".encode())
        admin.execute(f"CREATE DATABASE {name} OWNER {owner}".encode())
        for role in ("hypervisor_tenant", "hypervisor_whole"):
            admin.execute(f"GRANT {role} TO {owner} WITH ADMIN OPTION".encode())
        for role in ("hypervisor_reader", "hypervisor_reader_whole"):
            admin.execute(f"GRANT {role} TO {owner} WITH ADMIN OPTION".encode())
    url = psycopg.conninfo.make_conninfo(stack.database.url(name), user=owner, password=word)
    reader = new_name()
    try:
        with connect(url) as connection:
            assert migrate(connection)
            open_still = reader_functions.excess(connection)
            made = readers.add_reader(connection, reader, word)
        assert "pg_advisory_lock(bigint)" in open_still
        with log_in(url, made.role, word) as session:
            assert value(session, "SELECT count(*) FROM site") == 0
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute("SELECT guard('site', 'true')")
            with connect(stack.database.url(name)) as superuser:
                assert migrate(superuser) == []
                assert reader_functions.excess(superuser) == []
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute("SELECT pg_advisory_lock(7354)")
        with connect(url) as connection:
            assert locks.take(connection, Lock.WATCH), "the owner's parts go on"
            assert migrate(connection) == []
    finally:
        databases.drop(stack.maintenance_url, name)
        with connect(stack.maintenance_url, autocommit=True) as admin:
            admin.execute(f"DROP ROLE IF EXISTS reader_{reader}".encode())
            admin.execute(f"DROP OWNED BY {owner} CASCADE".encode())
            admin.execute(f"DROP ROLE {owner}".encode())
