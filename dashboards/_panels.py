"""Builds a panel of the SDK from its description; what all kinds share."""

import json
import zlib

from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models import geomap as sdk_geomap
from grafana_foundation_sdk.models import statetimeline as sdk_timeline
from grafana_foundation_sdk.models import statushistory as sdk_history
from grafana_foundation_sdk.models import table as sdk_table

from dashboards._colours import GREEN, Step
from dashboards._dataquery import Format, SqlQuery, source
from dashboards._describe import Column, Panel
from dashboards._fields import NOTHING, apply_ink, defaults, null_override, override
from dashboards._kinds import PLACE, WHOLE, Kind, kind_of
from dashboards._options import Options
from dashboards._sql import EVALUATED
from dashboards._views import (
    Geomap,
    Scatter,
    Stat,
    StatusHistory,
    Table,
    Timeline,
    TimeSeries,
    Trend,
    View,
    Words,
)
from dashboards._widths import count_bars, count_lanes, size_columns
from dashboards._words import Text, words
from sensors._domain import Catalogue
from sensors._quantity import CLOCK_FAULT, Reporting

_NONE = Text("none", "rien")  # of a list without rows, which would show bare heads
_UNKNOWN = Text("not assessable", "non évaluable")
_GREEN = (Step(None, GREEN),)
SILENT = "silent"  # the column that counts who does not report
_WRITTEN_FOR = "12.0.0"  # without it Grafana migrates the panel from its oldest version


def number(key: str) -> int:
    """A panel's id, a hash of its key: stable when panels are added or moved."""
    return zlib.crc32(key.encode()) % 1_000_000 + 1


def localise_sql(sql: str, options: Options) -> str:
    """The statement with `{{lang}}` and `{{cadence}}` filled in, without its indentation.

    `{{cadence}}`: the catalogue's reporting interval of each quantity, jsonb.
    """
    lines = [line.rstrip() for line in sql.strip("\n").splitlines()]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    text = "\n".join(line[margin:] for line in lines).strip()
    text = text.replace("{{lang}}", f"'{options.lang}'")
    return text.replace("{{cadence}}", f"'{json.dumps(_cadence(options.catalogue))}'::jsonb")


def complete_sql(view: View, sql: str, panel: Panel, options: Options) -> str:
    """The statement with what its view needs to say that there is nothing.

    A table: the column by which rows stay one frame (`one_frame`). A scatter plot or a trend, of
    which Grafana says "Err" without points: one row named by the panel's `no_value`. What would
    look calm: NULL unless it is sure.
    """
    if isinstance(view, Stat) and says_calm(panel):
        return _guard_figures(sql, panel)
    if isinstance(view, Table) and says_calm(panel):
        return (
            f"SELECT listed.* FROM (SELECT) AS one\nLEFT JOIN (SELECT 1 AS {WHOLE}, own.* FROM ("
            f"\n{sql}\n) AS own) AS listed ON {EVALUATED}"
            f"\nWHERE listed.{WHOLE} = 1 OR NOT {EVALUATED}"
        )
    if isinstance(view, Table):
        return f"SELECT 1 AS {WHOLE}, listed.* FROM (\n{sql}\n) AS listed"
    if isinstance(view, Scatter | Trend) and view.by and panel.no_value:
        nothing = words(panel.no_value, options.lang).replace("'", "''")
        lines = (view.y,) if isinstance(view, Scatter) else view.lines
        numbers = ", ".join(f"listed.{name}" for name in (view.x, *lines))
        return (
            f"SELECT coalesce(listed.{view.by}, '{nothing}') AS {view.by}, {numbers}"
            f"\nFROM (SELECT) AS one LEFT JOIN (\n{sql}\n) AS listed ON true"
        )
    return sql


def says_calm(panel: Panel) -> bool:
    """Whether it looks calm where it counts nothing, or lists nothing."""
    grounds = [panel.steps, *(column.steps for column in panel.columns)]
    green = any(steps[:1] == _GREEN for steps in grounds)
    return panel.calm or (isinstance(panel.view, Stat) and green)


def _guard_figures(sql: str, panel: Panel) -> str:
    """The figures, NULL while evaluation is behind; green ones also while somebody is silent."""
    names = [column.name for column in panel.columns]
    silent = panel.silent or (f"shown.{SILENT}" if SILENT in names else "")
    shown = "shown.*"
    if silent:
        shown = ", ".join(
            f"CASE WHEN shown.{column.name} >= {column.steps[1].at} OR {silent} = 0"
            f" THEN shown.{column.name} END AS {column.name}"
            if column.steps[:1] == _GREEN and column.name != SILENT
            else f"shown.{column.name}"
            for column in panel.columns
        )
    return f"SELECT {shown} FROM (SELECT) AS one LEFT JOIN (\n{sql}\n) AS shown ON {EVALUATED}"


def _cadence(catalogue: Catalogue) -> dict[str, float]:
    """Quantity -> reporting interval (s), of periodic ones."""
    return {
        each.name: each.interval.total_seconds()
        for each in catalogue.quantities.values()
        if each.reporting is Reporting.PERIODIC and each.name != CLOCK_FAULT
    }


def build_panel(panel: Panel, place: sdk.GridPos, options: Options) -> sdk.Panel:
    """The panel as a model of the SDK."""
    kind = kind_of(panel.view)
    builder = (
        kind.builder(panel.view, options)
        .id(number(panel.key))
        .title(panel.title.in_(options.lang))
        .description(panel.about.in_(options.lang))
        .grid_pos(place)
    )
    if panel.statements:
        form: Format = kind.form(panel.view)
        builder.datasource(source()).targets(
            [
                SqlQuery(
                    complete_sql(panel.view, localise_sql(query.sql, options), panel, options),
                    form,
                    query.ref,
                )
                for query in panel.statements
            ]
        )
    for requested, setter in (
        (panel.points or _limit_bars(panel), "max_data_points"),
        (panel.interval, "interval"),
        (panel.repeat, "repeat"),
    ):
        if requested:
            getattr(builder, setter)(requested)
    if panel.refine is not None:
        builder = panel.refine(builder)
    model: sdk.Panel = builder.build()
    model.transformations = _transformations(panel, kind) or None
    model.plugin_version = _WRITTEN_FOR
    if isinstance(panel.view, Table):
        _sort_by_titles(panel, model, options)
    if isinstance(panel.view, Timeline | StatusHistory):
        _page_lanes(panel, panel.view, model)
    if isinstance(panel.view, Geomap):
        _show_legend_of_steps(panel, panel.view, model)
    if not isinstance(panel.view, Words):
        model.field_config = _fields(panel, kind, model, options)
    return model


def _page_lanes(panel: Panel, view: Timeline | StatusHistory, model: sdk.Panel) -> None:
    """Pages of as many lanes as there is room for, or none: Grafana's own show a pager always."""
    if isinstance(model.options, sdk_timeline.Options | sdk_history.Options):
        model.options.per_page = count_lanes(panel.height, pages=True) if view.pages else 0


def _limit_bars(panel: Panel) -> int | None:
    """As many pieces of time as there is room for bars; lines may have one a pixel."""
    bars = isinstance(panel.view, TimeSeries) and panel.view.draw == "bars"
    return count_bars(panel.width) if bars else None


def _sort_by_titles(panel: Panel, model: sdk.Panel, options: Options) -> None:
    """Grafana sorts by the displayed title of a column, not by its name in SQL."""
    titles = {column.name: words(column.title, options.lang) for column in panel.columns}
    chosen = model.options
    if not isinstance(chosen, sdk_table.Options):
        return
    for order in chosen.sort_by or ():
        order.display_name = titles.get(order.display_name) or order.display_name


def _show_legend_of_steps(panel: Panel, view: Geomap, model: sdk.Panel) -> None:
    """Show the legend of a map only for steps: of states Grafana would print "< 80, 80+"."""
    coloured = [column for column in panel.columns if column.name == view.colour_by]
    steps = bool(panel.steps) or any(column.steps for column in coloured)
    chosen = model.options
    if isinstance(chosen, sdk_geomap.Options):
        for layer in chosen.layers:
            if isinstance(layer.config, dict) and "showLegend" in layer.config:
                layer.config["showLegend"] = steps


def _transformations(panel: Panel, kind: Kind) -> list[sdk.DataTransformerConfig]:
    return [
        sdk.DataTransformerConfig(id_val=name, options=settings)
        for name, settings in (*kind.transformations(panel.view), *panel.transformations)
    ]


def _nothing(view: View, *, calm: bool) -> Text | str:
    """What stands where a panel does not say it itself; a figure's null would read 0, or be red."""
    if isinstance(view, Table | Timeline | StatusHistory):
        return _NONE
    if isinstance(view, Stat) and calm:
        return _UNKNOWN
    return NOTHING if isinstance(view, Stat) else ""


def _fills(view: View) -> bool:
    """Whether colours fill the background."""
    lanes = isinstance(view, Timeline | StatusHistory)
    return lanes or (isinstance(view, Stat) and view.colour == "background")


def _fields(panel: Panel, kind: Kind, model: sdk.Panel, options: Options) -> sdk.FieldConfigSource:
    general = Column(
        "",
        quantity=panel.quantity,
        unit=panel.unit,
        decimals=panel.decimals,
        low=panel.low,
        high=panel.high,
        steps=panel.steps,
        states=panel.states,
        links=panel.links,
    )
    columns = (*(PLACE if isinstance(panel.view, Geomap) else ()), *panel.columns)
    if isinstance(panel.view, Stat) and panel.view.colour != "background":
        general, columns = apply_ink(general), tuple(map(apply_ink, columns))
    config = defaults(general, kind.custom(panel.view, options), options)
    if nothing := panel.no_value or _nothing(panel.view, calm=says_calm(panel)):
        config.no_value = words(nothing, options.lang)
    kind.settle(panel.view, config)
    refined = model.field_config
    sizes = size_columns(panel, panel.view, options) if isinstance(panel.view, Table) else {}
    return sdk.FieldConfigSource(
        defaults=config,
        overrides=[
            *([null_override()] if isinstance(panel.view, Geomap | Table) else []),
            *(refined.overrides if refined is not None else []),
            *(
                override(
                    column,
                    options,
                    fills=_fills(panel.view),
                    nulls=isinstance(panel.view, Geomap | Table),
                    more=sizes.get(column.name),
                )
                for column in columns
            ),
        ],
    )
