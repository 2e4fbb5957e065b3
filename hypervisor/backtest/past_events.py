"""Past events at a site: reported by people, or from the lists that are shipped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from math import isfinite

from hypervisor.access.context import RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.backtest import queries_past_events as queries
from hypervisor.backtest.events import DAY, Entry, parse_events
from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.queries_past_events import PastEvent
from hypervisor.base.duties import Duty
from hypervisor.base.errors import UnknownError
from hypervisor.base.instants import micros
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.registry.model import Registry, Site
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._scalars import ScalarError, measure

DUTIES = (Duty.OPERATE, Duty.WRITE_RULES)  # either may report an event
_LONGEST = timedelta(days=60)
_USUAL = "level"  # of which a peak is where nothing is measured
_FIRST, _LAST = datetime(1800, 2, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """An event to report, at a site or along a river. `peak`: a number, or with its unit.

    `units`: those in which a peak is kept; the first is that of a mere number.
    """

    site: str | None
    river: str | None = None
    kind: str
    begins: datetime
    ends: datetime
    peak: str | None
    units: Sequence[str]
    note: str


def list_events(connection: Connection, registry: Registry, sites: Sequence[str]) -> list[Entry]:
    """Past events at these sites as entries of an events file, numbered from 1."""
    rivers = sorted({river for name in sites if (river := registry.sites[name].river)})
    noted = queries.list_events(connection, sites=sites, rivers=rivers)
    events = [_entry(event, registry) for event in noted]
    events += _list_shipped(frozenset(sites))
    return [replace(event, number=number) for number, event in enumerate(events, start=1)]


def _entry(noted: PastEvent, registry: Registry) -> Entry:
    sites = [noted.site] if noted.site else []
    if noted.river:
        sites += [name for name, site in registry.sites.items() if site.river == noted.river]
    return Entry(
        number=0,
        name=noted.note,
        sites=tuple(sites),
        rules=(),
        severity=None,
        since=micros(noted.begins),
        until=micros(noted.ends),
        condition=None,
        apart=DAY,
        lead=DAY,
        nothing=noted.kind == "nothing",
    )


def _list_shipped(sites: frozenset[str]) -> Iterator[Entry]:
    """Shipped events whose sites are all among these."""
    for entry in _load_shipped():
        if entry.sites and sites.issuperset(entry.sites):
            yield entry


@cache
def _load_shipped() -> tuple[Entry, ...]:
    files = resources.files("hypervisor.backtest").joinpath("known").iterdir()
    return tuple(
        entry
        for file in sorted(files, key=lambda file: file.name)
        for entry in parse_events(file.read_text(encoding="utf-8"), file=file.name)
    )


def note(connection: Connection, registry: Registry, event: Observation, *, author: str) -> int:
    """Record what happened, audited, in the caller's transaction; its number.

    BacktestError: it is not valid. UnknownError: there is no such site or river.
    """
    _require_place(registry, event.site, event.river)
    if event.kind not in queries.KINDS:
        raise BacktestError("{kind!r} is none of {kinds}", event.kind, ", ".join(queries.KINDS))
    begins, ends, text = event.begins, event.ends, event.note.strip()
    if begins.tzinfo is None or ends.tzinfo is None:
        raise BacktestError("`begins` and `ends` need an offset: write Z for UTC")
    if not _FIRST <= begins <= ends <= _LAST:
        raise BacktestError(
            "`begins` and `ends`, in order, in {first} to {last}", _FIRST.year, _LAST.year
        )
    if ends - begins > _LONGEST:
        raise BacktestError(
            "`ends` must lie after `begins`, by at most {days} days: note several instead",
            _LONGEST.days,
        )
    if not text:
        raise BacktestError("describe what was observed, and where")
    peak, unit = _parse_peak(event.peak, event.units) if event.peak else (None, None)
    fields = {**vars(event), "peak": peak, "unit": unit, "note": text}
    number = queries.add(connection, **fields, author=author)
    audit.record(
        connection,
        kind="past-event",
        subject=event.site or event.river or "",
        reason=event.note,
        author=author,
        details={"event": number, "kind": event.kind, "begins": begins.isoformat()},
    )
    return number


def withdraw(connection: Connection, number: int, *, author: str, reason: str) -> PastEvent:
    """Withdraw a reported event, audited; UnknownError if there is none."""
    event = queries.get(connection, number)
    if event is None or not queries.withdraw(connection, number, author=author, reason=reason):
        raise UnknownError("past event {number} does not exist, or was withdrawn", number)
    audit.record(
        connection,
        kind="past-event-withdraw",
        subject=event.site or event.river or "",
        reason=reason,
        author=author,
        details={"event": number},
    )
    return event


def allow(context: RequestContext, site: str | None) -> None:
    """Operators and authors of the site may; of a river, those of the complete instance."""
    operate, write = DUTIES
    try:
        context.require(operate, site=site)
    except ForbiddenError:
        context.require(write, site=site)


def parse_number(text: str, unit: str) -> float:
    """`1,78`, `1.78 m`, `178 cm`; without a unit it is in `unit`. ScalarError: no number."""
    written = text.strip().replace(",", ".").replace("\u2212", "-")
    try:
        value = float(written)
    except ValueError:
        value = measure(written, unit)
    if not isfinite(value):
        raise ScalarError("{text!r} is not a number; expected one such as 1.78 {unit}", text, unit)
    return value


def list_peak_units(
    registry: Registry, catalogue: Catalogue, place: str | None, quantity: str | None = None
) -> list[str]:
    """In which units a peak at a site, or along a river, may be: of what its gauges measure.

    First the unit of `quantity`, if given; of the level where nothing is measured.
    """
    measured = {
        series.quantity
        for series in registry.series.values()
        if place in _places(registry.sites[registry.devices[series.device].site])
    }
    names = [quantity] if quantity else []
    names += [name for name in catalogue.quantities if name in measured - catalogue.common]
    return list(dict.fromkeys(catalogue.quantities[name].unit for name in names or [_USUAL]))


def _places(site: Site) -> tuple[str, ...]:
    return (site.name, site.river) if site.river else (site.name,)


def _parse_peak(text: str, units: Sequence[str]) -> tuple[float, str]:
    """A peak and its unit: the first of these in which it can be written."""
    problems: list[ScalarError] = []
    for unit in units:
        try:
            return parse_number(text, unit), unit
        except ScalarError as error:
            problems.append(error)
    raise BacktestError("peak: {error}", problems[0]) from problems[0]


def _require_place(registry: Registry, site: str | None, river: str | None) -> None:
    if (site is None) == (river is None):
        raise BacktestError("give either the `site` or the `river` at which it happened")
    if site is not None and site not in registry.sites:
        raise UnknownError("no site {site!r}{hint}", site, did_you_mean(site, registry.sites))
    rivers = {site.river for site in registry.sites.values() if site.river}
    if river is not None and river not in rivers:
        raise UnknownError("no river {river!r}{hint}", river, did_you_mean(river, rivers))
