"""Rules and subjects set aside because their evaluation failed: the table `set_aside`."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from hypervisor.alarms.log import Pair
from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from hypervisor.evaluation.shards import ALL, shard_of

EVERY = ""  # instead of a rule or a subject: all of them


@dataclass(frozen=True, kw_only=True)
class Setback:
    """A failed evaluation: nothing is evaluated there from `since` (µs) on; `problem`: why."""

    since: int
    problem: str


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A setback as people see it."""

    rule: str
    subject: str
    since: datetime
    problem: str
    noticed_at: datetime


def load(
    connection: Connection, shards: AbstractSet[int] = ALL
) -> tuple[dict[Pair, Setback], dict[Pair, Setback]]:
    """What is set aside in these shards, and how it is stored.

    A rule set aside at every subject concerns every shard. Where some of these lack it, since
    another one noticed it first, what is stored counts as different.
    """
    rows = connection.execute(
        "SELECT rule, subject, min(since), min(problem),"
        " count(DISTINCT (since, problem)), array_agg(shard) FROM set_aside"
        " WHERE shard = ANY(%s) OR rule = '' OR subject = '' GROUP BY rule, subject",
        [sorted(shards)],
    )
    every, stored = dict[Pair, Setback](), dict[Pair, Setback]()
    for rule, subject, since, problem, versions, where in rows:
        pair = (rule, subject)
        every[pair] = Setback(since=micros(since), problem=problem)
        complete = versions == 1 and shards_of(pair, shards) <= set(where)
        stored[pair] = every[pair] if complete else replace(every[pair], problem="")
    return every, stored


def shards_of(pair: Pair, shards: AbstractSet[int]) -> AbstractSet[int]:
    """Those of these shards that a setback concerns."""
    return shards if EVERY in pair else frozenset({shard_of(pair[1])})


def listing(connection: Connection) -> list[SetAside]:
    """What is set aside and visible to the role, by rule and subject."""
    query = (
        "SELECT DISTINCT ON (rule, subject) rule, subject, since, problem, noticed_at"
        " FROM set_aside ORDER BY rule, subject, since"
    )
    with connection.cursor(row_factory=class_row(SetAside)) as cursor:
        return cursor.execute(query).fetchall()


def count(connection: Connection) -> int:
    """How many rules and subjects are set aside and visible to the role."""
    row = connection.execute("SELECT count(DISTINCT (rule, subject)) FROM set_aside").fetchone()
    return 0 if row is None else row[0]


def save(
    connection: Connection,
    put: Mapping[Pair, Setback],
    gone: Iterable[Pair],
    shards: AbstractSet[int],
) -> None:
    """Write what is set aside in these shards, delete what no longer is; `noticed_at` stays."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "DELETE FROM set_aside WHERE rule = %s AND subject = %s AND shard = ANY(%s)",
            [(*pair, sorted(shards)) for pair in gone],
        )
        cursor.executemany(
            "INSERT INTO set_aside (shard, rule, subject, since, problem)"
            " SELECT shard, %s, %s, %s, %s FROM unnest(%s::int[]) shard"
            " ON CONFLICT (shard, rule, subject) DO UPDATE SET since = EXCLUDED.since,"
            " problem = EXCLUDED.problem",
            [
                (*pair, moment(setback.since), setback.problem, sorted(shards_of(pair, shards)))
                for pair, setback in put.items()
            ],
        )


def list_elsewhere(connection: Connection, shards: AbstractSet[int]) -> set[Pair]:
    """What is set aside in other shards than these."""
    rows = connection.execute(
        "SELECT DISTINCT rule, subject FROM set_aside WHERE NOT shard = ANY(%s)", [sorted(shards)]
    )
    return {(rule, subject) for rule, subject in rows}


def is_server_failure(error: Exception) -> bool:
    """Whether the database itself failed (gone, full, locked), rather than what it was given."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
