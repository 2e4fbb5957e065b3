"""Trials of rules and thresholds on past readings, and the subjects of each rule; both cached."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TypeVar
from zoneinfo import ZoneInfo

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.backtest.draft import Edit
from hypervisor.backtest.edits import SiteTrial, TrialResult, try_edit, try_everywhere
from hypervisor.backtest.model import BacktestError, Span
from hypervisor.base.instants import micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.territory import arrange
from hypervisor.readings import queries_latest
from hypervisor.registry.queries import RegistryCache
from rules._rule import Rule
from sensors._domain import Catalogue

YEAR = timedelta(days=365)
MOST_SITES = 200  # of a trial at all sites
_LONGEST = timedelta(days=800)
FIRST, _LAST = datetime(1800, 1, 3, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_CACHES = Lock()
_Subjects = Mapping[str, Sequence[tuple[str, str]]]  # rule -> (site, subject)
_Cache = TypeVar("_Cache", RegistryCache, "SubjectCache")


def build_edit(  # noqa: PLR0913  what is tried
    owner: str,
    since: datetime,
    until: datetime,
    *,
    name: str | None = None,
    value: str | None = None,
    rule: str | None = None,
    written: Rule | None = None,
    flood: str = "",
) -> Edit:
    """The edit that a trial evaluates; BacktestError if the period is empty or too long."""
    if not FIRST <= since <= until <= _LAST:
        raise BacktestError("from … to must lie in {year} to {last}", FIRST.year, _LAST.year)
    if not timedelta(0) < until - since <= _LONGEST:
        raise BacktestError("from … to must be a span of at most {days} days", _LONGEST.days)
    return Edit(
        owner=owner,
        since=micros(since),
        until=micros(until),
        threshold=name,
        value=value or None,
        rule=rule or None,
        written=written,
        flood=flood or None,
    )


def run_trial(context: RequestContext, request: Request, edit: Edit) -> TrialResult:
    """Evaluate an edit. The registry is cached between trials."""
    with context.owning() as connection:
        return try_edit(
            connection,
            edit,
            context.catalogue,
            zone=ZoneInfo(context.instance.timezone),
            load=_cache(request, RegistryCache).load,
            visible=context.connection,
        )


def run_trial_everywhere(
    context: RequestContext, request: Request, written: Rule, since: datetime, until: datetime
) -> tuple[list[SiteTrial], int]:
    """A written rule at each visible site where it applies, and at how many it applies."""
    visible = {row.name for row in queries_latest.list_sites(context.connection)}
    with context.owning() as connection:
        return try_everywhere(
            connection,
            written,
            Span(since=micros(since), until=micros(until)),
            context.catalogue,
            visible=visible,
            most=MOST_SITES,
            load=_cache(request, RegistryCache).load,
        )


class SubjectCache:
    """Subjects by rule, of all sites, until the registry changes."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = Lock()
        self._cached: tuple[int, _Subjects] | None = None

    def load(self, request: Request, connection: Connection, catalogue: Catalogue) -> _Subjects:
        version = feed.registry_version(connection)
        with self._lock:
            if self._cached is None or self._cached[0] != version:
                registry = _cache(request, RegistryCache).load(connection)
                territory = arrange(registry, catalogue, PowerSchedule(retention=0))
                subjects: dict[str, list[tuple[str, str]]] = {}
                for (rule, key), revisions in territory.revisions.items():
                    place = territory.subjects[key].place
                    if place is not None and revisions[-1][1] is not None:
                        subjects.setdefault(rule, []).append((place, key))
                self._cached = version, subjects
            return self._cached[1]


def list_subjects(context: RequestContext, request: Request) -> dict[str, list[tuple[str, str]]]:
    """Subjects by rule that the user may see, with their sites."""
    with context.owning() as connection:
        cache = _cache(request, SubjectCache)
        subjects_by_rule = cache.load(request, connection, context.catalogue)
    seen = {row.name for row in queries_latest.list_sites(context.connection)}
    return {
        rule: visible
        for rule, subjects in subjects_by_rule.items()
        if (visible := [pair for pair in subjects if pair[0] in seen])
    }


def _cache(request: Request, kind: type[_Cache]) -> _Cache:
    """The cache of this application."""
    state, name = request.app.state, f"rulebook_{kind.__name__}"
    with _CACHES:
        if not hasattr(state, name):
            setattr(state, name, kind())
        cache: _Cache = getattr(state, name)
    return cache
