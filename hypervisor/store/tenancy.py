"""The two roles as which requests read, what they are granted, and how a connection takes one.

This holds against what our queries forget. It does not hold against foreign SQL: that could take
the owner's role again, or name a hypertable's chunks, for which a table's policies do not hold.
"""

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from hypervisor.accounts.person import Territory

TENANT = "hypervisor_tenant"  # sees what the settings of its session name
WHOLE = "hypervisor_whole"

_FEED = "xid, id, kind, worker, at"  # not `rows`: readings of everybody
Connection = psycopg.Connection[TupleRow]


def prepare(connection: Connection) -> None:
    """Make the roles where they are missing, and let our own user take them. They hold nothing.

    They are of the whole server: another database of it may have made them.
    """
    for role in (TENANT, WHOLE):
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
    """Let the roles read every guarded table: a dump keeps policies, and no grants."""
    rows = connection.execute(
        "SELECT tablename FROM pg_policies WHERE schemaname = 'public' AND policyname = 'whole'"
    ).fetchall()
    roles = sql.SQL(", ").join([sql.Identifier(TENANT), sql.Identifier(WHOLE)])
    for (table,) in rows:
        what = sql.SQL(f"SELECT ({_FEED})" if table == "feed" else "SELECT")
        connection.execute(
            sql.SQL("GRANT {} ON {} TO {}").format(what, sql.Identifier(table), roles)
        )
    if rows:
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(roles))


def become(connection: Connection, territory: Territory) -> None:
    """Let a connection see this territory alone, until `own` or another `become`."""
    role = WHOLE if territory.whole else TENANT
    connection.execute(
        "SELECT set_config('hypervisor.communes', %s::text[]::text, false),"
        " set_config('hypervisor.unplaced', %s, false), set_config('role', %s, false)",
        [
            [] if territory.whole else sorted(territory.communes),
            "on" if territory.unplaced else "off",
            role,
        ],
    )
    connection.commit()  # a rollback would undo it


def own(connection: Connection) -> None:
    """Let a connection be its owner's again."""
    connection.rollback()
    connection.execute(
        "SELECT set_config('role', 'none', false), set_config('hypervisor.communes', '', false),"
        " set_config('hypervisor.unplaced', '', false)"
    )
    connection.commit()
