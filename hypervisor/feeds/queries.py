"""SQL of feeds: how far each has come, outages as revisions, official colours."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database import feed as change_feed
from hypervisor.database.connect import Connection, fetch
from hypervisor.feeds.model import Colour, FeedState, Page
from hypervisor.feeds.schedule import Outage
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.model import Revision

_AUTHOR = "collect"
_LONGEST = 2_000  # characters of an excerpt
_STATES = (
    "SELECT name, cursor, etag, last_modified, nullif(due_at, '-infinity') AS due_at, polled_at,"
    " answered_at, failures, problem, excerpt, readings, summary FROM feed_poll"
)
_ADD_COLOUR = """
INSERT INTO official_colour (feed, area, title, phenomenon, begins, ends, colour, issued)
VALUES (%(feed)s, %(area)s, %(title)s, %(phenomenon)s, %(begins)s, %(ends)s, %(colour)s, %(issued)s)
ON CONFLICT (feed, area, phenomenon, issued, begins)
DO UPDATE SET colour = EXCLUDED.colour, ends = EXCLUDED.ends, title = EXCLUDED.title
"""
# Of each area and phenomenon the bulletin issued last, and of it what holds at the time.
_COLOURS = """
WITH latest AS (
    SELECT feed, area, phenomenon, max(issued) AS issued FROM official_colour
    WHERE issued <= %(now)s GROUP BY feed, area, phenomenon)
SELECT feed, c.area, c.title, c.phenomenon, c.begins, c.ends, c.colour, c.issued,
       p.answered_at, (SELECT max(w.colour) FROM official_colour w WHERE w.feed = c.feed
        AND w.area = c.area AND w.phenomenon = c.phenomenon AND w.issued = c.issued
        AND w.begins > %(now)s AND w.begins < %(now)s + INTERVAL '24 hours') AS ahead
FROM official_colour c JOIN latest USING (feed, area, phenomenon, issued)
LEFT JOIN feed_poll p ON p.name = c.feed
WHERE c.begins <= %(now)s AND (c.ends IS NULL OR c.ends > %(now)s)
ORDER BY feed, c.colour DESC NULLS LAST, c.title
"""
# What a service watched in a span, and until when it said so.
_WATCHED = """
SELECT area, max(title) AS title, phenomenon, max(coalesce(ends, issued)) AS ended
FROM official_colour WHERE feed = %(feed)s AND issued > %(since)s AND issued <= %(now)s
GROUP BY area, phenomenon ORDER BY area, phenomenon
"""


@dataclass(frozen=True, kw_only=True)
class ColourNow:
    """An official colour in force; `ahead`: the worst of the next 24 h, where it is announced."""

    feed: str
    area: str
    title: str
    phenomenon: str
    begins: datetime
    ends: datetime | None
    colour: int | None
    issued: datetime
    answered_at: datetime | None
    ahead: int | None


def list_states(connection: Connection) -> dict[str, FeedState]:
    """Feeds that were ever polled, by name."""
    states = fetch(connection, FeedState, _STATES)
    return {state.name: state for state in states}


def get_state(connection: Connection, name: str) -> FeedState:
    """How far a feed has come; one that was never polled has its beginning."""
    states = fetch(connection, FeedState, f"{_STATES} WHERE name = %s", [name])
    return states[0] if states else FeedState(name=name)


def save_page(connection: Connection, name: str, page: Page, *, readings: int) -> None:
    """Take over a stored page, in its transaction."""
    cursor = None if page.cursor is None else json.dumps(page.cursor)
    connection.execute(
        "INSERT INTO feed_poll AS f (name, cursor, readings) VALUES (%(name)s,"
        " coalesce(%(cursor)s::jsonb, '{}'), %(readings)s) ON CONFLICT (name) DO UPDATE SET"
        " cursor = coalesce(%(cursor)s::jsonb, f.cursor), readings = f.readings + %(readings)s",
        {"name": name, "cursor": cursor, "readings": readings},
    )


def record_answer(
    connection: Connection, name: str, page: Page, *, at: datetime, due: datetime
) -> None:
    """A poll succeeded."""
    connection.execute(
        "INSERT INTO feed_poll (name, polled_at, answered_at, due_at, etag, last_modified, summary,"
        " problem) VALUES (%(name)s, %(at)s, %(at)s, %(due)s, %(etag)s, %(modified)s, %(summary)s,"
        " %(warning)s)"
        " ON CONFLICT (name) DO UPDATE SET polled_at = EXCLUDED.polled_at,"
        " answered_at = EXCLUDED.answered_at, due_at = EXCLUDED.due_at, etag = EXCLUDED.etag,"
        " last_modified = EXCLUDED.last_modified, summary = EXCLUDED.summary,"
        " failures = 0, problem = EXCLUDED.problem, excerpt = NULL",
        {
            "name": name,
            "at": at,
            "due": due,
            "etag": page.validators.etag,
            "modified": page.validators.last_modified,
            "summary": page.summary,
            "warning": page.warning or None,
        },
    )


def record_failure(  # noqa: PLR0913  what is known of a failure
    connection: Connection,
    name: str,
    *,
    at: datetime,
    due: datetime,
    problem: str,
    excerpt: str,
) -> None:
    """A poll failed."""
    connection.execute(
        "INSERT INTO feed_poll AS f (name, polled_at, due_at, failures, problem, excerpt)"
        " VALUES (%(name)s, %(at)s, %(due)s, 1, %(problem)s, %(excerpt)s)"
        " ON CONFLICT (name) DO UPDATE SET polled_at = EXCLUDED.polled_at,"
        " due_at = EXCLUDED.due_at,"
        " failures = f.failures + 1, problem = EXCLUDED.problem, excerpt = EXCLUDED.excerpt",
        {
            "name": name,
            "at": at,
            "due": due,
            "problem": problem[:_LONGEST],
            "excerpt": excerpt[:_LONGEST] or None,
        },
    )


def ask_again(connection: Connection, names: Sequence[str]) -> None:
    """Make feeds due now."""
    connection.execute(
        "UPDATE feed_poll SET due_at = '-infinity' WHERE name = ANY(%s)", [list(names)]
    )


def record_outage(connection: Connection, name: str, outage: Outage) -> bool:
    """Enter from when on a service did not answer, and when it did again; once."""
    with connection.transaction():
        registry_queries.lock(connection)
        row = connection.execute(
            "SELECT value FROM revision WHERE kind = 'feed' AND key = %s"
            " ORDER BY effective DESC, id DESC LIMIT 1",
            [name],
        ).fetchone()
        answers = row is None or bool(row[0]["answers"])
        revisions = []
        if answers:
            revisions.append(_revision(name, outage.begins, answers=False))
        if outage.ends is not None:
            revisions.append(_revision(name, outage.ends, answers=True))
        if revisions:
            registry_queries.add_revisions(connection, revisions)
            change_feed.append(connection, "registry")
    return bool(revisions)


def _revision(name: str, at: datetime, *, answers: bool) -> Revision:
    reason = "the service answers again" if answers else "the service does not answer"
    return Revision(
        kind="feed",
        key=name,
        value={"answers": answers},
        effective=at,
        author=_AUTHOR,
        reason=reason,
    )


def store_colours(connection: Connection, name: str, colours: Sequence[Colour]) -> None:
    """Store official colours; what was stored of the same bulletin is replaced."""
    with connection.cursor() as cursor:
        cursor.executemany(_ADD_COLOUR, [_row_of(name, colour) for colour in colours])


def _row_of(name: str, colour: Colour) -> Mapping[str, object]:
    return {
        "feed": name,
        "area": colour.area,
        "title": colour.title,
        "phenomenon": colour.phenomenon,
        "begins": colour.begins,
        "ends": colour.ends,
        "colour": colour.colour,
        "issued": colour.issued,
    }


def list_colours(connection: Connection, now: datetime) -> list[ColourNow]:
    """The official colours in force at a time, by feed, the worst first."""
    cursor = connection.cursor(row_factory=class_row(ColourNow))
    return cursor.execute(_COLOURS, {"now": now}).fetchall()


def list_watched(
    connection: Connection, feed: str, since: datetime, now: datetime
) -> list[tuple[str, str, str, datetime]]:
    """(area, title, phenomenon, end of its last colour) of all bulletins issued in a span."""
    parameters = {"feed": feed, "since": since, "now": now}
    return connection.execute(_WATCHED, parameters).fetchall()


def list_departements(connection: Connection) -> list[str]:
    """The codes of the territory's départements; a commune's tells its own."""
    rows = connection.execute(
        "SELECT DISTINCT CASE WHEN kind = 'departement' THEN code WHEN code LIKE '97%' THEN"
        " left(code, 3) ELSE left(code, 2) END FROM area WHERE kind <> 'epci' ORDER BY 1"
    )
    return [code for (code,) in rows]
