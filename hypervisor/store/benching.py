"""What the bench asks of its own database: devices in it, a clean table, and what is there."""

from collections.abc import Iterable, Sequence

from hypervisor.store import feed
from hypervisor.store.connect import Connection, connect


def seed(connection: Connection, devices: Iterable[str], quantities: Sequence[str]) -> None:
    """Devices with these quantities, all at one site."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO site (name, title, domain) VALUES ('bench', 'Bench', 'flood')")
        cursor.executemany(
            "INSERT INTO device (name, site, commissioned)"
            " SELECT %s, id, '2000-01-01+00' FROM site WHERE name = 'bench'",
            [(name,) for name in devices],
        )
        cursor.execute(
            "INSERT INTO series (device, quantity)"
            " SELECT device.id, quantity FROM device, unnest(%s::text[]) AS quantity",
            [list(quantities)],
        )
        feed.append(connection, "registry")


def clear(url: str) -> None:
    """Empty what a run has filled, and have it written out, so that each begins alike."""
    with connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE reading, reading_version, dead_letter")
        connection.execute("DELETE FROM feed WHERE kind <> 'registry'")
        connection.execute("VACUUM feed")
        connection.execute("CHECKPOINT")


def readings(url: str) -> int:
    """How many readings are stored."""
    with connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM reading").fetchone()
    return int(row[0]) if row else 0
