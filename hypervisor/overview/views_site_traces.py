"""The series of a site as traces of a chart: read from the store, rolled up to what is visible."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hypervisor.charts.model import Trace
from hypervisor.charts.scale import rolled
from hypervisor.charts.words import label
from hypervisor.database.connect import Connection
from hypervisor.overview.views_site_spans import Shown
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Bin, Channel
from sensors._domain import Catalogue
from sensors._quantity import Kind, Quantity, Reporting

_STALE_INTERVALS = 3  # as the watch has it where a series says nothing else
_BAR = 5.0  # px
_HOUR = 3_600.0


@dataclass(frozen=True, kw_only=True)
class Want:
    """Which readings: of which span, for so many pixels."""

    shown: Shown
    pixels: float


def ordered(channels: Iterable[Channel], catalogue: Catalogue, domain: str) -> list[Channel]:
    """Those of its own domain first, what has thresholds before all, as the domain tells them."""
    limited = {threshold.quantity for threshold in catalogue.thresholds.values()}
    rank = {name: n for n, name in enumerate(catalogue.quantities)}
    known = catalogue.domains.get(domain)
    own = {quantity.name for quantity in known.quantities} if known else set()
    return sorted(
        channels,
        key=lambda one: (
            one.quantity not in own,
            one.quantity not in limited,
            rank.get(one.quantity, 999),
            one.device,
        ),
    )


def traces(  # noqa: PLR0913  what is read, and how
    connection: Connection,
    channels: Sequence[Channel],
    catalogue: Catalogue,
    want: Want,
    *,
    bars: bool = False,
    marks: bool = True,
) -> list[Trace]:
    """A trace for each channel, in their order; `bars`: amounts in pieces of an hour or more."""
    found: dict[int, Trace] = {}
    for piece, own in _by_piece(channels, catalogue, want, bars=bars).items():
        ids = [one.id for one in own]
        said = queries_charts.bins(connection, ids, want.shown.moments, piece)
        earlier = queries_charts.before(connection, ids, want.shown.moments[0])
        odd = queries_charts.marked(connection, ids, want.shown.moments) if marks else {}
        for one in own:
            quantity = catalogue.quantities[one.quantity]
            made = _trace(one, quantity, piece, said.get(one.id, ()), earlier.get(one.id))
            found[one.id] = replace(made, marked=tuple(odd.get(one.id, ())))
    return [found[channel.id] for channel in channels if channel.id in found]


def _by_piece(
    channels: Sequence[Channel], catalogue: Catalogue, want: Want, *, bars: bool
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
            wide = rolled(want.shown.seconds, want.pixels / _BAR * 1.5, _HOUR)
            piece = max(wide or _HOUR, interval)
        else:
            piece = rolled(want.shown.seconds, want.pixels, interval)
        groups.setdefault(piece, []).append(channel)
    return groups


def _trace(
    one: Channel,
    quantity: Quantity,
    piece: float | None,
    bins: Sequence[Bin],
    before: tuple[float, float] | None,
) -> Trace:
    interval = one.interval_s or quantity.interval.total_seconds()
    on_change = quantity.reporting is Reporting.ON_CHANGE or quantity.kind is Kind.STATE
    return Trace(
        name=f"{one.device}/{one.quantity}",
        label=label(quantity, one.quantity),
        unit=quantity.unit,
        kind=quantity.kind,
        digits=digits(quantity),
        bins=tuple(bins),
        before=before,
        piece=piece,
        interval_s=interval,
        stale_s=None if on_change else (one.stale_s or interval * _STALE_INTERVALS),
        floor=0.0 if quantity.nonnegative else None,
        least=50 * quantity.resolution,
        codes=dict(quantity.codes),
    )


def digits(quantity: Quantity | None) -> int:
    """So many decimals as it is read in, two at most."""
    if quantity is None or quantity.resolution >= 1:
        return 0
    return min(2, max(0, math.ceil(-math.log10(quantity.resolution) - 1e-9)))
