"""Each kind of view as the SDK's builder, its frame's form and its field settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    common,
    gauge,
    geomap,
    heatmap,
    histogram,
    stat,
    statetimeline,
    statushistory,
    table,
    text,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.models import common as sdk_common
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models import geomap as sdk_geomap
from grafana_foundation_sdk.models import heatmap as sdk_heatmap
from grafana_foundation_sdk.models import histogram as sdk_histogram
from grafana_foundation_sdk.models import text as sdk_text
from grafana_foundation_sdk.models import xychart as sdk_xychart

from dashboards import _views as views
from dashboards._dataquery import Format
from dashboards._fields import cleared
from dashboards._ground import layers
from dashboards._options import Options
from dashboards._words import words

Transformation = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What Grafana needs to know of a kind of view."""

    builder: Callable[[Any, Options], Any]
    form: Callable[[Any], Format]
    custom: Callable[[Any, Options], dict[str, Any]] = lambda _view, _options: {}
    transformations: Callable[[Any], tuple[Transformation, ...]] = lambda _view: ()
    settle: Callable[[Any, sdk.FieldConfig], None] = lambda _view, _config: None


def _reduce(calc: str, *, rows: bool, words_too: bool = False) -> common.ReduceDataOptions:
    reduced = common.ReduceDataOptions().calcs([calc]).values(rows)
    return reduced.fields("/.*/") if words_too else reduced


def _legend(mode: str, calcs: tuple[str, ...] = ()) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().calcs(list(calcs))
    legend = legend.placement(sdk_common.LegendPlacement.BOTTOM)
    if mode == "hidden":
        return legend.show_legend(False).display_mode(sdk_common.LegendDisplayMode.LIST)
    return legend.show_legend(True).display_mode(sdk_common.LegendDisplayMode(mode))


def _tooltip(*, many: bool) -> common.VizTooltipOptions:
    mode = sdk_common.TooltipDisplayMode.MULTI if many else sdk_common.TooltipDisplayMode.SINGLE
    return common.VizTooltipOptions().mode(mode).sort(sdk_common.SortOrder.DESCENDING)


def _shown(value: str) -> sdk_common.VisibilityMode:
    return sdk_common.VisibilityMode(value)


def _time_series(view: views.TimeSeries, _: Options) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .legend(_legend(view.legend, view.legend_calcs))
        .tooltip(_tooltip(many=True))
    )


def _time_series_custom(view: views.TimeSeries, options: Options) -> dict[str, Any]:
    bars = view.draw == "bars"
    custom: dict[str, Any] = {
        "drawStyle": view.draw,
        "lineInterpolation": "stepAfter" if view.step else "linear",
        "lineWidth": 0 if bars else view.width,
        "fillOpacity": view.fill or (70 if bars else 0),
        "showPoints": "always" if view.draw == "points" else "never",
        "spanNulls": not view.gaps,
        "stacking": {"mode": "normal" if view.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": view.steps_drawn},
        "axisLabel": words(view.axis_label, options.lang),
    }
    if view.soft_min is not None:
        custom["axisSoftMin"] = view.soft_min
    if view.soft_max is not None:
        custom["axisSoftMax"] = view.soft_max
    if view.log:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
    return custom


def _lines(_: views.TimeSeries, config: sdk.FieldConfig) -> None:
    """Each line its own colour: by steps, all that stand alike would look alike."""
    cleared(config)
    if config.color is not None and config.color.mode == sdk.FieldColorModeId.THRESHOLDS:
        config.color.mode = sdk.FieldColorModeId.PALETTE_CLASSIC


def _figures(view: views.Stat, config: sdk.FieldConfig) -> None:
    if view.colour == "background":
        cleared(config)


def _stat(view: views.Stat, _: Options) -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(
            _reduce(view.calc, rows=view.rows, words_too=not (view.over_time or view.rows))
        )
        .color_mode(sdk_common.BigValueColorMode(view.colour))
        .graph_mode(sdk_common.BigValueGraphMode("area" if view.graph else "none"))
        .text_mode(sdk_common.BigValueTextMode(view.text))
        .wide_layout(False)  # a name above its figure; beside it, on a wall, it takes the room
    )


def _gauge(view: views.Gauge, _: Options) -> gauge.Panel:
    return gauge.Panel().reduce_options(_reduce(view.calc, rows=view.rows))


def _limits(view: views.Gauge | views.BarGauge, config: sdk.FieldConfig) -> None:
    config.min_val = view.low if view.low is not None else config.min_val
    config.max_val = view.high if view.high is not None else config.max_val


def _bar_gauge(view: views.BarGauge, _: Options) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .reduce_options(_reduce(view.calc, rows=view.rows))
        .display_mode(sdk_common.BarGaugeDisplayMode(view.mode))
        .orientation(sdk_common.VizOrientation.HORIZONTAL)
        .value_mode(sdk_common.BarGaugeValueMode.TEXT)
        .show_unfilled(True)
    )


def _table(view: views.Table, _: Options) -> table.Panel:
    panel = table.Panel().show_header(True).cell_height(sdk_common.TableCellHeight.SM)
    if view.sort_by:
        order = common.TableSortByFieldState().display_name(view.sort_by).desc(view.descending)
        panel.sort_by([order])
    if view.footer:
        panel.footer(common.TableFooterOptions().show(True).reducer(list(view.footer)))
    return panel


def _timeline(view: views.Timeline, _: Options) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .merge_values(view.merge)
        .show_value(_shown(view.show_value))
        .row_height(view.row_height)
        .legend(_legend("list"))
        .tooltip(_tooltip(many=False))
    )


def _lanes(view: views.Timeline | views.StatusHistory) -> tuple[Transformation, ...]:
    naming = {"asLabels": True}
    return (("partitionByValues", {"fields": [view.lane], "keepFields": False, "naming": naming}),)


def _lane_names(view: views.Timeline | views.StatusHistory, config: sdk.FieldConfig) -> None:
    config.display_name = f"${{__field.labels.{view.lane}}}"
    cleared(config)


def _status_history(view: views.StatusHistory, _: Options) -> statushistory.Panel:
    return (
        statushistory.Panel()
        .show_value(_shown(view.show_value))
        .legend(_legend("list"))
        .tooltip(_tooltip(many=False))
    )


def _scatter(view: views.Scatter, _: Options) -> xychart.Panel:
    panel = xychart.Panel().legend(_legend("list")).tooltip(_tooltip(many=False))
    if view.by:  # a frame each, split by the transformation
        return panel.mapping(sdk_xychart.SeriesMapping.AUTO)
    series = xychart.XYSeriesConfig()
    series.x(xychart.XychartXYSeriesConfigX().matcher(_field(view.x)))
    series.y(xychart.XychartXYSeriesConfigY().matcher(_field(view.y)))
    series.frame(
        xychart.XychartXYSeriesConfigFrame().matcher(
            xychart.MatcherConfig().id("byIndex").options(0)
        )
    )
    return panel.mapping(sdk_xychart.SeriesMapping.MANUAL).series([series])


def _field(name: str) -> xychart.MatcherConfig:
    return xychart.MatcherConfig().id("byName").options(name)


def _scatter_custom(view: views.Scatter, _options: Options) -> dict[str, Any]:
    return {
        "show": view.show,
        "pointSize": {"fixed": view.size},
        "fillOpacity": 50,
    }


def _apart(view: views.Scatter) -> tuple[Transformation, ...]:
    if not view.by:
        return ()
    naming = {"asLabels": False}
    return (("partitionByValues", {"fields": [view.by], "keepFields": False, "naming": naming}),)


def _bar_chart(view: views.BarChart, _: Options) -> barchart.Panel:
    sideways = view.horizontal
    panel = (
        barchart.Panel()
        .x_field(view.x)
        .orientation(sdk_common.VizOrientation("horizontal" if sideways else "vertical"))
        .stacking(sdk_common.StackingMode("normal" if view.stacked else "none"))
        .show_value(_shown(view.show_value))
        .legend(_legend("list" if view.legend else "hidden"))
        .tooltip(_tooltip(many=True))
    )
    return panel.color_by_field(view.colour_by) if view.colour_by else panel


def _histogram(view: views.Histogram, _: Options) -> histogram.Panel:
    panel = histogram.Panel().legend(_legend("list")).tooltip(_tooltip(many=False))
    if view.bucket is not None:
        panel.build().options = sdk_histogram.Options(bucket_size=view.bucket)
    return panel


def _heatmap(view: views.Heatmap, options: Options) -> heatmap.Panel:
    colour = (
        heatmap.HeatmapColorOptions()
        .mode(sdk_heatmap.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .steps(32)
    )
    axis = heatmap.YAxisConfig().axis_label(words(view.y_label, options.lang))
    return heatmap.Panel().calculate(not view.counted).color(colour).y_axis(axis).cell_gap(1)


def _geomap(view: views.Geomap, options: Options) -> geomap.Panel:
    basemap, above = layers(view, options)
    return (
        geomap.Panel()
        .view(geomap.MapViewConfig().id("fit").all_layers(False).layer("sites").padding(12))
        .controls(geomap.ControlsOptions().show_zoom(True).show_scale(True).show_attribution(True))
        .basemap(basemap)
        .layers(above)
        .tooltip(geomap.TooltipOptions().mode(sdk_geomap.TooltipMode.DETAILS))
    )


def _text(view: views.Words, options: Options) -> text.Panel:
    return text.Panel().mode(sdk_text.TextMode.MARKDOWN).content(view.content.in_(options.lang))


_SERIES: Format = "time_series"
_ROWS: Format = "table"

_KINDS: dict[type, Kind] = {
    views.TimeSeries: Kind(
        builder=_time_series,
        form=lambda _: _SERIES,
        custom=_time_series_custom,
        settle=_lines,
    ),
    views.Stat: Kind(
        builder=_stat,
        form=lambda view: _SERIES if view.over_time else _ROWS,
        settle=_figures,
    ),
    views.Gauge: Kind(builder=_gauge, form=lambda _: _ROWS, settle=_limits),
    views.BarGauge: Kind(builder=_bar_gauge, form=lambda _: _ROWS, settle=_limits),
    views.Table: Kind(
        builder=_table,
        form=lambda _: _ROWS,
        custom=lambda view, _: {
            "align": "auto",
            "filterable": view.filterable,
            "inspect": False,
            "minWidth": 56,  # Grafana's own 150 pushes columns out of sight
        },
    ),
    views.Timeline: Kind(
        builder=_timeline,
        form=lambda _: _ROWS,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 0},
        transformations=_lanes,
        settle=_lane_names,
    ),
    views.StatusHistory: Kind(
        builder=_status_history,
        form=lambda _: _ROWS,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 1},
        transformations=_lanes,
        settle=_lane_names,
    ),
    views.Geomap: Kind(builder=_geomap, form=lambda _: _ROWS),
    views.Scatter: Kind(
        builder=_scatter, form=lambda _: _ROWS, custom=_scatter_custom, transformations=_apart
    ),
    views.BarChart: Kind(
        builder=_bar_chart,
        form=lambda _: _ROWS,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 0, "gradientMode": "none"},
    ),
    views.Histogram: Kind(
        builder=_histogram,
        form=lambda _: _ROWS,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 0, "gradientMode": "none"},
    ),
    views.Heatmap: Kind(builder=_heatmap, form=lambda _: _SERIES),
    views.Words: Kind(builder=_text, form=lambda _: _ROWS),
}


def kind_of(view: views.View) -> Kind:
    """What Grafana needs to know of this view."""
    return _KINDS[type(view)]
