"""SQL of official bulletins: texts as they were issued, and what is in force."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.feeds.model import Bulletin, Feed

_COLUMNS = (
    "feed, area, title, covers, reference, issued, next_at, colour, producer, texts, source,"
    " licence, created_at"
)
# What differs from the newest that is stored of its area and issue time.
_ADD = """
INSERT INTO official_bulletin (feed, area, title, covers, reference, issued, next_at, colour,
    producer, texts, source, licence)
SELECT %(feed)s, %(area)s, %(title)s, %(covers)s, %(reference)s, %(issued)s, %(next_at)s,
    %(colour)s, %(producer)s, %(texts)s::jsonb, %(source)s, %(licence)s
WHERE NOT EXISTS (
    SELECT FROM (
        SELECT * FROM official_bulletin
        WHERE feed = %(feed)s AND area = %(area)s AND issued = %(issued)s ORDER BY id DESC LIMIT 1
    ) newest
    WHERE newest.texts = %(texts)s::jsonb AND newest.covers = %(covers)s
      AND newest.reference = %(reference)s AND newest.colour IS NOT DISTINCT FROM %(colour)s
      AND newest.next_at IS NOT DISTINCT FROM %(next_at)s)
"""
# Of each area the bulletin issued last, as it was known then; territories first.
_IN_FORCE = f"""
SELECT {_COLUMNS} FROM (
    SELECT DISTINCT ON (feed, area) * FROM official_bulletin
    WHERE issued <= %(at)s AND created_at <= %(stored_by)s
    ORDER BY feed, area, issued DESC, id DESC
) newest
WHERE %(reaches)s::text[] IS NULL OR covers && %(reaches)s
ORDER BY area = ANY(covers), colour DESC NULLS LAST, title
"""  # noqa: S608  constants
_HISTORY = f"""
SELECT {_COLUMNS} FROM official_bulletin
WHERE issued >= %(since)s AND issued <= %(until)s AND (%(area)s::text IS NULL OR area = %(area)s)
ORDER BY issued, area, id LIMIT %(most)s
"""  # noqa: S608  constants
# What was issued before, but for the last of each area.
_DELETE = """
WITH last AS (
    SELECT DISTINCT ON (feed, area) id FROM official_bulletin
    ORDER BY feed, area, issued DESC, id DESC)
DELETE FROM official_bulletin WHERE issued < %(before)s AND id NOT IN (SELECT id FROM last)
"""
_DELETE_COLOURS = """
DELETE FROM official_colour c WHERE c.issued < %(before)s AND EXISTS (
    SELECT FROM official_colour later WHERE later.feed = c.feed AND later.area = c.area
      AND later.phenomenon = c.phenomenon AND later.issued > c.issued)
"""


@dataclass(frozen=True, kw_only=True)
class StoredBulletin:
    """A bulletin as it was issued. `texts`: (part, text); `created_at`: when we had it."""

    feed: str
    area: str
    title: str
    covers: list[str]
    reference: str
    issued: datetime
    next_at: datetime | None
    colour: int | None
    producer: str
    texts: list[tuple[str, str]]
    source: str
    licence: str
    created_at: datetime


def store(connection: Connection, feed: Feed, bulletins: Sequence[Bulletin]) -> None:
    """Store what is new or changed; what was stored before stays."""
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, [_row_of(feed, bulletin) for bulletin in bulletins])


def _row_of(feed: Feed, bulletin: Bulletin) -> dict[str, object]:
    return {
        "feed": feed.name,
        "area": bulletin.area,
        "title": bulletin.title,
        "covers": list(bulletin.covers),
        "reference": bulletin.reference,
        "issued": bulletin.issued,
        "next_at": bulletin.next_at,
        "colour": bulletin.colour,
        "producer": bulletin.producer,
        "texts": json.dumps(bulletin.texts, ensure_ascii=False),
        "source": feed.source,
        "licence": feed.licence,
    }


def list_in_force(
    connection: Connection,
    at: datetime,
    *,
    reaches: Sequence[str] | None = None,
    stored_by: datetime | None = None,
) -> list[StoredBulletin]:
    """The bulletins in force at a time, as they were `stored_by` another (default: by now).

    `reaches`: only those that speak of one of them.
    """
    cursor = connection.cursor(row_factory=class_row(StoredBulletin))
    parameters = {
        "at": at,
        "stored_by": stored_by or "infinity",
        "reaches": None if reaches is None else list(reaches),
    }
    return cursor.execute(_IN_FORCE, parameters).fetchall()


def list_history(
    connection: Connection, since: datetime, until: datetime, *, area: str | None, most: int
) -> list[StoredBulletin]:
    """Everything issued in a span, each version, the oldest first."""
    cursor = connection.cursor(row_factory=class_row(StoredBulletin))
    parameters = {"since": since, "until": until, "area": area, "most": most}
    return cursor.execute(_HISTORY, parameters).fetchall()


def list_reaches_of(connection: Connection, site: str) -> list[str]:
    """The codes of the official reaches that a site shows."""
    rows = connection.execute(
        "SELECT coalesce(d.properties->>'code', d.name) FROM device d JOIN site s ON s.id = d.site"
        " WHERE s.name = %s AND d.properties->>'feed' = 'vigicrues' AND d.retired IS NULL",
        [site],
    )
    return [code for (code,) in rows]


def delete_old(connection: Connection, before: datetime) -> int:
    """Delete what was issued before, but for what is in force; how many rows."""
    parameters = {"before": before}
    texts = connection.execute(_DELETE, parameters).rowcount
    return texts + connection.execute(_DELETE_COLOURS, parameters).rowcount
