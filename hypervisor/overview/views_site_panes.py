"""Which panes a site gets: by the kinds of its series, whatever its domain."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypervisor.charts.model import (
    Ahead,
    AlarmPane,
    BarPane,
    LaneRow,
    Limit,
    LinePane,
    Pane,
    StatePane,
    StripPane,
    Trace,
    Words,
)
from hypervisor.overview.views_site_limits import SiteLimit
from sensors._quantity import Kind

_LINES = 4  # panes of lines before one asks for more
_SHARES = frozenset({"%", "1"})
_ANGLE = "deg"  # a direction makes no line


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What there is to draw. `plan`: what a trace should have been, by its name."""

    lines: Sequence[Trace]
    bars: Sequence[tuple[Trace, Sequence[str]]] = ()
    states: Sequence[Trace] = ()
    lamps: Sequence[LaneRow] = ()
    notes: Sequence[str] = ()
    limits: Sequence[tuple[SiteLimit, str]] = ()  # with a short name
    known: tuple[str, float] | None = None
    ahead: Ahead | None = None
    plans: dict[str, Trace] = field(default_factory=dict)


def panes(shape: Shape, alarms: AlarmPane, words: Words) -> list[Pane]:
    """Rain above, then the main quantity, its fellows, what is on or off, the many, the alarms."""
    found: list[Pane] = [
        BarPane(
            title=_titled(trace, words),
            trace=trace,
            notes=notes,
            hanging=trace.unit == "mm",
            height=74 if shape.lines else 180,
        )
        for trace, notes in shape.bars
    ]
    groups = grouped(shape.lines)
    for number, group in enumerate(groups):
        found.append(_line_pane(group, shape, number, len(groups), words))
    if shape.states:
        found.append(StatePane(title=words.say("States"), traces=shape.states))
    if shape.lamps:
        title = words.say("%(count)s lamps") % {"count": len(shape.lamps)}
        found.append(StripPane(title=title, rows=shape.lamps, notes=shape.notes))
    found.append(alarms)
    return found


def grouped(lines: Sequence[Trace]) -> list[list[Trace]]:
    """Lines of one unit share a pane, in the order of the first of each."""
    groups: dict[str, list[Trace]] = {}
    for trace in lines:
        # Shares are of different things: each stands for itself.
        key = trace.name if trace.unit in _SHARES else trace.unit
        groups.setdefault(key, []).append(trace)
    return list(groups.values())


def _line_pane(
    group: Sequence[Trace], shape: Shape, number: int, count: int, words: Words
) -> LinePane:
    names = {trace.name.partition("/")[2] for trace in group}
    drawn: list[Trace] = []
    for place, trace in enumerate(group):
        drawn.append(_styled(trace, place))
        if trace.name in shape.plans:
            drawn.insert(0, shape.plans[trace.name])
    label = " · ".join(dict.fromkeys(trace.label for trace in group))
    main = number == 0
    return LinePane(
        title=f"{label}, {words.unit(group[0].unit)}",
        traces=drawn,
        limits=[
            Limit(label=short, value=limit.value, priority=limit.priority)
            for limit, short in shape.limits
            if limit.plain and limit.quantity in names
        ],
        known=shape.known if main else None,
        ahead=shape.ahead if main else None,
        height=(268 if count <= 2 else 200) if main else 116,
        main=main,
    )


def _styled(trace: Trace, place: int) -> Trace:
    return replace(trace, css=("l", "l2", "l3")[min(place, 2)])


def _titled(trace: Trace, words: Words) -> str:
    """Rain, mm/h; bicycles, in 3 h."""
    hours = (trace.piece or trace.interval_s) / 3_600
    unit = words.unit(trace.unit) if trace.unit != "1" else ""
    if hours == 1:
        return f"{trace.label}, {unit}/h" if unit else f"{trace.label} / h"
    said = words.say("in %(hours)s h") % {"hours": words.number(hours, 0)}
    return f"{trace.label}, {unit} {said}" if unit else f"{trace.label}, {said}"


def chosen(lines: Sequence[str], units: Sequence[str], asked: Sequence[str]) -> list[str]:
    """The quantities that get a line: so many panes, and those that were asked for."""
    panes_of: list[str] = []
    found: list[str] = []
    for name, unit in zip(lines, units, strict=True):
        if unit == _ANGLE and name not in asked:
            continue
        if unit not in panes_of and len(panes_of) >= _LINES and name not in asked:
            continue
        if unit not in panes_of:
            panes_of.append(unit)
        found.append(name)
    return found


def is_line(kind: Kind) -> bool:
    return kind in {Kind.GAUGE, Kind.COUNTER}
