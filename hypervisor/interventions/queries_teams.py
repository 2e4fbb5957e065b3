"""SQL of teams and their members."""

from psycopg.rows import dict_row

from hypervisor.database.connect import Connection
from hypervisor.interventions.model import Team

_TEAMS = """
SELECT t.id, t.name, t.title, t.area, t.communes, t.lon, t.lat, t.retired_at, ARRAY (
    SELECT a.name FROM team_member m JOIN account a ON a.id = m.account
    WHERE m.team = t.id AND a.disabled_at IS NULL ORDER BY a.name) AS members
FROM team t WHERE %(name)s::text IS NULL OR t.name = %(name)s ORDER BY t.title, t.name
"""


def list_teams(connection: Connection, *, name: str | None = None) -> list[Team]:
    """Teams by title; only the owner reads their members."""
    rows = connection.cursor(row_factory=dict_row).execute(_TEAMS, {"name": name})
    return [
        Team(
            **{
                **row,
                "communes": None if row["communes"] is None else tuple(row["communes"]),
                "members": tuple(row["members"]),
            }
        )
        for row in rows
    ]


def list_titles(connection: Connection, *, retired: bool = False) -> dict[str, str]:
    """Title by name of the teams that this connection sees; `retired`: also former ones."""
    rows = connection.execute(
        "SELECT name, title FROM team WHERE retired_at IS NULL OR %s ORDER BY title, name",
        [retired],
    )
    return dict(rows.fetchall())


def find_number(connection: Connection, name: str) -> int:
    """The number of a team that exists."""
    (row,) = connection.execute("SELECT id FROM team WHERE name = %s", [name])
    return int(row[0])


def lock_teams(connection: Connection) -> None:
    """Let no other transaction change teams until this one ends."""
    connection.execute("LOCK TABLE team IN SHARE ROW EXCLUSIVE MODE")


def store_team(connection: Connection, team: Team) -> None:
    """Make a team, or give the one of its name all these fields and members."""
    communes = None if team.communes is None else list(team.communes)
    row = connection.execute(
        "INSERT INTO team (name, title, area, communes, lon, lat, retired_at)"
        " VALUES (%(name)s, %(title)s, %(area)s, %(communes)s, %(lon)s, %(lat)s, %(retired_at)s)"
        " ON CONFLICT (name) DO UPDATE SET title = EXCLUDED.title, area = EXCLUDED.area,"
        " communes = EXCLUDED.communes, lon = EXCLUDED.lon, lat = EXCLUDED.lat,"
        " retired_at = EXCLUDED.retired_at RETURNING id",
        {**vars(team), "communes": communes},
    ).fetchone()
    number = row[0] if row else 0
    connection.execute("DELETE FROM team_member WHERE team = %s", [number])
    connection.execute(
        "INSERT INTO team_member (team, account) SELECT %s, id FROM account WHERE name = ANY (%s)",
        [number, list(team.members)],
    )
