"""What the page of the operators' load shows: a span measured, with the targets of EEMUA 191."""

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
from hypervisor.alarms.load import TARGETS, Raised, windows
from hypervisor.alarms.load_report import Span, load
from hypervisor.alarms.responding import Response, responses
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
_WORDS = {"high": mark("Critical"), "medium": mark("Major"), "low": mark("Minor and notice")}
_SEVERITY = {"high": ("critical",), "medium": ("major",), "low": ("minor", "info")}


@dataclass(frozen=True, kw_only=True)
class Share:
    """One priority's share of what was raised, beside the guide's, in %."""

    title: str
    severities: tuple[str, ...]
    percent: float
    target: float


@dataclass(frozen=True, kw_only=True)
class Piece:
    """An hour or a day of the span: how many alarms, and the most in ten minutes of it."""

    begins: datetime
    alarms: int
    peak: int


@dataclass(frozen=True, kw_only=True)
class Flood:
    """A spell of more alarms than a person can take."""

    begins: datetime
    ends: datetime
    alarms: int


@dataclass(frozen=True, kw_only=True)
class Frequent:
    """A rule: how often its alarms came, at how many subjects, at how many of them in a row."""

    rule: str
    title: str
    times: int
    percent: float
    subjects: int
    chattering: int
    most: tuple[str, int] | None  # the alarm that came most often, where one came again


@dataclass(frozen=True, kw_only=True)
class Sheet:
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
    responses: Sequence[Response]
    pieces: Sequence[Piece]

    @property
    def length(self) -> timedelta:
        return self.ends - self.begins

    @property
    def calm(self) -> bool:
        """Within both targets."""
        return self.average <= AVERAGE and self.peak <= PEAK


def sheet(context: RequestContext, *, span: str, until: datetime | None) -> Sheet | None:
    """The load of the span that ends at `until`, by default now; None: nothing has begun yet."""
    connection = context.connection
    ends = until or queries_lifecycle.clock(connection, context.clock())
    if ends is None:
        return None
    begins = ends - SPANS[span]
    try:
        found = load(connection, Span(begins=begins, ends=ends), wall=context.clock())
    except AlarmError:
        return None
    raised = store.raised(connection, begins, ends)
    counts = windows(raised, micros(begins), micros(ends))
    rates = found["per_10_min"]
    frequent = _frequent(context, raised, {(x["rule"], x["subject"]) for x in found["chattering"]})
    settings = dials.of(queries_lifecycle.settings(connection))
    return Sheet(
        begins=begins,
        ends=ends,
        alarms=found["alarms"],
        average=rates["average"],
        peak=rates["peak"],
        peak_at=_at(rates["peak_at"]),
        over=rates["percent_of_time_over_10"],
        counts=counts,
        floods=[_flood(one) for one in found["floods"]],
        standing=found["standing"]["alarms"],
        long=found["standing"]["long"],
        long_after=timedelta(microseconds=settings.standing_long),
        stale=found["standing"]["stale"],
        shares=_shares(found["priorities_percent"]),
        frequent=frequent,
        top_percent=round(sum(one.percent for one in frequent), 1),
        responses=responses(store.answers(connection, begins, ends)),
        pieces=_pieces(counts, begins, timedelta(hours=1 if span == "day" else 24)),
    )


def _at(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)


def _flood(one: dict[str, Any]) -> Flood:
    begins, ends = (datetime.fromisoformat(one[edge]) for edge in ("from", "to"))
    return Flood(begins=begins, ends=ends, alarms=one["alarms"])


def _frequent(
    context: RequestContext, raised: Sequence[Raised], chattering: set[tuple[str, str]]
) -> list[Frequent]:
    """The rules that raise the most, with their titles in the reader's language."""
    pairs = Counter((one.rule, one.subject) for one in raised)
    titles = {(one.rule, one.subject): one.title for one in raised}
    written = {
        key: rule for key, rule, _ in queries_latest.rules(context.connection, context.now())
    }
    frequents: list[Frequent] = []
    for rule, times in Counter(one.rule for one in raised).most_common(_SHOWN):
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
        Share(title=_WORDS[name], severities=_SEVERITY[name], percent=percent[name], target=target)
        for name, target in TARGETS.items()
    ]


def _pieces(counts: Sequence[int], begins: datetime, length: timedelta) -> list[Piece]:
    each = int(length / WINDOW)
    return [
        Piece(
            begins=begins + start * WINDOW,
            alarms=sum(counts[start : start + each]),
            peak=max(counts[start : start + each]),
        )
        for start in range(0, len(counts), each)
    ]
