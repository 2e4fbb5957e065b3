"""The database roles of requests and readers: their grants, and how a connection takes one.

TENANT and WHOLE run our own SQL: they guard against what our queries forget. Roles that log in and
run SQL of their own (Grafana's) are members of READER or READER_WHOLE.

TimescaleDB extends a grant on a hypertable to its chunks, where the table's policies do not apply.
So roles that are restricted to communes get a hypertable by its columns only, which later chunks do
not inherit; and `reading`, which has no policy, through a view (schema 0016). So do readers of an
area get alarms and reports (`reader_views`).
"""

from collections.abc import Iterator, Mapping
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from hypervisor.base.person import Territory
from hypervisor.database import reader_functions, reader_views

TENANT = "hypervisor_tenant"  # restricted by the settings of its session
WHOLE = "hypervisor_whole"
READER = "hypervisor_reader"  # restricted by the row of who logged in in table `reader`
READER_WHOLE = "hypervisor_reader_whole"
ROLES = (TENANT, WHOLE, READER, READER_WHOLE)
RESTRICTED = (TENANT, READER)
VIEWS = {TENANT: "seen", READER: "shown"}  # the schema of the views, before `public`

# Columns that no reader is granted: they name people, quote them, or may hold a secret. By table;
# empty: the complete table.
WITHHELD: Mapping[str, frozenset[str]] = {
    "alarm": frozenset({"acknowledged", "assignee"}),
    "alarm_act": frozenset({"author", "reason", "details"}),
    "alarm_hold": frozenset({"author", "reason"}),
    "arming": frozenset({"author", "reason"}),
    "attachment": frozenset(),
    "audit": frozenset(),
    "closing": frozenset({"author", "reason"}),
    "codec": frozenset({"author", "script"}),
    "command": frozenset({"author", "reason"}),
    "command_event": frozenset({"who", "why"}),
    "command_override": frozenset({"author", "reason"}),
    "interlock": frozenset({"author", "reason"}),
    "dead_letter": frozenset({"payload"}),
    "delivery": frozenset({"key", "message", "last_error"}),  # messages hold addresses
    "exercise_run": frozenset({"author", "reason"}),
    "expert_forecast": frozenset({"author"}),
    "external_alarm": frozenset(),
    "external_mapping": frozenset(),
    "external_source": frozenset(),
    "feed": frozenset({"rows"}),
    "forecast_skill": frozenset({"author", "reason"}),
    "handover": frozenset(),
    "intervention": frozenset({"title", "description", "address"}),
    "intervention_event": frozenset(),
    "intervention_photo": frozenset(),
    "log_entry": frozenset({"author", "text", "owner"}),
    "personal_look": frozenset(),
    "past_event": frozenset({"author", "note", "withdrawn_by", "withdrawn_reason"}),
    "notify_routes": frozenset(),
    "outbox": frozenset({"key", "body", "reason"}),
    "publication_event": frozenset(),
    "revision": frozenset({"author", "reason"}),
    "team_member": frozenset(),
    "transition": frozenset({"reason"}),
}
_GRANTED_TO_NONE = {"feed": frozenset({"rows"})}  # readings of every commune
Connection = psycopg.Connection[TupleRow]


def prepare(connection: Connection) -> None:
    """Create the roles, without any grant, where they are missing; let our own user take them.

    Roles belong to the server: another database of it may have created them.
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
    """Grant the roles what they may read, and nothing else; a dump contains no grants."""
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
        for chunk in chunks.get(table, ()):  # existing ones got the columns, too
            connection.execute(
                sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.SQL(chunk), _names(RESTRICTED))
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
    # Of everybody's rows, so for our own SQL alone (schema 0040).
    connection.execute(
        sql.SQL("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {} TO {}").format(
            sql.Identifier(VIEWS[TENANT]), sql.Identifier(TENANT)
        )
    )
    shut(connection)


def shut(connection: Connection) -> None:
    """Let only roles connect that are granted it by name, and none create temporary tables.

    Of every database that is ours, also the server's `postgres` and `template1`: readers would find
    there all that they cannot do here.
    """
    connection.execute(_SHUT)


_SHUT = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT datname FROM pg_database d WHERE pg_has_role(d.datdba, 'USAGE')
        AND (d.datname = current_database() OR d.datdba = current_user::regrole)
        AND EXISTS (SELECT FROM aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a
            WHERE a.grantee = 0)
    LOOP
        BEGIN
            EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', name);
        EXCEPTION WHEN internal_error THEN NULL;  -- another migration just did it
        END;
    END LOOP;
END $$
"""


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
    """What a role is granted of a table: all of it, some columns, or nothing."""
    reads = role in {READER, READER_WHOLE}
    if (table == "reading" and role in RESTRICTED) or (
        reads and WITHHELD.get(table) == frozenset()
    ):
        return
    if table in reader_views.FENCED and role == READER:
        return
    without = (WITHHELD if reads else _GRANTED_TO_NONE).get(table, frozenset())
    if without or (parted and role in RESTRICTED):
        left = [sql.Identifier(column) for column in columns if column not in without]
        yield sql.SQL("SELECT ({})").format(sql.SQL(", ").join(left))
    else:
        yield sql.SQL("SELECT")


def _names(roles: tuple[str, ...]) -> sql.Composable:
    return sql.SQL(", ").join([sql.Identifier(role) for role in roles])


def computed_first(expression: LiteralString, alias: LiteralString) -> LiteralString:
    """A join that computes `alias.key` before it is looked up in a table with a policy.

    Conditions that are not leakproof, such as one with `||`, are evaluated after the policy: then
    the complete table would be read for each row.
    """
    return f"CROSS JOIN LATERAL (SELECT {expression} AS key OFFSET 0) AS {alias}"


def search_path(role: str) -> str:
    """The search path of a role."""
    return f"{VIEWS[role]}, public" if role in VIEWS else "public"


# Somebody of the whole instance is restricted only where there is something that they do not see.
_BECOME = """
SELECT set_config('hypervisor.communes', %(communes)s::text[]::text, false),
    set_config('hypervisor.unplaced', %(unplaced)s, false),
    set_config('hypervisor.public', %(public)s, false),
    set_config('hypervisor.personal', %(personal)s::text[]::text, false),
    set_config('hypervisor.everywhere', CASE WHEN %(whole)s THEN 'on' ELSE 'off' END, false),
    set_config('role', CASE WHEN free THEN %(whole_role)s ELSE %(tenant)s END, false),
    set_config('search_path', CASE WHEN free THEN %(whole_path)s ELSE %(path)s END, false)
FROM (SELECT %(whole)s
    AND (%(everything)s OR NOT EXISTS (SELECT FROM site WHERE personal))) a (free)
"""


def become(connection: Connection, territory: Territory) -> None:
    """Restrict an owner's connection to a territory, until `own`."""
    personal = territory.personal
    connection.execute(
        _BECOME,
        {
            "communes": [] if territory.whole else sorted(territory.communes),
            "unplaced": "on" if territory.unplaced else "off",
            "public": "on" if territory.public else "off",
            "personal": _list_personal(personal),
            "whole": territory.whole,
            "everything": territory.whole and personal is not None and personal.whole,
            "whole_role": WHOLE,
            "tenant": TENANT,
            "whole_path": search_path(WHOLE),
            "path": search_path(TENANT),
        },
    )
    connection.commit()  # a rollback would undo it


def _list_personal(territory: Territory | None) -> list[str]:
    """As `tenant_personal` (schema 0125) has it."""
    if territory is None:
        return []
    everywhere = ["*"] if territory.whole else []
    return [*everywhere, *([""] if territory.unplaced else []), *sorted(territory.communes)]


def sees_everything(connection: Connection) -> bool:
    """Whether a connection after `become` is restricted in nothing."""
    row = connection.execute("SELECT current_user = %s", [WHOLE]).fetchone()
    return bool(row and row[0])


def own(connection: Connection) -> None:
    """Lift the restriction of a connection."""
    connection.rollback()
    connection.execute(
        "RESET ROLE; RESET hypervisor.communes; RESET hypervisor.unplaced;"
        " RESET hypervisor.public; RESET hypervisor.personal; RESET hypervisor.everywhere;"
        " RESET search_path",
        prepare=False,  # several statements in one round trip: none can be prepared
    )
    connection.commit()
