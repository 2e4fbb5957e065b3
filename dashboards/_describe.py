"""What a dashboard is: frozen descriptions that `_build` turns into Grafana's JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dashboards._colours import State, Step
from dashboards._views import View
from dashboards._words import Text

Builder = Any  # a panel builder of the SDK: each kind is a class of its own


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where a click leads; most want `_links.site_page` or `dashboard_of`.

    In `url`, `{console}` is the console's address, `{row.COLUMN}` the clicked row's value and
    `{range}` the time range.
    """

    title: Text
    url: str
    new_tab: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """How one column of the SQL (or one series of a chart, by its name) reads.

    `quantity` takes unit and decimals from the catalogue; `unit` is a code of ours (UCUM, or a word
    of `_units.EXTRA`) where the column is none of the catalogue's quantities. `name` may be a
    pattern between slashes ("/^lane /"): every series that matches.
    """

    name: str
    title: Text | str = ""
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
    width: int | None = None
    # time series
    axis: Literal["", "left", "right", "hidden"] = ""
    axis_label: Text | str = ""
    inverted: bool = False  # hangs from the top: rain
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


def counted(name: str, en: str, fr: str, steps: tuple[Step, ...]) -> Column:
    """A column that counts something."""
    return Column(name=name, title=Text(en=en, fr=fr), unit="count", decimals=0, steps=steps)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel: what it asks, how it reads. `about` says what it shows and how to read it.

    `quantity`, `unit`, `decimals`, `steps`, `states` hold for all columns that say nothing else.
    `empty` is the reason for which it may rightly show nothing ("no letter is dead"): the check
    then asks for no rows. `timeless`: the reason for which rows need not lie within the time asked
    (a standing list). `refine` may alter the SDK's builder last.
    """

    key: str
    title: Text
    about: Text
    view: View
    queries: tuple[Query, ...] = ()
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
    points: int | None = None  # at most so many buckets (max data points)
    interval: str = ""  # no bucket shorter ("1m")
    repeat: str = ""  # a variable: the panel once a value
    no_value: Text | str = ""  # what stands where there is nothing
    empty: str = ""
    timeless: str = ""
    refine: Callable[[Builder], Builder] | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading over the panels that follow; folded ones load when opened."""

    key: str
    title: Text
    panels: tuple[Panel, ...]
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice of this dashboard's own. SQL gives `__value` and `__text`, or one column.

    `multi` ones have All; in SQL use `_sql.chosen("river", "site.river")`.
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
    refresh: str = "30s"
