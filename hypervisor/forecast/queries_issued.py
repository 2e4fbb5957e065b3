"""Forecasts as they were issued, and what is to be issued again."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hypervisor.base.instants import micros, moment
from hypervisor.database.connect import Connection
from hypervisor.database.instance import CLOCK
from hypervisor.forecast.queries_current import Quantiles, split_by_horizon

Gauge = tuple[int, str]  # site, quantity
Span = tuple[int, int]  # µs, the end excluded

_MADE = """
CREATE TEMPORARY TABLE IF NOT EXISTS made (site integer, quantity text, issued timestamptz,
    revision bigint, tier smallint, value double precision, horizons integer[], levels real[],
    quantiles real[]) ON COMMIT DELETE ROWS
"""
_SPANS = """
CREATE TEMPORARY TABLE IF NOT EXISTS span (site integer, quantity text, begins timestamptz,
    ends timestamptz) ON COMMIT DELETE ROWS
"""
# What differs from the newest of its issue time; one that is issued no more keeps no quantiles.
_STORE = f"""
WITH newest AS MATERIALIZED (
    SELECT DISTINCT ON (f.site, f.quantity, f.issued) f.*
    FROM span s JOIN forecast f ON f.site = s.site AND f.quantity = s.quantity
      AND f.issued >= s.begins AND f.issued < s.ends
    WHERE f.issued >= %(first)s AND f.issued < %(last)s
    ORDER BY f.site, f.quantity, f.issued, f.created_at DESC
), clock AS MATERIALIZED (SELECT COALESCE({CLOCK}, clock_timestamp()) AS now)
INSERT INTO forecast (site, quantity, issued, created_at, revision, tier, value, horizons, levels,
    quantiles)
SELECT site, quantity, issued,
    GREATEST(clock.now, n.created_at + INTERVAL '1 microsecond'),
    COALESCE(m.revision, n.revision), COALESCE(m.tier, -1), m.value,
    COALESCE(m.horizons, '{{}}'), COALESCE(m.levels, '{{}}'), COALESCE(m.quantiles, '{{}}')
FROM clock, made m FULL JOIN newest n USING (site, quantity, issued)
WHERE n.site IS NULL OR m.site IS NULL AND n.tier >= 0
   OR (m.revision, m.tier, m.value, m.horizons, m.levels, m.quantiles)
      IS DISTINCT FROM (n.revision, n.tier, n.value, n.horizons, n.levels, n.quantiles)
      AND m.site IS NOT NULL
"""  # noqa: S608  a constant
_READ_SPAN = """
SELECT min(first.time), max(last.time) FROM unnest(%s::int[]) s CROSS JOIN LATERAL (
    SELECT time FROM reading WHERE series_id = s ORDER BY time LIMIT 1) first CROSS JOIN LATERAL (
    SELECT time FROM reading WHERE series_id = s ORDER BY time DESC LIMIT 1) last
"""
# One row an issue time: the newest that was made, or the first.
_ISSUED = """
SELECT s.name AS site, f.quantity, f.issued, f.created_at, f.revision, f.tier, f.value, f.horizons,
    f.levels, f.quantiles, r.value->'tiers'->f.tier::int->>'name' AS tier_name,
    r.effective AS model_effective, r.author AS model_author, r.value->>'unit' AS unit
FROM forecast f JOIN site s ON s.id = f.site JOIN revision r ON r.id = f.revision
JOIN LATERAL (
    SELECT g.created_at FROM forecast g
    WHERE g.site = f.site AND g.quantity = f.quantity AND g.issued = f.issued
      AND (%(as_of)s::timestamptz IS NULL OR g.created_at <= %(as_of)s)
    ORDER BY CASE WHEN %(first)s THEN g.created_at END, g.created_at DESC LIMIT 1
) m ON m.created_at = f.created_at
WHERE s.name = %(site)s AND (%(quantity)s::text IS NULL OR f.quantity = %(quantity)s)
  AND f.issued >= %(since)s AND f.issued <= %(until)s
ORDER BY f.quantity, f.issued
"""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A forecast to store. `horizons` in s; `quantiles` by horizon, then by level."""

    site: int
    quantity: str
    issued: int  # µs
    revision: int
    tier: int
    value: float
    horizons: Sequence[int]
    levels: Sequence[float]
    quantiles: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class IssuedForecast:
    """A forecast as it was issued; `tier` -1: none is issued any more."""

    site: str
    quantity: str
    unit: str
    issued: datetime
    created_at: datetime
    revision: int
    model_effective: datetime
    model_author: str
    tier: int
    tier_name: str | None
    value: float | None
    horizons: list[int]
    levels: list[float]
    quantiles: list[float]

    @property
    def by_horizon(self) -> Quantiles:
        """Of each horizon (s) the quantile by level; None: not issued."""
        return split_by_horizon(self.horizons, self.levels, self.quantiles)


@dataclass(frozen=True, kw_only=True)
class InputRow:
    """A series that forecasts of a gauge are made from. Times in µs."""

    series: int
    site: int
    quantity: str
    since: int
    memory: int


def has_models(connection: Connection) -> bool:
    """Whether any gauge ever had a model."""
    return bool(
        fetch_one(connection, "SELECT EXISTS (SELECT FROM revision WHERE kind = 'forecast')")
    )


def fetch_one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def load_version(connection: Connection) -> int:
    """The version of the registry whose models are followed."""
    return int(fetch_one(connection, "SELECT registry FROM forecast_state") or 0)


def save_version(connection: Connection, version: int) -> None:
    """In the caller's transaction."""
    connection.execute("UPDATE forecast_state SET registry = %s", [version])


def load_facts(connection: Connection) -> dict[Gauge, Mapping[str, Any]]:
    """What each gauge's forecasts were made by."""
    rows = connection.execute("SELECT site, quantity, facts FROM forecast_facts").fetchall()
    return {(site, quantity): facts for site, quantity, facts in rows}


def save_facts(connection: Connection, facts: Mapping[Gauge, Mapping[str, Any]]) -> None:
    """What forecasts are made by from now on."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO forecast_facts (site, quantity, facts) VALUES (%s, %s, %s)"
            " ON CONFLICT (site, quantity) DO UPDATE SET (facts, problem) = (EXCLUDED.facts, NULL)",
            [(*gauge, json.dumps(value)) for gauge, value in facts.items()],
        )


def replace_inputs(connection: Connection, inputs: Iterable[InputRow]) -> None:
    """The series whose readings make forecasts due."""
    connection.execute("DELETE FROM forecast_input")
    with connection.cursor().copy(
        "COPY forecast_input (series, site, quantity, since, span) FROM STDIN"
    ) as copy:
        for row in inputs:
            span = f"{row.memory} microseconds"
            copy.write_row((row.series, row.site, row.quantity, moment(row.since), span))


def read_span(connection: Connection, series: Sequence[int]) -> Span | None:
    """From the oldest up to and including the newest row of some series, µs; None: no rows."""
    row = connection.execute(_READ_SPAN, [list(series)]).fetchone()
    if row is None or row[0] is None:
        return None
    return micros(row[0]), micros(row[1]) + 1


def frozen_before(connection: Connection) -> datetime:
    """Before which readings were deleted; forecasts from then stay as they are."""
    (row,) = connection.execute("SELECT GREATEST(frozen, '1800-01-01 00:00+00') FROM rollup_state")
    return row[0]  # type: ignore[no-any-return]


def list_due(connection: Connection, most: int) -> dict[Gauge, list[tuple[datetime, datetime]]]:
    """Spans of issue times to make again, by gauge, in order of their begin."""
    rows = connection.execute(
        "SELECT site, quantity, begins, ends FROM forecast_due"
        " ORDER BY site, quantity, begins, ends LIMIT %s",
        [most],
    ).fetchall()
    due: dict[Gauge, list[tuple[datetime, datetime]]] = {}
    for site, quantity, begins, ends in rows:
        due.setdefault((site, quantity), []).append((begins, ends))
    return due


def add_due(connection: Connection, gauge: Gauge, span: Span) -> None:
    """Make the forecasts of a span again."""
    connection.execute(
        "INSERT INTO forecast_due VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [*gauge, *map(moment, span)],
    )


def delete_due(connection: Connection, gauge: Gauge, span: Span) -> None:
    """Delete what begins in a span: it is made, or what is left of it is added again."""
    connection.execute(
        "DELETE FROM forecast_due WHERE site = %s AND quantity = %s"
        " AND begins >= %s AND begins < %s",
        [*gauge, *map(moment, span)],
    )


def set_problem(connection: Connection, gauge: Gauge, problem: str | None) -> None:
    """Why no forecast could be made of late; None: there is no problem any more."""
    connection.execute(
        "UPDATE forecast_facts SET problem = %(problem)s WHERE site = %(site)s"
        " AND quantity = %(quantity)s AND problem IS DISTINCT FROM %(problem)s",
        {"site": gauge[0], "quantity": gauge[1], "problem": problem},
    )


def store(connection: Connection, spans: Iterable[tuple[Gauge, Span]], made: Iterable[Made]) -> int:
    """Store the forecasts of spans that differ from the newest of their issue time; how many.

    In the caller's transaction. Nothing stored is changed.
    """
    connection.execute(_MADE)
    connection.execute(_SPANS)
    connection.execute("TRUNCATE made, span")
    spans = list(spans)
    with connection.cursor().copy("COPY span (site, quantity, begins, ends) FROM STDIN") as copy:
        for gauge, span in spans:
            copy.write_row((*gauge, *map(moment, span)))
    with connection.cursor().copy(
        "COPY made (site, quantity, issued, revision, tier, value, horizons, levels, quantiles)"
        " FROM STDIN"
    ) as copy:
        for row in made:
            copy.write_row(
                (
                    *(row.site, row.quantity, moment(row.issued), row.revision, row.tier),
                    row.value,
                    *map(list, (row.horizons, row.levels, row.quantiles)),
                )
            )
    connection.execute("ANALYZE made")
    connection.execute("ANALYZE span")
    bounds = {
        "first": moment(min(span[0] for _, span in spans)),
        "last": moment(max(span[1] for _, span in spans)),
    }
    return connection.execute(_STORE.encode(), bounds, prepare=False).rowcount


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Issue times from `since` to `until`, and of each the newest forecast.

    `as_of`: of those made by then; `first`: the first one, as people saw it.
    """

    since: datetime
    until: datetime
    quantity: str | None = None
    as_of: datetime | None = None
    first: bool = False


def list_issued(connection: Connection, site: str, selection: Selection) -> list[IssuedForecast]:
    """Forecasts of a site by quantity and issue time, one of each."""
    cursor = connection.cursor(row_factory=class_row(IssuedForecast))
    return cursor.execute(_ISSUED.encode(), {"site": site, **asdict(selection)}).fetchall()


def list_issued_sites(connection: Connection, since: datetime, until: datetime) -> list[str]:
    """The names of sites with a forecast issued in a span, in order."""
    rows = connection.execute(
        "SELECT name FROM site s WHERE EXISTS (SELECT FROM forecast f WHERE f.site = s.id"
        " AND f.issued >= %s AND f.issued <= %s) ORDER BY name",
        [since, until],
    ).fetchall()
    return [name for (name,) in rows]


def read_issue_span(connection: Connection) -> tuple[datetime, datetime] | None:
    """The first and the last issue time of all forecasts; None: nothing was ever issued."""
    row = connection.execute("SELECT min(issued), max(issued) FROM forecast").fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """The model in force, without what it computes with. `skill` None: it was withdrawn."""

    skill: Mapping[str, Any] | None
    effective: datetime
    author: str
    reason: str


def load_model(connection: Connection, key: str, at: datetime) -> ModelRow | None:
    """The model of `<site>/<quantity>` in force at a time; None: there never was one."""
    return (
        connection.cursor(row_factory=class_row(ModelRow))
        .execute(
            "SELECT value->'skill' AS skill, effective, author, reason FROM revision"
            " WHERE kind = 'forecast' AND key = %s AND effective <= %s"
            " ORDER BY effective DESC, id DESC LIMIT 1",
            [key, at],
        )
        .fetchone()
    )
