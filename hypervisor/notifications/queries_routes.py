"""The routes file, and the names that it may use."""

from collections.abc import Sequence

from hypervisor.database.connect import Connection
from hypervisor.database.documents import Document

ROUTES = Document(table="notify_routes", kind="routes")  # the file of routes


def read_names(
    connection: Connection,
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names of areas (with codes), of sites and of rules."""
    rows = connection.execute(
        "SELECT 1, code FROM area UNION SELECT 1, name FROM area UNION SELECT 2, name FROM site"
        " UNION SELECT 3, key FROM revision WHERE kind = 'rule'"
    ).fetchall()
    areas, sites, rules = (
        frozenset(name for kind, name in rows if kind == part) for part in (1, 2, 3)
    )
    return areas, sites, rules


def list_teams(connection: Connection) -> frozenset[str]:
    """The teams that take work orders."""
    rows = connection.execute("SELECT name FROM team WHERE retired_at IS NULL")
    return frozenset(name for (name,) in rows)


def list_external_rules(connection: Connection) -> frozenset[str]:
    """The rule of each source of external alarms. The owner reads accounts, a reader may not."""
    rows = connection.execute(
        "SELECT 'external/' || name FROM account JOIN account_role r ON r.account = account.id"
        " WHERE r.role = 'source'"
    )
    return frozenset(rule for (rule,) in rows)


def read_names_around(
    connection: Connection, communes: Sequence[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Codes and names of these communes and of what contains them; the names of their sites."""
    rows = connection.execute(
        "WITH RECURSIVE up AS (SELECT code, name, parent FROM area WHERE code = ANY(%(communes)s)"
        " UNION SELECT area.code, area.name, area.parent FROM area JOIN up ON area.code ="
        " up.parent) SELECT true, code FROM up UNION SELECT true, name FROM up"
        " UNION SELECT false, name FROM site WHERE commune = ANY(%(communes)s)",
        {"communes": list(communes)},
    ).fetchall()
    areas, sites = (
        frozenset(name for is_area, name in rows if is_area is kind) for kind in (True, False)
    )
    return areas, sites
