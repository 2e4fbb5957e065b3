"""Charts that are not over time, and the heatmap, as the SDK builds them."""

from typing import Any

from grafana_foundation_sdk.builders import barchart, heatmap, histogram, xychart
from grafana_foundation_sdk.models import common as sdk_common
from grafana_foundation_sdk.models import heatmap as sdk_heatmap
from grafana_foundation_sdk.models import histogram as sdk_histogram
from grafana_foundation_sdk.models import xychart as sdk_xychart

from dashboards import _views as views
from dashboards._kind import Transformation, legend, tooltip, visibility
from dashboards._options import Options
from dashboards._words import words

_WHOLE = 100  # characters of a bar's word; the SDK's 0 leaves "..." of every one


def scatter_panel(view: views.Scatter, _: Options) -> xychart.Panel:
    panel = xychart.Panel().legend(legend("list")).tooltip(tooltip(many=False))
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


def scatter_custom(view: views.Scatter, _options: Options) -> dict[str, Any]:
    return {"show": view.show, "pointSize": {"fixed": view.size}, "fillOpacity": 50}


def split_series(view: views.Scatter) -> tuple[Transformation, ...]:
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
        .show_value(visibility(view.show_value))
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
