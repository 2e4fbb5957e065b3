"""SQL of the series that agents read on the spot."""

from collections.abc import Sequence

from hypervisor.database.connect import Connection


def list_series(connection: Connection, sites: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """(device, quantity) by site, of the devices in use whose feed is a person."""
    rows = connection.execute(
        "SELECT s.name, d.name, r.quantity FROM site s JOIN device d ON d.site = s.id"
        " JOIN series r ON r.device = d.id"
        " WHERE s.name = ANY (%s) AND d.properties->>'feed' = 'person' AND d.retired IS NULL"
        " ORDER BY s.name, d.name, r.quantity",
        [list(sites)],
    )
    series: dict[str, list[tuple[str, str]]] = {}
    for site, device, quantity in rows:
        series.setdefault(site, []).append((device, quantity))
    return series
