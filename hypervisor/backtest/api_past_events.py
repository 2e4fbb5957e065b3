"""What happened, as people noted it: alarms of a backtest are held against it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import HTTPException
from pydantic import AwareDatetime

from hypervisor.access.context import Context
from hypervisor.backtest import past_events
from hypervisor.backtest import queries_past_events as store
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.past_events import allow
from hypervisor.backtest.schemas_past_events import (
    NotedBody,
    PastEventBody,
    PastEventPost,
    PastEventsBody,
)
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.registry import queries as registry_queries
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.times import text

router = APIRouter(prefix="/past-events", tags=["past events"])


@router.get("", responses=responses(404))
def list_past_events(
    context: Context,
    page: Page,
    site: Annotated[str | None, Query(description="Those there, and along its river.")] = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> PastEventsBody:
    """Events that were noted and not withdrawn."""
    rivers: list[str] = []
    if site is not None:
        context.require(Duty.READ, site=site)
        river = registry_queries.load_river(context.connection, site)
        rivers = [river] if river else []
    noted_events = store.standing(
        context.connection,
        sites=None if site is None else [site],
        rivers=rivers,
        since=since,
        until=until,
    )
    some, following = page.cut(noted_events, lambda event: (text(event.begins), event.id))
    bodies = [PastEventBody.of(noted_event) for noted_event in some]
    return PastEventsBody(mode=context.mode, events=bodies, next=following)


@router.post("", status_code=201, responses=responses(403, 404, 422))
def note(context: Context, body: PastEventPost) -> NotedBody:
    """Note what happened at a site, or along a river, for backtests to come."""
    allow(context, body.site)
    if body.quantity not in context.catalogue.quantities:
        raise HTTPException(422, f"there is no quantity {body.quantity!r}")
    try:
        with context.writing() as connection:
            number = past_events.note(
                connection,
                registry_queries.load(connection),
                site=body.site,
                river=body.river,
                kind=body.kind,
                begins=body.begins,
                ends=body.ends,
                peak=body.peak,
                unit=context.catalogue.quantities[body.quantity].unit,
                note=body.note,
                author=context.person.name,
            )
            noted_event = store.get(connection, number)
    except BacktestError as error:
        raise HTTPException(422, str(error)) from error
    assert noted_event is not None  # noqa: S101  noted above
    return NotedBody(mode=context.mode, event=PastEventBody.of(noted_event))


@router.delete("/{number}", responses=responses(403, 404))
def withdraw(
    context: Context,
    number: Annotated[int, Path(ge=1, le=2**62)],
    reason: Annotated[str, Query(min_length=1, max_length=2_000)],
) -> NotedBody:
    """Let a note that was wrong count no more; who, when and why stay in the audit."""
    standing = store.get(context.connection, number)
    if standing is None:
        raise NotFoundError(f"there is no past event {number}")
    allow(context, standing.site)
    with context.writing() as connection:
        event = past_events.withdraw(connection, number, author=context.person.name, reason=reason)
    return NotedBody(mode=context.mode, event=PastEventBody.of(event))
