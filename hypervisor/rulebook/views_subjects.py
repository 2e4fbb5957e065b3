"""Subjects of each rule, cached until the registry changes."""

from collections.abc import Mapping, Sequence
from threading import Lock

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.evaluation import rulebook
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.readings import queries_latest
from hypervisor.registry.model import Registry
from hypervisor.rulebook.api_trials import registry_cache
from sensors._domain import Catalogue

_FIRST = Lock()
_Places = Mapping[str, Sequence[tuple[str, str]]]  # rule -> (site, subject)


class SubjectCache:
    """Cache of one application."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = Lock()
        self._known: tuple[int, _Places] | None = None

    def of(self, request: Request, connection: Connection, catalogue: Catalogue) -> _Places:
        """Subjects by rule, for a user who may see everything."""
        version = feed.registry_version(connection)
        with self._lock:
            if self._known is None or self._known[0] != version:
                registry = registry_cache(request).load(connection)
                self._known = version, _subjects_by_rule(registry, catalogue)
            return self._known[1]


def _subjects_by_rule(registry: Registry, catalogue: Catalogue) -> _Places:
    territory = rulebook.arrange(registry, catalogue, PowerSchedule(retention=0))
    sites_by_rule: dict[str, list[tuple[str, str]]] = {}
    for (rule, key), revisions in territory.revisions.items():
        place = territory.subjects[key].place
        if place is not None and revisions[-1][1] is not None:
            sites_by_rule.setdefault(rule, []).append((place, key))
    return sites_by_rule


def list_subjects(context: RequestContext, request: Request) -> dict[str, list[tuple[str, str]]]:
    """Subjects by rule that the user may see, with their sites."""
    state = request.app.state
    with _FIRST:
        if not hasattr(state, "rule_places"):
            state.rule_places = SubjectCache()
        cache: SubjectCache = state.rule_places
    with context.owning() as connection:
        subjects_by_rule = cache.of(request, connection, context.catalogue)
    seen = {row.name for row in queries_latest.list_sites(context.connection)}
    return {
        rule: visible
        for rule, subjects in subjects_by_rule.items()
        if (visible := [pair for pair in subjects if pair[0] in seen])
    }
