"""The series of a site over a time span: as chart traces at the visible resolution, as a table."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hypervisor.base.translation import translate as _
from hypervisor.charts.model import Trace
from hypervisor.charts.scale import choose_bin_seconds
from hypervisor.charts.words import code_word, display_unit, quantity_label, to_datetime
from hypervisor.database.connect import Connection
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Bin, Channel
from hypervisor.web import filters
from sensors._domain import Catalogue
from sensors._quality import Quality
from sensors._quantity import STALE_INTERVALS, Kind, Quantity, Reporting

HOUR = 3_600.0
SPANS: dict[str, float] = {
    "12h": 12 * HOUR,
    "48h": 48 * HOUR,
    "7d": 168 * HOUR,
    "30d": 720 * HOUR,
    "1y": 8_760 * HOUR,
}
USUAL = "48h"
_SHORTEST, _LONGEST = 600.0, 3 * 8_760 * HOUR
_AHEAD_SHARE, _AHEAD_MOST = 0.17, 6 * HOUR  # room for the extrapolated rate


@dataclass(frozen=True, kw_only=True)
class ChartSpan:
    """From `first` to `last`, s since the epoch. `name` empty: custom."""

    name: str
    first: float
    last: float

    @property
    def seconds(self) -> float:
        return self.last - self.first

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        return datetime.fromtimestamp(self.first, UTC), datetime.fromtimestamp(self.last, UTC)


def resolve_span(
    name: str | None, first: datetime | None, last: datetime | None, now: datetime
) -> ChartSpan:
    """The requested span; the default if the request makes no sense."""
    if first is not None and last is not None:
        seconds = (last - first).total_seconds()
        if _SHORTEST <= seconds <= _LONGEST:
            return ChartSpan(name="", first=first.timestamp(), last=last.timestamp())
    key = name if name in SPANS else USUAL
    past = SPANS[key]
    ahead = min(past * _AHEAD_SHARE, _AHEAD_MOST) if past <= SPANS["7d"] else 0.0
    now_s = now.timestamp()
    return ChartSpan(name=key, first=now_s - past, last=now_s + ahead)


_BAR = 5.0  # px
_ROWS = 400  # of the table


@dataclass(frozen=True, kw_only=True)
class TraceQuery:
    """The span to read and the pixels to draw it on."""

    span: ChartSpan
    pixels: float


def sort_channels(channels: Iterable[Channel], catalogue: Catalogue, domain: str) -> list[Channel]:
    """Sort: own domain first, quantities with thresholds first, then by the catalogue."""
    limited = {threshold.quantity for threshold in catalogue.thresholds.values()}
    rank = {name: n for n, name in enumerate(catalogue.quantities)}
    own_domain = catalogue.domains.get(domain)
    own = {quantity.name for quantity in own_domain.quantities} if own_domain else set()
    return sorted(
        channels,
        key=lambda channel: (
            channel.quantity not in own,
            channel.quantity not in limited,
            rank.get(channel.quantity, 999),
            channel.device,
        ),
    )


def load_traces(  # noqa: PLR0913  what is read, and how
    connection: Connection,
    channels: Sequence[Channel],
    catalogue: Catalogue,
    query: TraceQuery,
    *,
    bars: bool = False,
    marks: bool = True,
) -> list[Trace]:
    """A trace for each channel, in order.

    `bars`: sums over an hour or more; of a counter what it counted meanwhile.
    """
    by_channel: dict[int, Trace] = {}
    devices = Counter(channel.quantity for channel in channels)
    for piece, own in _by_piece(channels, catalogue, query, bars=bars).items():
        ids = [channel.id for channel in own]
        binned = queries_charts.read_bins(connection, ids, query.span.bounds, piece)
        earlier = queries_charts.read_last_before(connection, ids, query.span.bounds[0])
        odd = queries_charts.list_flagged(connection, ids, query.span.bounds) if marks else {}
        for channel in own:
            quantity = catalogue.quantities[channel.quantity]
            bins, before = binned.get(channel.id, ()), earlier.get(channel.id)
            trace = _trace(channel, quantity, piece, bins, before)
            if bars and quantity.kind is Kind.COUNTER:
                trace = count_increases(trace)
            if quantity.kind is Kind.STATE and devices[channel.quantity] > 1:
                trace = replace(trace, label=f"{trace.label} · {channel.device}")
            by_channel[channel.id] = replace(trace, marked=tuple(odd.get(channel.id, ())))
    return [by_channel[channel.id] for channel in channels if channel.id in by_channel]


def _by_piece(
    channels: Sequence[Channel], catalogue: Catalogue, query: TraceQuery, *, bars: bool
) -> dict[float | None, list[Channel]]:
    groups: dict[float | None, list[Channel]] = {}
    for channel in channels:
        quantity = catalogue.quantities.get(channel.quantity)
        if quantity is None:
            continue
        interval = interval_s(channel, quantity)
        if quantity.kind is Kind.STATE:
            piece = None
        elif bars:
            wide = choose_bin_seconds(query.span.seconds, query.pixels / _BAR * 1.5, HOUR)
            piece = max(wide or HOUR, interval)
        else:
            piece = choose_bin_seconds(query.span.seconds, query.pixels, interval)
        groups.setdefault(piece, []).append(channel)
    return groups


def _trace(
    channel: Channel,
    quantity: Quantity,
    piece: float | None,
    bins: Sequence[Bin],
    before: tuple[float, float] | None,
) -> Trace:
    on_change = quantity.reporting is Reporting.ON_CHANGE or quantity.kind is Kind.STATE
    return Trace(
        name=f"{channel.device}/{channel.quantity}",
        label=quantity_label(quantity, channel.quantity),
        unit=quantity.unit,
        kind=quantity.kind,
        digits=digits(quantity),
        bins=tuple(bins),
        before=before,
        piece=piece,
        interval_s=interval_s(channel, quantity),
        stale_s=None if on_change else silence_s(channel, quantity),
        floor=0.0 if quantity.nonnegative else None,
        least=50 * quantity.resolution,
        codes=dict(quantity.codes),
    )


def count_increases(trace: Trace) -> Trace:
    """The amounts that a counter counted, in place of its index."""
    bins = [replace(each, total=each.increase or 0.0) for each in trace.bins]
    return replace(trace, kind=Kind.INCREMENT, bins=tuple(bins))


def interval_s(channel: Channel, quantity: Quantity) -> float:
    """The reporting interval: the series' own, else the catalogue's."""
    return channel.interval_s or quantity.interval.total_seconds()


def silence_s(channel: Channel, quantity: Quantity) -> float:
    """After how many seconds without a reading a series counts as silent."""
    return channel.stale_s or interval_s(channel, quantity) * STALE_INTERVALS


def is_amount(kind: Kind) -> bool:
    """Whether bars show it, as sums."""
    return kind in {Kind.INCREMENT, Kind.COUNTER}


def digits(quantity: Quantity | None) -> int:
    """Decimals of its resolution, two at most."""
    if quantity is None or quantity.resolution >= 1:
        return 0
    return min(2, max(0, math.ceil(-math.log10(quantity.resolution) - 1e-9)))


def build_table(
    traces: Iterable[Trace],
) -> tuple[list[tuple[str, str]], list[tuple[datetime, list[str]]]]:
    """Columns (label, unit) and rows, newest first, at most 400."""
    measured = [trace for trace in traces if not trace.soft]
    bins = [{bucket.at: bucket for bucket in trace.bins} for trace in measured]
    marked = [{bucket.at: bucket.quality for bucket in trace.marked} for trace in measured]
    times = sorted({at for by_time in bins for at in by_time}, reverse=True)
    rows = [
        (
            to_datetime(at),
            [
                _cell(trace, by_time.get(at), odd.get(at))
                for trace, by_time, odd in zip(measured, bins, marked, strict=True)
            ],
        )
        for at in times[:_ROWS]
    ]
    return [(trace.label, display_unit(trace.unit)) for trace in measured], rows


def _cell(trace: Trace, bucket: Bin | None, odd: Quality | None) -> str:
    if bucket is None:
        return ""
    if trace.codes:
        return code_word(trace.codes.get(round(bucket.last), ""))
    if trace.kind is Kind.STATE:
        return _("yes") if bucket.last else _("no")
    if trace.kind is Kind.INCREMENT:
        return filters.number(bucket.total, trace.digits)
    text = filters.number(bucket.mean, trace.digits)
    if bucket.count > 1 and bucket.high > bucket.low:
        low, high = (filters.number(value, trace.digits) for value in (bucket.low, bucket.high))
        text = f"{text} ({low} {filters.NOTHING} {high})"
    return f"{text} {_('manual')}" if odd and odd & Quality.MANUAL else text
