"""SQL of subscriptions: requests, confirmations, and what is to be sent by mail and push."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from hypervisor.database.connect import Connection, fetch

ChannelName = Literal["mail", "push"]
UNCONFIRMED = timedelta(hours=48)
_REPEAT = timedelta(hours=1)  # between two requests to confirm the same subscription
_A_DAY = 10  # requests to confirm that an address receives
_LEASE = timedelta(minutes=5)  # that a sender may hold a delivery
TRIES = 8  # of a delivery; one in which the sender died counts
DEATHS = 4  # of senders, after which a delivery is suspected: suspects go apart from the others
_DIED = "the sender died while it sent this, or ended"
_KEPT = timedelta(days=30)  # what was sent

# A second request within the hour, and the eleventh of a day, change nothing.
_REQUEST = """
WITH made AS (
    INSERT INTO subscription AS s (channel, digest, address, destination, commune, language)
    SELECT %(channel)s, %(digest)s, %(address)s, %(destination)s, %(commune)s, %(language)s
    WHERE (SELECT count(*) FROM subscription_request WHERE mailbox = %(mailbox)s
           AND requested_at > now() - INTERVAL '1 day') < %(a_day)s
    ON CONFLICT (digest, commune) DO UPDATE SET requested_at = now(), language = EXCLUDED.language
        WHERE s.requested_at < now() - %(repeat)s
    RETURNING id),
counted AS (INSERT INTO subscription_request (mailbox) SELECT %(mailbox)s FROM made)
SELECT id FROM made
"""
# Two requests at the same time are counted one after the other.
_TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtextextended(encode(%s, 'hex'), 0))"
_ASK = """
INSERT INTO subscription_delivery AS m (subscription, message) VALUES (%s, 0)
ON CONFLICT (subscription, message) DO UPDATE
    SET due_at = now(), attempts = 0, deaths = 0, sent_at = NULL, given_up_at = NULL
"""
# One delivery an address, whatever number of its communes the message concerns.
_FAN_OUT = """
WITH progress AS (SELECT message FROM subscription_progress FOR UPDATE),
fresh AS (
    SELECT m.id, m.concerned, m.status, m.kind, m.expires FROM publication_message m
    WHERE m.id > (SELECT message FROM progress)),
made AS (
    INSERT INTO subscription_delivery (subscription, message)
    SELECT DISTINCT ON (f.id, s.digest) s.id, f.id
    FROM fresh f JOIN subscription s ON s.commune = ANY (f.concerned)
    WHERE s.confirmed_at IS NOT NULL AND f.status = 'Actual'
        AND (f.expires > %(now)s OR f.kind = 'Cancel')
        AND (SELECT mode FROM instance) = 'live'
    ORDER BY f.id, s.digest, s.id
    ON CONFLICT DO NOTHING RETURNING 1),
done AS (
    UPDATE subscription_progress SET message = (SELECT max(id) FROM fresh)
    WHERE EXISTS (SELECT FROM fresh))
SELECT count(*) FROM made
"""
# A subscriber's messages go out in their order: no warning after its end. `error` NULL with an
# attempt: a sender has it, or died with it. What has failed more often waits behind what has not;
# what was put back untried has not failed.
_DUE = """
FROM subscription_delivery d JOIN subscription o ON o.id = d.subscription
WHERE o.channel = %(channel)s AND (d.message > 0) = %(warnings)s
    AND d.sent_at IS NULL AND d.given_up_at IS NULL AND d.due_at <= now()
    AND d.attempts < %(tries)s AND (o.destination IS NULL OR o.destination <> ALL (%(full)s))
    AND NOT EXISTS (SELECT FROM subscription_delivery e WHERE e.subscription = d.subscription
        AND e.message > 0 AND e.message < d.message AND e.sent_at IS NULL
        AND e.given_up_at IS NULL)
"""
# Of how many senders a delivery may have been the end.
_DEATHS_OF = "d.deaths + (d.attempts > 0 AND d.error IS NULL)::int"
_CLAIM = f"""
WITH picked AS MATERIALIZED (
    SELECT d.id {_DUE} AND CASE WHEN %(died)s::int IS NULL THEN {_DEATHS_OF} < %(deaths)s
        ELSE {_DEATHS_OF} = %(died)s END
    ORDER BY CASE WHEN d.error IS NULL THEN 0 ELSE d.attempts END, d.id
    LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED)
UPDATE subscription_delivery m SET due_at = now() + %(lease)s, attempts = attempts + 1,
    deaths = deaths + (attempts > 0 AND error IS NULL)::int, error = NULL
FROM picked p, subscription s WHERE m.id = p.id AND s.id = m.subscription
RETURNING m.id, m.message, m.attempts, m.deaths, s.id AS subscription, s.address, s.destination,
    s.commune, s.language, (SELECT name FROM area WHERE code = s.commune) AS commune_name
"""  # noqa: S608  constants
_FIND_SUSPECTS = f"SELECT min({_DEATHS_OF}) {_DUE} AND {_DEATHS_OF} >= %(deaths)s"
_GIVE_UP_TRIED = """
UPDATE subscription_delivery d SET given_up_at = now(), error = coalesce(error, %(died)s)
FROM subscription s WHERE s.id = d.subscription AND s.channel = %(channel)s
    AND d.sent_at IS NULL AND d.given_up_at IS NULL AND d.due_at <= now()
    AND d.attempts >= %(tries)s
"""
_RELEASE = """
UPDATE subscription_delivery d SET due_at = now() FROM subscription s
WHERE s.id = d.subscription AND s.channel = %s AND d.sent_at IS NULL AND d.given_up_at IS NULL
    AND d.attempts > 0 AND d.error IS NULL AND d.due_at > now()
"""
# What no longer held is none that failed.
_COUNT = """
SELECT channel,
    (SELECT count(DISTINCT digest) FROM subscription
        WHERE channel = c.channel AND confirmed_at IS NOT NULL) AS confirmed,
    (SELECT count(*) FROM subscription
        WHERE channel = c.channel AND confirmed_at IS NULL) AS unconfirmed,
    d.waiting, d.late, d.given_up, d.error
FROM (VALUES ('mail'), ('push')) c (channel), LATERAL (
    SELECT count(*) FILTER (WHERE sent_at IS NULL AND given_up_at IS NULL) AS waiting,
        max(now() - due_at) FILTER (WHERE sent_at IS NULL AND given_up_at IS NULL) AS late,
        count(*) FILTER (WHERE failed) AS given_up, max(error) FILTER (WHERE failed) AS error
    FROM subscription_delivery JOIN subscription s ON s.id = subscription,
        LATERAL (SELECT given_up_at > now() - INTERVAL '30 days'
            AND error <> 'it no longer holds' AS failed) f
    WHERE s.channel = c.channel) d
ORDER BY channel
"""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Subscribers, and deliveries by state. `late`: how long the first is due. `error`: of one."""

    channel: ChannelName
    confirmed: int
    unconfirmed: int
    waiting: int
    late: timedelta | None
    given_up: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class NewSubscription:
    """A request. `digest`: of the address, `mailbox`: of all addresses of its person.

    `address`: encrypted; `destination`: host and port of a push service.
    """

    channel: ChannelName
    digest: bytes
    mailbox: bytes
    address: bytes
    destination: str | None
    commune: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What this process sends. `message` 0: the request to confirm. `address`: encrypted.

    `attempts`: with this one; `deaths`: of senders that had it; `destination` None: not read yet.
    """

    id: int
    message: int
    attempts: int
    deaths: int
    subscription: int
    address: bytes
    destination: str | None
    commune: str
    language: str
    commune_name: str | None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A try that failed, and when to try again."""

    delivery: int
    error: str
    wait: timedelta


def request_subscription(connection: Connection, new: NewSubscription) -> None:
    """Enter a request and have its confirmation asked for; not more often than is decent."""
    connection.execute(_TAKE_TURN, [new.mailbox])
    row = connection.execute(_REQUEST, vars(new) | {"a_day": _A_DAY, "repeat": _REPEAT}).fetchone()
    if row is not None:
        connection.execute(_ASK, [row[0]])


def find_commune(connection: Connection, subscription: int) -> str | None:
    """The commune of a subscription; None: there is no such subscription."""
    row = connection.execute(
        "SELECT commune FROM subscription WHERE id = %s AND (confirmed_at IS NOT NULL"
        " OR requested_at > now() - %s)",
        [subscription, UNCONFIRMED],
    ).fetchone()
    return None if row is None else str(row[0])


def confirm(connection: Connection, subscription: int) -> bool:
    """Confirm it, also again; False: it is too late, or there is none."""
    return bool(
        connection.execute(
            "UPDATE subscription SET confirmed_at = coalesce(confirmed_at, now()) WHERE id = %s"
            " AND (confirmed_at IS NOT NULL OR requested_at > now() - %s)",
            [subscription, UNCONFIRMED],
        ).rowcount
    )


def delete_address(connection: Connection, subscription: int) -> None:
    """Delete all subscriptions of this one's address, with what is to be sent."""
    connection.execute(
        "DELETE FROM subscription WHERE digest = (SELECT digest FROM subscription WHERE id = %s)",
        [subscription],
    )


def delete_digest(connection: Connection, digest: bytes) -> None:
    """Delete all subscriptions of an address, with what is to be sent."""
    connection.execute("DELETE FROM subscription WHERE digest = %s", [digest])


def delete_old(connection: Connection) -> None:
    """Delete what was not confirmed in time, and what was sent long ago."""
    connection.execute(
        "DELETE FROM subscription WHERE confirmed_at IS NULL AND requested_at < now() - %s",
        [UNCONFIRMED],
    )
    connection.execute("DELETE FROM subscription_delivery WHERE sent_at < now() - %s", [_KEPT])
    connection.execute(
        "DELETE FROM subscription_request WHERE requested_at < now() - INTERVAL '1 day'"
    )


def fan_out(connection: Connection, now: datetime) -> int:
    """Make the deliveries of newly published messages that still hold; how many."""
    row = connection.execute(_FAN_OUT, {"now": now}).fetchone()
    made = int(row[0]) if row else 0
    if made:
        analyze(connection)
    return made


def analyze(connection: Connection) -> None:
    """Have the planner see thousands of new rows now, not a minute later: a claim took seconds."""
    connection.execute("ANALYZE subscription, subscription_delivery")


def give_up_tried(connection: Connection, channel: ChannelName) -> int:
    """Give up what is due once more after its last try; how many."""
    values = {"channel": channel, "tries": TRIES, "died": _DIED}
    return connection.execute(_GIVE_UP_TRIED, values).rowcount


def claim(  # noqa: PLR0913  what is chosen by
    connection: Connection,
    channel: ChannelName,
    most: int,
    *,
    warnings: bool = True,
    died: int | None = None,
    full: Sequence[str] = (),
) -> list[Delivery]:
    """Take warnings, or requests to confirm, that are due; the try is counted now.

    `died`: claim suspects, those with exactly so many deaths of senders; None: claim the others.
    `full`: destinations that take none now.
    """
    return fetch(
        connection,
        Delivery,
        _CLAIM,
        {
            "channel": channel,
            "lease": _LEASE,
            "most": most,
            "warnings": warnings,
            "died": died,
            "deaths": DEATHS,
            "tries": TRIES,
            "full": list(full),
        },
    )


def find_suspects(
    connection: Connection, channel: ChannelName, *, warnings: bool, full: Sequence[str] = ()
) -> int | None:
    """How many senders died with the least suspected of the due suspects; None: none is due."""
    values = {
        "channel": channel,
        "warnings": warnings,
        "tries": TRIES,
        "deaths": DEATHS,
        "full": list(full),
    }
    row = connection.execute(_FIND_SUSPECTS, values).fetchone()
    return None if row is None else row[0]


def set_destinations(connection: Connection, destinations: Mapping[int, str]) -> None:
    """Keep the destinations of subscriptions, by number."""
    connection.execute(
        "UPDATE subscription s SET destination = n.destination"
        " FROM unnest(%s::bigint[], %s::text[]) n (id, destination) WHERE s.id = n.id",
        [list(destinations), list(destinations.values())],
    )


def postpone(connection: Connection, delivery: int, why: str, wait: timedelta) -> None:
    """Put back what was taken and not tried."""
    connection.execute(
        "UPDATE subscription_delivery SET due_at = now() + %s, attempts = attempts - 1, error = %s"
        " WHERE id = %s",
        [wait, why, delivery],
    )


def release(connection: Connection, channel: ChannelName) -> int:
    """Let go what a sender that died had taken; how many. The caller is the channel's only one."""
    return connection.execute(_RELEASE, [channel]).rowcount


def mark_sent(connection: Connection, deliveries: Sequence[int]) -> None:
    connection.execute(
        "UPDATE subscription_delivery SET sent_at = now(), error = NULL WHERE id = ANY (%s)",
        [list(deliveries)],
    )


def mark_failed(connection: Connection, failures: Sequence[Failure]) -> None:
    """Try them again after their waits."""
    connection.execute(
        "UPDATE subscription_delivery d SET due_at = now() + n.wait, error = n.error"
        " FROM unnest(%s::bigint[], %s::text[], %s::interval[]) n (id, error, wait)"
        " WHERE d.id = n.id",
        [
            [failure.delivery for failure in failures],
            [failure.error for failure in failures],
            [failure.wait for failure in failures],
        ],
    )


def give_up(connection: Connection, delivery: int, error: str) -> None:
    connection.execute(
        "UPDATE subscription_delivery SET given_up_at = now(), error = %s WHERE id = %s",
        [error, delivery],
    )


def count(connection: Connection) -> list[Counts]:
    """Subscriptions and deliveries by state, of mail and of push."""
    return fetch(connection, Counts, _COUNT)
