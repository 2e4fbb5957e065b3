"""Alarms as rows of a file."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from hypervisor.database.connect import Connection

_PIECE = 5_000  # rows
_ALARMS = """
SELECT a.id, a.rule, a.domain, a.category, a.subject, s.name AS site, s.commune, a.title,
       a.title_fr, a.severity->-1->>1 AS severity, a.since, a.began, a.ended, a.end_reason, a.state
FROM alarm a LEFT JOIN site s ON s.id = a.site
WHERE a.withdrawn IS NULL AND a.began >= %s AND a.began < %s ORDER BY a.began, a.id
"""


def stream_alarms(
    connection: Connection, since: datetime, until: datetime
) -> Iterator[list[dict[str, Any]]]:
    """Alarms that began within a span, by time, in pieces."""
    with connection.cursor(name="alarms", row_factory=dict_row) as cursor:
        cursor.execute(_ALARMS, [since, until])
        while rows := cursor.fetchmany(_PIECE):
            yield rows
