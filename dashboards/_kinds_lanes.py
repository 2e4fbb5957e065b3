"""Lanes and cells of states over time, as the SDK builds them."""

from grafana_foundation_sdk.builders import statetimeline, statushistory
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards import _views as views
from dashboards._fields import clear_ground
from dashboards._kind import Transformation, legend, tooltip, visibility
from dashboards._options import Options

# Where a lane has nothing, Grafana would list the panel's `no_value` as one more state. A rule
# without a value takes it back; an empty one would be read as the state 0.
_NOTHING = [sdk.DynamicConfigValue(id_val="noValue")]
# No row gives a frame without a column, of which Grafana would say that it has no time, instead of
# `no_value`; whatever chooses columns lets such a frame go.
_WITHOUT_EMPTY: Transformation = ("filterFieldsByName", {"include": {"pattern": ".*"}})


def timeline_panel(view: views.Timeline, _: Options) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .merge_values(view.merge)
        .show_value(visibility(view.show_value))
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


def status_history_panel(view: views.StatusHistory, _: Options) -> statushistory.Panel:
    return (
        statushistory.Panel()
        .show_value(visibility(view.show_value))
        .legend(legend("list"))
        .tooltip(tooltip(many=False))
    )
