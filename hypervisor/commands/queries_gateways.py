"""SQL of commands by way of gateways: who is behind which, and what waits for them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from hypervisor.commands.gateways import THE_THINGS_STACK, GatewayDevice
from hypervisor.commands.queries import NOW
from hypervisor.commands.wire import OutgoingCommand
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_devices import list_series
from sensors._domain import Catalogue

_DEVICE: LiteralString = (
    "d.name, d.model, d.codec, d.address, d.properties, g.name AS gateway, g.protocol,"
    " g.properties AS gateway_properties FROM device d JOIN gateway g ON g.name = d.gateway"
)
# Single devices before groups, then what runs out first.
FIRST: LiteralString = (
    "c.target NOT LIKE 'device/%%', c.valid_until, c.changed_at, c.drafted_at, c.id"
)
_WAITING = f"""
SELECT id, device, kind, parameters, valid_until, remaining, grouped, gateway FROM (
    SELECT c.id, d.name AS device, c.kind, c.parameters, c.valid_until, d.gateway,
        extract(epoch FROM c.valid_until - n.now)::float8 AS remaining,
        c.target NOT LIKE 'device/%%' AS grouped,
        row_number() OVER (PARTITION BY d.gateway ORDER BY {FIRST}) AS place
    FROM command c JOIN device d ON d.id = c.device, (SELECT {NOW} AS now) n
    WHERE c.state = 'queued' AND c.due_at IS NOT NULL AND c.valid_until > n.now + interval '1 s'
        AND d.gateway IS NOT NULL AND c.id = coalesce(%(only)s, c.id)
        AND (c.kind <> ALL (%(guarded)s) OR c.id = ANY (%(passed)s))) q
WHERE place <= %(most)s ORDER BY place, gateway
"""  # noqa: S608  constants
_TAKE = f"""
INSERT INTO command_relay (command, gateway, taken_at)
SELECT c.id, d.gateway, {NOW} FROM command c JOIN device d ON d.id = c.device
WHERE c.id = ANY (%s) AND d.gateway IS NOT NULL ORDER BY c.id
ON CONFLICT (command) DO NOTHING RETURNING command
"""  # noqa: S608  a constant
# What a device's network server may hold, and what of it is over.
_QUEUED = f"c.state IN ('sent', 'accepted') AND c.valid_until > {NOW}"
_OVER = f"""
SELECT c.id, d.name FROM gateway g JOIN command_relay r ON r.gateway = g.name
JOIN command c ON c.id = r.command JOIN device d ON d.id = c.device
WHERE g.protocol = %s AND r.cleared_at IS NULL AND r.taken_at > {NOW} - interval '2 days'
    AND (c.state = 'superseded' OR c.valid_until <= {NOW}
        AND c.state IN ('sent', 'accepted', 'expired'))
    AND NOT EXISTS (SELECT FROM command o WHERE o.device = c.device AND o.due_at IS NOT NULL
        AND {_QUEUED.replace("c.", "o.")})
ORDER BY c.id LIMIT 20
"""  # noqa: S608  constants


@dataclass(frozen=True, kw_only=True)
class WaitingCommand(OutgoingCommand):
    """A command that waits for its gateway's turn."""

    gateway: str


def list_gateway_devices(connection: Connection, names: Iterable[str]) -> dict[str, GatewayDevice]:
    """Those of these devices that are behind a gateway, by name."""
    with connection.cursor(row_factory=class_row(GatewayDevice)) as cursor:
        query: LiteralString = f"SELECT {_DEVICE} WHERE d.name = ANY (%s)"
        return {row.name: row for row in cursor.execute(query, [list(names)])}


def list_waiting(
    connection: Connection,
    *,
    most: int,
    guarded: Collection[str],
    passed: Collection[UUID],
    only: UUID | None = None,
) -> list[WaitingCommand]:
    """The next commands of each gateway, up to a number of each, in their order.

    `only`: this one alone.
    """
    values = {"most": most, "guarded": list(guarded), "passed": list(passed), "only": only}
    with connection.cursor(row_factory=class_row(WaitingCommand)) as cursor:
        return cursor.execute(_WAITING, values).fetchall()


def note_taken(connection: Connection, keys: Collection[UUID]) -> set[UUID]:
    """The broker has these: those of them that it has for a gateway, now noted."""
    return {key for (key,) in connection.execute(_TAKE, [list(keys)])} if keys else set()


def list_occupied(connection: Connection, names: Iterable[str]) -> set[str]:
    """Those of these devices to which a command is under way that is valid still."""
    query: LiteralString = (
        "SELECT DISTINCT d.name FROM command c JOIN device d ON d.id = c.device"  # noqa: S608
        f" WHERE d.name = ANY (%s) AND c.due_at IS NOT NULL AND {_QUEUED}"
    )
    return {name for (name,) in connection.execute(query, [list(names)])}


def list_over(connection: Connection) -> list[tuple[UUID, str]]:
    """Commands that The Things Stack may hold although they are over, with their devices."""
    return connection.execute(_OVER, [THE_THINGS_STACK]).fetchall()


def note_cleared(connection: Connection, keys: Collection[UUID]) -> None:
    """These are taken out of their queues."""
    query: LiteralString = (
        f"UPDATE command_relay SET cleared_at = {NOW}"  # noqa: S608  a constant
        " WHERE command = ANY (%s) AND cleared_at IS NULL"
    )
    connection.execute(query, [list(keys)])


def read_rate(connection: Connection) -> float | None:
    """How many commands a second the sender gives a gateway; None: it never ran."""
    row = connection.execute("SELECT downlinks_per_second FROM command_sender").fetchone()
    return row[0] if row else None


def list_intervals(
    connection: Connection, catalogue: Catalogue, names: Iterable[str], at: datetime
) -> dict[str, timedelta]:
    """How often these devices send: the shortest interval of what each measures."""
    intervals: dict[str, timedelta] = {}
    for series in list_series(connection, at, devices=list(names)):
        quantity = catalogue.quantities.get(series.quantity)
        if series.interval_s is not None:
            interval = timedelta(seconds=series.interval_s)
        elif quantity is not None:
            interval = quantity.interval
        else:
            continue
        intervals[series.device] = min(interval, intervals.get(series.device, interval))
    return intervals
