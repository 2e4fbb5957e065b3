"""Each kind of view as the SDK's builder, its frame's form and its field settings."""

from grafana_foundation_sdk.builders import geomap, text
from grafana_foundation_sdk.models import geomap as sdk_geomap
from grafana_foundation_sdk.models import text as sdk_text

from dashboards import _kinds_charts as charts
from dashboards import _kinds_figures as figures
from dashboards import _kinds_lanes as lanes
from dashboards import _kinds_lines as lines
from dashboards import _views as views
from dashboards._dataquery import Format
from dashboards._ground import CLOSEST, layers
from dashboards._kind import Kind
from dashboards._options import Options


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


def _text(view: views.Words, options: Options) -> text.Panel:
    return text.Panel().mode(sdk_text.TextMode.MARKDOWN).content(view.content.in_(options.lang))


_SERIES: Format = "time_series"
_ROWS: Format = "table"

_KINDS: dict[type, Kind] = {
    views.TimeSeries: Kind(
        builder=lines.time_series_panel,
        form=lambda _: _SERIES,
        custom=lines.time_series_custom,
        settle=lines.colour_by_series,
    ),
    views.Stat: Kind(
        builder=figures.stat_panel,
        form=lambda view: _SERIES if view.over_time else _ROWS,
        settle=figures.stat_colours,
    ),
    views.Gauge: Kind(builder=figures.gauge_panel, form=lambda _: _ROWS, settle=figures.limits),
    views.BarGauge: Kind(
        builder=figures.bar_gauge_panel, form=lambda _: _ROWS, settle=figures.limits
    ),
    views.Table: Kind(
        builder=figures.table_panel,
        form=lambda _: _ROWS,
        custom=lambda view, _: {
            "align": "auto",
            "filterable": view.filterable,
            "inspect": False,
            "minWidth": 56,  # Grafana's own 150 pushes columns out of sight
        },
    ),
    views.Timeline: Kind(
        builder=lanes.timeline_panel,
        form=lambda _: _ROWS,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 0},
        transformations=lanes.partition_lanes,
        settle=lanes.lane_names,
    ),
    views.StatusHistory: Kind(
        builder=lanes.status_history_panel,
        form=lambda _: _ROWS,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 1},
        transformations=lanes.partition_lanes,
        settle=lanes.lane_names,
    ),
    views.Geomap: Kind(builder=_geomap, form=lambda _: _ROWS),
    views.Scatter: Kind(
        builder=charts.scatter_panel,
        form=lambda _: _ROWS,
        custom=charts.scatter_custom,
        transformations=charts.split_series,
    ),
    views.BarChart: Kind(
        builder=charts.bar_chart_panel,
        form=lambda _: _ROWS,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 0, "gradientMode": "none"},
    ),
    views.Histogram: Kind(
        builder=charts.histogram_panel,
        form=lambda _: _ROWS,
        custom=lambda _view, _options: {"fillOpacity": 75, "lineWidth": 0, "gradientMode": "none"},
    ),
    views.Heatmap: Kind(builder=charts.heatmap_panel, form=lambda _: _SERIES),
    views.Words: Kind(builder=_text, form=lambda _: _ROWS),
}


def kind_of(view: views.View) -> Kind:
    """What Grafana needs to know of this view."""
    return _KINDS[type(view)]
