"""What happens, for those who look on: read in the order of commit, none skipped or doubled."""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from hypervisor.database import timeouts
from hypervisor.database.connect import Connection, StoreError
from hypervisor.database.credentials import Credential, still_valid

CHANNEL = "hypervisor_event"  # NOTIFY wakes who follows
_SETTLE = "SELECT commit_horizon()::text::bigint"
_COLUMNS = "xid::text::bigint, id, kind, key, sites, data"
_BETWEEN = (
    f"SELECT {_COLUMNS} FROM event_log WHERE (xid, id) > (%s::xid8, %s) AND xid < %s::xid8"  # noqa: S608  constants
    " ORDER BY xid, id LIMIT %s"
)
# Where the parts stand: who has not been heard for long, and whether the watch judges. An exercise
# has no such lateness: its clock is the scenario's.
_LATE = """
SELECT (SELECT coalesce(array_agg('ingest ' || name ORDER BY name), '{}') FROM worker
        WHERE drained_at IS NULL AND (heard_at IS NULL OR heard_at < now() - %(late)s))
    || (SELECT coalesce(array_agg('watch'::text), '{}') FROM evaluation_state
        WHERE evaluated_to IS NULL OR evaluated_to < now() - %(late)s),
    mode = 'live', (SELECT count(*) FROM feed WHERE kind = 'registry')
FROM instance
"""


@dataclass(frozen=True, kw_only=True, order=True)
class Position:
    """How far somebody has read: all up to and with this one."""

    xid: int
    id: int = 0

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def parse(cls, written: str) -> "Position | None":
        """What `str` wrote; None where it is anything else."""
        xid, dash, number = written.strip().partition("-")
        valid = dash and xid.isascii() and xid.isdigit() and number.isascii() and number.isdigit()
        if not valid or max(len(xid), len(number)) > 18:
            return None
        return cls(xid=int(xid), id=int(number))


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One thing that happened. `sites`: see the table."""

    position: Position
    kind: str
    key: str
    sites: frozenset[str] | None
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class News:
    """What was committed since the last look, all before transaction `upto`."""

    happenings: list[Happening]
    upto: int


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts that are late, and how often the registry has changed."""

    late: tuple[str, ...]
    registry: int


@dataclass(frozen=True, kw_only=True)
class Valid:
    """Credentials of those who listen, and which of them are still good."""

    shown: frozenset[Credential]
    good: frozenset[Credential]


def tell(
    connection: Connection,
    kind: str,
    key: str,
    *,
    sites: Iterable[str] | None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Say in the caller's transaction that something happened; `sites`: see the table."""
    connection.execute(
        "SELECT log_event(%s, %s, %s, %s)",
        [kind, key, None if sites is None else list(sites), Jsonb(dict(data or {}))],
    )


def between(
    connection: Connection, after: Position, before: int, *, most: int
) -> list[Happening] | None:
    """What happened after a position and before a transaction.

    None: more than `most`, or it is not known any more, or the position is of another database.
    """
    row = connection.execute("SELECT xid::text::bigint FROM event_log_horizon").fetchone()
    if row is None or after.xid < row[0] or after.xid > before:
        return None
    rows = connection.execute(
        _BETWEEN, [str(after.xid), after.id, str(before), most + 1]
    ).fetchall()
    return None if len(rows) > most else [_happening(row) for row in rows]


def forget(connection: Connection, keep: timedelta) -> int:
    """Forget what happened longer ago, in a transaction; how much that was."""
    with connection.transaction():
        connection.execute("UPDATE event_log_horizon SET pruned_at = clock_timestamp()")
        ((gone,),) = connection.execute(
            "WITH gone AS (DELETE FROM event_log WHERE at < clock_timestamp() - %s RETURNING xid),"
            " known AS (UPDATE event_log_horizon SET xid = GREATEST(xid, (SELECT"
            "  (max(xid::text::bigint) + 1)::text::xid8 FROM gone))"
            "  WHERE EXISTS (SELECT FROM gone)) SELECT count(*) FROM gone",
            [keep],
        )
    return int(gone)


def sites_within(
    connection: Connection, communes: Iterable[str], *, unplaced: bool
) -> frozenset[str]:
    """The sites that stand in these communes; `unplaced`: also those in none that is known."""
    rows = connection.execute(
        "SELECT name FROM site WHERE commune = ANY(%s) OR (%s AND commune IS NULL)",
        [list(communes), unplaced],
    )
    return frozenset(row[0] for row in rows)


async def follow(
    url: str,
    since: int | None,
    *,
    patience: float,
    shown: Callable[[], Collection[Credential]] = tuple,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncGenerator[News | Parts | Valid, None]:
    """What happens from a transaction on (None: from now), soon after it was committed.

    At least every `patience` s comes something, if only how the parts are. Before any news comes
    which of the credentials of those who listen (`shown`) are good: whoever lost theirs before
    something was committed is known to have when it is told.

    Raises:
        StoreError: the database does not answer, or no more.
    """
    try:
        async with await psycopg.AsyncConnection.connect(
            timeouts.guarded(url), autocommit=True
        ) as connection:
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
        raise StoreError(f"what happens cannot be followed: {str(error).strip()}") from error


async def _look(connection: psycopg.AsyncConnection[Any], since: int | None) -> News:
    ((upto,),) = await (await connection.execute(_SETTLE)).fetchall()
    if since is None:
        return News(happenings=[], upto=upto)
    rows = await connection.execute(
        f"SELECT {_COLUMNS} FROM event_log WHERE xid >= %s::xid8 AND xid < %s::xid8"  # noqa: S608  constants
        " ORDER BY xid, id",
        [str(since), str(upto)],
    )
    return News(happenings=[_happening(row) for row in await rows.fetchall()], upto=upto)


async def _parts(connection: psycopg.AsyncConnection[Any]) -> Parts:
    row = await (await connection.execute(_LATE, {"late": timedelta(seconds=30)})).fetchone()
    late, live, registry = row or ([], False, 0)
    return Parts(late=tuple(late) if live else (), registry=registry)


def _happening(row: tuple[Any, ...]) -> Happening:
    xid, number, kind, key, sites, data = row
    return Happening(
        position=Position(xid=xid, id=number),
        kind=kind,
        key=key,
        sites=None if sites is None else frozenset(sites),
        data=data,
    )
