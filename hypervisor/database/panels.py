"""A panel's SQL, run as Grafana runs it: by a role that only reads, and no longer than it waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from hypervisor.database import tenancy
from hypervisor.database.connect import Connection, guarded
from sensors._errors import TerritoryError

# PostgreSQL's types by what Grafana makes of them; all others become strings.
_NUMBERS = {20, 21, 23, 700, 701, 1700}  # int8, int2, int4, float4, float8, numeric
_TIMES = {1082, 1114, 1184}  # date, timestamp, timestamptz
_TRUTH = 16


class PanelError(TerritoryError):
    """The database refuses a statement, or takes too long."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A result. `kinds`: of each column `time`, `number`, `boolean` or `string`."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: list[tuple[Any, ...]]


_SECONDS = 30  # that Grafana waits for an answer


@contextmanager
def reader(url: str, *, owner: bool = False) -> Iterator[Connection]:
    """A connection that only reads.

    `owner`: the URL is the owner's, who takes the role of a reader of everything. Raises
    PanelError: no server answers there, or it refuses.
    """
    options = f"-c default_transaction_read_only=on -c statement_timeout={_SECONDS}s"
    try:
        connection = psycopg.connect(guarded(url, options=options), autocommit=True)
        if owner:
            connection.execute(f"SET ROLE {tenancy.READER_WHOLE}".encode())
    except psycopg.Error as error:
        raise PanelError("the reader cannot log in: {error}", str(error).strip()) from error
    with connection:
        yield connection


def reading_span(connection: Connection) -> tuple[datetime, datetime]:
    """When the readings begin and end.

    Raises PanelError: there are none, or nothing is rolled up yet.
    """
    row = connection.execute("SELECT min(begins), max(last_at) FROM rollup_hour").fetchone()
    if row is None or row[1] is None:
        raise PanelError(
            "no reading is rolled up: `hypervisor rollup --once` does it; without readings"
            " a dashboard has nothing to show"
        )
    return row[0], row[1]


def run_query(connection: Connection, sql: str) -> Answer:
    """Run a statement. Raises PanelError: the database's message, on one line."""
    try:
        cursor = connection.execute(sql.encode())
        rows = cursor.fetchall()
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).strip().splitlines()[0]
        hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
        raise PanelError("{message}{hint}", message, hint) from error
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
