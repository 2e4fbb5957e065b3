"""SQL for the charts of alarms: recent readings, and thresholds."""

from collections.abc import Sequence
from datetime import datetime

from hypervisor.database.connect import Connection
from hypervisor.database.quality import is_good

_SPARK = f"""
SELECT k.number, extract(epoch FROM time_bucket(%(piece)s, r.time) + %(piece)s / 2)::float8 AS at,
    avg(r.value) FROM unnest(%(numbers)s::bigint[], %(series)s::int[]) AS k (number, series)
JOIN reading r ON r.series_id = k.series AND r.time >= %(first)s AND r.time <= %(last)s
WHERE {is_good("r.")}
GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608  constants
_SERIES = """
SELECT DISTINCT ON (k.number) k.number, s.id FROM
    unnest(%(numbers)s::bigint[], %(subjects)s::text[], %(quantities)s::text[])
    AS k (number, subject, quantity)
JOIN series s ON s.quantity = k.quantity
JOIN device d ON d.id = s.device
JOIN site ON site.id = d.site
WHERE k.subject = site.name OR k.subject = 'device/' || d.name
ORDER BY k.number, d.retired NULLS FIRST, d.commissioned DESC, s.id
"""


def find_series(connection: Connection, subjects: Sequence[tuple[int, str, str]]) -> dict[int, int]:
    """The series of alarms; `subjects`: (alarm, subject, quantity)."""
    rows = connection.execute(
        _SERIES,
        {
            "numbers": [subject[0] for subject in subjects],
            "subjects": [subject[1] for subject in subjects],
            "quantities": [subject[2] for subject in subjects],
        },
    )
    return dict(rows.fetchall())


def read_trends(
    connection: Connection,
    series: dict[int, int],
    first: datetime,
    last: datetime,
    piece: str = "15 minutes",
) -> dict[int, list[tuple[float, float]]]:
    """Averages per time bucket as (s since the epoch, value), by alarm; `series`: by alarm."""
    points: dict[int, list[tuple[float, float]]] = {}
    if not series:
        return points
    for number, at, value in connection.execute(
        _SPARK.replace("%(piece)s", "%(piece)s::interval"),
        {
            "numbers": list(series),
            "series": list(series.values()),
            "first": first,
            "last": last,
            "piece": piece,
        },
    ):
        points.setdefault(number, []).append((at, value))
    return points


def read_thresholds(
    connection: Connection, keys: Sequence[str], at: datetime
) -> dict[str, tuple[float, str, bool]]:
    """(value, unit, illustrative) by key: '<site>/<name>' or 'device/<device>/<name>'."""
    rows = connection.execute(
        "SELECT DISTINCT ON (key) key, value, illustrative FROM revision WHERE kind = 'threshold'"
        " AND key = ANY(%s) AND effective <= %s ORDER BY key, effective DESC, id DESC",
        [list(keys), at],
    )
    return {
        key: (float(value["value"]), str(value["unit"]), illustrative)
        for key, value, illustrative in rows
        if value is not None
    }
