"""The input of a chart: series with their readings, thresholds, alarms; its panes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypervisor.readings.queries_charts import Bin, FlaggedReading
from sensors._quantity import Kind

LANE = 24.0  # px of a lane


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A series to draw. `piece`: seconds of a bin; None: one reading each.

    `before`: the last (time, value) before the chart. `stale_s`: silence beyond it is a gap; None:
    it reports on change and has no gaps. `soft`: a plan, not a measurement.
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
    soft: bool = False
    hatched: bool = True  # whether its gaps are hatched

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.bins[-1].last if self.bins else self.before[1] if self.before else None

    @property
    def gap_s(self) -> float | None:
        """Readings farther apart than this have a gap between them; None: never."""
        return None if self.stale_s is None else max(self.stale_s, 2 * (self.piece or 0))


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A threshold; `priority` None: no rule raises an alarm at it."""

    label: str
    value: float
    priority: int | None


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """When the present rate reaches an asset."""

    at: float
    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """The present rate extrapolated; no forecast. Rates per second; `slack`: its error."""

    at: float
    value: float
    rate: float
    slack: float
    until: float
    reaches: Sequence[Crossing] = ()


@dataclass(frozen=True, kw_only=True)
class Fan:
    """A forecast: its median, and the ranges around it, the widest first, as (lower, upper).

    Values at `times` (s since the epoch), the first of which is the issue time. `note`: at its end.
    """

    times: Sequence[float]
    median: Sequence[float]
    bands: Sequence[tuple[Sequence[float], Sequence[float]]]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class LinePane:
    """Lines on one scale."""

    title: str
    traces: Sequence[Trace]
    limits: Sequence[Limit] = ()
    highest: tuple[str, float] | None = None  # on record: its label and value
    ahead: Extrapolation | None = None
    fan: Fan | None = None
    height: float = 268
    main: bool = False


@dataclass(frozen=True, kw_only=True)
class BarPane:
    """Amounts as bars; `hanging`: from the top, as for rain."""

    title: str
    trace: Trace
    notes: Sequence[str] = ()
    hanging: bool = True
    height: float = 74


@dataclass(frozen=True, kw_only=True)
class StatePane:
    """States, on and off or codes, a lane each."""

    title: str
    traces: Sequence[Trace]

    @property
    def height(self) -> float:
        return LANE * len(self.traces) + 22


@dataclass(frozen=True, kw_only=True)
class LaneRow:
    """A device in a strip of small rows; `troubled`: it has an active alarm."""

    name: str
    trace: Trace
    troubled: bool = False
    speaks: Sequence[tuple[float, float]] | None = None  # when it has supply; None: always


@dataclass(frozen=True, kw_only=True)
class StripPane:
    """Many devices, a thin row each: the level in five shades, hatched where silent."""

    title: str
    rows: Sequence[LaneRow]
    full: float = 100.0
    notes: Sequence[str] = ()

    @property
    def row_height(self) -> float:
        return 14.0 if len(self.rows) <= 12 else 8.0 if len(self.rows) <= 30 else 5.0

    @property
    def height(self) -> float:
        return 22 + self.row_height * len(self.rows)


@dataclass(frozen=True, kw_only=True)
class AlarmLane:
    """An alarm over time: steps of (begin, priority); `until` None: active; `seen`: acknowledged.

    Times in s since the epoch.
    """

    number: int
    label: str
    steps: Sequence[tuple[float, int]]
    until: float | None
    seen: float | None
    state: str


@dataclass(frozen=True, kw_only=True)
class AlarmPane:
    """Alarm lanes; `more`: how many of the span are not shown."""

    lanes: Sequence[AlarmLane]
    more: int = 0

    @property
    def height(self) -> float:
        return 22 + LANE * max(len(self.lanes), 1) + (16 if self.more else 0)


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
