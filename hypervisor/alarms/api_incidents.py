"""Incidents: alarms that belong together."""

from typing import Annotated

from fastapi import APIRouter, Query

from hypervisor.access.context import Context
from hypervisor.alarms import listing, queries
from hypervisor.alarms.api import Number, regroup
from hypervisor.alarms.schemas import HandledBody, IncidentBody, IncidentDetailBody, IncidentsBody
from hypervisor.base.errors import NotFoundError
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/incidents", tags=["incidents"])


@router.get("", responses=responses(422))
def every(
    context: Context,
    *,
    closed: Annotated[bool, Query(description="Those that are closed, too.")] = False,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    page: Page,
) -> IncidentsBody:
    """Incidents, the latest to open first."""
    regroup(context)
    found = listing.incidents_viewed(
        context.connection,
        wall=context.clock(),
        every=closed,
        domain=domain,
        limit=page.limit + 1,
        behind=page.behind(),
    )
    some, following = page.told(found, lambda one: (one["opened"], one["number"]))
    return IncidentsBody(
        mode=context.mode, incidents=[IncidentBody(**one) for one in some], next=following
    )


@router.get("/{number}", responses=responses(404, 422))
def one(context: Context, number: Number) -> IncidentDetailBody:
    """One incident with its alarms."""
    regroup(context)
    found = listing.incidents_viewed(
        context.connection, wall=context.clock(), every=True, number=number
    )
    if not found:
        raise NotFoundError(f"no incident has the number {number}")
    members = [queries.find(context.connection, each) for each in found[0]["alarms"]]
    views = listing.viewed(
        context.connection, [each for each in members if each is not None], wall=context.clock()
    )
    return IncidentDetailBody(
        mode=context.mode,
        incident=IncidentBody(**found[0]),
        alarms=[HandledBody(**each) for each in views],
    )
