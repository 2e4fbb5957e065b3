"""Past events, as people reported them: backtests compare alarms with them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import HTTPException
from pydantic import BaseModel, ConfigDict, Field

from hypervisor.access.context import Context
from hypervisor.backtest import past_events
from hypervisor.backtest import queries_past_events as queries
from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.past_events import Observation
from hypervisor.backtest.queries_past_events import PastEvent
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.registry import queries as registry_queries
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant, text
from sensors._errors import Message

router = APIRouter(prefix="/past-events", tags=["past events"])


class PastEventPost(BaseModel):
    """An event at a site or along a river, or a period known to be without one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str | None = Field(default=None, examples=["orge-mill"])
    river: str | None = Field(default=None, description="Instead of a site: all along it.")
    kind: queries.Kind = Field(examples=["overflow"])
    begins: Instant
    ends: Instant
    peak: str | None = Field(default=None, max_length=40, examples=["1.97 m"])
    quantity: str | None = Field(
        default=None,
        description="Of the peak; else the first measured there that its unit fits.",
        examples=["discharge"],
    )
    note: str = Field(
        min_length=1,
        max_length=2_000,
        examples=["The road stood under water from the mill to the bridge."],
    )


class PastEventsBody(Body):
    """By when they began."""

    events: list[PastEvent]
    next: str | None = Field(default=None, description="The address of the next page.")


class NotedBody(Body):
    """The event that was reported, or withdrawn."""

    event: PastEvent


@router.get("", responses=responses(404))
@costs(ROWS)
def list_past_events(
    context: Context,
    page: Page,
    site: Annotated[str | None, Query(description="Events there, and along its river.")] = None,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to")] = None,
) -> PastEventsBody:
    """Reported events that were not withdrawn."""
    rivers: list[str] = []
    if site is not None:
        context.require(Duty.READ, site=site)
        river = registry_queries.load_river(context.connection, site)
        rivers = [river] if river else []
    events = queries.list_events(
        context.connection,
        sites=None if site is None else [site],
        rivers=rivers,
        since=since,
        until=until,
    )
    some, following = page.cut(events, lambda event: (text(event.begins), event.id))
    return PastEventsBody(mode=context.mode, events=some, next=following)


@router.post("", status_code=201, responses=responses(403, 404, 422))
def note(context: Context, body: PastEventPost) -> NotedBody:
    """Report what happened at a site, or along a river, for later backtests."""
    past_events.allow(context, body.site)
    if body.quantity is not None and body.quantity not in context.catalogue.quantities:
        raise HTTPException(422, Message("there is no quantity {quantity!r}", body.quantity))
    try:
        with context.writing() as connection:
            registry = registry_queries.load(connection)
            units = past_events.list_peak_units(
                registry, context.catalogue, body.site or body.river, body.quantity
            )
            event = Observation(**body.model_dump(exclude={"quantity"}), units=units)
            number = past_events.note(connection, registry, event, author=context.person.name)
            noted = queries.get(connection, number)
            assert noted is not None  # noqa: S101  added above
    except BacktestError as error:
        raise HTTPException(422, str(error)) from error
    return NotedBody(mode=context.mode, event=noted)


@router.delete("/{number}", responses=responses(403, 404))
def withdraw(
    context: Context,
    number: Annotated[int, Path(ge=1, le=2**62)],
    reason: Annotated[str, Query(min_length=1, max_length=2_000)],
) -> NotedBody:
    """Withdraw a wrong report; who, when and why stay in the audit."""
    event = queries.get(context.connection, number)
    if event is None:
        raise NotFoundError("there is no past event {number}", number)
    past_events.allow(context, event.site)
    with context.writing() as connection:
        event = past_events.withdraw(connection, number, author=context.person.name, reason=reason)
    return NotedBody(mode=context.mode, event=event)
