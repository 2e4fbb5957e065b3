"""A panel's SQL, run as Grafana runs it: by a role that only reads, and no longer than it waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from hypervisor.database import tenancy, timeouts
from hypervisor.database.connect import Connection
from sensors._errors import TerritoryError

# PostgreSQL's types by what Grafana makes of them; everything else it makes words of.
_NUMBERS = {20, 21, 23, 700, 701, 1700}  # int8, int2, int4, float4, float8, numeric
_TIMES = {1082, 1114, 1184}  # date, timestamp, timestamptz
_TRUTH = 16


class AskingError(TerritoryError):
    """The database refuses a statement, or takes too long."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. `kinds`: of each column `time`, `number`, `boolean` or `string`."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: list[tuple[Any, ...]]


_SECONDS = 30  # that Grafana waits for an answer


@contextmanager
def reader(url: str, *, owner: bool = False) -> Iterator[Connection]:
    """A connection that only reads.

    `owner`: the URL is the instance's own, which becomes what a reader of everything is.

    Raises:
        AskingError: nobody answers there, or it may not.
    """
    options = f"-c default_transaction_read_only=on -c statement_timeout={_SECONDS}s"
    try:
        connection = psycopg.connect(timeouts.guarded(url, options=options), autocommit=True)
        if owner:
            connection.execute(f"SET ROLE {tenancy.READER_WHOLE}".encode())
    except psycopg.Error as error:
        raise AskingError(f"the reader cannot log in: {str(error).strip()}") from error
    with connection:
        yield connection


def spanned(connection: Connection) -> tuple[datetime, datetime]:
    """From when until when there are readings.

    Raises:
        AskingError: there are none, or nothing is rolled up yet.
    """
    row = connection.execute("SELECT min(begins), max(last_at) FROM rollup_hour").fetchone()
    if row is None or row[1] is None:
        raise AskingError(
            "no reading is rolled up: `hypervisor rollup --once` does it; without any readings"
            " there is nothing that a dashboard could show"
        )
    return row[0], row[1]


def timezone(connection: Connection) -> str:
    """The instance's zone; UTC where it is not message."""
    row = connection.execute("SELECT timezone FROM instance").fetchone()
    return str(row[0]) if row else "UTC"


def ask(connection: Connection, sql: str) -> Answer:
    """Run a statement.

    Raises:
        AskingError: what the database says of it, on one line.
    """
    try:
        cursor = connection.execute(sql.encode())
        rows = cursor.fetchall()
    except psycopg.Error as error:
        raise AskingError(_on_one_line(error)) from error
    columns = cursor.description or []
    return Answer(
        names=tuple(column.name for column in columns),
        kinds=tuple(_kind(column.type_code) for column in columns),
        rows=rows,
    )


def _kind(oid: int) -> str:
    if oid in _NUMBERS:
        return "number"
    if oid in _TIMES:
        return "time"
    return "boolean" if oid == _TRUTH else "string"


def _on_one_line(error: psycopg.Error) -> str:
    message = error.diag.message_primary or str(error).strip().splitlines()[0]
    hint = error.diag.message_hint
    return f"{message} ({hint})" if hint else message
