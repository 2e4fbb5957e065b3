"""Figures, dials, bars of figures and tables, as the SDK builds them."""

from grafana_foundation_sdk.builders import bargauge, common, gauge, stat, table
from grafana_foundation_sdk.models import common as sdk_common
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards import _views as views
from dashboards._fields import clear_ground, map_null
from dashboards._kind import reduce
from dashboards._options import Options

# Grafana cuts what is wider than its column, in mid-letter; so words go on in another line.
_WRAPPED = [
    sdk.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "auto", "wrapText": True}),
    sdk.DynamicConfigValue(id_val="custom.wrapHeaderText", value=True),
]


def stat_colours(view: views.Stat, config: sdk.FieldConfig) -> None:
    if view.colour == "background":
        clear_ground(config)
    if config.no_value:  # else these words would stand in the lowest step's colour: red, perhaps
        config.mappings = [*(config.mappings or ()), map_null(config.no_value)]


def stat_panel(view: views.Stat, _: Options) -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(
            reduce(view.calc, rows=view.rows, words_too=not (view.over_time or view.rows))
        )
        .color_mode(sdk_common.BigValueColorMode(view.colour))
        .graph_mode(sdk_common.BigValueGraphMode("area" if view.graph else "none"))
        .text_mode(sdk_common.BigValueTextMode(view.text))
        .wide_layout(False)  # a name above its figure; beside it, on a wall, it takes the room
    )


def gauge_panel(view: views.Gauge, _: Options) -> gauge.Panel:
    return gauge.Panel().reduce_options(reduce(view.calc, rows=view.rows))


def limits(view: views.Gauge | views.BarGauge, config: sdk.FieldConfig) -> None:
    config.min_val = view.low if view.low is not None else config.min_val
    config.max_val = view.high if view.high is not None else config.max_val


def bar_gauge_panel(view: views.BarGauge, _: Options) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .reduce_options(reduce(view.calc, rows=view.rows))
        .display_mode(sdk_common.BarGaugeDisplayMode(view.mode))
        .orientation(sdk_common.VizOrientation.HORIZONTAL)
        .value_mode(sdk_common.BarGaugeValueMode.TEXT)
        .show_unfilled(True)
    )


def table_panel(view: views.Table, _: Options) -> table.Panel:
    panel = table.Panel().show_header(True).cell_height(sdk_common.TableCellHeight.SM)
    panel.override_by_regexp("/.*/", _WRAPPED)
    if view.sort_by:
        order = common.TableSortByFieldState().display_name(view.sort_by).desc(view.descending)
        panel.sort_by([order])
    if view.footer:
        panel.footer(common.TableFooterOptions().show(True).reducer(list(view.footer)))
    return panel
