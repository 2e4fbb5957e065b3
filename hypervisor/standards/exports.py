"""What leaves as a file: readings and alarms, paged by time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from hypervisor.base.instance import Banner
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.readings import queries_history
from hypervisor.registry import queries_devices
from hypervisor.registry.queries_devices import SeriesRow
from hypervisor.standards import queries_exports
from hypervisor.standards.model import NoResourceError, QueryError
from hypervisor.web.table_files import TEXT, TIME, WORD, Table
from sensors._domain import Catalogue
from sensors._quality import list_quality_flags
from sensors._row import NEVER, Rows

_HOUR = 3_600_000_000  # µs
_PIECE = 100_000  # rows of a piece, about
_WIDEST = 30 * 24 * _HOUR
READINGS = pa.schema(
    {
        **dict.fromkeys(("site", "device", "quantity", "unit"), WORD),
        "time": TIME,
        "value": pa.float64(),
        "quality": WORD,
        "received_at": TIME,
        "mode": WORD,
    }.items()
)
ALARMS = pa.schema(
    {
        "id": pa.int64(),
        **dict.fromkeys(("rule", "domain", "category", "subject", "site", "commune"), WORD),
        **dict.fromkeys(("title", "title_fr"), TEXT),
        "severity": WORD,
        **dict.fromkeys(("since", "began", "ended"), TIME),
        "end_reason": TEXT,
        "state": WORD,
        "mode": WORD,
    }.items()
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What files are made of, and what each says of itself."""

    connection: Connection
    catalogue: Catalogue
    now: datetime
    mode: Banner
    licence: str
    instance: str

    @property
    def facts(self) -> dict[str, str]:
        return {"instance": self.instance, "licence": self.licence, "mode": self.mode}


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `since` until before `until`."""

    since: datetime
    until: datetime

    @property
    def following(self) -> "Span":
        return Span(since=self.until, until=self.until + (self.until - self.since))


def choose_span(
    since: datetime | None,
    until: datetime | None,
    *,
    now: datetime,
    usual: timedelta,
    most: timedelta,
) -> Span:
    """The span of a file; without one of its ends `usual` long, without both the last one.

    Raises QueryError: it ends before it begins, or is longer than `most`.
    """
    if until is None:
        until = now if since is None else since + usual
    span = Span(since=until - usual if since is None else since, until=until)
    if span.until <= span.since:
        raise QueryError("to: it does not lie after from")
    if span.until - span.since > most:
        raise QueryError(
            "a file holds at most {days} days: ask for the next with the link `next`", most.days
        )
    return span


def find_series(
    source: Source,
    *,
    sites: Sequence[str] = (),
    devices: Sequence[str] = (),
    quantities: Sequence[str] = (),
    domains: Sequence[str] = (),
) -> list[SeriesRow]:
    """The series that fit, those without a condition all; only what the caller sees.

    Raises NoResourceError: there are none.
    """
    rows = queries_devices.list_series(source.connection, source.now, devices=list(devices) or None)
    fitting = [
        row
        for row in rows
        if (not sites or row.site in sites)
        and (not quantities or row.quantity in quantities)
        and (not domains or row.domain in domains)
    ]
    if not fitting and (sites or devices or quantities or domains):
        raise NoResourceError("no series fits: see /api/v1/series")
    return sorted(fitting, key=lambda row: row.id)


def read_pieces(connection: Connection, series: Sequence[SeriesRow], span: Span) -> Iterator[Rows]:
    """Readings ordered by time and series, in pieces of some hundred thousand rows."""
    numbers = [row.id for row in series]
    since, until, width = micros(span.since), micros(span.until), _HOUR
    while since < until and numbers:
        ends = min(until, since + width)
        rows = queries_history.read_range(connection, numbers, since, ends)
        if len(rows):
            yield rows[np.lexsort((rows["series"], rows["time"]))]
        since = ends
        if len(rows) < _PIECE // 2:
            width = min(width * 2, _WIDEST)
        elif len(rows) > _PIECE * 2:
            width = max(width // 2, _HOUR // 60)


def find_places(rows: Rows, series: Sequence[SeriesRow]) -> np.ndarray:
    """Of each reading the place of its series, which are ordered by number."""
    return np.searchsorted([row.id for row in series], rows["series"])


def make_words(words: Sequence[str], places: np.ndarray) -> pa.Array:
    """A column of few different texts: which of `words` each row has."""
    distinct, place = np.unique(np.array(words, dtype=object), return_inverse=True)
    return pa.DictionaryArray.from_arrays(
        pa.array(place[places], pa.int32()), pa.array(distinct.tolist(), TEXT)
    )


def make_times(times: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """A column of times (µs)."""
    return pa.array(times, pa.int64(), mask=missing).cast(TIME)


def tabulate_readings(source: Source, series: Sequence[SeriesRow], span: Span) -> Table:
    """Readings, good and suspect; `quality` names what is wrong with one."""
    quantities = source.catalogue.quantities
    units = [quantities[row.quantity].unit if row.quantity in quantities else "" for row in series]

    def tabulate() -> Iterator[pa.RecordBatch]:
        for rows in read_pieces(source.connection, series, span):
            places = find_places(rows, series)
            flags, flagged = np.unique(rows["quality"], return_inverse=True)
            yield pa.RecordBatch.from_arrays(
                [
                    make_words([row.site for row in series], places),
                    make_words([row.device for row in series], places),
                    make_words([row.quantity for row in series], places),
                    make_words(units, places),
                    make_times(rows["time"]),
                    pa.array(rows["value"], mask=np.isnan(rows["value"])),
                    make_words(
                        [" ".join(list_quality_flags(flag)) for flag in flags.tolist()], flagged
                    ),
                    make_times(rows["received"], rows["received"] == NEVER),
                    make_words([source.mode], np.zeros(len(rows), dtype=int)),
                ],
                schema=READINGS,
            )

    return Table(name="readings", schema=READINGS, pieces=tabulate(), facts=source.facts)


def tabulate_alarms(source: Source, span: Span) -> Table:
    """Alarms that began within the span, the withdrawn left out."""
    pieces = (
        pa.RecordBatch.from_pylist([{**row, "mode": source.mode} for row in rows], schema=ALARMS)
        for rows in queries_exports.stream_alarms(source.connection, span.since, span.until)
    )
    return Table(name="alarms", schema=ALARMS, pieces=pieces, facts=source.facts)
