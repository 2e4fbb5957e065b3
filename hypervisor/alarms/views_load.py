"""The page of the operators' load, with the targets of EEMUA 191, and its chart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_lifecycle, queries_load
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.load import (
    TARGETS,
    Load,
    Raised,
    ResponseTimes,
    count_windows,
    summarize,
)
from hypervisor.alarms.service_load import LoadReport, Span, measure_load
from hypervisor.base.instants import moment, moment_if
from hypervisor.base.translation import mark
from hypervisor.base.words import title_of_rule
from hypervisor.charts.scale import TimeScale, ValueScale, time_ticks, value_ticks
from hypervisor.readings import queries_latest

SPANS = {"day": timedelta(days=1), "week": timedelta(days=7)}
USUAL = "day"
WINDOW = timedelta(minutes=10)
AVERAGE, PEAK = 1, 10  # alarms in ten minutes, on average and in an upset (EEMUA 191)
WIDTH, HEIGHT = 1120, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 1016, 26, 212
_TICK_WIDTH = 120  # px between times, at least: three hours of a day, a day of a week
_SHOWN = 10
_LABELS = {"high": mark("Critical"), "medium": mark("Major"), "low": mark("Minor and notice")}
_SEVERITY = {"high": ("critical",), "medium": ("major",), "low": ("minor", "info")}


@dataclass(frozen=True, kw_only=True)
class Share:
    """The share of a priority and its target, in %."""

    title: str
    severities: tuple[str, ...]
    percent: float
    target: float


@dataclass(frozen=True, kw_only=True)
class Period:
    """An hour or a day: the number of alarms, and the most in ten minutes."""

    begins: datetime
    alarms: int
    peak: int


@dataclass(frozen=True, kw_only=True)
class FrequentRule:
    """How often a rule raised alarms, at how many subjects, how many of them chatter."""

    rule: str
    title: str
    times: int
    percent: float
    subjects: int
    chattering: int
    most: tuple[str, int] | None  # the most frequent alarm, if one repeated


@dataclass(frozen=True, kw_only=True)
class LoadSheet:
    """The page. `counts`: alarms in each window of the span."""

    report: LoadReport
    counts: Sequence[int]
    shares: Sequence[Share] = ()
    frequent: Sequence[FrequentRule] = ()
    responses: Sequence[ResponseTimes] = ()
    pieces: Sequence[Period] = ()

    @property
    def load(self) -> Load:
        return self.report.load

    @property
    def begins(self) -> datetime:
        return moment(self.load.begins)

    @property
    def ends(self) -> datetime:
        return moment(self.load.ends)

    @property
    def peak_at(self) -> datetime | None:
        return moment_if(self.load.peak_at)

    @property
    def floods(self) -> Sequence[tuple[datetime, datetime, int]]:
        """(begin, end, alarms) of each flood."""
        return [(moment(f.begins), moment(f.ends), f.alarms) for f in self.load.floods]

    @property
    def long_after(self) -> timedelta:
        return timedelta(microseconds=self.report.settings.standing_long)

    @property
    def calm(self) -> bool:
        """Whether both targets are met."""
        return self.load.average <= AVERAGE and self.load.peak <= PEAK


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A grid line at `at`, labelled by `time` or `number`; `strong`: midnight."""

    at: float
    time: datetime | None = None
    number: int | None = None
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Paths and positions in units of the view box. `spells`: (x, width) of floods."""

    bars: str
    over: str  # bars above the peak target
    average: float
    peak: float
    ticks: Sequence[Tick]
    levels: Sequence[Tick]
    spells: Sequence[tuple[float, float]]
    worst: tuple[float, float] | None
    anchor: str  # of the label at the peak


def build_sheet(context: RequestContext, *, span: str, until: datetime | None) -> LoadSheet | None:
    """The load of the span that ends at `until` (default: now); None: nothing yet."""
    connection = context.connection
    ends = until or queries_lifecycle.read_clock(connection, context.clock())
    if ends is None:
        return None
    begins = ends - SPANS[span]
    try:
        report = measure_load(connection, Span(begins=begins, ends=ends), wall=context.clock())
    except AlarmError:
        return None
    counts = count_windows(report.raised, report.load.begins, report.load.ends)
    chattering = {(spell.rule, spell.subject) for spell in report.chattering}
    return LoadSheet(
        report=report,
        counts=counts,
        shares=[
            Share(
                title=_LABELS[name],
                severities=_SEVERITY[name],
                percent=report.load.priorities[name],
                target=target,
            )
            for name, target in TARGETS.items()
        ],
        frequent=_list_frequent(context, report.raised, chattering),
        responses=summarize(queries_load.list_delays(connection, begins, ends)),
        pieces=_split_periods(counts, begins, timedelta(hours=1 if span == "day" else 24)),
    )


def _list_frequent(
    context: RequestContext, raised: Sequence[Raised], chattering: set[tuple[str, str]]
) -> list[FrequentRule]:
    """The most frequent rules, with titles in the reader's language."""
    pairs = Counter((alarm.rule, alarm.subject) for alarm in raised)
    titles = {(alarm.rule, alarm.subject): alarm.title for alarm in raised}
    rules = {
        key: rule for key, rule, _ in queries_latest.list_rules(context.connection, context.now())
    }
    frequent: list[FrequentRule] = []
    for rule, times in Counter(alarm.rule for alarm in raised).most_common(_SHOWN):
        own = {pair: count for pair, count in pairs.items() if pair[0] == rule}
        most, again = max(own.items(), key=lambda item: item[1])
        frequent.append(
            FrequentRule(
                rule=rule,
                title=title_of_rule(rules.get(rule, {}), rule),
                times=times,
                percent=100 * times / len(raised),
                subjects=len(own),
                chattering=len(own.keys() & chattering),
                most=(titles[most], again) if again > 1 else None,
            )
        )
    return frequent


def _split_periods(counts: Sequence[int], begins: datetime, length: timedelta) -> list[Period]:
    step = int(length / WINDOW)
    return [
        Period(
            begins=begins + start * WINDOW,
            alarms=sum(counts[start : start + step]),
            peak=max(counts[start : start + step]),
        )
        for start in range(0, len(counts), step)
    ]


def draw_load(sheet: LoadSheet, zone: ZoneInfo) -> Drawing:
    """The chart: bars per ten minutes, targets, floods, the peak."""
    first, last = sheet.begins.timestamp(), sheet.ends.timestamp()
    across = TimeScale(first=first, last=last, left=LEFT, right=RIGHT, now=last)
    high = max(PEAK * 1.3, sheet.load.peak * 1.12)
    up = ValueScale(low=0, high=high, top=TOP, bottom=BOTTOM)
    bars, over = _draw_bars(sheet.counts, up)
    worst = None
    if sheet.peak_at is not None:
        worst = (across.x((sheet.peak_at + WINDOW / 2).timestamp()), up.y(sheet.load.peak))
    edges = [
        (across.x(begins.timestamp()), across.x(ends.timestamp()))
        for begins, ends, _ in sheet.floods
    ]
    return Drawing(
        bars=bars,
        over=over,
        average=up.y(AVERAGE),
        peak=up.y(PEAK),
        ticks=[
            Tick(at=across.x(at.at), time=datetime.fromtimestamp(at.at, zone), strong=at.day)
            for at in time_ticks(across, zone, apart=_TICK_WIDTH)
        ],
        levels=[Tick(at=up.y(level), number=int(level)) for level in value_ticks(0, high, 5)],
        spells=[(left, max(2.0, right - left)) for left, right in edges],
        worst=worst,
        anchor="end" if worst and worst[0] > (LEFT + RIGHT) / 2 else "start",
    )


def _draw_bars(counts: Sequence[int], up: ValueScale) -> tuple[str, str]:
    """The paths of bars up to the peak target, and of those above it."""
    step = (RIGHT - LEFT) / len(counts)
    wide = max(step - 1, 1.0) if step > 3 else step
    parts: tuple[list[str], list[str]] = ([], [])
    for place, count in enumerate(counts):
        if count:
            bar = f"M{LEFT + place * step:.1f} {BOTTOM}V{up.y(count)}h{wide:.1f}V{BOTTOM}Z"
            parts[count > PEAK].append(bar)
    return "".join(parts[0]), "".join(parts[1])
