"""A small territory with something at each boundary of time that a page's question has."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection
from sensors._quality import Quality

NOW = datetime(2024, 1, 1, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
SUSPECT = int(Quality.SUSPECT) & -int(Quality.SUSPECT)  # one of the flags

# Areas, and sites from the source down: two on the Orge, one elsewhere, one nowhere.
_PLACES = """
INSERT INTO area (code, kind, name, parent, lon, lat) VALUES
    ('91', 'departement', 'Essonne', NULL, NULL, NULL), ('2', 'epci', 'Nord', '91', NULL, NULL),
    ('91001', 'commune', 'Bourg', '2', 2.0, 48.5), ('91002', 'commune', 'Amont', '91', NULL, NULL);
INSERT INTO site (name, title, domain, commune, lon, lat, river, river_order, illustrative) VALUES
    ('mill', 'Mill', 'flood', '91001', 2.0, 48.5, 'Orge', 2, false),
    ('source', 'Source', 'flood', '91002', 2.1, 48.4, 'Orge', 1, true),
    ('square', 'Square', 'lighting', '91001', 2.0, 48.6, NULL, NULL, false),
    ('nowhere', 'Nowhere', 'weather', NULL, NULL, NULL, NULL, NULL, false);
INSERT INTO gateway (name, title, protocol) VALUES ('roof', 'On the roof', 'senml');
INSERT INTO device_group (name, title, kind, site) SELECT 'cab', 'Cabinet', 'cabinet', id
    FROM site WHERE name = 'square';
INSERT INTO device_group (name, title, kind) VALUES ('loose', 'Others', 'other');
"""


def make_places(connection: Connection) -> None:
    """Areas, sites, a gateway and two groups, of an instance."""
    connection.execute("INSERT INTO instance (mode, name) VALUES ('live', 'test')")
    connection.execute(_PLACES)


def add_device(
    connection: Connection,
    name: str,
    site: str,
    *quantities: str,
    commissioned: datetime = NOW - 100 * HOUR,
    retired: datetime | None = None,
) -> dict[str, int]:
    """A device of a site; its series by quantity."""
    (number,) = connection.execute(
        "INSERT INTO device (name, site, commissioned, retired)"
        " VALUES (%s, (SELECT id FROM site WHERE name = %s), %s, %s) RETURNING id",
        [name, site, commissioned, retired],
    ).fetchone() or (0,)
    return {
        quantity: (
            connection.execute(
                "INSERT INTO series (device, quantity) VALUES (%s, %s) RETURNING id",
                [number, quantity],
            ).fetchone()
            or (0,)
        )[0]
        for quantity in quantities
    }


def revise(
    connection: Connection, kind: str, key: str, value: Any, effective: datetime = NOW - 9 * HOUR
) -> None:
    """Say something from a time on; None withdraws it."""
    connection.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason)"
        " VALUES (%s, %s, %s, %s, 'ann', 'test')",
        [kind, key, None if value is None else Jsonb(value), effective],
    )


def revise_around(connection: Connection, kind: str, key: str, *values: Any) -> None:
    """Three values: one until NOW, one recorded last for just then, one from a tick later on."""
    before, held, after = values
    revise(connection, kind, key, after, NOW + TICK)
    revise(connection, kind, key, before, NOW)
    revise(connection, kind, key, held, NOW)
    revise(connection, kind, key, before)


def store(
    connection: Connection, series: int, rows: Sequence[tuple[datetime, float | None, int]]
) -> None:
    """Readings (time, value, quality) of a series, each received as it was measured."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(series, time, time, value, quality) for time, value, quality in rows],
        )


def raise_alarm(  # noqa: PLR0913  what an alarm has
    connection: Connection,
    rule: str,
    site: str | None,
    *,
    severity: str = "minor",
    ended: datetime | None = None,
    acknowledged: str | None = None,
    withdrawn: datetime | None = None,
    stale: Sequence[tuple[datetime, datetime | None]] = (),
) -> int:
    """An alarm that began an hour ago; its number."""
    began = NOW - HOUR
    spans = [[a.isoformat(), None if b is None else b.isoformat()] for a, b in stale]
    (number,) = connection.execute(
        "INSERT INTO alarm (rule, subject, site, since, began, ended, severity, stale, title,"
        " noticed_at, changed_at, acknowledged, withdrawn)"
        " VALUES (%s, %s, (SELECT id FROM site WHERE name = %s), %s, %s, %s, %s, %s, %s, %s, %s,"
        " %s, %s) RETURNING id",
        [
            *(rule, site or "device/lost", site, began, began, ended),
            Jsonb([[began.isoformat(), "info"], [began.isoformat(), severity]]),
            *(Jsonb(spans), f"{rule} at {site}", began, began, acknowledged, withdrawn),
        ],
    ).fetchone() or (0,)
    return int(number)


def hold(connection: Connection, rule: str, subject: str, until: datetime | None) -> None:
    """Silence a rule there, until a time or (None) for good."""
    connection.execute(
        "INSERT INTO alarm_hold (rule, subject, kind, since, until, author, reason)"
        " VALUES (%s, %s, %s, %s, %s, 'ann', 'test')",
        [rule, subject, "out-of-service" if until is None else "shelved", NOW - HOUR, until],
    )
