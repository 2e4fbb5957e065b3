"""The sites of the map and the list, with those of which nothing can be said without an alarm."""

from dataclasses import replace
from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.base.freshness import assess
from hypervisor.overview import queries
from hypervisor.overview.queries import MapSite
from hypervisor.readings import calm, queries_silence
from hypervisor.web.shared_render import Shared

_UNKNOWN: Shared[frozenset[str] | None] = Shared(seconds=5.0)


def load_sites(context: RequestContext, now: datetime) -> list[MapSite]:
    """All sites the person sees; `unknown` where "no alarm" could not be contradicted."""
    sites = queries.list_sites(context.connection, now)
    key = (id(context.pool), context.person.territory())
    unknown = _UNKNOWN.get(
        key, queries.change_marker(context.connection), lambda: _find_unknown(context, now)
    )
    return [
        replace(site, unknown=True)
        if not site.priority and (unknown is None or site.name in unknown)
        else site
        for site in sites
    ]


def _find_unknown(context: RequestContext, now: datetime) -> frozenset[str] | None:
    """Sites with a sensor that does not report, or rests, or that are not evaluated; None: all."""
    aside = queries_silence.list_sites_aside(context.connection)
    if aside is None or not assess(calm.read_evaluation(context)[:1], now).is_calm:
        return None
    sensors = calm.read_sensors(context, calm.list_hazards(context))
    return aside | calm.list_unwatched_sites(sensors, now)
