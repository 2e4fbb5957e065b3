"""What charts draw: the series of a site, their readings as they are or rolled up, their marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.database.connect import Connection
from hypervisor.database.quality import is_good
from hypervisor.database.tenancy import computed_first
from sensors._quality import Quality

_INSTANT = timedelta(microseconds=1)
_FLAGGED = int(Quality.SUSPECT | Quality.MANUAL)

_READINGS = (
    "SELECT series_id, extract(epoch FROM time)::float, value, value, value, value, value, 1"  # noqa: S608  a constant
    " FROM reading WHERE series_id = ANY(%(series)s) AND time >= %(first)s AND time < %(last)s"
    f" AND {is_good()} ORDER BY series_id, time"
)
_ROLLUPS = (
    "SELECT series_id, extract(epoch FROM time)::float, low, mean, high, total, last, count"
    " FROM readings_by(%(series)s, %(first)s, %(last)s, %(every)s)"
)

_OWN = computed_first("d.name || '/' || s.quantity", "own")


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A series of a site. `lamp`: its device belongs to a cabinet, as one of many."""

    id: int
    site: str
    device: str
    quantity: str
    interval_s: float | None  # null: as the catalogue says
    stale_s: float | None
    retired: datetime | None
    lamp: bool


@dataclass(frozen=True, kw_only=True)
class Bin:
    """What a series said in a piece of time; one reading where nothing is rolled up.

    `at`: s since the epoch, the beginning of the piece. Only what conditions believe.
    """

    at: float
    low: float
    mean: float
    high: float
    total: float
    last: float
    count: int


@dataclass(frozen=True, kw_only=True)
class FlaggedReading:
    """A reading that a person entered, or that nothing believes; `value` None: it has none."""

    at: float
    value: float | None
    quality: Quality


def list_channels(connection: Connection, sites: Sequence[str]) -> list[Channel]:
    """The series of sites, by device and quantity."""
    rows = connection.execute(
        "SELECT s.id, site.name, d.name, s.quantity, (f.value->>'interval_s')::float,"  # noqa: S608  a constant
        " (f.value->>'stale_s')::float, d.retired, d.name IN (SELECT split_part(m.key, '/', 2)"
        "  FROM revision m JOIN device_group g ON g.name = split_part(m.key, '/', 1)"
        "  WHERE m.kind = 'member' AND g.kind = 'cabinet')"
        " FROM site JOIN device d ON d.site = site.id JOIN series s ON s.device = d.id"
        f" {_OWN}"
        " LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'series'"
        "  AND key = own.key ORDER BY effective DESC, id DESC LIMIT 1) f"
        " ON true"
        " WHERE site.name = ANY(%s) ORDER BY d.name, s.quantity",
        [list(sites)],
    )
    return [
        Channel(
            id=row[0],
            site=row[1],
            device=row[2],
            quantity=row[3],
            interval_s=row[4],
            stale_s=row[5],
            retired=row[6],
            lamp=row[7],
        )
        for row in rows
    ]


def read_bins(
    connection: Connection,
    series: Sequence[int],
    span: tuple[datetime, datetime],
    seconds: float | None,
) -> dict[int, list[Bin]]:
    """The believed readings of series with first <= time < last, ascending.

    `seconds`: rolled up by so much, as whole pieces, from the one in which `first` lies, of what is
    kept rolled up where that is enough; None: each reading by itself.
    """
    first, last = span
    words: dict[str, object] = {"series": list(series), "first": first, "last": last}
    if seconds is None:
        rows = connection.execute(_READINGS, words)
    else:
        every = timedelta(seconds=seconds)
        earlier = first - every + _INSTANT
        rows = connection.execute(_ROLLUPS, {**words, "first": earlier, "every": every})
    bins_by_series: dict[int, list[Bin]] = {series_id: [] for series_id in series}
    for series_id, at, low, mean, high, total, end, count in rows:
        bins_by_series[series_id].append(
            Bin(at=at, low=low, mean=mean, high=high, total=total, last=end, count=count)
        )
    return bins_by_series


def read_last_before(
    connection: Connection, series: Sequence[int], at: datetime
) -> dict[int, tuple[float, float]]:
    """The last believed reading of each before a time: (s since the epoch, value)."""
    rows = connection.execute(
        "SELECT k.id, extract(epoch FROM r.time)::float, r.value FROM unnest(%s::int[]) AS k (id)"  # noqa: S608  a constant
        " CROSS JOIN LATERAL (SELECT time, value FROM reading WHERE series_id = k.id"
        f"  AND time < %s AND {is_good()}"
        "  ORDER BY time DESC LIMIT 1) r",
        [list(series), at],
    )
    return {series_id: (time, value) for series_id, time, value in rows}


def list_flagged(
    connection: Connection,
    series: Sequence[int],
    span: tuple[datetime, datetime],
    limit: int = 200,
) -> dict[int, list[FlaggedReading]]:
    """The latest readings of a span that are suspect, invalidated or a person's, ascending."""
    rows = connection.execute(
        "SELECT series_id, extract(epoch FROM time)::float, value, quality FROM reading"
        " WHERE series_id = ANY(%s) AND time >= %s AND time < %s AND quality & %s <> 0"
        " ORDER BY time DESC LIMIT %s",
        [list(series), *span, _FLAGGED, limit],
    ).fetchall()
    marked_by_series: dict[int, list[FlaggedReading]] = {series_id: [] for series_id in series}
    for series_id, at, value, quality in reversed(rows):
        marked_by_series[series_id].append(
            FlaggedReading(at=at, value=value, quality=Quality(quality))
        )
    return marked_by_series


def find_highest(connection: Connection, series: int) -> tuple[float, datetime] | None:
    """The highest believed value that is kept of a series, and when it first was."""
    row = connection.execute(
        "SELECT value, time FROM reading WHERE series_id = %s"  # noqa: S608  a constant
        f" AND {is_good()} ORDER BY value DESC, time LIMIT 1",
        [series],
    ).fetchone()
    return None if row is None else (row[0], row[1])


@dataclass(frozen=True, kw_only=True)
class Reception:
    """How well a series was received in a span: rows of the device, their usual delay, the last."""

    rows: int
    first: datetime | None  # within the span
    delay_s: float | None
    faults: float
    last: datetime | None
    value: float | None
    quality: int


def read_reception(
    connection: Connection, series: Sequence[int], span: tuple[datetime, datetime]
) -> dict[int, Reception]:
    """Of each series, within a span (what a person entered is no sign of the device)."""
    rows = connection.execute(
        "SELECT k.id, c.n, c.began, c.delay, coalesce(c.total, 0), r.time, r.value,"
        " r.quality"
        " FROM unnest(%(series)s::int[]) AS k (id)"
        " LEFT JOIN LATERAL (SELECT count(*) AS n, min(time) AS began, sum(value) AS total,"
        "  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - time))"
        "   ::float AS delay FROM reading WHERE series_id = k.id AND time >= %(first)s"
        "  AND time <= %(last)s AND quality & %(manual)s = 0) c ON true"
        " LEFT JOIN LATERAL (SELECT time, value, quality FROM reading WHERE series_id = k.id"
        "  AND time <= %(last)s ORDER BY time DESC LIMIT 1) r ON true",
        {
            "series": list(series),
            "first": span[0],
            "last": span[1],
            "manual": int(Quality.MANUAL),
        },
    )
    return {
        row[0]: Reception(
            rows=row[1],
            first=row[2],
            delay_s=row[3],
            faults=row[4],
            last=row[5],
            value=row[6],
            quality=row[7] or 0,
        )
        for row in rows
    }


def read_newest(connection: Connection, series: Sequence[int]) -> dict[int, Reception]:
    """The last believed reading of each: what a list of sites shows."""
    rows = connection.execute(
        "SELECT k.id, r.time, r.value, r.quality FROM unnest(%s::int[]) AS k (id)"  # noqa: S608  a constant
        " CROSS JOIN LATERAL (SELECT time, value, quality FROM reading WHERE series_id = k.id"
        f"  AND {is_good()} ORDER BY time DESC LIMIT 1) r",
        [list(series)],
    )
    return {
        series_id: Reception(
            rows=0, first=None, delay_s=None, faults=0, last=time, value=value, quality=quality
        )
        for series_id, time, value, quality in rows
    }
