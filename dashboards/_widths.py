"""How wide a table's columns are, by what stands in them: pixels of Grafana's 14 px type.

Grafana gives the columns without a width equal parts of what the others leave, down to their
`minWidth`. So values take what they need, and names, which may wrap, take all the rest.
"""

from dataclasses import replace

from dashboards._describe import Column, Panel
from dashboards._fields import count_decimals
from dashboards._options import Options
from dashboards._units import grafana
from dashboards._views import Table
from dashboards._words import words

WINDOW = 1110  # what Grafana leaves of 1,440 px beside its docked menu
_SMALL = 992  # of 1,024 px, where the menu is not docked
_GAP = 8  # between panels
_AROUND = 26  # a panel's padding and border, and the bar that scrolls its rows
_SIGN = 48  # of the description, less what a table has around it
_FILTER = 21  # the sign of a column by which one filters
_BOLD = 1.06  # headings and titles, against the type of cells
_CELL = 13  # a cell's padding and border
_SPARE = 4  # of a word that may not wrap
_NARROWEST = 50  # which Grafana makes of any column
_SORTED = 18  # the arrow of a column that rows are sorted by
_NAME = 118  # the longest part of a name that does not wrap: "Sainte-Geneviève-"
_BAR = 44  # the shortest bar whose length is read, beside its number
_GRID = 38  # px: a row of the grid with the gap below
_BESIDE, _PAGER = 110, 40  # px: heading, axis and legend of lanes
_LANE = 15  # px: a lane whose name is read
_SLOT = 8  # px: a bar and its gap
_AXIS = 55  # px: numbers and unit beside a plot
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()· "), frozenset("mwMW@—")
_SIGNS = frozenset("●■◆▲□○◐✕→↗↘%")
# What stands in a column of such a unit at its longest.
_SAMPLES = {
    "date": "28/11/2026 12:34",
    "ago": "il y a 23 heures",
    "short": "100-200 h",
    "duration": "1000:05:00",
    "share": "100.0%",
    "bytes": "100.0 MiB",
    "count": "10 000",
    "number": "10 000",
}
_SUFFIXES = {"celsius": "°C", "percent": "%", "velocitykmh": "km/h", "degree": "°", "lux": "lx"}


def measure(text: str) -> int:
    """A text's width, rather too wide than too narrow: the fonts of readers differ."""
    return round(sum(map(_width, text)))


def measure_title(text: str) -> int:
    """The width of a heading or a title."""
    return round(measure(text) * _BOLD)


def _width(letter: str) -> float:
    if letter in _NARROW:
        return 4.6
    if letter in _WIDE:
        return 12.5
    if letter in _SIGNS:
        return 14.5
    return 9.4 if letter.isupper() or letter.isdigit() else 8.1


def room(width: int, window: int = WINDOW) -> int:
    """Pixels for the columns of a table; its width in the grid's 24."""
    part = (window - 23 * _GAP) / 24
    return int(width * part + (width - 1) * _GAP) - _AROUND


def title_room(width: int) -> int:
    """Pixels for the title of a panel of that width, beside the sign, in a small window."""
    return room(width, _SMALL) - _SIGN


def count_lanes(height: int, *, pages: bool = False) -> int:
    """Lanes whose names are legible in a panel, or a page of it; its height in rows of the grid."""
    return (height * _GRID - _GAP - _BESIDE - (_PAGER if pages else 0)) // _LANE


def count_bars(width: int) -> int:
    """Bars over time that can be told apart in a panel of that width."""
    return plot_room(width) // _SLOT


def plot_room(width: int) -> int:
    """Pixels that a plot over time has, beside its axis."""
    return room(width) - _AXIS


def size_columns(panel: Panel, view: Table, options: Options) -> dict[str, dict[str, int]]:
    """Grafana's properties of each column of a table: a value's width, the least of a name.

    Words of states stand in one line: Grafana does not make a row higher for them.
    """
    shown = [column for column in panel.columns if not column.hidden]
    names = [column for column in shown if _is_name(column, panel)] or shown[:1]
    sizes: dict[str, dict[str, int]] = {}
    for column in shown:
        title = words(column.title, options.lang) or column.name
        heading = max(map(measure_title, title.split()), default=0)
        heading += _SORTED if view.sort_by == column.name else 0
        heading += _FILTER if view.filterable else 0
        if column in names:
            least = max(heading, *_contents(column, options), _NAME - _CELL)
            sizes[column.name] = {"custom.minWidth": least + _CELL}
        else:
            own = column if column.unit or column.quantity else _as_panel(column, panel)
            least = max(heading, *_contents(own, options))
            sizes[column.name] = {"custom.width": max(least + _CELL, _NARROWEST)}
    return sizes


def _is_name(column: Column, panel: Panel) -> bool:
    """Whether words stand in it that are no set of states."""
    if column.states or column.steps or column.quantity or column.cell == "gauge":
        return False
    plain = not (panel.quantity or panel.unit) or bool(column.links)
    return column.unit == "text" or (not column.unit and plain)


def _as_panel(column: Column, panel: Panel) -> Column:
    decimals = panel.decimals if column.decimals is None else column.decimals
    return replace(column, quantity=panel.quantity, unit=panel.unit, decimals=decimals)


def _contents(column: Column, options: Options) -> tuple[int, ...]:
    """Widths of what may stand in a cell."""
    if column.states:
        marked = (f"{each.symbol} {words(each.text, options.lang)}" for each in column.states)
        return tuple(measure(text.strip()) + _SPARE for text in marked)
    return (measure(_sample(column, options)) + (_BAR if column.cell == "gauge" else 0),)


def _sample(column: Column, options: Options) -> str:
    """A value as long as it is likely to be."""
    if column.unit in _SAMPLES:
        return _SAMPLES[column.unit]
    if not column.unit and not column.quantity and not column.steps and column.decimals is None:
        return ""  # words
    quantity = options.quantity(column.quantity) if column.quantity else None
    theirs = grafana(column.unit or (quantity.unit if quantity else "1"))
    suffix = _SUFFIXES.get(theirs, theirs.partition("suffix:")[2])
    decimals = column.decimals
    if decimals is None:
        decimals = count_decimals(quantity.resolution) if quantity else 1
    high = min(max(abs(quantity.low), abs(quantity.high)), 999) if quantity else 99
    low = quantity.low if quantity else column.low
    sign = "" if low is not None and low >= 0 else "-"
    return f"{sign}{high:.{decimals}f} {suffix}"
