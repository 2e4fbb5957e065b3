"""Which functions of the database a reader may call: a list, with the reason of each part.

PostgreSQL and its extensions let everybody call nearly everything: take an advisory lock that the
watch waits for, store a large object, run SQL from a text, add a background job. Here PUBLIC loses
what is not on the list, and the reading roles get what is. `migrate` applies it each time, also
after an update of TimescaleDB or a restored backup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.rows import TupleRow


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """Allowed functions, as a condition on `p` (a row of pg_proc) and its `schema`."""

    reason: str
    condition: LiteralString


# The functions behind types, operators, casts, aggregates and indexes compute from arguments.
_PARTS: LiteralString = """
SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze,
    typsubscript]::oid[]) FROM pg_type
UNION SELECT unnest(ARRAY[oprcode, oprrest, oprjoin]::oid[]) FROM pg_operator
UNION SELECT castfunc FROM pg_cast UNION SELECT amproc FROM pg_amproc
UNION SELECT unnest(ARRAY[aggfnoid, aggtransfn, aggfinalfn, aggcombinefn, aggserialfn,
    aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]) FROM pg_aggregate
"""
_CATALOG: LiteralString = "schema = 'pg_catalog' AND "

ALLOWED = (
    Allowed(
        reason="computes from its arguments alone",
        condition="schema IN ('pg_catalog', 'information_schema') AND p.provolatile = 'i'",
    ),
    Allowed(
        reason="implements a type, an operator, a cast, an aggregate or an index",
        condition="schema = 'pg_catalog' AND p.provolatile <> 'v' AND p.oid IN (TABLE part)",
    ),
    Allowed(
        reason="the clock, and times of a zone",
        condition=_CATALOG
        + "p.proname ~ '^(age|now|(clock|statement|transaction)_timestamp|timeofday|timezone"
        "|date_(add|part|subtract|trunc)|extract|make_timestamptz|overlaps|to_(date|timestamp)"
        "|timestamptz|generate_series|pg_timezone_(names|abbrevs))$'",
    ),
    Allowed(
        reason="formats text and numbers",
        condition=_CATALOG
        + "p.proname ~ '^(array_to_string|concat|concat_ws|convert|convert_(from|to)|format|length"
        "|quote_(literal|nullable)|to_char|to_number)$'",
    ),
    Allowed(
        reason="converts values to JSON and back",
        condition=_CATALOG
        + "p.proname ~ '^(array_to_json|row_to_json|to_jsonb?|jsonb?_build_(array|object)"
        "|jsonb?_(to_record|populate_record)(set|_valid)?|jsonb_path_.*_tz)$'",
    ),
    Allowed(
        reason="random numbers",
        condition=_CATALOG + "p.proname ~ '^(random|random_normal|gen_random_uuid|array_sample"
        "|array_shuffle)$'",
    ),
    Allowed(
        reason="facts of the session and the server",
        condition=_CATALOG
        + "p.proname ~ '^(current_(database|schemas?|setting|user)|session_user|version"
        "|inet_(client|server)_(addr|port)|pg_(backend_pid|client_encoding|is_in_recovery"
        "|my_temp_schema|is_other_temp_schema|typeof|basetype)|getdatabaseencoding)$'",
    ),
    Allowed(
        reason="catalogue of tables and functions, for clients' completion",
        condition=_CATALOG
        + "p.proname ~ '^(format_type|oidvectortypes|(col|obj|shobj)_description|aclexplode"
        "|pg_has_role|has_.*_privilege|row_security_active|to_reg.*|pg_.*_is_visible"
        "|pg_(char_to_encoding|encoding_to_char|collation_for|options_to_table|sequence_parameters)"
        "|pg_(column|relation)_is_(updatable|publishable)"
        "|pg_get_(.*def|.*def_(columns|expressions)|expr|function_.*|keywords|serial_sequence"
        "|userbyid))$' AND p.provolatile = 's'",
    ),
    Allowed(
        reason="used by information_schema",
        condition="schema = 'information_schema' AND p.proname = '_pg_index_position'",
    ),
    Allowed(
        reason="dashboards aggregate by time bucket",
        condition="extension = 'timescaledb' AND schema = 'public' AND p.proname ~"
        " '^(time_bucket|time_bucket_gapfill|first|last|histogram|locf|interpolate)$'",
    ),
    Allowed(
        reason="TimescaleDB's planner uses it on compressed readings (since 2.20)",
        condition="extension = 'timescaledb' AND p.proname = 'bloom1_contains'",
    ),
    Allowed(
        reason="the search folds accents and compares words",
        condition="extension IN ('pg_trgm', 'unaccent')"
        " AND p.proname ~ '^(unaccent|word_similarity(_commutator_op)?)$'",
    ),
    Allowed(
        reason="ours, for policies and dashboards: it only reads, with the caller's rights",
        condition="schema = 'public' AND extension IS NULL AND p.provolatile <> 'v'",
    ),
    Allowed(
        reason="the caller's rows, for the view of that name (reader_views)",
        condition="schema = 'shown' AND extension IS NULL AND p.provolatile = 's'",
    ),
)

# PostgreSQL refuses direct calls of a trigger's function.
_FUNCTIONS: LiteralString = """
WITH part (oid) AS MATERIALIZED ({parts}), function AS MATERIALIZED (
    SELECT p.*, n.nspname AS schema, (SELECT e.extname FROM pg_depend d
        JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e') AS extension
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
), listed AS MATERIALIZED (SELECT p.oid, ({allowed}) IS TRUE AS allowed FROM function p)
"""


def _functions() -> sql.Composed:
    allowed = sql.SQL(" OR ").join(sql.SQL(f"({entry.condition})") for entry in ALLOWED)
    return sql.SQL(_FUNCTIONS).format(parts=sql.SQL(_PARTS), allowed=allowed)


def limit(connection: Connection[TupleRow], roles: Sequence[str]) -> None:
    """Revoke from PUBLIC and `roles` what is not on the list; grant `roles` what is.

    Without superuser rights, functions of other owners cannot be revoked: `excess` lists them.
    """
    everyone = sql.SQL(", ").join(sql.Identifier(role) for role in roles)
    names = connection.execute(
        _functions()
        + sql.SQL(
            "SELECT COALESCE(string_agg(p.oid::regprocedure::text, ', ')"
            "   FILTER (WHERE NOT allowed AND {open}), ''),"
            " COALESCE(string_agg(p.oid::regprocedure::text, ', ') FILTER (WHERE allowed"
            "   AND NOT (SELECT bool_and(has_function_privilege(role, p.oid, 'EXECUTE'))"
            "     FROM unnest(%s::text[]) role)), '')"
            " FROM listed JOIN pg_proc p USING (oid) WHERE pg_has_role(p.proowner, 'USAGE')"
        ).format(open=sql.SQL(_OPEN)),
        [list(roles), list(roles)],
    ).fetchone()
    taken, given = names or ("", "")
    superuser, owner = _owner(connection)
    if taken:
        connection.execute(
            sql.SQL("REVOKE EXECUTE ON ROUTINE {} FROM PUBLIC, {}").format(sql.SQL(taken), everyone)
        )
    if given:
        connection.execute(
            sql.SQL("GRANT EXECUTE ON ROUTINE {} TO {}").format(sql.SQL(given), everyone)
        )
    # What an update of an extension or a later migration creates is not callable at first.
    connection.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC")
    if superuser:
        connection.execute("REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC")  # which DO takes
    if superuser and owner:  # whose parts take locks, and who migrates next
        connection.execute(
            sql.SQL("GRANT USAGE ON LANGUAGE plpgsql, sql TO {}").format(sql.Identifier(owner))
        )
        if taken:
            connection.execute(
                sql.SQL("GRANT EXECUTE ON ROUTINE {} TO {}").format(
                    sql.SQL(taken), sql.Identifier(owner)
                )
            )


def _owner(connection: Connection[TupleRow]) -> tuple[bool, str]:
    """Whether we are a superuser; the owner of our tables if that is not one."""
    row = connection.execute(
        "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),"
        " CASE WHEN NOT r.rolsuper THEN r.rolname::text ELSE '' END"
        " FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE c.oid = 'public.feed'::regclass"
    ).fetchone()
    return (bool(row[0]), str(row[1])) if row else (False, "")


# Whether PUBLIC, or one of the roles, may call it.
_OPEN: LiteralString = """
(p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a
    WHERE a.grantee = 0 OR a.grantee::regrole::text = ANY (%s)))
"""


def excess(connection: Connection[TupleRow]) -> list[str]:
    """The functions that everybody may call although they are not on the list."""
    rows = connection.execute(
        _functions()
        + sql.SQL(
            "SELECT p.oid::regprocedure::text FROM listed JOIN pg_proc p USING (oid)"
            " WHERE NOT allowed AND {} ORDER BY 1"
        ).format(sql.SQL(_OPEN)),
        [[]],
    )
    return [name for (name,) in rows]
