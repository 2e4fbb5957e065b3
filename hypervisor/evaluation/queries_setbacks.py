"""Rules and subjects set aside because their evaluation failed: the table `set_aside`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from hypervisor.alarms.queries import Pair
from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection

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


def load(connection: Connection) -> dict[Pair, Setback]:
    """All that is set aside."""
    rows = connection.execute("SELECT rule, subject, since, problem FROM set_aside")
    return {
        (rule, subject): Setback(since=micros(since), problem=problem)
        for rule, subject, since, problem in rows
    }


def listing(connection: Connection) -> list[SetAside]:
    """What is set aside and visible to the role, by rule and subject."""
    query = "SELECT rule, subject, since, problem, noticed_at FROM set_aside ORDER BY rule, subject"
    with connection.cursor(row_factory=class_row(SetAside)) as cursor:
        return cursor.execute(query).fetchall()


def count(connection: Connection) -> int:
    """How many rules and subjects are set aside and visible to the role."""
    row = connection.execute("SELECT count(*) FROM set_aside").fetchone()
    return 0 if row is None else row[0]


def save(connection: Connection, put: Mapping[Pair, Setback], gone: Iterable[Pair]) -> None:
    """Write what is set aside and delete what no longer is; `noticed_at` stays."""
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM set_aside WHERE rule = %s AND subject = %s", list(gone))
        cursor.executemany(
            "INSERT INTO set_aside (rule, subject, since, problem) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (rule, subject) DO UPDATE SET since = EXCLUDED.since,"
            " problem = EXCLUDED.problem",
            [(*pair, moment(setback.since), setback.problem) for pair, setback in put.items()],
        )


def is_server_failure(error: Exception) -> bool:
    """Whether the database itself failed (gone, full, locked), rather than what it was given."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
