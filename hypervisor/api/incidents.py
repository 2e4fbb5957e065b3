"""Incidents: alarms that belong together."""

from typing import Annotated

from fastapi import APIRouter, Query

from hypervisor.alarms import viewing
from hypervisor.api.access import Asked
from hypervisor.api.alarm_shapes import (
    HandledBody,
    IncidentBody,
    IncidentDetailBody,
    IncidentsBody,
)
from hypervisor.api.alarms import Number, regroup
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.store.alarms import alarms

router = APIRouter(prefix="/incidents", tags=["incidents"])


@router.get("", responses=responses(422))
def every(
    asked: Asked,
    *,
    closed: Annotated[bool, Query(description="Those that are closed, too.")] = False,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    page: Page,
) -> IncidentsBody:
    """Incidents, the latest to open first."""
    regroup(asked)
    found = viewing.incidents_viewed(
        asked.connection,
        wall=asked.clock(),
        every=closed,
        domain=domain,
        limit=page.limit + 1,
        behind=page.behind(),
    )
    some, following = page.told(found, lambda one: (one["opened"], one["number"]))
    return IncidentsBody(
        mode=asked.mode, incidents=[IncidentBody(**one) for one in some], next=following
    )


@router.get("/{number}", responses=responses(404, 422))
def one(asked: Asked, number: Number) -> IncidentDetailBody:
    """One incident with its alarms."""
    regroup(asked)
    found = viewing.incidents_viewed(
        asked.connection, wall=asked.clock(), every=True, number=number
    )
    if not found:
        raise NotFoundError(f"no incident has the number {number}")
    members = [alarms.find(asked.connection, each) for each in found[0]["alarms"]]
    views = viewing.viewed(
        asked.connection, [each for each in members if each is not None], wall=asked.clock()
    )
    return IncidentDetailBody(
        mode=asked.mode,
        incident=IncidentBody(**found[0]),
        alarms=[HandledBody(**each) for each in views],
    )
