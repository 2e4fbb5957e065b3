"""Roles of accounts: what each holds where, and who changes them."""

from collections.abc import Sequence

from hypervisor.access import queries_places
from hypervisor.access.errors import NoAccountError
from hypervisor.base.duties import Role
from hypervisor.base.person import EVERYWHERE, Grant, Territory
from hypervisor.database.connect import Connection

# An administrator of the only département sees all that one of the whole instance does.
_GRANTS = """
WITH RECURSIVE held AS (
    SELECT r.role, r.area, a.name, a.kind FROM account_role r LEFT JOIN area a ON a.code = r.area
    WHERE r.account = %s
), below AS (
    SELECT area AS root, area AS code FROM held WHERE area IS NOT NULL
    UNION SELECT below.root, area.code FROM area JOIN below ON area.parent = below.code
)
SELECT held.role, held.area, held.name,
       held.area IS NULL OR held.kind = 'departement'
           AND (SELECT count(*) FROM area WHERE kind = 'departement') = 1,
       held.kind = 'departement',
       ARRAY (SELECT code FROM below JOIN area USING (code)
              WHERE root = held.area AND kind = 'commune' ORDER BY code)
FROM held ORDER BY held.area NULLS FIRST,
    array_position(ARRAY['administrator', 'author', 'operator', 'viewer', 'source'], held.role)
"""


def list_grants(connection: Connection, account: int) -> tuple[Grant, ...]:
    """The roles of an account with the communes where each holds."""
    return tuple(
        Grant(
            role=Role(role),
            area=area,
            area_name=name,
            territory=EVERYWHERE
            if whole
            else Territory(unplaced=departement, communes=frozenset(communes)),
        )
        for role, area, name, whole, departement, communes in connection.execute(_GRANTS, [account])
    )


def list_roles(connection: Connection, account: int) -> list[tuple[Role, str | None]]:
    """Its roles, each with the code of its area."""
    rows = connection.execute(
        "SELECT role, area FROM account_role WHERE account = %s ORDER BY role, area", [account]
    )
    return [(Role(role), area) for role, area in rows]


def replace_roles(
    connection: Connection, account: int, roles: Sequence[tuple[Role, str | None]]
) -> None:
    """Give it these roles and no others."""
    connection.execute("DELETE FROM account_role WHERE account = %s", [account])
    for role, area in dict.fromkeys(roles):
        connection.execute(
            "INSERT INTO account_role (account, role, area) VALUES (%s, %s, %s)",
            [account, role.value, area],
        )


def lock_roles(connection: Connection) -> None:
    """Lock all accounts until the transaction's end."""
    connection.execute("LOCK TABLE account_role IN SHARE ROW EXCLUSIVE MODE")


def count_administrators(connection: Connection) -> int:
    """How many accounts in use administer the whole instance."""
    row = connection.execute(
        "SELECT count(DISTINCT a.id) FROM account a JOIN account_role r ON r.account = a.id"
        " WHERE r.role = 'administrator' AND r.area IS NULL AND a.disabled_at IS NULL"
    ).fetchone()
    return int(row[0]) if row else 0


def get_territory(connection: Connection, area: str | None) -> Territory:
    """Where a role given for this area would hold. Raises NoAccountError: no area has that code."""
    if area is None:
        return EVERYWHERE
    territory = queries_places.find_area(connection, area)
    if territory is None:
        raise NoAccountError("no area has the code {area!r}", area)
    return territory


def list_areas(connection: Connection) -> list[tuple[str, str, str, str | None]]:
    """(code, kind, name, parent) of all areas, from the département down, by name."""
    rows = connection.execute(
        "SELECT code, kind, name, parent FROM area"
        " ORDER BY array_position(ARRAY['departement', 'epci', 'commune'], kind), name"
    )
    return [(code, kind, name, parent) for code, kind, name, parent in rows]
