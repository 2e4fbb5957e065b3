"""SQL of personal data: what its time is over for, and who looked."""

from dataclasses import dataclass
from datetime import datetime

from hypervisor.database.connect import Connection, fetch


@dataclass(frozen=True, kw_only=True)
class Look:
    """Who looked at a home by a route within an hour. `subject`: '*' for a file of all of them."""

    subject: str
    author: str
    way: str
    route: str
    first_at: datetime
    last_at: datetime
    times: int


def list_domains(connection: Connection) -> list[tuple[str, int]]:
    """(name, days of retention) of the personal domains that have sites."""
    rows = connection.execute(
        "SELECT name, retention_days FROM personal_domain p"
        " WHERE EXISTS (SELECT FROM site WHERE personal AND domain = p.name) ORDER BY 1"
    )
    return [(name, days) for name, days in rows]


def forget_domain(
    connection: Connection, domain: str, before: datetime, *, mark: str
) -> tuple[int, int]:
    """Delete what homes of a domain measured, and their ended alarms; how many of both."""
    row = connection.execute(
        "SELECT readings, alarms FROM forget_homes(ARRAY (SELECT id FROM site"
        " WHERE personal AND domain = %s), %s, %s)",
        [domain, before, mark],
    ).fetchone()
    return (0, 0) if row is None else (row[0], row[1])


def find_home(connection: Connection, name: str) -> tuple[int, int] | None:
    """The number of a home and how many of its alarms are active; None: there is no such home."""
    row = connection.execute(
        "SELECT id, (SELECT count(*) FROM alarm WHERE alarm.site = site.id"
        "   AND ended IS NULL AND withdrawn IS NULL)"
        " FROM site WHERE personal AND name = %s",
        [name],
    ).fetchone()
    return None if row is None else (row[0], row[1])


def forget_home(connection: Connection, number: int, *, mark: str) -> tuple[int, int]:
    """Delete all that one home measured, and its ended alarms; how many of both."""
    row = connection.execute(
        "SELECT readings, alarms FROM forget_homes(ARRAY[%s::integer], 'infinity', %s)",
        [number, mark],
    ).fetchone()
    return (0, 0) if row is None else (row[0], row[1])


def list_looks(
    connection: Connection, *, subject: str | None, author: str | None, limit: int
) -> list[Look]:
    """The latest looks, of one home or person if one is named."""
    return fetch(
        connection,
        Look,
        "SELECT subject, author, way, route, first_at, last_at, times FROM personal_look"
        " WHERE (%(subject)s::text IS NULL OR subject IN (%(subject)s, '*'))"
        " AND (%(author)s::text IS NULL OR author = %(author)s)"
        " ORDER BY last_at DESC, subject LIMIT %(limit)s",
        {"subject": subject, "author": author, "limit": limit},
    )


def delete_old_looks(connection: Connection) -> int:
    """Delete looks older than a year; how many."""
    return connection.execute(
        "DELETE FROM personal_look WHERE last_at < clock_timestamp() - interval '1 year'"
    ).rowcount
