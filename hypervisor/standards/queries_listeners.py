"""Which series a listener may hear of, and where series belong."""

from collections.abc import Sequence

from hypervisor.base.person import Territory
from hypervisor.database import tenancy
from hypervisor.database.connect import Connection


def find_sites(connection: Connection, series: Sequence[int]) -> dict[int, int]:
    """The numbers of the sites of series; personal ones are sent to no listener."""
    rows = connection.execute(
        "SELECT r.id, d.site FROM series r JOIN device d ON d.id = r.device"
        " JOIN site s ON s.id = d.site WHERE r.id = ANY (%s) AND NOT s.personal",
        [list(series)],
    )
    return dict(rows.fetchall())


def list_datastreams(connection: Connection, territory: Territory) -> list[str]:
    """The Datastreams of readings that somebody with this territory hears of, by name."""
    tenancy.become(connection, territory)
    try:
        rows = connection.execute(
            "SELECT d.name || ':' || r.quantity FROM series r JOIN device d ON d.id = r.device"
            " JOIN site s ON s.id = d.site WHERE NOT s.personal ORDER BY 1"
        ).fetchall()
    finally:
        tenancy.own(connection)
    return [name for (name,) in rows]
