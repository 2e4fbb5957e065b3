"""Where each rule applies, by the registry as it stands: worked out again once that has changed."""

from collections.abc import Mapping, Sequence
from threading import Lock

from fastapi import Request

from hypervisor.access.context import RequestContext
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.evaluation import memory
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.readings import queries_latest
from hypervisor.registry.model import Registry
from hypervisor.rulebook.api_trials import remembered
from sensors._domain import Catalogue

_FIRST = Lock()
_Places = Mapping[str, Sequence[tuple[str, str]]]  # rule -> (site, subject)


class Places:
    """Of one application."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._lock = Lock()
        self._known: tuple[int, _Places] | None = None

    def of(self, request: Request, connection: Connection, catalogue: Catalogue) -> _Places:
        """By rule, as whoever sees everything would see it."""
        version = feed.registry_version(connection)
        with self._lock:
            if self._known is None or self._known[0] != version:
                registry = remembered(request).load(connection)
                self._known = version, _worked_out(registry, catalogue)
            return self._known[1]


def _worked_out(registry: Registry, catalogue: Catalogue) -> _Places:
    territory = memory.arrange(registry, catalogue, PowerSchedule(retention=0))
    found: dict[str, list[tuple[str, str]]] = {}
    for (rule, key), revisions in territory.revisions.items():
        place = territory.subjects[key].place
        if place is not None and revisions[-1][1] is not None:
            found.setdefault(rule, []).append((place, key))
    return found


def places(context: RequestContext, request: Request) -> dict[str, list[tuple[str, str]]]:
    """Of each rule the subjects that the person sees, with the site where each stands."""
    state = request.app.state
    with _FIRST:
        if not hasattr(state, "rule_places"):
            state.rule_places = Places()
        known: Places = state.rule_places
    with context.owning() as connection:
        found = known.of(request, connection, context.catalogue)
    seen = {row.name for row in queries_latest.list_sites(context.connection)}
    return {
        rule: mine
        for rule, subjects in found.items()
        if (mine := [pair for pair in subjects if pair[0] in seen])
    }
