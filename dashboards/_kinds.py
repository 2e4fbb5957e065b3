"""Each kind of view as the SDK's builder, its frame's form and its field settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import (
    barchart,
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
    trend,
    xychart,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as sdk_common
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models import geomap as sdk_geomap
from grafana_foundation_sdk.models import heatmap as sdk_heatmap
from grafana_foundation_sdk.models import histogram as sdk_histogram
from grafana_foundation_sdk.models import text as sdk_text
from grafana_foundation_sdk.models import xychart as sdk_xychart

from dashboards import _views as views
from dashboards._dataquery import Format
from dashboards._describe import Column
from dashboards._fields import clear_ground, map_null
from dashboards._options import Options
from dashboards._words import words

Transformation = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a kind of view becomes a panel of the SDK."""

    builder: Callable[[Any, Options], Any]
    form: Callable[[Any], Format] = lambda _view: "table"
    custom: Callable[[Any, Options], dict[str, Any]] = lambda _view, _options: {}
    transformations: Callable[[Any], tuple[Transformation, ...]] = lambda _view: ()
    settle: Callable[[Any, sdk.FieldConfig], None] = lambda _view, _config: None


def reduce(calc: str, *, rows: bool, words_too: bool = False) -> common.ReduceDataOptions:
    reduced = common.ReduceDataOptions().calcs([calc]).values(rows)
    return reduced.fields("/.*/") if words_too else reduced


def legend(mode: str, calcs: tuple[str, ...] = ()) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().calcs(list(calcs))
    legend = legend.placement(sdk_common.LegendPlacement.BOTTOM)
    if mode == "hidden":
        return legend.show_legend(False).display_mode(sdk_common.LegendDisplayMode.LIST)
    return legend.show_legend(True).display_mode(sdk_common.LegendDisplayMode(mode))


def tooltip(*, many: bool) -> common.VizTooltipOptions:
    mode = sdk_common.TooltipDisplayMode.MULTI if many else sdk_common.TooltipDisplayMode.SINGLE
    return common.VizTooltipOptions().mode(mode).sort(sdk_common.SortOrder.DESCENDING)


_WHOLE = 100  # characters of a bar's word; the SDK's 0 leaves "..." of every one


def scatter_panel(view: views.Scatter, _: Options) -> xychart.Panel:
    panel = xychart.Panel().legend(legend("list")).tooltip(tooltip(many=False))
    if view.by:  # a frame each, split by the transformation
        return panel.mapping(sdk_xychart.SeriesMapping.AUTO)
    column = xychart.MatcherConfig
    series = (
        xychart.XYSeriesConfig()
        .x(xychart.XychartXYSeriesConfigX().matcher(column().id("byName").options(view.x)))
        .y(xychart.XychartXYSeriesConfigY().matcher(column().id("byName").options(view.y)))
        .frame(xychart.XychartXYSeriesConfigFrame().matcher(column().id("byIndex").options(0)))
    )
    return panel.mapping(sdk_xychart.SeriesMapping.MANUAL).series([series])


def trend_panel(view: views.Trend, _: Options) -> trend.Panel:
    return trend.Panel().x_field(view.x).legend(legend("list")).tooltip(tooltip(many=True))


def split_series(view: views.Scatter | views.Trend) -> tuple[Transformation, ...]:
    if not view.by:
        return ()
    naming = {"asLabels": False}
    return (("partitionByValues", {"fields": [view.by], "keepFields": False, "naming": naming}),)


def bar_chart_panel(view: views.BarChart, _: Options) -> barchart.Panel:
    sideways = view.horizontal
    panel = (
        barchart.Panel()
        .x_field(view.x)
        .orientation(sdk_common.VizOrientation("horizontal" if sideways else "vertical"))
        .x_tick_label_max_length(_WHOLE)
        .stacking(sdk_common.StackingMode("normal" if view.stacked else "none"))
        .show_value(sdk_common.VisibilityMode(view.show_value))
        .legend(legend("list" if view.legend else "hidden"))
        .tooltip(tooltip(many=True))
    )
    return panel.color_by_field(view.colour_by) if view.colour_by else panel


def histogram_panel(view: views.Histogram, _: Options) -> histogram.Panel:
    panel = histogram.Panel().legend(legend("list")).tooltip(tooltip(many=False))
    if view.bucket is not None:
        panel.build().options = sdk_histogram.Options(bucket_size=view.bucket)
    return panel


def heatmap_panel(view: views.Heatmap, options: Options) -> heatmap.Panel:
    colour = (
        heatmap.HeatmapColorOptions()
        .mode(sdk_heatmap.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .steps(32)
    )
    axis = heatmap.YAxisConfig().axis_label(words(view.y_label, options.lang))
    return heatmap.Panel().calculate(not view.counted).color(colour).y_axis(axis).cell_gap(1)


# Grafana cuts text that is wider than its column; wrap it instead.
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


def limits(view: views.Gauge, config: sdk.FieldConfig) -> None:
    config.min_val = view.low if view.low is not None else config.min_val
    config.max_val = view.high if view.high is not None else config.max_val


def table_panel(view: views.Table, _: Options) -> table.Panel:
    panel = table.Panel().show_header(True).cell_height(sdk_common.TableCellHeight.SM)
    panel.override_by_regexp("/.*/", _WRAPPED)
    if view.sort_by:
        order = common.TableSortByFieldState().display_name(view.sort_by).desc(view.descending)
        panel.sort_by([order])
    if view.footer:
        panel.footer(common.TableFooterOptions().show(True).reducer(list(view.footer)))
    return panel


# Where a lane has nothing, Grafana would list the panel's `no_value` as one more state. A rule
# without a value takes it back; an empty one would be read as the state 0.
_NOTHING = [sdk.DynamicConfigValue(id_val="noValue")]
# No row gives a frame without a column, of which Grafana would say that it has no time, instead of
# `no_value`; whatever chooses columns lets such a frame go.
_WITHOUT_EMPTY: Transformation = ("filterFieldsByName", {"include": {"pattern": ".*"}})


WHOLE = "whole"  # the same in every row of a table


def one_frame(_: views.Table) -> tuple[Transformation, ...]:
    """Rows as one frame, and no row as none: of none Grafana says `no_value`, not bare heads."""
    naming = {"asLabels": False}
    return (("partitionByValues", {"fields": [WHOLE], "keepFields": False, "naming": naming}),)


def timeline_panel(view: views.Timeline, _: Options) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .merge_values(view.merge)
        .show_value(sdk_common.VisibilityMode.NEVER)
        .row_height(view.row_height)
        .legend(legend("list"))
        .tooltip(tooltip(many=False))
        .override_by_regexp("/.*/", _NOTHING)
    )


def partition_lanes(view: views.Timeline | views.StatusHistory) -> tuple[Transformation, ...]:
    naming = {"asLabels": True}
    return (
        _WITHOUT_EMPTY,
        ("partitionByValues", {"fields": [view.lane], "keepFields": False, "naming": naming}),
    )


def lane_names(view: views.Timeline | views.StatusHistory, config: sdk.FieldConfig) -> None:
    config.display_name = f"${{__field.labels.{view.lane}}}"
    clear_ground(config)


def status_history_panel(_view: views.StatusHistory, _: Options) -> statushistory.Panel:
    return (
        statushistory.Panel()
        .show_value(sdk_common.VisibilityMode.NEVER)
        .legend(legend("list"))
        .tooltip(tooltip(many=False))
    )


def time_series_panel(view: views.TimeSeries, _: Options) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .legend(legend(view.legend, view.legend_calcs))
        .tooltip(tooltip(many=True))
    )


def time_series_custom(view: views.TimeSeries, options: Options) -> dict[str, Any]:
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
        "barAlignment": 1,  # from the time on at which a piece begins
        "barWidthFactor": 0.8,
        "axisLabel": words(view.axis_label, options.lang),
    }
    if view.soft_min is not None:
        custom["axisSoftMin"] = view.soft_min
    if view.soft_max is not None:
        custom["axisSoftMax"] = view.soft_max
    if view.log:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
    return custom


def colour_by_series(_: views.TimeSeries, config: sdk.FieldConfig) -> None:
    """Each line its own colour: by steps, all that stand alike would look alike."""
    clear_ground(config)
    if config.color is not None and config.color.mode == sdk.FieldColorModeId.THRESHOLDS:
        config.color.mode = sdk.FieldColorModeId.PALETTE_CLASSIC


_LAND = {"color": {"fixed": "#8e8e93"}, "opacity": 0.12, "lineWidth": 1}
Layer = Builder[sdk_common.MapLayerOptions]
COUNTRIES = "public/maps/countries.geojson"  # Grafana carries it
CLOSEST = 15  # how near a view that fits its markers may come; unsaid it is 1, the whole world
# The tooltip need not repeat the coordinates.
PLACE = (Column("lat", hidden=True), Column("lon", hidden=True))


def layers(view: views.Geomap, options: Options) -> tuple[Layer, list[Layer]]:
    """The lowest layer and those above it."""
    ground = _layer("geojson", "ground", {"src": COUNTRIES, "rules": [], "style": _LAND})
    if options.basemap:
        tiles = {"url": options.basemap, "attribution": options.basemap_words}
        return _layer("xyz", "tiles", tiles), [_markers(view)]
    return ground.tooltip(False), [_markers(view)]


def _layer(kind: str, name: str, config: dict[str, Any]) -> common.MapLayerOptions:
    return common.MapLayerOptions().type(kind).name(name).config(config)


def _markers(view: views.Geomap) -> common.MapLayerOptions:
    style: dict[str, Any] = {
        "color": {"field": view.colour_by, "fixed": "#8e8e93"},
        "opacity": 0.9,
        "size": {"fixed": view.size, "min": 4, "max": 18},
        "symbol": {"fixed": f"img/icons/marker/{view.symbol}.svg", "mode": "fixed"},
        "symbolAlign": {"horizontal": "center", "vertical": "center"},
        "textConfig": {"fontSize": 11, "offsetX": 0, "offsetY": -12, "textAlign": "center"},
    }
    if view.size_by:
        style["size"]["field"] = view.size_by
    if view.label:
        style["text"] = {"field": view.label, "mode": "field", "fixed": ""}
    layer = _layer("markers", "sites", {"showLegend": True, "style": style})
    place = common.FrameGeometrySource().mode(sdk_common.FrameGeometrySourceMode.COORDS)
    return layer.location(place.latitude("lat").longitude("lon")).tooltip(True)


def _geomap(view: views.Geomap, options: Options) -> geomap.Panel:
    basemap, above = layers(view, options)
    where = geomap.MapViewConfig().id("fit").all_layers(False).layer("sites").padding(25)
    return (
        geomap.Panel()
        .view(where.zoom(CLOSEST))
        .controls(geomap.ControlsOptions().show_zoom(True).show_scale(True).show_attribution(True))
        .basemap(basemap)
        .layers(above)
        .tooltip(geomap.TooltipOptions().mode(sdk_geomap.TooltipMode.DETAILS))
    )


_LANES: dict[str, Any] = {"transformations": partition_lanes, "settle": lane_names}
_BARS = {"fillOpacity": 75, "lineWidth": 0, "gradientMode": "none"}
_KINDS: dict[type, Kind] = {
    views.TimeSeries: Kind(
        builder=time_series_panel,
        form=lambda _: "time_series",
        custom=time_series_custom,
        settle=colour_by_series,
    ),
    views.Stat: Kind(
        builder=stat_panel,
        form=lambda view: "time_series" if view.over_time else "table",
        settle=stat_colours,
    ),
    views.Gauge: Kind(
        builder=lambda view, _: gauge.Panel().reduce_options(reduce(view.calc, rows=view.rows)),
        settle=limits,
    ),
    views.Table: Kind(
        builder=table_panel,
        transformations=one_frame,
        custom=lambda view, _: {
            "align": "auto",
            "filterable": view.filterable,
            "inspect": False,
            "minWidth": 56,  # Grafana's own 150 pushes columns out of sight
        },
    ),
    views.Timeline: Kind(
        builder=timeline_panel,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 0},
        **_LANES,
    ),
    views.StatusHistory: Kind(
        builder=status_history_panel,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 1},
        **_LANES,
    ),
    views.Geomap: Kind(builder=_geomap),
    views.Scatter: Kind(
        builder=scatter_panel,
        custom=lambda view, _: {
            "show": view.show,
            "pointSize": {"fixed": view.size},
            "fillOpacity": 50,
        },
        transformations=split_series,
    ),
    views.Trend: Kind(
        builder=trend_panel,
        custom=lambda _view, _options: {
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": True,
        },
        transformations=split_series,
    ),
    views.BarChart: Kind(builder=bar_chart_panel, custom=lambda _view, _options: dict(_BARS)),
    views.Histogram: Kind(builder=histogram_panel, custom=lambda _view, _options: dict(_BARS)),
    views.Heatmap: Kind(builder=heatmap_panel, form=lambda _: "time_series"),
    views.Words: Kind(
        builder=lambda view, options: (
            text.Panel().mode(sdk_text.TextMode.MARKDOWN).content(view.content.in_(options.lang))
        )
    ),
}


def kind_of(view: views.View) -> Kind:
    """What Grafana needs to know of this view."""
    return _KINDS[type(view)]
