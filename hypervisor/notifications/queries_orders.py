"""SQL of work orders that teams are notified of."""

from hypervisor.database.connect import Connection


def is_assigned(connection: Connection, order: int, team: str) -> bool:
    """Whether a work order waits for this team, which has not taken it yet."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM intervention i JOIN team t ON t.id = i.team"
        " WHERE i.id = %s AND t.name = %s AND i.state = 'assigned')",
        [order, team],
    ).fetchone()
    return bool(row and row[0])


def is_at_home(connection: Connection, order: int) -> bool:
    """Whether a work order is at somebody's home."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM intervention i JOIN site ON site.id = i.site"
        " WHERE i.id = %s AND site.personal)",
        [order],
    ).fetchone()
    return bool(row and row[0])
