"""The page of the operators' load, with the targets of EEMUA 191."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_lifecycle
from hypervisor.alarms import queries_load as store
from hypervisor.alarms import settings as dials
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.load import TARGETS, Raised, count_windows
from hypervisor.alarms.load_report import Span, measure_load
from hypervisor.alarms.responding import ResponseTimes, summarize
from hypervisor.base.instants import micros
from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.words import bare
from hypervisor.readings import queries_latest

SPANS = {"day": timedelta(days=1), "week": timedelta(days=7)}
USUAL = "day"
WINDOW = timedelta(minutes=10)
AVERAGE, PEAK = 1, 10  # alarms in ten minutes, on average and in an upset (EEMUA 191)
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
class Flood:
    """A flood: more alarms than a person can handle."""

    begins: datetime
    ends: datetime
    alarms: int


@dataclass(frozen=True, kw_only=True)
class Frequent:
    """A rule: how often it raised alarms, at how many subjects, how many of them chatter."""

    rule: str
    title: str
    times: int
    percent: float
    subjects: int
    chattering: int
    most: tuple[str, int] | None  # the most frequent alarm, if one repeated


@dataclass(frozen=True, kw_only=True)
class LoadSheet:
    """The whole page. `counts`: alarms in each window of the span."""

    begins: datetime
    ends: datetime
    alarms: int
    average: float
    peak: int
    peak_at: datetime | None
    over: float
    counts: Sequence[int]
    floods: Sequence[Flood]
    standing: int
    long: int
    long_after: timedelta
    stale: int
    shares: Sequence[Share]
    frequent: Sequence[Frequent]
    top_percent: float
    responses: Sequence[ResponseTimes]
    pieces: Sequence[Period]

    @property
    def length(self) -> timedelta:
        return self.ends - self.begins

    @property
    def calm(self) -> bool:
        """Whether both targets are met."""
        return self.average <= AVERAGE and self.peak <= PEAK


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
    raised = store.list_raised(connection, begins, ends)
    counts = count_windows(raised, micros(begins), micros(ends))
    rates = report["per_10_min"]
    frequent = _frequent(context, raised, {(x["rule"], x["subject"]) for x in report["chattering"]})
    settings = dials.from_stored(queries_lifecycle.read_settings(connection))
    return LoadSheet(
        begins=begins,
        ends=ends,
        alarms=report["alarms"],
        average=rates["average"],
        peak=rates["peak"],
        peak_at=_parse_time(rates["peak_at"]),
        over=rates["percent_of_time_over_10"],
        counts=counts,
        floods=[_flood(flood) for flood in report["floods"]],
        standing=report["standing"]["alarms"],
        long=report["standing"]["long"],
        long_after=timedelta(microseconds=settings.standing_long),
        stale=report["standing"]["stale"],
        shares=_shares(report["priorities_percent"]),
        frequent=frequent,
        top_percent=round(sum(rule.percent for rule in frequent), 1),
        responses=summarize(store.list_delays(connection, begins, ends)),
        pieces=_split_periods(counts, begins, timedelta(hours=1 if span == "day" else 24)),
    )


def _parse_time(time: str | None) -> datetime | None:
    return None if time is None else datetime.fromisoformat(time)


def _flood(flood: dict[str, Any]) -> Flood:
    begins, ends = (datetime.fromisoformat(flood[edge]) for edge in ("from", "to"))
    return Flood(begins=begins, ends=ends, alarms=flood["alarms"])


def _frequent(
    context: RequestContext, raised: Sequence[Raised], chattering: set[tuple[str, str]]
) -> list[Frequent]:
    """The most frequent rules, with titles in the reader's language."""
    pairs = Counter((alarm.rule, alarm.subject) for alarm in raised)
    titles = {(alarm.rule, alarm.subject): alarm.title for alarm in raised}
    written = {
        key: rule for key, rule, _ in queries_latest.list_rules(context.connection, context.now())
    }
    frequents: list[Frequent] = []
    for rule, times in Counter(alarm.rule for alarm in raised).most_common(_SHOWN):
        own = {pair: count for pair, count in pairs.items() if pair[0] == rule}
        most, again = max(own.items(), key=lambda item: item[1])
        frequents.append(
            Frequent(
                rule=rule,
                title=_title(written.get(rule, {}), rule),
                times=times,
                percent=100 * times / len(raised),
                subjects=len(own),
                chattering=len(own.keys() & chattering),
                most=(titles[most], again) if again > 1 else None,
            )
        )
    return frequents


def _title(written: Mapping[str, Any], rule: str) -> str:
    french = (written.get("fr") or {}).get("title") if current().language == "fr" else None
    return bare(french or written.get("title") or rule)


def _shares(percent: dict[str, float]) -> list[Share]:
    return [
        Share(title=_LABELS[name], severities=_SEVERITY[name], percent=percent[name], target=target)
        for name, target in TARGETS.items()
    ]


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
