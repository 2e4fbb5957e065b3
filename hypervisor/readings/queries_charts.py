"""What charts draw: the series of a site, their readings, raw or rolled up, and their flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import dict_row

from hypervisor.database.connect import Connection, fetch
from hypervisor.database.quality import is_good
from hypervisor.database.tenancy import computed_first
from sensors._quality import Quality

_INSTANT = timedelta(microseconds=1)
_FLAGGED = int(Quality.SUSPECT | Quality.MANUAL)

_READINGS = (
    "SELECT series_id, extract(epoch FROM time)::float, value, value, value, value, value, NULL, 1"  # noqa: S608  a constant
    " FROM reading WHERE series_id = ANY(%(series)s) AND time >= %(first)s AND time < %(last)s"
    f" AND {is_good()} ORDER BY series_id, time"
)
_ROLLUPS = (
    "SELECT series_id, extract(epoch FROM time)::float, low, mean, high, total, last, increase,"
    " count FROM readings_by(%(series)s, %(first)s, %(last)s, %(every)s)"
)

_LAMPS = (
    "WITH lamp AS MATERIALIZED (SELECT split_part(m.key, '/', 2) AS name FROM revision m"
    " JOIN device_group g ON g.name = split_part(m.key, '/', 1)"
    " WHERE m.kind = 'member' AND g.kind = 'cabinet')"
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
    """The good readings of a series in a time bucket from `at` (s since the epoch), or one raw.

    `increase`: of a counter within the bucket; None: raw, or no counter.
    """

    at: float
    low: float
    mean: float
    high: float
    total: float
    last: float
    count: int
    increase: float | None = None


@dataclass(frozen=True, kw_only=True)
class FlaggedReading:
    """A manual or suspect reading."""

    at: float
    value: float | None
    quality: Quality


def list_channels(
    connection: Connection, sites: Sequence[str], *, lamps: bool = True
) -> list[Channel]:
    """The series of sites, by device and quantity. `lamps`: theirs too, of which there are many."""
    return fetch(
        connection,
        Channel,
        f"{_LAMPS} SELECT s.id, site.name AS site, d.name AS device, s.quantity,"  # noqa: S608  a constant
        " (f.value->>'interval_s')::float AS interval_s, (f.value->>'stale_s')::float AS stale_s,"
        " d.retired, d.name IN (SELECT name FROM lamp) AS lamp"
        " FROM site JOIN device d ON d.site = site.id JOIN series s ON s.device = d.id"
        f" {_OWN}"
        " LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'series'"
        "  AND key = own.key ORDER BY effective DESC, id DESC LIMIT 1) f"
        " ON true"
        " WHERE site.name = ANY(%(sites)s) AND (%(lamps)s OR d.name NOT IN (SELECT name FROM lamp))"
        " ORDER BY d.name, s.quantity",
        {"sites": list(sites), "lamps": lamps},
    )


def read_bins(
    connection: Connection,
    series: Sequence[int],
    span: tuple[datetime, datetime],
    seconds: float | None,
) -> dict[int, list[Bin]]:
    """The good readings of series with first <= time < last, ascending.

    `seconds`: the width of the time buckets, of which the first one holds `first`; None: raw.
    """
    first, last = span
    parameters: dict[str, object] = {"series": list(series), "first": first, "last": last}
    if seconds is None:
        rows = connection.execute(_READINGS, parameters)
    else:
        every = timedelta(seconds=seconds)
        parameters |= {"first": first - every + _INSTANT, "every": every}
        rows = connection.execute(_ROLLUPS, parameters)
    bins_by_series: dict[int, list[Bin]] = {series_id: [] for series_id in series}
    for series_id, at, low, mean, high, total, end, increase, count in rows:
        bins_by_series[series_id].append(
            Bin(
                at=at,
                low=low,
                mean=mean,
                high=high,
                total=total,
                last=end,
                count=count,
                increase=increase,
            )
        )
    return bins_by_series


def read_last_before(
    connection: Connection, series: Sequence[int], at: datetime
) -> dict[int, tuple[float, float]]:
    """The last good reading of each before a time: (s since the epoch, value)."""
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
    """The latest suspect and manual readings of a span, ascending."""
    rows = connection.execute(
        "SELECT series_id, extract(epoch FROM time)::float, value, quality FROM reading"
        " WHERE series_id = ANY(%s) AND time >= %s AND time < %s AND quality & %s <> 0"
        " ORDER BY time DESC LIMIT %s",
        [list(series), *span, _FLAGGED, limit],
    ).fetchall()
    flagged: dict[int, list[FlaggedReading]] = {series_id: [] for series_id in series}
    for series_id, at, value, quality in reversed(rows):
        flagged[series_id].append(FlaggedReading(at=at, value=value, quality=Quality(quality)))
    return flagged


def find_highest(connection: Connection, series: int) -> tuple[float, datetime] | None:
    """The highest good value stored of a series, and its first time."""
    row = connection.execute(
        "SELECT value, time FROM reading WHERE series_id = %s"  # noqa: S608  a constant
        f" AND {is_good()} ORDER BY value DESC, time LIMIT 1",
        [series],
    ).fetchone()
    return None if row is None else (row[0], row[1])


@dataclass(frozen=True, kw_only=True)
class Reception:
    """The rows of a series within a span, their first time and usual delay; its last reading."""

    last: datetime | None
    value: float | None
    quality: int
    rows: int = 0
    first: datetime | None = None
    delay_s: float | None = None
    faults: float = 0


def read_reception(
    connection: Connection, series: Sequence[int], span: tuple[datetime, datetime]
) -> dict[int, Reception]:
    """How each series was received in a span; a manual reading is no sign of the device.

    The delay is that of the newest reading of each ten minutes of arrival, the median of at least
    three: what arrives after an outage is old, and says nothing of the usual delay.
    """
    rows = connection.cursor(row_factory=dict_row).execute(
        "SELECT k.id, c.rows, c.first, c.delay_s, coalesce(c.total, 0) AS faults, r.time AS last,"
        " r.value, coalesce(r.quality, 0) AS quality"
        " FROM unnest(%(series)s::int[]) AS k (id)"
        " LEFT JOIN LATERAL (SELECT coalesce(sum(rows), 0)::int AS rows, min(first) AS first,"
        "  sum(total) AS total, CASE WHEN count(delay) >= 3 THEN percentile_cont(0.5)"
        "   WITHIN GROUP (ORDER BY extract(epoch FROM delay))::float END AS delay_s"
        "  FROM (SELECT count(*) AS rows, min(time) AS first, sum(value) AS total,"
        "   last(received_at - time, time) AS delay FROM reading WHERE series_id = k.id"
        "   AND time >= %(first)s AND time <= %(last)s AND quality & %(manual)s = 0"
        "   GROUP BY time_bucket('10 min', received_at)) arrivals) c ON true"
        " LEFT JOIN LATERAL (SELECT time, value, quality FROM reading WHERE series_id = k.id"
        "  AND time <= %(last)s ORDER BY time DESC LIMIT 1) r ON true",
        {
            "series": list(series),
            "first": span[0],
            "last": span[1],
            "manual": int(Quality.MANUAL),
        },
    )
    return {row.pop("id"): Reception(**row) for row in rows}


def read_newest(connection: Connection, series: Sequence[int]) -> dict[int, Reception]:
    """The last good reading of each: what a list of sites shows."""
    rows = connection.cursor(row_factory=dict_row).execute(
        "SELECT k.id, r.time AS last, r.value, r.quality FROM unnest(%s::int[]) AS k (id)"  # noqa: S608  a constant
        " CROSS JOIN LATERAL (SELECT time, value, quality FROM reading WHERE series_id = k.id"
        f"  AND {is_good()} ORDER BY time DESC LIMIT 1) r",
        [list(series)],
    )
    return {row.pop("id"): Reception(**row) for row in rows}
