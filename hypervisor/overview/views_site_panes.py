"""The panes of a chart, by the kinds of its series."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypervisor.base.translation import translate as _
from hypervisor.charts.model import (
    AlarmPane,
    BarPane,
    Extrapolation,
    Fan,
    LaneRow,
    Limit,
    LinePane,
    Pane,
    StatePane,
    StripPane,
    Trace,
)
from hypervisor.charts.words import display_unit
from hypervisor.overview.views_site_facts import SiteLimit
from hypervisor.web import filters

_LINES = 4  # panes shown by default
_SHARES = frozenset({"%", "1"})
_ANGLE = "deg"  # directions are not drawn as lines


@dataclass(frozen=True, kw_only=True)
class ChartData:
    """The data to draw. `plans`: the planned trace, by the name of the measured one."""

    lines: Sequence[Trace]
    bars: Sequence[tuple[Trace, Sequence[str]]] = ()
    states: Sequence[Trace] = ()
    lamps: Sequence[LaneRow] = ()
    notes: Sequence[str] = ()
    limits: Sequence[tuple[SiteLimit, str]] = ()  # with a short name
    highest_kept: tuple[str, float] | None = None
    ahead: Extrapolation | Fan | None = None
    plans: dict[str, Trace] = field(default_factory=dict)


def build_panes(shape: ChartData, alarms: AlarmPane) -> list[Pane]:
    """From the top: rain, main quantity, other lines, states, lamps, alarms."""
    stack: list[Pane] = [
        BarPane(
            title=_write_title(trace),
            trace=trace,
            notes=notes,
            hanging=trace.unit == "mm",
            height=74 if shape.lines else 180,
        )
        for trace, notes in shape.bars
    ]
    groups = group_by_unit(shape.lines)
    stack += [_line_pane(group, shape, number, len(groups)) for number, group in enumerate(groups)]
    if shape.states:
        stack.append(StatePane(title=_("States"), traces=shape.states))
    if shape.lamps:
        title = _("%(count)s lamps") % {"count": len(shape.lamps)}
        stack.append(StripPane(title=title, rows=shape.lamps, notes=shape.notes))
    stack.append(alarms)
    return stack


def group_by_unit(lines: Sequence[Trace]) -> list[list[Trace]]:
    """Group lines that share a unit, and so a pane."""
    groups: dict[str, list[Trace]] = {}
    for trace in lines:
        # Percentages are of different things: a pane each.
        key = trace.name if trace.unit in _SHARES else trace.unit
        groups.setdefault(key, []).append(trace)
    return list(groups.values())


def _line_pane(group: Sequence[Trace], shape: ChartData, number: int, count: int) -> LinePane:
    names = {trace.name.partition("/")[2] for trace in group}
    drawn: list[Trace] = []
    for place, trace in enumerate(group):
        drawn.append(replace(trace, css=("l", "l2", "l3")[min(place, 2)]))
        if trace.name in shape.plans:
            drawn.insert(0, shape.plans[trace.name])
    label = " · ".join(dict.fromkeys(trace.label for trace in group))
    unit = filters.unit(display_unit(group[0].unit))
    main = number == 0
    return LinePane(
        title=f"{label}, {unit}" if unit else label,
        traces=drawn,
        limits=[
            Limit(label=short, value=limit.value, priority=limit.priority)
            for limit, short in shape.limits
            if limit.plain and limit.quantity in names
        ],
        highest=shape.highest_kept if main else None,
        ahead=shape.ahead if main and isinstance(shape.ahead, Extrapolation) else None,
        fan=shape.ahead if main and isinstance(shape.ahead, Fan) else None,
        height=(268 if count <= 2 else 200) if main else 116,
        main=main,
    )


def _write_title(trace: Trace) -> str:
    """Title of a bar pane, such as: Rain, mm/h."""
    hours = (trace.piece or trace.interval_s) / 3_600
    unit = filters.unit(trace.unit) if trace.unit != "1" else ""
    if hours == 1:
        return f"{trace.label}, {unit}/h" if unit else f"{trace.label} / h"
    period = _("in %(hours)s h") % {"hours": filters.number(hours, 0)}
    return f"{trace.label}, {unit} {period}" if unit else f"{trace.label}, {period}"


def choose_quantities(lines: Sequence[str], units: Sequence[str], also: Sequence[str]) -> list[str]:
    """The quantities to draw: the first four panes, and those in `also`."""
    panes_of: list[str] = []
    kept: list[str] = []
    for name, unit in zip(lines, units, strict=True):
        full = unit not in panes_of and len(panes_of) >= _LINES
        if (full or unit == _ANGLE) and name not in also:
            continue
        if unit not in panes_of:
            panes_of.append(unit)
        kept.append(name)
    return kept
