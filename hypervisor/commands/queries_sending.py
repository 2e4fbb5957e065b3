"""SQL of the sender: what is due, what the broker and readings say, what has run out."""

from collections.abc import Collection
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from hypervisor.base.translation import mark
from hypervisor.commands.model import SENDER, CommandState
from hypervisor.commands.queries import NOW
from hypervisor.commands.queries_gateways import FIRST
from hypervisor.commands.wire import OutgoingCommand
from hypervisor.database.connect import Connection
from hypervisor.database.quality import is_suspect

CHANNEL = "hypervisor_command"  # NOTIFY wakes the sender

# Rows that another transaction holds are left to the next look, so that there is no deadlock.
_SEND = f"""
WITH due AS (
    SELECT c.id, c.kind, c.parameters, c.valid_until, d.name AS device, n.now,
        extract(epoch FROM c.valid_until - n.now)::float8 AS remaining,
        c.target NOT LIKE 'device/%%' AS grouped
    FROM command c JOIN device d ON d.id = c.device, (SELECT {NOW} AS now) n
    WHERE c.state = 'queued' AND c.due_at IS NOT NULL AND c.valid_until > n.now + interval '1 s'
        AND (c.kind <> ALL (%(guarded)s) OR c.id = ANY (%(passed)s))
        AND (d.gateway IS NULL OR c.id = ANY (%(ready)s))
        AND (%(only)s::uuid IS NULL OR c.id = %(only)s)
    ORDER BY {FIRST} LIMIT %(most)s FOR UPDATE OF c SKIP LOCKED),
sent AS (
    INSERT INTO command_event (command, to_state, at, who, why, broker)
    SELECT id, 'sent', now, %(who)s, '', %(broker)s FROM due RETURNING command)
SELECT id, device, kind, parameters, valid_until, remaining, grouped
FROM due JOIN sent ON command = id ORDER BY grouped, remaining, id
"""  # noqa: S608  constants
# Why a state ends by itself.
OVER: dict[CommandState, tuple[CommandState, str]] = {
    CommandState.DRAFTED: (
        CommandState.EXPIRED,
        mark("nobody countersigned it while it was valid"),
    ),
    CommandState.QUEUED: (CommandState.EXPIRED, mark("it could not be sent while it was valid")),
    CommandState.SENT: (
        CommandState.EXPIRED,
        mark("the broker was lost while it was sent: whether the device got it is not known"),
    ),
    CommandState.ACCEPTED: (
        CommandState.EXPIRED,
        mark("the device did not acknowledge it while it was valid"),
    ),
    CommandState.ACKNOWLEDGED: (
        CommandState.FAILED,
        mark("the device acknowledged it, but no reading has confirmed it in time"),
    ),
}
_UNSENT_BY_NETWORK = mark("the network server did not say that it sent it")
_EXPIRE = f"""
INSERT INTO command_event (command, to_state, at, who, why)
SELECT id, %(to_state)s, now, %(who)s, CASE WHEN %(state)s = 'sent'
    AND EXISTS (SELECT FROM command_relay r WHERE r.command = id) THEN %(relayed)s ELSE %(why)s END
FROM (
    SELECT c.id, n.now FROM command c, (SELECT {NOW} AS now) n
    WHERE c.state = %(state)s AND c.due_at <= n.now AND (%(only)s::uuid IS NULL OR c.id = %(only)s)
    ORDER BY c.id FOR UPDATE OF c SKIP LOCKED) over
RETURNING command
"""  # noqa: S608  a constant
# A device's clock may lag behind ours a little; but what was measured before arrived before.
_CONFIRM = f"""
INSERT INTO command_event (command, to_state, at, who, why)
SELECT shown.id, 'confirmed', {NOW}, 'device/' || shown.device,
    shown.quantity || ' ' || shown.value FROM (
    SELECT c.id, d.name AS device, c.quantity, r.value
    FROM command c JOIN device d ON d.id = c.device
    JOIN series s ON s.device = c.device AND s.quantity = c.quantity
    CROSS JOIN LATERAL (SELECT value FROM reading WHERE series_id = s.id
        AND time >= c.sent_at - interval '5 s' AND time <= c.due_at
        AND received_at >= c.sent_at AND value BETWEEN c.low AND c.high
        AND NOT ({is_suspect()}) ORDER BY time LIMIT 1) r
    WHERE (c.state IN ('accepted', 'acknowledged') OR c.state = 'sent'
        AND EXISTS (SELECT FROM command_relay taken WHERE taken.command = c.id))
        AND c.due_at IS NOT NULL AND (%(only)s::uuid IS NULL OR c.id = %(only)s)
    ORDER BY c.id FOR UPDATE OF c SKIP LOCKED) shown
RETURNING command
"""  # noqa: S608  constants


def send_due(  # noqa: PLR0913  what limits it
    connection: Connection,
    broker: str,
    *,
    most: int,
    guarded: Collection[str] = (),
    passed: Collection[UUID] = (),
    ready: Collection[UUID] = (),
    only: UUID | None = None,
) -> list[OutgoingCommand]:
    """Mark the next commands as sent, in a transaction: a row that cannot be read undoes it.

    Of the `guarded` kinds only those that have `passed` their interlocks; of those by way of a
    gateway only what is `ready`. `only`: this one alone.
    """
    values = {"most": most, "broker": broker, "who": SENDER}
    limits = {"guarded": list(guarded), "passed": list(passed), "ready": list(ready), "only": only}
    with (
        connection.transaction(),
        connection.cursor(row_factory=class_row(OutgoingCommand)) as cursor,
    ):
        return cursor.execute(_SEND, values | limits).fetchall()


def list_open(connection: Connection, *, most: int | None = None) -> list[UUID]:
    """The commands whose life is not over, what is queued first and then what ends first."""
    rows = connection.execute(
        "SELECT id FROM command WHERE due_at IS NOT NULL"
        " ORDER BY state <> 'queued', valid_until, id LIMIT %s",
        [most],
    )
    return [key for (key,) in rows]


def list_doubtful(connection: Connection) -> list[tuple[UUID, str, bool, int]]:
    """What was sent without an answer.

    Its key, the broker's start, whether it is still valid, how often it was sent.
    """
    query: LiteralString = (
        f"SELECT id, broker, valid_until > {NOW}, (SELECT count(*) FROM command_event e"  # noqa: S608  a constant
        " WHERE e.command = command.id AND e.to_state = 'sent') FROM command"
        " WHERE state = 'sent' AND due_at IS NOT NULL AND NOT EXISTS"
        " (SELECT FROM command_relay r WHERE r.command = id) ORDER BY id"
    )
    return connection.execute(query).fetchall()


def end_overdue(connection: Connection, only: UUID | None = None) -> int:
    """End the states whose time is over; how many. `only`: of this one alone."""
    ended = 0
    for state, (to_state, why) in OVER.items():
        values = {"state": state.value, "to_state": to_state.value, "why": why, "who": SENDER}
        values["relayed"] = _UNSENT_BY_NETWORK
        ended += connection.execute(_EXPIRE, values | {"only": only}).rowcount
    return ended


def confirm(connection: Connection, only: UUID | None = None) -> int:
    """Confirm the commands that a stored reading shows; how many. `only`: this one alone."""
    return connection.execute(_CONFIRM, {"only": only}).rowcount


def note_sender(connection: Connection, broker: str | None, *, per_second: float) -> None:
    """The sender is there. `broker`: the start of the broker that it is connected to.

    `per_second`: how many commands it gives a gateway.
    """
    connection.execute(
        "INSERT INTO command_sender (seen_at, broker, downlinks_per_second)"
        " VALUES (clock_timestamp(), %s, %s) ON CONFLICT (id) DO UPDATE SET"
        " (seen_at, broker, downlinks_per_second) ="
        " (EXCLUDED.seen_at, EXCLUDED.broker, EXCLUDED.downlinks_per_second)",
        [broker, per_second],
    )


def drain_notifications(connection: Connection) -> list[str]:
    """The channels that have woken us."""
    return [notification.channel for notification in connection.notifies(timeout=0)]
