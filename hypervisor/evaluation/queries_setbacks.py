"""What the watch has set aside because its evaluation failed, as the table `set_aside` holds it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg

from hypervisor.alarms.queries import Pair
from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection

EVERY = ""  # for a rule: all of them; for a subject likewise


@dataclass(frozen=True, kw_only=True)
class Setback:
    """Evaluation that failed: from `since` on (µs) nothing is evaluated there. `problem`: why."""

    since: int
    problem: str


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A setback as people see it. `rule` or `subject` EVERY: all of them."""

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
    """All that is set aside and may be seen, by rule and subject."""
    rows = connection.execute(
        "SELECT rule, subject, since, problem, noticed_at FROM set_aside ORDER BY rule, subject"
    )
    return [
        SetAside(rule=rule, subject=subject, since=since, problem=problem, noticed_at=noticed)
        for rule, subject, since, problem, noticed in rows
    ]


def count(connection: Connection) -> int:
    """How many rules and subjects are set aside that may be seen."""
    row = connection.execute("SELECT count(*) FROM set_aside").fetchone()
    return 0 if row is None else row[0]


def save(connection: Connection, put: Mapping[Pair, Setback], gone: Iterable[Pair]) -> None:
    """Write what is set aside by now and delete what is not any more; `noticed_at` stays."""
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM set_aside WHERE rule = %s AND subject = %s", list(gone))
        cursor.executemany(
            "INSERT INTO set_aside (rule, subject, since, problem) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (rule, subject) DO UPDATE SET since = EXCLUDED.since,"
            " problem = EXCLUDED.problem",
            [(*pair, moment(setback.since), setback.problem) for pair, setback in put.items()],
        )


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo what is done inside if it fails, and nothing else of the transaction."""
    with connection.transaction():
        yield


def is_of_the_server(error: Exception) -> bool:
    """Whether the database itself failed (gone, full, locked), rather than what it was given."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
