"""What Grafana 12 does to a query: macros, intervals, variables, frames."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypervisor.database.panels import Answer
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
        count = int(milliseconds / 1000 // _SECONDS[unit])
        if count:
            return f"{count}{unit}"
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


# $name, [[name:format]], ${name.path:format}
_VARIABLE = re.compile(
    r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}"
)
_BUILT_IN = "__"  # what Grafana or the data source fills in: $__interval, ${__data…}, $__timeFrom()


class VariableError(TerritoryError):
    """A text uses an unknown variable format."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The selected values of a variable. `every`: All, replaced by `all_value`."""

    values: tuple[str, ...] = ()
    every: bool = False
    all_value: str = ""
    multi: bool = True


def list_names(text: str) -> set[str]:
    """The variables that a text uses, without built-in ones."""
    used_names = {match[1] or match[2] or match[4] for match in _VARIABLE.finditer(text)}
    return {name for name in used_names if not name.startswith(_BUILT_IN) and not name.isdigit()}


def list_fields(text: str) -> set[str]:
    """The columns of the row that a link uses."""
    return set(re.findall(r"\$\{__data\.fields\.(\w+)(?::\w+)?\}", text))


def interpolate(text: str, chosen: Mapping[str, Selection]) -> str:
    """Fill in the selections; other text is unchanged.

    Raises:
        VariableError: the format is unknown.
    """

    def substitute(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        value = chosen.get(name)
        if value is None:
            return match[0]
        return _format(name, value, match[3] or match[6] or "")

    return _VARIABLE.sub(substitute, text)


def _format(name: str, value: Selection, form: str) -> str:
    if value.every and value.all_value:
        return value.all_value  # Grafana inserts a custom All verbatim, whatever the format
    quoted = ",".join("'" + text_value.replace("'", "''") + "'" for text_value in value.values)
    match form:
        case "sqlstring":
            return quoted
        case "":  # the data source's own: quoted where many may be chosen
            return quoted if value.multi else value.values[0].replace("'", "''")
        case "raw":
            return ",".join(value.values)
    raise VariableError(f"${{{name}:{form}}}: expected the format sqlstring")


def default_selections(document: Mapping[str, Any]) -> dict[str, Selection]:
    """The selections of a newly opened dashboard."""
    choices: dict[str, Selection] = {}
    for variable in list_variables(document):
        current = variable.get("current", {}).get("value", "")
        values = tuple(current) if isinstance(current, list) else (str(current),)
        choices[variable["name"]] = Selection(
            values=values,
            every="$__all" in values,
            all_value=variable.get("allValue", ""),
            multi=bool(variable.get("multi") or variable.get("includeAll")),
        )
    return choices


def list_variables(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variables of a dashboard."""
    listed: list[dict[str, Any]] = document.get("templating", {}).get("list", [])
    return listed


def list_used(texts: Iterable[str]) -> set[str]:
    """The variables that any of the texts uses."""
    return set().union(*(list_names(text) for text in texts))


TIME, METRIC = "time", "metric"
_METRIC_COLUMNS = 3  # time, metric and one value: then the metric names the series


class FrameError(TerritoryError):
    """Grafana cannot build a frame from the result."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Columns by name. `series`: names of the lines of a time series."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    series: tuple[str, ...] = ()

    def kind(self, name: str) -> str | None:
        """The type of a column; None if there is none."""
        return dict(zip(self.names, self.kinds, strict=True)).get(name)

    def column(self, name: str) -> Iterator[Any]:
        """A column's values."""
        place = self.names.index(name)
        return (row[place] for row in self.rows)

    def times(self) -> list[datetime]:
        """The times of its rows, if it has a time column."""
        if self.kind(TIME) != TIME:
            return []
        return [_aware(value) for value in self.column(TIME) if value is not None]

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        values = [index for index, name in enumerate(self.names) if name not in (TIME, METRIC)]
        return not any(row[index] is not None for row in self.rows for index in values)


def table(answer: Answer) -> Frame:
    """A frame of format table.

    Raises:
        FrameError: two columns share a name.
    """
    doubles = {name for name in answer.names if answer.names.count(name) > 1}
    if doubles:
        raise FrameError(f"two columns are called {', '.join(sorted(doubles))}; name them apart")
    return Frame(names=answer.names, kinds=answer.kinds, rows=answer.rows)


def time_series(answer: Answer) -> Frame:
    """A frame of format time_series, and the names of its lines.

    Raises:
        FrameError: no column `time`, no number, or times that do not ascend.
    """
    frame = table(answer)
    if frame.kind(TIME) is None:
        raise FrameError(f"no column is called time; there are {', '.join(frame.names)}")
    if frame.kind(TIME) != TIME:
        raise FrameError("the column time holds no times; expected a timestamptz")
    values = _of(frame, "number")
    if not values:
        raise FrameError(f"no column is a number; there are {_list_columns(frame)}")
    times = frame.times()
    if len(times) != len(frame.rows):
        raise FrameError("a row has no time")
    fallen = next((i for i in range(1, len(times)) if times[i] < times[i - 1]), None)
    if fallen is not None:
        raise FrameError(
            f"times must ascend: row {fallen + 1} is of {times[fallen]:%Y-%m-%d %H:%M:%S}Z, the one"
            f" before it of {times[fallen - 1]:%Y-%m-%d %H:%M:%S}Z; add ORDER BY time"
        )
    return Frame(
        names=frame.names, kinds=frame.kinds, rows=frame.rows, series=_series(frame, values)
    )


def _series(frame: Frame, values: list[str]) -> tuple[str, ...]:
    labels = _of(frame, "string")
    if not labels:
        return tuple(values)
    if METRIC in labels and len(frame.names) == _METRIC_COLUMNS:
        return tuple(sorted({str(value) for value in frame.column(METRIC)}))
    return tuple(values)  # each with labels; its name stays the column's


def _of(frame: Frame, kind: str) -> list[str]:
    pairs = zip(frame.names, frame.kinds, strict=True)
    return [name for name, own_kind in pairs if own_kind == kind]


def _list_columns(frame: Frame) -> str:
    pairs = zip(frame.names, frame.kinds, strict=True)
    return ", ".join(f"{name} ({kind})" for name, kind in pairs)


def _aware(value: datetime | date) -> datetime:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
