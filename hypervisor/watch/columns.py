"""Sites as the engine wants them: columns of readings from memory, older ones from the store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hypervisor.instants import BEGINNING
from hypervisor.store import history
from hypervisor.store.connect import Connection
from hypervisor.watch.facts import SeriesFacts, SiteFacts
from hypervisor.watch.tail import SeriesTail, merge
from rules._inputs import SeriesColumns, Subject
from sensors._row import NEVER, Rows


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A site, those of its series that are read, and the time (µs) from which.

    `whole`: with all that memory holds besides, for the sake of late arrivals.
    """

    site: SiteFacts
    since: int
    series: frozenset[int]
    whole: bool = False


def joined(wanted: Sequence[Wanted]) -> Wanted:
    """What several rules want of one site."""
    if len(wanted) == 1:
        return wanted[0]
    return Wanted(
        site=wanted[0].site,
        since=min(one.since for one in wanted),
        series=frozenset().union(*(one.series for one in wanted)),
        whole=any(one.whole for one in wanted),
    )


def subjects(
    connection: Connection, tails: Mapping[int, SeriesTail], wanted: Iterable[Wanted]
) -> dict[str, Subject]:
    """Columns of each site, by its key; one query for all that is not in memory."""
    wanted = list(wanted)
    spans = [
        (series.id, max(one.since, BEGINNING), tails[series.id].complete_from)
        for one in wanted
        for series in one.site.series.values()
        if series.id in one.series and tails[series.id].complete_from > one.since
    ]
    older = history.by_series(history.between(connection, spans)) if spans else {}
    return {one.site.key: _subject(one, tails, older) for one in wanted}


def _subject(one: Wanted, tails: Mapping[int, SeriesTail], older: Mapping[int, Rows]) -> Subject:
    site = one.site
    columns = {}
    for name, series in site.series.items():
        if series.id not in one.series:
            continue
        tail = tails[series.id]
        rows = tail.since(NEVER if one.whole else one.since)
        if series.id in older:
            rows = merge(rows, older[series.id])
        columns[name] = _columns(series, rows)
    return Subject(key=site.key, series=columns, devices=site.devices, thresholds=site.thresholds)


def _columns(series: SeriesFacts, rows: Rows) -> SeriesColumns:
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
    )
