"""The series of a site as chart traces, rolled up to the visible resolution."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hypervisor.charts.model import Trace
from hypervisor.charts.scale import choose_bin_seconds
from hypervisor.charts.words import quantity_label
from hypervisor.database.connect import Connection
from hypervisor.overview.views_site_spans import ChartSpan
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Bin, Channel
from sensors._domain import Catalogue
from sensors._quantity import STALE_INTERVALS, Kind, Quantity, Reporting

_BAR = 5.0  # px
_HOUR = 3_600.0


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
    """A trace for each channel, in order; `bars`: sums over an hour or more."""
    by_channel: dict[int, Trace] = {}
    for piece, own in _by_piece(channels, catalogue, query, bars=bars).items():
        ids = [channel.id for channel in own]
        binned = queries_charts.read_bins(connection, ids, query.span.bounds, piece)
        earlier = queries_charts.read_last_before(connection, ids, query.span.bounds[0])
        odd = queries_charts.list_flagged(connection, ids, query.span.bounds) if marks else {}
        for channel in own:
            quantity = catalogue.quantities[channel.quantity]
            bins, before = binned.get(channel.id, ()), earlier.get(channel.id)
            trace = _trace(channel, quantity, piece, bins, before)
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
        interval = channel.interval_s or quantity.interval.total_seconds()
        if quantity.kind is Kind.STATE:
            piece = None
        elif bars:
            wide = choose_bin_seconds(query.span.seconds, query.pixels / _BAR * 1.5, _HOUR)
            piece = max(wide or _HOUR, interval)
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
    interval = channel.interval_s or quantity.interval.total_seconds()
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
        interval_s=interval,
        stale_s=None if on_change else (channel.stale_s or interval * STALE_INTERVALS),
        floor=0.0 if quantity.nonnegative else None,
        least=50 * quantity.resolution,
        codes=dict(quantity.codes),
    )


def digits(quantity: Quantity | None) -> int:
    """Decimals of its resolution, two at most."""
    if quantity is None or quantity.resolution >= 1:
        return 0
    return min(2, max(0, math.ceil(-math.log10(quantity.resolution) - 1e-9)))
