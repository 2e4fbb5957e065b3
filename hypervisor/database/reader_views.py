"""Alarms and reports for a reader of an area: its own rows, without a trace of others.

A policy alone leaves one: the planner looks a key up before it applies the policy, and EXPLAIN
ANALYZE then reports a removed row, so that the alarm exists. So these tables are not granted to
READER. A view of the same name returns the rows of a function, which reads the table as TENANT:
EXPLAIN shows only the call, and no condition of the reader is pushed into it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

SCHEMA = "shown"
FENCED = frozenset(
    {
        *("alarm", "transition", "alarm_act", "alarm_hold", "closing", "incident"),
        *("incident_alarm", "outbox", "delivery", "dead_letter", "log_entry", "past_event"),
        *("rule_state", "set_aside", "asset", "gateway", "device_group", "intervention"),
    }
)

_BODY = """
-- {types}
#variable_conflict use_column
BEGIN
    IF current_user <> {tenant} THEN
        RAISE EXCEPTION 'this function lost its owner: `hypervisor migrate` restores it';
    END IF;
    RETURN QUERY SELECT {columns} FROM public.{table};
END"""


def fence(
    connection: Connection[TupleRow],
    readable: Mapping[str, Sequence[str]],
    tenant: str,
    reader: str,
) -> None:
    """Create views and functions that are missing or outdated; `readable`: columns by table."""
    for table in sorted(FENCED & readable.keys()):
        types = _types(connection, table, readable[table])
        body = sql.SQL(_BODY).format(
            types=types,
            tenant=sql.Literal(tenant),
            columns=sql.SQL(", ").join(sql.Identifier(name) for name in readable[table]),
            table=sql.Identifier(table),
        )
        text = body.as_string(connection)
        if _is_current(connection, table, text, (tenant, reader)):
            continue
        names = {
            "view": sql.Identifier(SCHEMA, table),
            "function": sql.Identifier(SCHEMA, f"{table}_rows"),
            "schema": sql.Identifier(SCHEMA),
            "tenant": sql.Identifier(tenant),
            "reader": sql.Identifier(reader),
        }
        for statement in (
            sql.SQL("DROP VIEW IF EXISTS {view}"),
            sql.SQL("DROP FUNCTION IF EXISTS {function}"),
            sql.SQL(
                "CREATE FUNCTION {function}() RETURNS TABLE ({types}) LANGUAGE plpgsql STABLE"
                " SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS {body}"
            ),
            sql.SQL("REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"),
            sql.SQL("GRANT EXECUTE ON FUNCTION {function}() TO {reader}"),
            sql.SQL("GRANT CREATE ON SCHEMA {schema} TO {tenant}"),
            sql.SQL("ALTER FUNCTION {function}() OWNER TO {tenant}"),
            sql.SQL("REVOKE CREATE ON SCHEMA {schema} FROM {tenant}"),
            sql.SQL("CREATE VIEW {view} AS SELECT * FROM {function}()"),
            sql.SQL("GRANT SELECT ON {view} TO {reader}"),
        ):
            connection.execute(statement.format(**names, types=types, body=sql.Literal(text)))


def _is_current(
    connection: Connection[TupleRow], table: str, body: str, roles: tuple[str, str]
) -> bool:
    tenant, reader = roles
    row = connection.execute(
        "SELECT p.prosrc = %s AND p.proowner = %s::regrole"
        " AND has_function_privilege(%s, p.oid, 'EXECUTE')"
        " AND has_table_privilege(%s, to_regclass(%s), 'SELECT')"
        " FROM pg_proc p WHERE p.oid = to_regprocedure(%s)",
        [body, tenant, reader, reader, f"{SCHEMA}.{table}", f"{SCHEMA}.{table}_rows()"],
    ).fetchone()
    return bool(row and row[0])


def _types(connection: Connection[TupleRow], table: str, columns: Sequence[str]) -> sql.Composable:
    types: dict[str, Any] = dict(
        connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [f"public.{table}"],
        ).fetchall()
    )
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(types[name])) for name in columns
    )
