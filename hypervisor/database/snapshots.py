"""One snapshot for several connections: what one transaction sees, another sees too."""

from psycopg import sql

from hypervisor.database.connect import Connection


def exported(connection: Connection) -> str:
    """The name of this transaction's snapshot; it can be joined while the transaction is open."""
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    return str(row[0]) if row else ""


def join(connection: Connection, snapshot: str) -> None:
    """See what the other transaction sees, in this one, which must be new."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
