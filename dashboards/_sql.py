"""SQL that panels share: territory, time range, buckets.

A variable with All is written `'*'` there, so that one condition serves All, one and many; Grafana
doubles apostrophes (`:sqlstring`).
"""

ALL = "'*'"


def filter_by(variable: str, column: str) -> str:
    """True where `column` is among what `$variable` has chosen, or all are."""
    values = f"${{{variable}:sqlstring}}"
    return f"({ALL} IN ({values}) OR {column} IN ({values}))"


def territory(site: str = "site") -> str:
    """True for the sites chosen by $epci, $commune and $site; `site` is the table's alias."""
    inside = filter_by("epci", "area.parent")
    return (
        f"({ALL} IN (${{epci:sqlstring}}) OR {site}.commune IN"
        f" (SELECT area.code FROM area WHERE {inside}))"
        f" AND {filter_by('commune', f'{site}.commune')}"
        f" AND {filter_by('site', f'{site}.name')}"
    )


def quote_list(names: tuple[str, ...]) -> str:
    """Names as SQL literals, separated by commas."""
    return ", ".join("'" + name.replace("'", "''") + "'" for name in names)


def series_of(*quantities: str, where: str = "") -> str:
    """The series of these quantities (none: of all) at the chosen sites, for `readings_by`.

    `where` may use series, device and site.
    """
    these = [f"series.quantity IN ({quote_list(quantities)})"] if quantities else []
    conditions = [*these, territory(), *([where] if where else [])]
    return (
        "ARRAY(SELECT series.id FROM series JOIN device ON device.id = series.device"
        f" JOIN site ON site.id = device.site WHERE {' AND '.join(conditions)})"
    )


SINCE = "$__timeFrom()::timestamptz"
UNTIL = "$__timeTo()::timestamptz"
EVERY = "make_interval(secs => $__interval_ms / 1000.0)"
EVER = "'-infinity'"  # since when there are readings
# Whether alarms are evaluated up to the end of the time shown: else nothing may look calm.
EVALUATED = f"evaluated_at({UNTIL})"


# The piece of time of a bar: wide enough to be told apart from the next, however long the span.
BAR = (
    f"CASE WHEN {UNTIL} - {SINCE} <= interval '3 days' THEN interval '1 hour'"
    f" WHEN {UNTIL} - {SINCE} <= interval '100 days' THEN interval '1 day'"
    " ELSE interval '7 days' END"
)


def before(time: str, span: str) -> str:
    """SQL: `span` before a time, as a plain value, so that an index serves it under RLS."""
    return f"(({time} AT TIME ZONE 'UTC' - INTERVAL '{span}') AT TIME ZONE 'UTC')"


def readings(*quantities: str, where: str = "", every: str = EVERY) -> str:
    """A FROM item: the chosen sites' readings in the buckets that the panel's width allows.

    Columns: `bucket` (series_id, time, mean, low, high, last, total, increase, count) joined with
    `series`, `device` and `site`. `every` may be another interval: "interval '1 hour'".
    """
    ids = series_of(*quantities, where=where)
    return (
        f"readings_by({ids}, {SINCE}, {UNTIL}, {every}) AS bucket"
        " JOIN series ON series.id = bucket.series_id"
        f" AND series.quantity IN ({quote_list(quantities)})"  # else all series are read
        " JOIN device ON device.id = series.device"
        " JOIN site ON site.id = device.site"
    )


def latest(*quantities: str, since: str = "", where: str = "") -> str:
    """A FROM item: the last valid reading of each series of the selected sites in the time range.

    `since`: of hours that begin after it instead, EVER of any. Columns: `latest.last`,
    `latest.last_at`, `latest.begins` (its hour, which may begin before the time range), joined with
    `series`, `device` and `site`.
    """
    return (
        f"last_of({series_of(*quantities, where=where)}, {since or before(SINCE, '1 hour')},"
        f" {UNTIL}) AS latest JOIN series ON series.id = latest.series_id"
        f" AND series.quantity IN ({quote_list(quantities)})"
        " JOIN device ON device.id = series.device JOIN site ON site.id = device.site"
    )


def hours(series: str, since: str, until: str = UNTIL) -> str:
    """A FROM item: the hours of an array of series that begin within since < begins <= until.

    Columns as `rollup_hour`, without `increase`. Never read that table itself: it lags behind.
    """
    return f"hours_of({series}, {since}, {until})"
