"""The kinds of panels: how each draws and which columns its SQL returns."""

from dataclasses import dataclass
from typing import Literal

from dashboards._words import Text

Calc = Literal["lastNotNull", "last", "max", "min", "mean", "sum", "count", "range", "firstNotNull"]


@dataclass(frozen=True, kw_only=True)
class TimeSeries:
    """Lines or bars over time. SQL: `time`, then numbers; or `time`, `metric`, one number."""

    draw: Literal["line", "bars", "points"] = "line"
    step: bool = False  # a value that holds until the next
    stacked: bool = False
    fill: int = 0  # opacity below the line, percent
    width: int = 1
    axis_label: Text | str = ""
    soft_min: float | None = None
    soft_max: float | None = None
    legend: Literal["list", "table", "hidden"] = "list"
    legend_calcs: tuple[Calc, ...] = ()
    steps_drawn: Literal["off", "line", "area", "dashed", "line+area"] = "off"  # the panel's steps
    gaps: bool = True  # a missing bucket breaks the line
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class Stat:
    """Big figures. SQL: numbers (or words), one row; or a series over time, reduced by `calc`."""

    calc: Calc = "lastNotNull"
    colour: Literal["value", "background", "none"] = "value"
    graph: bool = False
    text: Literal["auto", "value", "value_and_name", "name"] = "auto"
    over_time: bool = False  # the SQL returns a series over time
    rows: bool = False  # each row is a figure (the first column of words names it)


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """Dials. SQL as Stat."""

    calc: Calc = "lastNotNull"
    low: float | None = None
    high: float | None = None
    rows: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows. SQL: the columns as they shall stand; `Column` says how each reads."""

    sort_by: str = ""  # a column's name
    descending: bool = False
    footer: tuple[Calc, ...] = ()
    filterable: bool = False


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A lane a device. SQL: `time`, the lane's column, `state`; ordered by time.

    States are named in the legend and where one points: in a lane Grafana cuts the words.
    """

    lane: str  # the column whose values are the lanes
    merge: bool = True
    row_height: float = 0.8
    pages: bool = False  # where there may be more lanes than the panel is high; else they share it


@dataclass(frozen=True, kw_only=True)
class StatusHistory:
    """Cells of a regular grid. SQL: `time`, the lane's column, `state`; ordered by time."""

    lane: str
    pages: bool = False


@dataclass(frozen=True, kw_only=True)
class Geomap:
    """Markers. SQL: `lat`, `lon`, the coloured column, and what the tooltip shall say.

    The ground is drawn from what Grafana carries; tiles only by the build's option.
    """

    colour_by: str
    label: str = ""  # a column written beside the marker
    size_by: str = ""
    size: int = 7
    symbol: Literal["circle", "square", "triangle", "star", "cross", "x"] = "circle"


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """One number against another. SQL: the columns that `x`, `y` name; `by` makes a series each."""

    x: str
    y: str
    by: str = ""
    show: Literal["points", "lines", "points+lines"] = "points"
    size: int = 4


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Lines over a number instead of the time, with bands between them.

    SQL: `by` (the frame's name, the same in all rows), the number `x` ascending, the `lines`.
    """

    x: str
    by: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BarChart:
    """Bars by word. SQL: the word `x`, then numbers."""

    x: str
    horizontal: bool = False
    stacked: bool = False
    show_value: Literal["auto", "always", "never"] = "auto"
    colour_by: str = ""
    legend: bool = True


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How often values are. SQL: numbers."""

    bucket: int | None = None
    stacked: bool = False


@dataclass(frozen=True, kw_only=True)
class Heatmap:
    """How often values are, over time. SQL: `time`, numbers (or `metric`: the bucket, a count)."""

    counted: bool = False  # the SQL returns buckets (metric) with counts
    y_label: Text | str = ""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Text (Markdown); no SQL."""

    content: Text


View = (
    TimeSeries
    | Stat
    | Gauge
    | Table
    | Timeline
    | StatusHistory
    | Geomap
    | Scatter
    | Trend
    | BarChart
    | Histogram
    | Heatmap
    | Words
)
