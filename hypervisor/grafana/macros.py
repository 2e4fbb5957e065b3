"""Expands macros and intervals in SQL as Grafana 12's PostgreSQL source does."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sensors._errors import TerritoryError

_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwMy])")
_SECONDS = {
    "ms": 0.001,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "M": 2592000,
    "y": 31536000,
}
# Below the first, the second (ms): how Grafana rounds a span over a panel's points.
_ROUNDED = (
    (10, 1),
    (15, 10),
    (35, 20),
    (75, 50),
    (150, 100),
    (350, 200),
    (750, 500),
    (1_500, 1_000),
    (3_500, 2_000),
    (7_500, 5_000),
    (12_500, 10_000),
    (17_500, 15_000),
    (25_000, 20_000),
    (45_000, 30_000),
    (90_000, 60_000),
    (210_000, 120_000),
    (450_000, 300_000),
    (750_000, 600_000),
    (1_050_000, 900_000),
    (1_500_000, 1_200_000),
    (2_700_000, 1_800_000),
    (5_400_000, 3_600_000),
    (9_000_000, 7_200_000),
    (16_200_000, 10_800_000),
    (32_400_000, 21_600_000),
    (86_400_000, 43_200_000),
    (604_800_000, 86_400_000),
    (1_814_400_000, 604_800_000),
    (3_628_800_000, 2_592_000_000),
)
_LONGEST = 31_536_000_000


class MacroError(TerritoryError):
    """Grafana would refuse the statement."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time range."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return self.until - self.since


def compute_interval(span: Span, points: int, least: str = "") -> int:
    """`$__interval_ms` of a panel of `points` data points, at least `least` ("1m")."""
    raw = span.length / timedelta(milliseconds=1) / points
    rounded = next((to for below, to in _ROUNDED if raw < below), _LONGEST)
    return max(rounded, round(parse_duration(least) * 1000) if least else 1)


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `5m`, `90s`, `1d`.

    Raises:
        MacroError: it is not a duration.
    """
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise MacroError(f"{text!r} is no interval; expected for example 5m, 90s or 1d")
    return float(match[1]) * _SECONDS[match[2]]


def format_interval(milliseconds: int) -> str:
    """`$__interval`: in the largest unit that fits, rounded down as Grafana does."""
    for unit in ("y", "d", "h", "m", "s"):
        whole = int(milliseconds / 1000 // _SECONDS[unit])
        if whole:
            return f"{whole}{unit}"
    return f"{milliseconds}ms"


def expand_macros(sql: str, span: Span, interval_ms: int) -> str:
    """The statement as sent to the database; variables are already filled in.

    Raises:
        MacroError: a macro is unknown or lacks an argument.
    """
    sql = sql.replace("$__interval_ms", str(interval_ms))
    sql = sql.replace("$__interval", format_interval(interval_ms))
    sql = sql.replace("$__unixEpochFrom()", str(int(span.since.timestamp())))
    sql = sql.replace("$__unixEpochTo()", str(int(span.until.timestamp())))

    def expand_call(match: re.Match[str]) -> str:
        name, arguments = match[1], [part.strip(" ") for part in match[2].split(",")]
        after = sql.index(match[0]) + len(match[0])  # the first such call, as Grafana looks
        if name == "__timeGroup" and sql[after : after + 1] == ",":
            name = "__timeGroupAlias"
        return _expand(name, arguments, span)

    return _MACRO.sub(expand_call, sql)


def _expand(name: str, arguments: list[str], span: Span) -> str:
    since, until = _instant(span.since), _instant(span.until)
    first, last = int(span.since.timestamp()), int(span.until.timestamp())
    column = arguments[0]
    plain = {
        "__timeFrom": f"'{since}'",
        "__timeTo": f"'{until}'",
        "__time": f'{column} AS "time"',
        "__timeEpoch": f'extract(epoch from {column}) as "time"',
        "__timeFilter": f"{column} BETWEEN '{since}' AND '{until}'",
        "__unixEpochFilter": f"{column} >= {first} AND {column} <= {last}",
    }
    if name in plain:
        return plain[name]
    if name in ("__timeGroup", "__timeGroupAlias"):
        alias = ' AS "time"' if name == "__timeGroupAlias" else ""
        return _group(name, arguments) + alias
    raise MacroError(f"unknown macro ${name}(…); Grafana would refuse the query")


def _group(name: str, arguments: list[str]) -> str:
    if len(arguments) < 2:
        raise MacroError(f"${name}(…) needs a column and an interval")
    return f"time_bucket('{parse_duration(arguments[1].strip(chr(39))):.3f}s',{arguments[0]})"


def _instant(at: datetime) -> str:
    """RFC 3339 in UTC, no more decimals than it has."""
    text = at.astimezone(UTC).isoformat().replace("+00:00", "")
    return (text.rstrip("0") if "." in text else text) + "Z"
