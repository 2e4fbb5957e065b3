"""Subjects as the engine wants them: columns of readings from memory, older ones from the store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hypervisor.base.instants import BEGINNING
from hypervisor.database.connect import Connection
from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts, UpstreamFacts
from hypervisor.evaluation.recent import SeriesTail, merge
from hypervisor.readings import queries_history
from rules._inputs import SeriesColumns, Subject, Upstream
from sensors._row import NEVER, Rows


@dataclass(frozen=True, kw_only=True)
class ColumnQuery:
    """A subject, and from when on (µs) which of its stored series are read.

    `whole`: with all that memory holds besides, for the sake of late arrivals.
    """

    subject: SubjectFacts
    since: Mapping[int, int]
    whole: bool = False


def joined(wanted: Sequence[ColumnQuery]) -> ColumnQuery:
    """What several rules want of one subject."""
    if len(wanted) == 1:
        return wanted[0]
    since = dict(wanted[0].since)
    for one in wanted[1:]:
        for series, at in one.since.items():
            since[series] = min(at, since.get(series, at))
    return ColumnQuery(
        subject=wanted[0].subject, since=since, whole=any(one.whole for one in wanted)
    )


def subjects(
    connection: Connection, tails: Mapping[int, SeriesTail], wanted: Iterable[ColumnQuery]
) -> dict[str, Subject]:
    """Columns of each, by its key; one query for all that is not in memory."""
    wanted = list(wanted)
    older: dict[int, tuple[int, int, int]] = {}
    for one in wanted:
        for series, since in one.since.items():
            until = tails[series].complete_from
            if until > since:  # of two subjects that read one series, the one that reads farther
                first = min(max(since, BEGINNING), older.get(series, (0, since, 0))[1])
                older[series] = series, first, until
    spans = list(older.values())
    stored = (
        queries_history.split_by_series(queries_history.read_spans(connection, spans))
        if spans
        else {}
    )
    return {one.subject.key: _subject(one, tails, stored) for one in wanted}


def _subject(
    one: ColumnQuery, tails: Mapping[int, SeriesTail], stored: Mapping[int, Rows]
) -> Subject:
    facts = one.subject
    return Subject(
        key=facts.key,
        series={
            name: columns(series, _rows(series, one, tails, stored))
            for name, series in facts.series.items()
            if series.sources[-1].id in one.since
        },
        devices=facts.devices,
        thresholds=facts.thresholds,
        group=facts.group,
        calendar=facts.calendar,
        plan=facts.plan,
        upstream=tuple(_upstream(above, one, tails, stored) for above in facts.upstream),
    )


def _upstream(
    above: UpstreamFacts,
    one: ColumnQuery,
    tails: Mapping[int, SeriesTail],
    stored: Mapping[int, Rows],
) -> Upstream:
    return Upstream(
        site=above.site,
        lag=above.lag,
        series={
            name: columns(series, _rows(series, one, tails, stored))
            for name, series in above.series.items()
            if series.sources[-1].id in one.since
        },
        devices=above.devices,
        thresholds=above.thresholds,
    )


def _rows(
    series: SeriesFacts,
    one: ColumnQuery,
    tails: Mapping[int, SeriesTail],
    stored: Mapping[int, Rows],
) -> Rows:
    """The rows of a series, of each of its sources those of its own time."""
    parts: list[Rows] = []
    ends = [*(source.since for source in series.sources[1:]), None]
    for source, end in zip(series.sources, ends, strict=True):
        tail = tails[source.id]
        rows = tail.since(NEVER if one.whole else one.since[source.id])
        if source.id in stored:
            rows = merge(rows, stored[source.id])
        if len(series.sources) == 1:
            return rows
        first = np.searchsorted(rows["time"], source.since)
        last = None if end is None else np.searchsorted(rows["time"], end)
        parts.append(rows[first:last])
    return np.concatenate(parts)


def columns(series: SeriesFacts, rows: Rows) -> SeriesColumns:
    """Rows with all that is known of their series."""
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
