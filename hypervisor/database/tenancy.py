"""The roles as which requests and readers read, what they are granted, how a connection takes one.

TENANT and WHOLE are for our own SQL: they hold against what our queries forget. READER and
READER_WHOLE are what roles that log in are members of, and run SQL of their own (Grafana's): they
hold against whoever writes it.

TimescaleDB grants a hypertable's chunks to whom the table is granted, and holds nobody to the
table's policies there. So who is held to communes gets a hypertable by its columns alone, which no
later chunk inherits; and `reading`, which has no policy, through a view (schema 0016). Alarms and
reports a reader of an area gets through views, too (`reader_views`).
"""

from collections.abc import Iterator, Mapping
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from hypervisor.base.person import Territory
from hypervisor.database import reader_functions, reader_views

TENANT = "hypervisor_tenant"  # sees what the settings of its session name
WHOLE = "hypervisor_whole"
READER = "hypervisor_reader"  # sees what the table `reader` says of who logged in
READER_WHOLE = "hypervisor_reader_whole"
ROLES = (TENANT, WHOLE, READER, READER_WHOLE)
HELD = (TENANT, READER)
VIEWS = {TENANT: "seen", READER: "shown"}  # the schema of the views, before `public`

# What no reader is granted, for it names people, is their own words, or may hold a secret.
# By table; empty: all of it.
WITHHELD: Mapping[str, frozenset[str]] = {
    "alarm": frozenset({"acknowledged", "assignee"}),
    "alarm_act": frozenset({"author", "reason", "details"}),
    "alarm_hold": frozenset({"author", "reason"}),
    "audit": frozenset(),
    "closing": frozenset({"author", "reason"}),
    "codec": frozenset({"author", "script"}),
    "dead_letter": frozenset({"payload"}),
    "delivery": frozenset({"key", "message", "last_error"}),  # messages hold addresses
    "exercise_run": frozenset({"author", "reason"}),
    "feed": frozenset({"rows"}),
    "handover": frozenset(),
    "log_entry": frozenset({"author", "text"}),
    "noted_event": frozenset({"author", "note", "withdrawn_by", "withdrawn_why"}),
    "notify_routes": frozenset(),
    "outbox": frozenset({"key", "body", "reason"}),
    "revision": frozenset({"author", "reason"}),
    "transition": frozenset({"reason"}),
}
_NOBODYS = {"feed": frozenset({"rows"})}  # readings of everybody
Connection = psycopg.Connection[TupleRow]


def prepare(connection: Connection) -> None:
    """Make the roles where they are missing, and let our own user take them. They hold nothing.

    They are of the whole server: another database of it may have made them.
    """
    for role in ROLES:
        name = sql.Identifier(role)
        connection.execute(
            sql.SQL(
                "DO $$ BEGIN"
                " IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN"
                "   CREATE ROLE {name} NOLOGIN; END IF;"
                " IF NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
                "   WHERE r.rolname = {text} AND m.member = current_user::regrole) THEN"
                "   EXECUTE format('GRANT {name} TO %I WITH INHERIT FALSE, SET TRUE',"
                "   current_user); END IF;"
                " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            ).format(text=sql.Literal(role), name=name)
        )


def grant(connection: Connection) -> None:
    """Let the roles read what they may, and nothing else: a dump keeps policies, and no grants."""
    tables = _guarded(connection)
    if not tables:
        return
    chunks = _chunks(connection)
    everyone = _names(ROLES)
    for table, columns in tables.items():
        name = sql.Identifier("public", table)
        connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(name, everyone))
        for role in ROLES:
            for what in _what(role, table, columns, parted=table in chunks):
                connection.execute(
                    sql.SQL("GRANT {} ON {} TO {}").format(what, name, sql.Identifier(role))
                )
        for chunk in chunks.get(table, ()):  # those there were got the columns, too
            connection.execute(
                sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.SQL(chunk), _names(HELD))
            )
    for role, schema in VIEWS.items():
        connection.execute(
            sql.SQL("GRANT USAGE ON SCHEMA {0} TO {1}; GRANT SELECT ON {0}.reading TO {1}").format(
                sql.Identifier(schema), sql.Identifier(role)
            )
        )
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(everyone))
    readable = {
        table: [name for name in columns if name not in WITHHELD.get(table, frozenset())]
        for table, columns in tables.items()
    }
    reader_views.fence(connection, readable, TENANT, READER)
    reader_functions.limit(connection, ROLES)
    shut(connection)


def shut(connection: Connection) -> None:
    """Let no role in but who is let in by name, and nobody make tables, even for a moment.

    One that reads in another database of the server is a member of the same roles.
    """
    connection.execute(
        "DO $$ BEGIN EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC',"
        " current_database()); END $$"
    )


def _guarded(connection: Connection) -> dict[str, list[str]]:
    """The columns of every table that has policies, and of `reading`."""
    rows = connection.execute(
        "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND (c.relname = 'reading' OR EXISTS (SELECT FROM pg_policy p"
        "   WHERE p.polrelid = c.oid AND p.polname = 'whole'))"
        " GROUP BY c.relname ORDER BY c.relname"
    )
    return {str(table): list(columns) for table, columns in rows}


def _chunks(connection: Connection) -> dict[str, list[str]]:
    """The chunks of every hypertable, as SQL names them."""
    rows = connection.execute(
        "SELECT hypertable_name, COALESCE(array_agg(format('%I.%I', chunk_schema, chunk_name))"
        "   FILTER (WHERE chunk_name IS NOT NULL), '{}')"
        " FROM timescaledb_information.hypertables h"
        " LEFT JOIN timescaledb_information.chunks c USING (hypertable_schema, hypertable_name)"
        " WHERE hypertable_schema = 'public' GROUP BY 1"
    )
    return {str(table): list(chunks) for table, chunks in rows}


def _what(role: str, table: str, columns: list[str], *, parted: bool) -> Iterator[sql.Composable]:
    """What a role gets of a table: all of it, its columns, or nothing."""
    reads = role in {READER, READER_WHOLE}
    if (table == "reading" and role in HELD) or (reads and WITHHELD.get(table) == frozenset()):
        return
    if table in reader_views.FENCED and role == READER:
        return
    without = (WITHHELD if reads else _NOBODYS).get(table, frozenset())
    if without or (parted and role in HELD):
        left = [sql.Identifier(column) for column in columns if column not in without]
        yield sql.SQL("SELECT ({})").format(sql.SQL(", ").join(left))
    else:
        yield sql.SQL("SELECT")


def _names(roles: tuple[str, ...]) -> sql.Composable:
    return sql.SQL(", ").join([sql.Identifier(role) for role in roles])


def computed_first(expression: LiteralString, alias: LiteralString) -> LiteralString:
    """A join that computes `alias.key` before a table with a policy is looked into by it.

    A policy keeps back whatever might tell of a row before it is known to be one's own, and `||` is
    not known not to: with it in the condition, the whole table is read for each row beside it.
    """
    return f"CROSS JOIN LATERAL (SELECT {expression} AS key OFFSET 0) AS {alias}"


def search_path(role: str) -> str:
    """Where a role finds its tables."""
    return f"{VIEWS[role]}, public" if role in VIEWS else "public"


def become(connection: Connection, territory: Territory) -> None:
    """Let a connection of the owner's see this territory alone, until `own`."""
    role = WHOLE if territory.whole else TENANT
    connection.execute(
        "SELECT set_config('hypervisor.communes', %s::text[]::text, false),"
        " set_config('hypervisor.unplaced', %s, false), set_config('role', %s, false),"
        " set_config('search_path', %s, false)",
        [
            [] if territory.whole else sorted(territory.communes),
            "on" if territory.unplaced else "off",
            role,
            search_path(role),
        ],
    )
    connection.commit()  # a rollback would undo it


def own(connection: Connection) -> None:
    """Let a connection be its owner's again."""
    connection.rollback()
    connection.execute(
        "RESET ROLE; RESET hypervisor.communes; RESET hypervisor.unplaced; RESET search_path",
        prepare=False,  # four statements in one round trip: none can be prepared
    )
    connection.commit()
