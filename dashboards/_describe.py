"""Dashboards, panels and columns as frozen descriptions, for `_build`."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from dashboards._colours import State, Step
from dashboards._views import View
from dashboards._words import Text

Builder = Any  # a panel builder of the SDK: each kind is a class of its own


@dataclass(frozen=True, kw_only=True)
class Link:
    """A data link; see `_links.site_page` and `dashboard_of`.

    In `url`, `{console}` is the console's address, `{row.COLUMN}` the clicked row's value and
    `{range}` the time range.
    """

    title: Text
    url: str
    new_tab: bool = False


@dataclass(frozen=True)
class Column:
    """Display options of a column of the SQL, or of a series by its name.

    `quantity` takes unit and decimals from the catalogue; `unit` is a code of ours (UCUM, or a word
    of `_units.EXTRA`) where the column is none of the catalogue's quantities. `name` may be a
    pattern between slashes ("/^lane /"): every series that matches.
    """

    name: str
    title: Text | str = ""
    _: KW_ONLY
    quantity: str = ""
    unit: str = ""
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    steps: tuple[Step, ...] = ()
    states: tuple[State, ...] = ()
    colour: str = ""  # fixed; else by steps, states or palette
    links: tuple[Link, ...] = ()
    hidden: bool = False
    # tables
    cell: Literal["plain", "text", "background", "gauge", "pill", "markdown"] = "plain"
    # time series
    axis: Literal["", "left", "right", "hidden"] = ""
    axis_label: Text | str = ""
    draw: Literal["", "line", "bars", "points"] = ""
    step: bool | None = None
    fill: int | None = None
    fill_to: str = ""  # another series' name: the band between the two
    dashed: bool = False
    line_width: int | None = None
    stack: str = ""  # a stacking group of its own


@dataclass(frozen=True, kw_only=True)
class Query:
    """One SQL statement. `{{lang}}` in it is the build's language as a literal: 'en' or 'fr'."""

    sql: str
    ref: str = "A"


def count_column(name: str, en: str, fr: str, steps: tuple[Step, ...]) -> Column:
    """A column of counts."""
    return Column(name, Text(en, fr), unit="count", decimals=0, steps=steps)


def coloured(name: str, title: Text, unit: str, steps: tuple[Step, ...], **further: Any) -> Column:
    """A table's column of numbers written in the colour of their step."""
    return Column(name, title, unit=unit, steps=steps, cell="text", **further)


def bar(name: str, title: Text, unit: str, steps: tuple[Step, ...], **further: Any) -> Column:
    """A table's column of bars between `low` and `high` in the colour of their step."""
    return Column(name, title, unit=unit, steps=steps, cell="gauge", **further)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel. `about`: what it shows and how to read it.

    `quantity`, `unit`, `decimals`, `steps`, `states` are defaults for all columns.
    `empty`: why the panel may be empty ("no dead letters"); the check then requires no rows.
    `calm`: that it shows nothing says that all is well (a figure on green ground always does). It
    is grey while evaluation is behind, and while its column `silent`, or the SQL `silent`, counts
    somebody.
    `timeless`: why rows may lie outside the time range (a list of open alarms).
    `refine` may alter the SDK's builder last.
    """

    key: str
    title: Text
    about: Text
    view: View
    sql: str = ""
    queries: tuple[Query, ...] = ()  # where one statement is not enough
    quantity: str = ""
    unit: str = ""
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    steps: tuple[Step, ...] = ()
    states: tuple[State, ...] = ()
    columns: tuple[Column, ...] = ()
    links: tuple[Link, ...] = ()
    transformations: tuple[tuple[str, dict[str, Any]], ...] = ()
    width: int = 12  # of 24
    height: int = 8
    points: int | None = None  # at most this many buckets (max data points)
    interval: str = ""  # no bucket shorter ("1m")
    repeat: str = ""  # a variable: the panel once a value
    no_value: Text | str = ""  # what stands where there is nothing
    empty: str = ""
    calm: bool = False
    silent: str = ""
    timeless: str = ""
    refine: Callable[[Builder], Builder] | None = None

    @property
    def statements(self) -> tuple[Query, ...]:
        """Its queries; `sql` alone is the only one."""
        return (Query(sql=self.sql),) if self.sql else self.queries


@dataclass(frozen=True, kw_only=True)
class Section:
    """A row with a heading; folded rows load when opened."""

    key: str
    title: Text
    panels: tuple[Panel, ...]
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable of this dashboard. SQL returns `__value` and `__text`, or one column.

    `multi` ones have All; in SQL use `_sql.filter_by("river", "site.river")`.
    """

    name: str
    label: Text
    sql: str = ""
    choices: tuple[tuple[str, Text], ...] = ()  # instead of SQL
    multi: bool = True
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A dashboard: the uid becomes `hypervisor-<key>`.

    `domains`: what `$site` offers; empty: every site. `alarms_of`: the domains whose alarms are
    drawn as annotations; None: those of `domains`.
    """

    key: str
    title: Text
    about: Text
    panels: tuple[Panel | Section, ...]
    domains: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    territory: bool = True  # has $epci, $commune, $site
    annotations: bool = True
    since: str = "now-24h"
    until: str = "now"
