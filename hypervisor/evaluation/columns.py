"""Subjects for the engine: columns of readings from memory, older ones from the store."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from hypervisor.base.instants import BEGINNING
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts
from hypervisor.evaluation.series_tail import SeriesTail, merge
from hypervisor.readings import queries_history
from rules._inputs import Forecasts, SeriesColumns, Subject, Upstream
from sensors._row import NEVER, ROW, Rows

Key = TypeVar("Key", bound=Hashable)
_NO_ROWS = np.empty(0, dtype=ROW)


@dataclass(frozen=True, kw_only=True)
class ColumnQuery:
    """A subject, and from when on (µs) each of its stored series is read.

    `all_rows`: with all other rows in memory, which may have arrived late.
    """

    subject: SubjectFacts
    since: Mapping[int, int]
    all_rows: bool = False


def merge_queries(queries: Sequence[ColumnQuery]) -> ColumnQuery:
    """One query for several rules at one subject."""
    if len(queries) == 1:
        return queries[0]
    since = dict(queries[0].since)
    for query in queries[1:]:
        for series, at in query.since.items():
            since[series] = min(at, since.get(series, at))
    return ColumnQuery(
        subject=queries[0].subject, since=since, all_rows=any(query.all_rows for query in queries)
    )


def count_rows(tails: Mapping[int, SeriesTail], query: ColumnQuery) -> int:
    """About how many rows a query reads."""
    return sum([tails[series].count_since(since) for series, since in query.since.items()])


def load_subjects(
    connection: Connection,
    tails: Mapping[int, SeriesTail],
    queries: Iterable[ColumnQuery],
    *,
    hold: bool = False,
) -> dict[str, Subject]:
    """The subjects by key; one SQL query for all that is not in memory.

    `hold`: in memory from now on, if it is not all that there is: late readings come together.
    """
    queries = list(queries)
    older: dict[int, tuple[int, int, int]] = {}
    for query in queries:
        for series, since in query.since.items():
            until = tails[series].complete_from
            if until > since:  # two subjects may read one series: the farther counts
                # What is held reaches farther: the next late reading may be a little older.
                begins = since - (until - since) // 8 if hold and since > BEGINNING else since
                first = min(max(begins, BEGINNING), older.get(series, (0, begins, 0))[1])
                older[series] = series, first, until
    spans = list(older.values())
    stored: Mapping[int, Rows] = {}
    if spans:
        with connection.transaction():
            stored = queries_history.split_by_series(queries_history.read_spans(connection, spans))
            ahead_to = feed.ahead(connection) if hold else 0
    for series, since, _ in spans if hold else ():
        if since > BEGINNING:
            rows = stored.get(series, _NO_ROWS)
            tails[series].extend(rows, since=since, ahead_to=ahead_to)
    return {query.subject.key: _subject(query, tails, stored) for query in queries}


def _subject(
    query: ColumnQuery, tails: Mapping[int, SeriesTail], stored: Mapping[int, Rows]
) -> Subject:
    facts = query.subject
    return Subject(
        key=facts.key,
        series=_columns_of(facts.series, query, tails, stored),
        devices=facts.devices,
        thresholds=facts.thresholds,
        group=facts.group,
        calendar=facts.calendar,
        plan=facts.plan,
        upstream=tuple(
            Upstream(
                site=above.site,
                lag=above.lag,
                series=_columns_of(above.series, query, tails, stored),
                devices=above.devices,
                thresholds=above.thresholds,
            )
            for above in facts.upstream
        ),
        forecasts={
            quantity: Forecasts(
                revisions=forecast.models,
                inputs=_columns_of(forecast.inputs, query, tails, stored),
            )
            for quantity, forecast in facts.forecasts.items()
        },
    )


def _columns_of(
    every: Mapping[Key, SeriesFacts],
    query: ColumnQuery,
    tails: Mapping[int, SeriesTail],
    stored: Mapping[int, Rows],
) -> dict[Key, SeriesColumns]:
    return {
        name: columns(series, _rows(series, query, tails, stored))
        for name, series in every.items()
        if series.sources[-1].id in query.since
    }


def _rows(
    series: SeriesFacts,
    query: ColumnQuery,
    tails: Mapping[int, SeriesTail],
    stored: Mapping[int, Rows],
) -> Rows:
    """The rows of a series: of each of its sources those of its own time."""
    parts: list[Rows] = []
    ends = [*(source.since for source in series.sources[1:]), None]
    for source, end in zip(series.sources, ends, strict=True):
        tail = tails[source.id]
        rows = tail.since(NEVER if query.all_rows else query.since[source.id])
        if source.id in stored:
            rows = merge(rows, stored[source.id])
        if len(series.sources) == 1:
            return rows
        first = np.searchsorted(rows["time"], source.since)
        last = None if end is None else np.searchsorted(rows["time"], end)
        parts.append(rows[first:last])
    return np.concatenate(parts)


def columns(series: SeriesFacts, rows: Rows) -> SeriesColumns:
    """Rows with the facts of their series."""
    return SeriesColumns(
        time=np.ascontiguousarray(rows["time"]),
        value=np.ascontiguousarray(rows["value"]),
        quality=np.ascontiguousarray(rows["quality"]),
        received_at=np.ascontiguousarray(rows["received"]),
        device=series.device,
        kind=series.quantity.kind,
        reporting=series.reporting,
        nonnegative=series.quantity.nonnegative,
        interval=series.interval,
        stale_after=series.stale_after,
        breaks=series.breaks_at,
        withdrawn=series.withdrawn,
        earlier=series.earlier,
    )
