"""The event log that open pages follow: in the order of commit, none skipped or doubled."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from hypervisor.database.connect import Connection, StoreError, guarded
from hypervisor.database.credentials import Credential, still_valid
from hypervisor.database.primary import narrow

CHANNEL = "hypervisor_event"  # NOTIFY wakes followers
_SETTLE = "SELECT commit_horizon()::text::bigint"
# Behind the last event there is. Not the horizon: numbers up to it may have been given to
# transactions of which nothing was kept, and another machine that becomes the primary gives them
# again. What can be read is kept on two machines, its number included
# (docs/several-machines-design.md).
_LAST = """
SELECT greatest((SELECT xid FROM event_log_horizon)::text::bigint, coalesce((SELECT
    xid::text::bigint + 1 FROM event_log WHERE xid < %s::xid8 ORDER BY xid DESC LIMIT 1), 0))
"""
_COLUMNS = "xid::text::bigint, id, kind, key, sites, personal, data"
_BETWEEN = (
    f"SELECT {_COLUMNS} FROM event_log WHERE (xid, id) > (%s::xid8, %s) AND xid < %s::xid8"  # noqa: S608  constants
    " ORDER BY xid, id LIMIT %s"
)
# Parts that are late: ingest workers without heartbeats, the watch when it does not evaluate. In an
# exercise no part is: its clock is the scenario's.
_LATE = """
SELECT (SELECT coalesce(array_agg('ingest ' || name ORDER BY name), '{}') FROM worker
        WHERE drained_at IS NULL AND (heartbeat_at IS NULL OR heartbeat_at < now() - %(late)s))
    || (SELECT coalesce(array_agg('watch'::text), '{}') FROM evaluation_progress()
        WHERE evaluated_to IS NULL OR evaluated_to < now() - %(late)s),
    mode = 'live', (SELECT count(*) FROM feed WHERE kind = 'registry')
FROM instance
"""


@dataclass(frozen=True, kw_only=True, order=True)
class Position:
    """How far a follower has read: everything up to this event."""

    xid: int
    id: int = 0

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def parse(cls, written: str) -> "Position | None":
        """Parse what `str` wrote; None: it is something else."""
        xid, dash, number = written.strip().partition("-")
        valid = dash and xid.isascii() and xid.isdigit() and number.isascii() and number.isdigit()
        if not valid or max(len(xid), len(number)) > 18:
            return None
        return cls(xid=int(xid), id=int(number))


@dataclass(frozen=True, kw_only=True)
class LoggedEvent:
    """A row of the log. `sites`: whom it concerns; None: everybody. `personal`: of these, homes."""

    position: Position
    kind: str
    key: str
    sites: frozenset[str] | None
    data: Mapping[str, Any]
    personal: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class News:
    """Events committed since the last look; none before transaction `upto` is still to come."""

    events: list[LoggedEvent]
    upto: int


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts that are late, and how often the registry has changed."""

    late: tuple[str, ...]
    registry: int


@dataclass(frozen=True, kw_only=True)
class Valid:
    """Credentials of the followers, and which of them are still valid."""

    shown: frozenset[Credential]
    good: frozenset[Credential]


def record(
    connection: Connection,
    kind: str,
    key: str,
    *,
    sites: Iterable[str] | None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Log an event in the caller's transaction."""
    connection.execute(
        "SELECT log_event(%s, %s, %s, %s)",
        [kind, key, None if sites is None else list(sites), Jsonb(dict(data or {}))],
    )


def list_between(
    connection: Connection, after: Position, before: int, *, most: int
) -> list[LoggedEvent] | None:
    """Events after a position and before a transaction.

    None: more than `most`, or the position is pruned already, or of another database.
    """
    row = connection.execute("SELECT xid::text::bigint FROM event_log_horizon").fetchone()
    if row is None or after.xid < row[0] or after.xid > before:
        return None
    rows = connection.execute(
        _BETWEEN, [str(after.xid), after.id, str(before), most + 1]
    ).fetchall()
    return None if len(rows) > most else [_event(row) for row in rows]


def prune(connection: Connection, keep: timedelta) -> int:
    """Delete events older than `keep`, in a transaction; how many."""
    with connection.transaction():
        connection.execute("UPDATE event_log_horizon SET pruned_at = clock_timestamp()")
        ((gone,),) = connection.execute(
            "WITH gone AS (DELETE FROM event_log WHERE at < clock_timestamp() - %s RETURNING xid),"
            " raised AS (UPDATE event_log_horizon SET xid = GREATEST(xid, (SELECT"
            "  (max(xid::text::bigint) + 1)::text::xid8 FROM gone))"
            "  WHERE EXISTS (SELECT FROM gone)) SELECT count(*) FROM gone",
            [keep],
        )
    return int(gone)


def list_sites(connection: Connection) -> frozenset[str]:
    """The names of the sites that a restricted connection sees."""
    return frozenset(name for (name,) in connection.execute("SELECT name FROM site"))


async def follow(
    url: str,
    since: int | None,
    *,
    patience: float,
    shown: Callable[[], Collection[Credential]] = tuple,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncGenerator[News | Parts | Valid, None]:
    """Yield events from a transaction on (None: from now), soon after they were committed.

    Yields something at least every `patience` s, if only how the parts are. Before events it
    yields which of the followers' credentials (`shown`) are valid: one that was revoked before an
    event was committed does not receive it. Raises StoreError: the database does not answer.
    """
    try:
        session = await asyncio.to_thread(narrow, guarded(url))
        async with await psycopg.AsyncConnection.connect(session, autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                news = await _look(connection, since)
                since = news.upto
                yield await _parts(connection)
                held = frozenset(shown())
                if held:
                    yield Valid(shown=held, good=await still_valid(connection, held, clock()))
                yield news
                async for _ in connection.notifies(timeout=patience, stop_after=1):
                    pass
    except psycopg.Error as error:
        raise StoreError("the event log cannot be followed: {error}", str(error).strip()) from error


async def _look(connection: psycopg.AsyncConnection[Any], since: int | None) -> News:
    ((upto,),) = await (await connection.execute(_SETTLE)).fetchall()
    if since is None:
        ((last,),) = await (await connection.execute(_LAST, [str(upto)])).fetchall()
        return News(events=[], upto=last)
    rows = await connection.execute(
        f"SELECT {_COLUMNS} FROM event_log WHERE xid >= %s::xid8 AND xid < %s::xid8"  # noqa: S608  constants
        " ORDER BY xid, id",
        [str(since), str(upto)],
    )
    events = [_event(row) for row in await rows.fetchall()]
    return News(events=events, upto=events[-1].position.xid + 1 if events else since)


async def _parts(connection: psycopg.AsyncConnection[Any]) -> Parts:
    row = await (await connection.execute(_LATE, {"late": timedelta(seconds=30)})).fetchone()
    late, live, registry = row or ([], False, 0)
    return Parts(late=tuple(late) if live else (), registry=registry)


def _event(row: tuple[Any, ...]) -> LoggedEvent:
    xid, number, kind, key, sites, personal, data = row
    return LoggedEvent(
        position=Position(xid=xid, id=number),
        kind=kind,
        key=key,
        sites=None if sites is None else frozenset(sites),
        data=data,
        personal=frozenset(personal or ()),
    )
