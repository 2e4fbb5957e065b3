"""Columns as Grafana's field options: a panel's defaults and overrides."""

import math
from dataclasses import replace
from typing import Any, Literal

from grafana_foundation_sdk.models import dashboard as sdk

from dashboards._colours import GREY, State, Step, ink
from dashboards._describe import Column, Link
from dashboards._options import Options
from dashboards._units import DATES, DashboardError, grafana
from dashboards._words import words

CLEAR, INK = "transparent", "text"  # no fill; the theme's ink
NOTHING = "\N{EN DASH}"  # in a cell without a value
_CELLS: dict[str, dict[str, str]] = {
    "plain": {"type": "auto"},
    "text": {"type": "color-text"},
    "background": {"type": "color-background", "mode": "basic"},
    "gauge": {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
    "pill": {"type": "pill"},
    "markdown": {"type": "markdown"},
}
_DRAWN = {"line": "line", "bars": "bars", "points": "points"}


def count_decimals(resolution: float) -> int:
    """Decimals for a resolution, two at most."""
    return min(2, max(0, math.ceil(-math.log10(resolution) - 1e-9)))


def mappings(states: tuple[State, ...], options: Options) -> list[sdk.ValueMap]:
    """Value mappings: symbol, text and colour of each state."""
    options_by_code = {
        _value(state.value): sdk.ValueMappingResult(
            text=f"{state.symbol} {words(state.text, options.lang)}".strip(),
            color=state.colour,
            index=index,
        )
        for index, state in enumerate(states)
    }
    return [sdk.ValueMap(options=options_by_code)] if options_by_code else []


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else str(value)


def thresholds(steps: tuple[Step, ...], ground: str = CLEAR) -> sdk.ThresholdsConfig:
    """Threshold steps, ascending; `ground`: the colour below the first."""
    rows = [sdk.Threshold(value=step.at, color=step.colour) for step in steps]
    if steps[0].at is not None:
        rows.insert(0, sdk.Threshold(value=None, color=ground))
    values = [row.value for row in rows[1:]]
    if None in values or values != sorted(value for value in values if value is not None):
        raise DashboardError(f"steps {values} must rise from the first to the last")
    return sdk.ThresholdsConfig(mode=sdk.ThresholdsMode.ABSOLUTE, steps=rows)


def apply_ink(column: Column) -> Column:
    """The column with text colours instead of fill colours."""
    return replace(
        column,
        colour=ink(column.colour) if column.colour else column.colour,
        states=tuple(replace(state, colour=ink(state.colour)) for state in column.states),
        steps=tuple(replace(step, colour=ink(step.colour)) for step in column.steps),
    )


def data_links(links: tuple[Link, ...], options: Options) -> list[dict[str, Any]]:
    """Data links of a column; links to the console only if its address is configured."""
    return [
        {
            "title": link.title.in_(options.lang),
            "url": options.address(link.url),
            "targetBlank": link.new_tab,
        }
        for link in links
        if options.reaches(link.url)
    ]


def properties(column: Column, options: Options) -> dict[str, Any]:
    """Grafana's property ids and values for the attributes that a column sets."""
    values: dict[str, Any] = {}
    column = apply_ink(column) if column.cell == "text" else column
    unit, decimals = column.unit, column.decimals
    if column.quantity:
        quantity = options.quantity(column.quantity)
        unit = unit or quantity.unit
        decimals = count_decimals(quantity.resolution) if decimals is None else decimals
    if column.title:
        values["displayName"] = words(column.title, options.lang)
    if unit:
        values["unit"] = DATES[options.lang] if unit == "date" else grafana(unit)
    numbers = {"decimals": decimals, "min": column.low, "max": column.high}
    values |= {key: value for key, value in numbers.items() if value is not None}
    if column.states:
        values["mappings"] = mappings(column.states, options)
    if column.steps:
        # Coloured text must be legible below the first step too.
        ground = CLEAR if column.cell == "background" else INK
        values["thresholds"] = thresholds(column.steps, ground)
        values["color"] = {"mode": "thresholds"}
    if column.colour:
        values["color"] = {"mode": "fixed", "fixedColor": column.colour}
    if links := data_links(column.links, options):
        values["links"] = links
    return values | {f"custom.{key}": value for key, value in _custom(column, options).items()}


def _custom(column: Column, options: Options) -> dict[str, Any]:
    custom: dict[str, Any] = {}
    if column.cell != "plain":
        custom["cellOptions"] = _CELLS[column.cell]
    if column.hidden:
        custom["hidden"] = True
        custom["hideFrom"] = {"legend": True, "tooltip": True, "viz": True}
    if column.axis:
        custom["axisPlacement"] = column.axis
    if column.axis_label:
        custom["axisLabel"] = words(column.axis_label, options.lang)
    return custom | _lines(column)


def _lines(column: Column) -> dict[str, Any]:
    custom: dict[str, Any] = {}
    if column.draw:
        custom["drawStyle"] = _DRAWN[column.draw]
    if column.draw == "bars":
        custom |= {"fillOpacity": 70, "lineWidth": 0}
    if column.step is not None:
        custom["lineInterpolation"] = "stepAfter" if column.step else "linear"
    if column.fill is not None:
        custom["fillOpacity"] = column.fill
    if column.line_width is not None:
        custom["lineWidth"] = column.line_width
    if column.fill_to:
        custom["fillBelowTo"] = column.fill_to
        custom.setdefault("fillOpacity", 20)
    if column.dashed:
        custom["lineStyle"] = {"fill": "dash", "dash": [8, 6]}
    if column.stack:
        custom["stacking"] = {"mode": "normal", "group": column.stack}
    return custom


_SIDES: dict[str, str] = {"min": "min_val", "max": "max_val", "displayName": "display_name"}


def defaults(column: Column, custom: dict[str, Any], options: Options) -> sdk.FieldConfig:
    """The field defaults of a panel."""
    values = properties(column, options)
    own = {key.removeprefix("custom."): values.pop(key) for key in list(values) if "." in key}
    links = values.pop("links", None)
    colour = values.pop("color", {"mode": "palette-classic"})
    config = sdk.FieldConfig(
        custom=custom | own,
        color=sdk.FieldColor(
            mode=sdk.FieldColorModeId(colour["mode"]), fixed_color=colour.get("fixedColor")
        ),
        **{_SIDES.get(key, key): value for key, value in values.items()},
    )
    config.links = links
    return config


def clear_ground(config: sdk.FieldConfig) -> None:
    """Remove the fill below the first step, for backgrounds."""
    for step in config.thresholds.steps if config.thresholds else ():
        step.color = CLEAR if step.color == INK else step.color


def map_null(text: str) -> sdk.SpecialValueMap:
    """Map null to this text in grey."""
    return sdk.SpecialValueMap(
        options=sdk.DashboardSpecialValueMapOptions(
            match=sdk.SpecialValueMatch.NULL,
            result=sdk.ValueMappingResult(text=text, color=GREY, index=0),
        )
    )


def null_override() -> sdk.DashboardFieldConfigSourceOverrides:
    """Override of tables and maps: a grey dash for null.

    Without it Grafana repeats the panel's no-value text in the colour of the lowest step.
    """
    return sdk.DashboardFieldConfigSourceOverrides(
        matcher=matcher("/.*/"),
        properties=[
            sdk.DynamicConfigValue(id_val="noValue", value=NOTHING),
            sdk.DynamicConfigValue(id_val="mappings", value=[map_null(NOTHING)]),
        ],
    )


def matcher(name: str) -> sdk.MatcherConfig:
    """By the column's name, or by a pattern between slashes."""
    by: Literal["byRegexp", "byName"]
    by = "byRegexp" if len(name) > 2 and name[0] == name[-1] == "/" else "byName"
    return sdk.MatcherConfig(id_val=by, options=name)


def override(
    column: Column,
    options: Options,
    *,
    fills: bool = False,
    nulls: bool = False,
    more: dict[str, Any] | None = None,
) -> sdk.DashboardFieldConfigSourceOverrides:
    """The override of a column. `fills`: colours fill backgrounds, not text.

    `nulls`: a grey dash for null beside its states too, which replace those of `null_override`.
    """
    values = properties(column, options) | (more or {})
    if fills and column.steps:
        values["thresholds"] = thresholds(column.steps)
    if nulls and column.states:
        values["mappings"] = [*values["mappings"], map_null(NOTHING)]
    return sdk.DashboardFieldConfigSourceOverrides(
        matcher=matcher(column.name),
        properties=[
            sdk.DynamicConfigValue(id_val=key, value=value) for key, value in values.items()
        ],
    )
