"""Past events at a site: noted by people, or from the lists that are shipped."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources

from hypervisor.access.context import RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.backtest import queries_past_events
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.events import Entry, parse_events
from hypervisor.backtest.numbers import parse_number
from hypervisor.backtest.queries_past_events import NotedEvent
from hypervisor.base.duties import Duty
from hypervisor.base.errors import UnknownError
from hypervisor.base.instants import micros
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.registry.model import Registry
from rules._duration import HOUR
from sensors._nearest import did_you_mean
from sensors._scalars import ScalarError

_DAY = 24 * HOUR
_LONGEST = timedelta(days=60)
_FIRST, _LAST = datetime(1800, 2, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def list_events(
    connection: Connection, registry: Registry, sites: Sequence[str], *, first: int = 1
) -> list[Entry]:
    """Past events at these sites, as an events file would tell them; numbered from `first` on.

    The one place where backtests learn of them: what else keeps such notes is read here.
    """
    rivers = sorted({river for name in sites if (river := registry.sites[name].river)})
    events = [
        _entry(noted_event, registry)
        for noted_event in queries_past_events.standing(connection, sites=sites, rivers=rivers)
    ]
    events += _shipped(frozenset(sites))
    return [replace(event, number=number) for number, event in enumerate(events, start=first)]


def _entry(noted_event: NotedEvent, registry: Registry) -> Entry:
    sites = [noted_event.site] if noted_event.site else []
    if noted_event.river:
        sites += [name for name, site in registry.sites.items() if site.river == noted_event.river]
    return Entry(
        number=0,
        name=noted_event.note,
        sites=tuple(sites),
        rules=(),
        severity=None,
        since=micros(noted_event.begins),
        until=micros(noted_event.ends),
        condition=None,
        apart=_DAY,
        lead=_DAY,
        nothing=noted_event.kind == "nothing",
    )


def _shipped(sites: frozenset[str]) -> Iterator[Entry]:
    """Of the rivers that came with us, where these sites are theirs."""
    for entry in _lists():
        if entry.sites and sites.issuperset(entry.sites):
            yield entry


@cache
def _lists() -> tuple[Entry, ...]:
    files = resources.files("hypervisor.backtest").joinpath("known").iterdir()
    return tuple(
        entry
        for file in sorted(files, key=lambda file: file.name)
        for entry in parse_events(file.read_text(encoding="utf-8"), file=file.name)
    )


def note(  # noqa: PLR0913  what an event is
    connection: Connection,
    registry: Registry,
    *,
    site: str | None,
    river: str | None,
    kind: str,
    begins: datetime,
    ends: datetime,
    peak: str | None,
    unit: str,
    note: str,
    author: str,
) -> int:
    """Note what happened at a site or along a river, audited, in the caller's transaction.

    `peak` with its unit, as `1.97 m`, kept in `unit`; a number alone is in that.

    Raises:
        BacktestError: what is said cannot be.
        UnknownError: there is no such site or river.
    """
    _require_place(registry, site, river)
    if kind not in queries_past_events.KINDS:
        raise BacktestError(f"{kind!r} is none of {', '.join(queries_past_events.KINDS)}")
    if begins.tzinfo is None or ends.tzinfo is None:
        raise BacktestError("`begins` and `ends` need an offset: write Z for UTC")
    if not _FIRST <= begins <= ends <= _LAST:
        raise BacktestError(f"`begins` and `ends`, in order, in {_FIRST.year} to {_LAST.year}")
    if ends - begins > _LONGEST:
        raise BacktestError(
            f"`ends` must lie after `begins`, by at most {_LONGEST.days} days: note several instead"
        )
    if not note.strip():
        raise BacktestError("describe what was observed, and where")
    added = queries_past_events.add(
        connection,
        site=site,
        river=river,
        kind=kind,
        begins=begins,
        ends=ends,
        peak=_peak(peak, unit),
        unit=unit if peak else None,
        note=note.strip(),
        author=author,
    )
    audit.record(
        connection,
        kind="past-event",
        subject=site or river or "",
        reason=note,
        author=author,
        details={"event": added, "kind": kind, "begins": begins.isoformat()},
    )
    return added


def withdraw(connection: Connection, number: int, *, author: str, reason: str) -> NotedEvent:
    """Let a note count no more, audited.

    Raises:
        UnknownError: there is none of that number, or it was withdrawn.
    """
    event = queries_past_events.get(connection, number)
    if event is None or not queries_past_events.withdraw(
        connection, number, author=author, reason=reason
    ):
        raise UnknownError(f"no past event {number} stands")
    audit.record(
        connection,
        kind="past-event-withdraw",
        subject=event.site or event.river or "",
        reason=reason,
        author=author,
        details={"event": number},
    )
    return event


def _require_place(registry: Registry, site: str | None, river: str | None) -> None:
    if (site is None) == (river is None):
        raise BacktestError("say either the `site` or the `river` at which it happened")
    if site is not None and site not in registry.sites:
        raise UnknownError(f"no site {site!r}{did_you_mean(site, registry.sites)}")
    rivers = {site.river for site in registry.sites.values() if site.river}
    if river is not None and river not in rivers:
        raise UnknownError(f"no river {river!r}{did_you_mean(river, rivers)}")


def _peak(peak: str | None, unit: str) -> float | None:
    if not peak:
        return None
    try:
        return parse_number(peak, unit)
    except ScalarError as error:
        raise BacktestError(f"peak: {error}") from error


def allow(context: RequestContext, site: str | None) -> None:
    """Operators and authors of the site may; of a river those of the whole instance.

    Raises:
        ForbiddenError: neither.
    """
    try:
        context.require(Duty.OPERATE, site=site)
    except ForbiddenError:
        context.require(Duty.WRITE_RULES, site=site)
