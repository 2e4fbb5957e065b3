"""Incidents: alarms that belong together."""

from typing import Annotated

from fastapi import APIRouter, Query

from hypervisor.access.context import Context
from hypervisor.alarms import listing, queries
from hypervisor.alarms.api import Number, refresh_incidents
from hypervisor.alarms.schemas import HandledBody, IncidentBody, IncidentDetailBody, IncidentsBody
from hypervisor.base.errors import NotFoundError
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/incidents", tags=["incidents"])


@router.get("", responses=responses(422))
def list_incidents(
    context: Context,
    *,
    closed: Annotated[bool, Query(description="Include closed incidents.")] = False,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    page: Page,
) -> IncidentsBody:
    """Incidents, latest first."""
    refresh_incidents(context)
    incidents = listing.list_incidents(
        context.connection,
        wall=context.clock(),
        every=closed,
        domain=domain,
        limit=page.limit + 1,
        behind=page.behind(),
    )
    rows, following = page.take(
        incidents, lambda incident: (incident["opened"], incident["number"])
    )
    return IncidentsBody(
        mode=context.mode, incidents=[IncidentBody(**incident) for incident in rows], next=following
    )


@router.get("/{number}", responses=responses(404, 422))
def get_incident(context: Context, number: Number) -> IncidentDetailBody:
    """One incident with its alarms."""
    refresh_incidents(context)
    incidents = listing.list_incidents(
        context.connection, wall=context.clock(), every=True, number=number
    )
    if not incidents:
        raise NotFoundError(f"no incident has the number {number}")
    members = [queries.find_alarm(context.connection, alarm) for alarm in incidents[0]["alarms"]]
    views = listing.describe_alarms(
        context.connection, [alarm for alarm in members if alarm is not None], wall=context.clock()
    )
    return IncidentDetailBody(
        mode=context.mode,
        incident=IncidentBody(**incidents[0]),
        alarms=[HandledBody(**alarm) for alarm in views],
    )
