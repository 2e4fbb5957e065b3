"""Lighting plans expanded into times that SQL can join, with the facts they derive from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from hypervisor.database import feed, locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock

Span = tuple[datetime, datetime]

# Each planned piece cut at the local midnights within it.
_DAYS = """
INSERT INTO lit_day (lit_group, day, burning, expected, installed)
SELECT lit_group, day, sum(hours), sum(hours * level / 100 * installed), max(installed)
FROM (
    SELECT p.lit_group, d.day, p.level, p.installed, extract(epoch FROM
        LEAST(p.ends, date_trunc('day', d.day + INTERVAL '30 hours', %(zone)s))
        - GREATEST(p.begins, d.day)) / 3600 AS hours
    FROM lit_plan p CROSS JOIN LATERAL (
        SELECT DISTINCT date_trunc('day', at, %(zone)s) AS day
        FROM unnest(ARRAY[p.begins, p.begins + (p.ends - p.begins) / 2,
                          p.ends - INTERVAL '1 microsecond']) at
    ) d WHERE p.lit_group = %(group)s
) cut GROUP BY lit_group, day
"""


@dataclass(frozen=True, kw_only=True)
class PlanCoverage:
    """The registry version and the span that expanded plans cover."""

    registry: int
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class LightingRow:
    """A group's plan: the facts it derives from, and the span it covers."""

    group: str
    facts: str
    span: Span


@dataclass(frozen=True, kw_only=True)
class LitPiece:
    """A piece of a plan: `level` (%) holds from `begins` to `ends`, in the light that `span` is.

    `installed`: kW behind the cabinet, None where unknown.
    """

    begins: datetime
    ends: datetime
    level: float
    span: Span
    installed: float | None


def try_lock(connection: Connection) -> bool:
    """Take the lock on plans until the end of the transaction, if it is free."""
    return locks.take_in_transaction(connection, Lock.LIT_PLANS)


def load_required_coverage(connection: Connection) -> PlanCoverage | None:
    """The coverage that plans need: the current registry and the rolled-up span.

    None where nothing was rolled up yet.
    """
    row = connection.execute(
        "SELECT min(range_start), max(range_end) FROM timescaledb_information.chunks"
        " WHERE hypertable_schema = 'public' AND hypertable_name = 'rollup_hour'"
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return PlanCoverage(registry=feed.registry_version(connection), since=row[0], until=row[1])


def load_coverage(connection: Connection) -> PlanCoverage | None:
    """The current coverage; None: no plans yet."""
    row = connection.execute(
        "SELECT registry, since, until FROM lit_state WHERE registry >= 0"
    ).fetchone()
    return PlanCoverage(registry=row[0], since=row[1], until=row[2]) if row else None


def load_groups(connection: Connection) -> dict[str, tuple[str, datetime, datetime]]:
    """By group: the facts of its rows, and the span."""
    rows = connection.execute("SELECT lit_group, facts, since, until FROM lit_input").fetchall()
    return {name: (facts, since, until) for name, facts, since, until in rows}


def write_plan(
    connection: Connection, plan: LightingRow, pieces: Iterable[LitPiece], zone: str
) -> None:
    """Replace a group's plan and its local days."""
    group = plan.group
    delete_plans(connection, [group])
    with connection.cursor().copy(
        "COPY lit_plan (lit_group, begins, ends, level, lit_from, lit_to, installed) FROM STDIN"
    ) as copy:
        for lit in pieces:
            copy.write_row((group, lit.begins, lit.ends, lit.level, *lit.span, lit.installed))
    connection.execute(_DAYS, {"group": group, "zone": zone})
    connection.execute(
        "INSERT INTO lit_input VALUES (%s, %s, %s, %s)", [group, plan.facts, *plan.span]
    )


def delete_plans(connection: Connection, names: Iterable[str]) -> None:
    """Delete the plans of these groups."""
    gone: Mapping[str, list[str]] = {"names": list(names)}
    for table in ("lit_plan", "lit_day", "lit_input"):
        connection.execute(
            f"DELETE FROM {table} WHERE lit_group = ANY(%(names)s)",  # noqa: S608  constants
            gone,
        )


def save_coverage(connection: Connection, what: PlanCoverage) -> None:
    """Save the coverage."""
    connection.execute(
        "UPDATE lit_state SET registry = %s, since = %s, until = %s",
        [what.registry, what.since, what.until],
    )
