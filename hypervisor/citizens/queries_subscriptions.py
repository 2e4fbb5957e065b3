"""SQL of subscriptions: requests, confirmations, and the mails that are due."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.database.connect import Connection, fetch

UNCONFIRMED = timedelta(hours=48)
_REPEAT = timedelta(hours=1)  # between two requests to confirm the same subscription
_A_DAY = 10  # requests to confirm that an address receives
_LEASE = timedelta(minutes=5)  # that a sender may hold a mail
_KEPT = timedelta(days=30)  # what was sent

# A second request within the hour, and the eleventh of a day, change nothing.
_REQUEST = """
INSERT INTO subscription AS s (digest, address, commune, language)
SELECT %(digest)s, %(address)s, %(commune)s, %(language)s
WHERE (SELECT count(*) FROM subscription WHERE digest = %(digest)s
       AND requested_at > now() - INTERVAL '1 day') < %(a_day)s
ON CONFLICT (digest, commune) DO UPDATE SET requested_at = now(), language = EXCLUDED.language
    WHERE s.requested_at < now() - %(repeat)s
RETURNING id
"""
_ASK = """
INSERT INTO subscription_mail AS m (subscription, message) VALUES (%s, 0)
ON CONFLICT (subscription, message) DO UPDATE
    SET due_at = now(), attempts = 0, sent_at = NULL, given_up_at = NULL
"""
# One mail an address, whatever number of its communes the message concerns.
_FAN_OUT = """
WITH progress AS (SELECT message FROM subscription_progress FOR UPDATE),
fresh AS (
    SELECT m.id, m.concerned, m.status, m.kind, m.expires FROM publication_message m
    WHERE m.id > (SELECT message FROM progress)),
mails AS (
    INSERT INTO subscription_mail (subscription, message)
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
SELECT count(*) FROM mails
"""
# A subscriber's mails go out in the order of the messages: no warning after its end.
_CLAIM = """
UPDATE subscription_mail m SET due_at = now() + %(lease)s, attempts = attempts + 1
FROM subscription s WHERE s.id = m.subscription AND m.id IN (
    SELECT d.id FROM subscription_mail d
    WHERE d.sent_at IS NULL AND d.given_up_at IS NULL AND d.due_at <= now()
        AND NOT EXISTS (SELECT FROM subscription_mail e WHERE e.subscription = d.subscription
            AND e.message > 0 AND e.message < d.message AND e.sent_at IS NULL
            AND e.given_up_at IS NULL)
    ORDER BY d.message > 0, d.due_at, d.id LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED)
RETURNING m.id, m.message, m.attempts, s.id AS subscription, s.address, s.commune, s.language,
    (SELECT name FROM area WHERE code = s.commune) AS commune_name
"""


# A mail that no longer held is none that failed.
_COUNT = """
SELECT
    (SELECT count(DISTINCT digest) FROM subscription WHERE confirmed_at IS NOT NULL) AS confirmed,
    (SELECT count(*) FROM subscription WHERE confirmed_at IS NULL) AS unconfirmed,
    count(*) FILTER (WHERE sent_at IS NULL AND given_up_at IS NULL) AS waiting,
    max(now() - due_at) FILTER (WHERE sent_at IS NULL AND given_up_at IS NULL) AS late,
    count(*) FILTER (WHERE failed) AS given_up,
    max(error) FILTER (WHERE failed) AS error
FROM subscription_mail,
    LATERAL (SELECT given_up_at > now() - INTERVAL '30 days'
        AND error <> 'it no longer holds' AS failed) f
"""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Subscribers, and mails by state. `late`: how long the first one is due. `error`: of one."""

    confirmed: int
    unconfirmed: int
    waiting: int
    late: timedelta | None
    given_up: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class DueMail:
    """A mail that this process sends. `message` 0: the request to confirm. `address`: encrypted."""

    id: int
    message: int
    attempts: int
    subscription: int
    address: bytes
    commune: str
    language: str
    commune_name: str | None


def request_subscription(
    connection: Connection, *, digest: bytes, address: bytes, commune: str, language: str
) -> None:
    """Enter a request and have its confirmation asked for; not more often than is decent."""
    row = connection.execute(
        _REQUEST,
        {
            "digest": digest,
            "address": address,
            "commune": commune,
            "language": language,
            "a_day": _A_DAY,
            "repeat": _REPEAT,
        },
    ).fetchone()
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
    """Delete all subscriptions of this one's address, with their mails."""
    connection.execute(
        "DELETE FROM subscription WHERE digest = (SELECT digest FROM subscription WHERE id = %s)",
        [subscription],
    )


def delete_old(connection: Connection) -> None:
    """Delete what was not confirmed in time, and which mails were sent long ago."""
    connection.execute(
        "DELETE FROM subscription WHERE confirmed_at IS NULL AND requested_at < now() - %s",
        [UNCONFIRMED],
    )
    connection.execute("DELETE FROM subscription_mail WHERE sent_at < now() - %s", [_KEPT])


def fan_out(connection: Connection, now: datetime) -> int:
    """Make the mails of newly published messages that still hold; how many."""
    row = connection.execute(_FAN_OUT, {"now": now}).fetchone()
    return int(row[0]) if row else 0


def claim(connection: Connection, most: int) -> list[DueMail]:
    """Take mails that are due, requests to confirm first; another process takes others."""
    return fetch(connection, DueMail, _CLAIM, {"lease": _LEASE, "most": most})


def mark_sent(connection: Connection, mail: int) -> None:
    connection.execute(
        "UPDATE subscription_mail SET sent_at = now(), error = NULL WHERE id = %s", [mail]
    )


def mark_failed(connection: Connection, mail: int, error: str, wait: timedelta) -> None:
    """Try it again after a wait."""
    connection.execute(
        "UPDATE subscription_mail SET due_at = now() + %s, error = %s WHERE id = %s",
        [wait, error, mail],
    )


def give_up(connection: Connection, mail: int, error: str) -> None:
    connection.execute(
        "UPDATE subscription_mail SET given_up_at = now(), error = %s WHERE id = %s", [error, mail]
    )


def count(connection: Connection) -> Counts:
    """Subscriptions and mails by state."""
    return fetch(connection, Counts, _COUNT)[0]
