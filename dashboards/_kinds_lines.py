"""Lines and bars over time, as the SDK builds them."""

from typing import Any

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards import _views as views
from dashboards._fields import clear_ground
from dashboards._kind import legend, tooltip
from dashboards._options import Options
from dashboards._words import words


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
