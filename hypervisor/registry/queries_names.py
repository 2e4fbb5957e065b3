"""Names of sites that fit what somebody types."""

from hypervisor.database.connect import Connection

MOST = 40  # more than that nobody reads below a field

_FITTING = """
SELECT name, title FROM site
WHERE position(lower(%(typed)s) IN lower(name || ' ' || title)) > 0
ORDER BY NOT starts_with(lower(name), lower(%(typed)s)), river NULLS LAST, river_order, name
LIMIT %(most)s
"""


def sites(connection: Connection, typed: str = "") -> list[tuple[str, str]]:
    """(name, title) of those that fit, first whose name begins so; of all in river order."""
    rows = connection.execute(_FITTING, {"typed": typed, "most": MOST})
    return [(name, title) for name, title in rows]
