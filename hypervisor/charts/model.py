"""What a chart is told: series with their readings, limits, alarms, and the words to say it in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from hypervisor.readings.queries_charts import Bin, FlaggedReading
from sensors._quantity import Kind


@dataclass(frozen=True, kw_only=True)
class Labels:
    """How things are said to this reader. Times in s since the epoch."""

    say: Callable[[str], str]
    number: Callable[[float, int], str]
    signed: Callable[[float, int], str]
    clock: Callable[[float], str]
    day: Callable[[float], str]
    month: Callable[[float], str]
    moment: Callable[[float], str]
    unit: Callable[[str], str]
    zone: tzinfo


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A series as it is drawn. `piece`: s that a bin stands for, None: one reading each.

    `before`: what it said last before the chart begins. `stale_s`: from when on silence is a gap;
    None: it speaks on change, and is never missing.
    """

    name: str
    label: str
    unit: str
    kind: Kind
    digits: int
    bins: Sequence[Bin]
    marked: Sequence[FlaggedReading] = ()
    piece: float | None = None
    interval_s: float = 900
    stale_s: float | None = None
    before: tuple[float, float] | None = None
    floor: float | None = None
    least: float = 1.0
    css: str = "l"
    codes: dict[int, str] = field(default_factory=dict)
    soft: bool = False  # a plan rather than a measurement
    hatched: bool = True  # its gaps are worth a hatch

    @property
    def last(self) -> tuple[float, float] | None:
        """The newest value, and when."""
        return (self.bins[-1].at, self.bins[-1].last) if self.bins else self.before


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A threshold across a pane; `priority` None: no rule raises an alarm at it."""

    label: str
    value: float
    priority: int | None


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """When the present rate reaches something, and what."""

    at: float
    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """Where the present rate leads, no forecast. Rates per second; `slack`: its error."""

    at: float
    value: float
    rate: float
    slack: float
    until: float
    reaches: Sequence[Crossing] = ()


@dataclass(frozen=True, kw_only=True)
class LinePane:
    """Lines over one scale."""

    title: str
    traces: Sequence[Trace]
    limits: Sequence[Limit] = ()
    highest: tuple[str, float] | None = None  # on record: its label and value
    ahead: Extrapolation | None = None
    height: float = 268
    main: bool = False


@dataclass(frozen=True, kw_only=True)
class BarPane:
    """Amounts as bars; `hanging`: from the top, as rain above a level."""

    title: str
    trace: Trace
    notes: Sequence[str] = ()
    hanging: bool = True
    height: float = 74


@dataclass(frozen=True, kw_only=True)
class StatePane:
    """On and off, or codes, a lane each."""

    title: str
    traces: Sequence[Trace]


@dataclass(frozen=True, kw_only=True)
class LaneRow:
    """One of many devices of a kind in a strip of small rows; `troubled`: an alarm is open."""

    name: str
    trace: Trace
    troubled: bool = False
    speaks: Sequence[tuple[float, float]] | None = None  # when it has supply; None: always


@dataclass(frozen=True, kw_only=True)
class StripPane:
    """Many devices, a thin row each: how much each gave, in five steps, hatched where silent."""

    title: str
    rows: Sequence[LaneRow]
    full: float = 100.0
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class AlarmLane:
    """An alarm over time: steps of (from s, priority), `until` None while it lasts.

    `seen`: when somebody acknowledged it.
    """

    number: int
    label: str
    steps: Sequence[tuple[float, int]]
    until: float | None
    seen: float | None
    state: str
    stale: Sequence[tuple[float, float | None]] = ()


@dataclass(frozen=True, kw_only=True)
class AlarmPane:
    """Alarm lanes; `more`: how many of the span are not shown."""

    lanes: Sequence[AlarmLane]
    more: int = 0


Pane = LinePane | BarPane | StatePane | StripPane | AlarmPane


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Panes over one time axis."""

    first: float
    last: float
    now: float
    panes: Sequence[Pane]
    width: float = 884
    summary: str = ""

    @property
    def narrow(self) -> bool:
        return self.width < 620
