"""Macros become what Grafana 12's PostgreSQL source makes of them."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.grafana.emulation import (
    MacroError,
    Span,
    compute_interval,
    expand_macros,
    format_interval,
    parse_duration,
)

SPAN = Span(
    since=datetime(2024, 10, 9, tzinfo=UTC),
    until=datetime(2024, 10, 10, 12, 0, 0, 250000, tzinfo=UTC),
)
FROM, TO = "'2024-10-09T00:00:00Z'", "'2024-10-10T12:00:00.25Z'"
FORMS = {
    "$__timeFilter(a.time)": f"a.time BETWEEN {FROM} AND {TO}",
    "$__timeFilter( a.time )": f"a.time BETWEEN {FROM} AND {TO}",
    "$__timeFrom()::timestamptz": f"{FROM}::timestamptz",
    "$__timeTo()": TO,
    "$__timeGroup(t, '1m')": "time_bucket('60.000s',t)",
    "$__timeGroup(t,$__interval)": "time_bucket('30.000s',t)",
    "$__timeGroup(t,'1m'), v": "time_bucket('60.000s',t) AS \"time\", v",
    "$__timeGroupAlias(t,'6h')": "time_bucket('21600.000s',t) AS \"time\"",
    "$__time(t)": 't AS "time"',
    "$__timeEpoch(t)": 'extract(epoch from t) as "time"',
    "$__unixEpochFilter(e)": "e >= 1728432000 AND e <= 1728561600",
    "$__unixEpochFrom() + $__unixEpochTo()": "1728432000 + 1728561600",
    "$__interval_ms / 1000.0": "30000 / 1000.0",
    "'$__interval'::interval": "'30s'::interval",
    "count(*) FROM f(1)": "count(*) FROM f(1)",
}


@pytest.mark.parametrize(("sql", "sent"), FORMS.items(), ids=FORMS)
def test_a_macro_is_expanded(sql: str, sent: str) -> None:
    assert expand_macros(sql, SPAN, 30_000) == sent


@pytest.mark.parametrize("sql", ["$__timeFiltre(t)", "$__timeGroup(t)", "$__timeGroup(t,'soon')"])
def test_what_grafana_would_refuse_is_refused(sql: str) -> None:
    with pytest.raises(MacroError):
        expand_macros(sql, SPAN, 30_000)


def test_an_argument_ends_at_the_first_bracket() -> None:
    assert expand_macros("$__timeFilter(f(t))", SPAN, 1) == f"f(t BETWEEN {FROM} AND {TO})"


WIDTHS = {
    (timedelta(hours=1), 900, ""): (5_000, "5s"),
    (timedelta(hours=24), 900, ""): (120_000, "2m"),
    (timedelta(days=30), 900, ""): (3_600_000, "1h"),
    (timedelta(days=365), 900, ""): (43_200_000, "12h"),
    (timedelta(hours=1), 900, "1m"): (60_000, "1m"),
    (timedelta(seconds=1), 900, ""): (1, "1ms"),
    (timedelta(days=365 * 200), 900, ""): (31_536_000_000, "1y"),
}


@pytest.mark.parametrize(("asked", "found"), WIDTHS.items(), ids=str)
def test_the_interval_is_rounded_as_the_front_end_does(
    asked: tuple[timedelta, int, str], found: tuple[int, str]
) -> None:
    length, points, least = asked
    span = Span(since=SPAN.since, until=SPAN.since + length)
    assert compute_interval(span, points, least) == found[0]
    assert format_interval(found[0]) == found[1]


def test_lengths_are_read() -> None:
    assert [parse_duration(text) for text in ("5m", "90s", "1.5h", "1d", "250ms")] == [
        300,
        90,
        5400,
        86400,
        0.25,
    ]
