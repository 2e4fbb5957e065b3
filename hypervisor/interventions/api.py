"""Routes of orders and teams, for dispatch."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.interventions import queries, service
from hypervisor.interventions.model import (
    NewIntervention,
    OrderState,
    Priority,
    Team,
)
from hypervisor.interventions.queries import Selection
from hypervisor.interventions.schemas import (
    ActPost,
    InterventionDetailBody,
    InterventionPost,
    InterventionsBody,
    TeamBody,
    TeamPost,
    TeamPut,
    TeamsBody,
    describe,
    describe_history,
)
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, read_mark, tag
from hypervisor.web.problems import responses

router = APIRouter(tags=["interventions"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Event = Annotated[int, Path(ge=1, le=2**31 - 1)]
_Name = Annotated[str, Query(max_length=100)]
TeamName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


@router.get("/interventions", responses=responses(422))
@costs(ROWS)
def list_interventions(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    *,
    state: Annotated[list[OrderState] | None, Query(max_length=8)] = None,
    open: Annotated[bool | None, Query(description="Not finished, or finished.")] = None,  # noqa: A002  the word of the address
    overdue: Annotated[bool, Query()] = False,
    team: _Name | None = None,
    site: _Name | None = None,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    priority: Priority | None = None,
) -> InterventionsBody:
    """Orders in your communes, the latest first."""
    after, now = page.after(int), context.now()
    selection = Selection(
        open=open,
        states=None if state is None else tuple(state),
        team=team,
        site=site,
        alarms=None if alarm is None else [alarm],
        priority=priority,
        overdue_at=now if overdue else None,
    )
    rows, following = page.take(
        queries.list_interventions(
            context.connection,
            selection,
            before=None if after is None else after[0],
            limit=page.limit + 1,
        ),
        lambda row: (row.id,),
    )
    return InterventionsBody(
        mode=context.mode,
        interventions=[describe(row, now) for row in rows],
        next=following,
    )


@router.post("/interventions", status_code=201, responses=responses(403, 404, 422))
def post_intervention(context: Context, post: InterventionPost) -> InterventionDetailBody:
    """Order something: about an alarm, at a site, or at any place of a commune."""
    new = NewIntervention(**post.model_dump(exclude={"reason", "key"}))
    return _answer(context, service.create_order(context, new, reason=post.reason, key=post.key))


@router.get("/interventions/{number}", responses=responses(404, 422))
def get_intervention(context: Context, number: Number) -> InterventionDetailBody:
    """One order with what was done."""
    return _answer(context, number)


@router.post("/interventions/{number}/acts", responses=responses(403, 404, 409, 422))
def post_act(context: Context, number: Number, post: ActPost) -> InterventionDetailBody:
    """Assign, change, comment, close or cancel it; or write down what its team says by radio.

    409: it was changed since that version. 422: its state does not allow this; see `detail`.
    """
    service.act_on_order(context, number, post)
    return _answer(context, number)


@router.get(
    "/interventions/{number}/photos/{event}", response_class=Response, responses=responses(404, 422)
)
def get_photo(context: Context, number: Number, event: Event) -> Response:
    """The photograph of an event, a JPEG without any metadata."""
    return Response(service.find_photo(context.connection, number, event), media_type="image/jpeg")


@router.get("/teams", responses=responses())
def list_teams(context: Context) -> TeamsBody:
    """The teams that work in your communes."""
    return TeamsBody(
        mode=context.mode, teams=[_describe_team(team) for team in service.list_teams(context)]
    )


@router.put("/teams/{name}", status_code=204, responses=responses(403, 404, 412, 422, 428))
def put_team(
    context: ConfirmedContext,
    response: Response,
    name: TeamName,
    post: TeamPost,
    if_match: IfMatch = None,
) -> None:
    """Make a team, or change one (If-Match: its `mark`); its members are those that are named."""
    put = TeamPut(**post.model_dump(exclude={"reason"}))
    seen = read_mark(if_match)
    tag(response, service.store_team(context, name, put, reason=post.reason, seen=seen))


def _answer(context: RequestContext, number: int) -> InterventionDetailBody:
    context.connection.rollback()  # the next read sees what was written
    history = service.find_history(context.connection, number)
    return InterventionDetailBody(mode=context.mode, **describe_history(history, context.now()))


def _describe_team(team: Team) -> TeamBody:
    return TeamBody(
        **{
            name: getattr(team, name) for name in ("name", "title", "area", "lon", "lat", "members")
        },
        retired=team.retired_at is not None,
        mark=service.mark_team(team),
    )
