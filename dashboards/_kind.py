"""How a kind of view becomes a panel, and options that kinds share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.models import common as sdk_common
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards._dataquery import Format
from dashboards._options import Options

Transformation = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a kind of view becomes a panel of the SDK."""

    builder: Callable[[Any, Options], Any]
    form: Callable[[Any], Format]
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


def visibility(value: str) -> sdk_common.VisibilityMode:
    return sdk_common.VisibilityMode(value)
