"""Alarms, and all that people could see of each."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from hypervisor.api.access import Access, Asked
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.api.shapes import AlarmBody, AlarmDetailBody, AlarmsBody, TransitionBody
from hypervisor.instants import moment
from hypervisor.store import alarms
from hypervisor.store.alarms import Selection

router = APIRouter(prefix="/alarms", tags=["alarms"])


@router.get("", responses=responses(422))
def every(  # noqa: PLR0913  one argument a filter
    asked: Asked,
    *,
    active: Annotated[bool | None, Query(description="Only those that last, or are over.")] = None,
    site: Annotated[
        str | None, Query(description="With its devices and groups.", examples=["toulouse"])
    ] = None,
    subject: Annotated[str | None, Query(examples=["group/cab-orsay-1"])] = None,
    rule: Annotated[str | None, Query(examples=["flood-above-alert"])] = None,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    category: Annotated[Literal["hazard", "maintenance"] | None, Query()] = None,
    withdrawn: Annotated[bool, Query(description="Also those found never to have been.")] = False,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> AlarmsBody:
    """The alarm log, the latest to begin first."""
    selection = Selection(
        site=site,
        subject=subject,
        rule=rule,
        domain=domain,
        category=category,
        active=active,
        withdrawn=withdrawn,
        limit=limit,
    )
    return AlarmsBody(mode=asked.mode, alarms=listing(asked, selection))


@router.get("/{number}", responses=responses(404, 422))
def one(asked: Asked, number: int) -> AlarmDetailBody:
    """One alarm with its transitions: what became true when, and when it was noticed."""
    alarm = alarms.find(asked.connection, number)
    if alarm is None:
        raise NotFoundError(f"no alarm has the number {number}")
    return AlarmDetailBody(
        mode=asked.mode,
        alarm=AlarmBody(**alarms.as_text(alarm)),
        transitions=[
            TransitionBody(
                kind=row.kind,
                event_time=moment(row.event),
                noticed_at=moment(row.noticed),
                reason=row.reason,
                snapshot=dict(row.snapshot),
            )
            for row in alarms.transitions(asked.connection, [number])
        ],
    )


def listing(asked: Access, selection: Selection) -> list[AlarmBody]:
    """The same, for the page."""
    return [AlarmBody(**alarms.as_text(row)) for row in alarms.listing(asked.connection, selection)]
