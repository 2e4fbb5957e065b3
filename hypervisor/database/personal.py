"""Personal domains of the catalogue, as the policies of the database know them (schema 0125)."""

import psycopg
from psycopg.rows import TupleRow

from sensors._domain import Catalogue

Connection = psycopg.Connection[TupleRow]


def store_domains(connection: Connection, catalogue: Catalogue) -> None:
    """Have the database know which domains are personal; its sites follow at once.

    A domain that the catalogue does not have stays as it was.
    """
    days = {
        domain.name: domain.retention_days
        for domain in catalogue.domains.values()
        if domain.personal
    }
    connection.execute(
        "INSERT INTO personal_domain (name, retention_days)"
        " SELECT * FROM unnest(%s::text[], %s::integer[])"
        " ON CONFLICT (name) DO UPDATE SET retention_days = EXCLUDED.retention_days"
        " WHERE personal_domain.retention_days <> EXCLUDED.retention_days",
        [list(days), list(days.values())],
    )
    others = [name for name in catalogue.domains if name not in days]
    connection.execute("DELETE FROM personal_domain WHERE name = ANY (%s)", [others])
