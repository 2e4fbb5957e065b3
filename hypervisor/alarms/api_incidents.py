"""Incidents: alarms that belong together."""

from typing import Annotated

from fastapi import APIRouter, Query

from hypervisor.access.context import Context
from hypervisor.alarms import queries_incidents, service_list
from hypervisor.alarms.api import Number, refresh_incidents
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.schemas import IncidentDetailBody, IncidentsBody
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import text
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/incidents", tags=["incidents"])


@router.get("", responses=responses(422))
@costs(ROWS)
def list_incidents(
    context: Context,
    *,
    closed: Annotated[bool, Query(description="Include closed incidents.")] = False,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    page: Page,
) -> IncidentsBody:
    """Incidents, latest first."""
    refresh_incidents(context)
    incidents = queries_incidents.list_incidents(
        context.connection,
        wall=context.clock(),
        every=closed,
        domain=domain,
        limit=page.limit + 1,
        behind=page.behind(),
    )
    incidents, following = page.take(
        incidents, lambda incident: (text(incident.opened), incident.number)
    )
    return IncidentsBody(mode=context.mode, incidents=incidents, next=following)


@router.get("/{number}", responses=responses(404, 422))
def get_incident(context: Context, number: Number) -> IncidentDetailBody:
    """One incident with its alarms."""
    refresh_incidents(context)
    incidents = queries_incidents.list_incidents(
        context.connection, wall=context.clock(), every=True, number=number
    )
    if not incidents:
        raise NotFoundError("no incident has the number {number}", number)
    members = Selection(numbers=list(incidents[0].alarms))
    alarms = service_list.list_alarms(context.connection, members, wall=context.clock())
    alarms.sort(key=lambda alarm: alarm.id)
    return IncidentDetailBody(mode=context.mode, incident=incidents[0], alarms=alarms)
