"""Orders in the console: the list, one with its history, the form; of an alarm or a site."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries_list
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark
from hypervisor.database.audit import ActError
from hypervisor.interventions import form as forms
from hypervisor.interventions import queries, queries_photos, queries_teams, service, views
from hypervisor.interventions.form import ActForm, OrderForm
from hypervisor.interventions.model import (
    ChangedError,
    Intervention,
    InterventionError,
    OrderAct,
    OrderState,
    Priority,
)
from hypervisor.interventions.queries import Selection
from hypervisor.registry import queries_site
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import fragment, render
from sensors._command import CommandError

router = APIRouter()
PAGE = Page(
    key="interventions",
    title=mark("Work orders"),
    address="/interventions",
    also=("/teams",),
    order=15,
    shortcut="w",
)
_PAGE = 50
_OF_PLACE = 5  # orders shown beside an alarm or a site
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Name = Annotated[str, Query(max_length=100)]
Which = Literal["open", "overdue", "waiting", "finished", "all"]
_WHICH: Mapping[str, str] = {
    "open": mark("Open orders"),
    "overdue": mark("Overdue"),
    "waiting": mark("Without a team"),
    "finished": mark("Finished"),
    "all": mark("All orders"),
}


@router.get("/interventions")
def list_interventions(  # noqa: PLR0913  one argument a filter
    context: Context,
    *,
    which: Which = "open",
    team: _Name = "",
    priority: Annotated[str, Query(max_length=10)] = "",
    site: _Name = "",
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Orders in the reader's communes, the latest first."""
    selection = Selection(
        open={"open": True, "finished": False}.get(which),
        states=(OrderState.OPEN, OrderState.REFUSED) if which == "waiting" else None,
        overdue_at=context.now() if which == "overdue" else None,
        team=team or None,
        site=site or None,
        priority=Priority(priority) if priority in set(Priority) else None,
    )
    rows = queries.list_interventions(context.connection, selection, before=before, limit=_PAGE + 1)
    return render(
        context,
        "interventions.html",
        rows=rows[:_PAGE],
        more=rows[_PAGE - 1].id if len(rows) > _PAGE else None,
        which=which,
        choices=_WHICH,
        chosen={"team": team, "priority": priority, "site": site},
        **_words(context),
    )


@router.get("/interventions/part")
def show_part(
    context: Context,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    site: _Name = "",
) -> Response:
    """The orders of an alarm or a site, inside its page."""
    if alarm is None and not site:
        return Response(status_code=204)
    selection = Selection(alarms=[alarm]) if alarm else Selection(site=site, open=True)
    rows = queries.list_interventions(context.connection, selection, limit=_OF_PLACE + 1)
    query = f"alarm={alarm}" if alarm else f"site={site}"
    return fragment(
        context,
        "interventions_part.html",
        rows=rows[:_OF_PLACE],
        more=len(rows) > _OF_PLACE,
        site=site,
        query=query,
        **_words(context),
    )


@router.get("/interventions/new")
def show_new(
    context: Context,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    site: _Name = "",
    command: UUID | None = None,
) -> Response:
    """The form of an order: from an alarm, a site, a command that failed, or nothing."""
    context.require_anywhere(Duty.OPERATE)
    if command is not None:
        return _render_form(context, forms.begin_from_command(context, command))
    return _render_form(context, forms.begin(context, alarm, site))


@router.post("/interventions")
def create(context: Context, entered: Annotated[OrderForm, Form()]) -> Response:
    """Make it, or show the form again with what is wrong."""
    context.require_anywhere(Duty.OPERATE)
    try:
        number = service.create_order(context, forms.parse_order(context, entered))
    except (CommandError, InterventionError, ActError) as error:
        return _render_form(context, entered, wrong=error)
    return RedirectResponse(f"/interventions/{number}", status_code=303)


@router.get("/interventions/{number}")
def show_intervention(context: Context, number: Number) -> Response:
    """One order: what, where, who, and what was done."""
    return _render_order(context, number)


@router.get("/interventions/{number}/photos/{event}")
def show_photo(
    context: Context, number: Number, event: Annotated[int, Path(ge=1, le=2**31 - 1)]
) -> Response:
    """A photograph of an order."""
    return Response(service.find_photo(context.connection, number, event), media_type="image/jpeg")


@router.post("/interventions/{number}/acts")
def act(context: Context, number: Number, entered: Annotated[ActForm, Form()]) -> Response:
    """What dispatch does, or what a team says by radio."""
    return _act(
        context,
        number,
        lambda: service.act_on_order(context, number, forms.parse_act(context, entered)),
    )


def _act(context: RequestContext, number: int, act: Callable[[], object]) -> Response:
    context.require_anywhere(Duty.OPERATE)
    try:
        act()
    except (InterventionError, ActError) as error:
        context.connection.rollback()
        return _render_order(context, number, wrong=error)
    return RedirectResponse(f"/interventions/{number}", status_code=303)


def _render_form(
    context: RequestContext, entered: OrderForm, *, wrong: Exception | None = None
) -> Response:
    return render(
        context,
        "intervention_form.html",
        status_code=_status_of(wrong),
        wrong=refusal(wrong) if wrong else "",
        entered=entered,
        before=_find_before(context, entered),
        sites=queries_site.suggest_sites(context.connection),
        communes=forms.list_communes(context),
        **_words(context),
    )


def _find_before(context: RequestContext, entered: OrderForm) -> Intervention | None:
    """The order that was made from the same command before."""
    try:
        key = UUID(entered.command)
    except ValueError:
        return None
    return queries.find_from_command(context.connection, key)


def _render_order(
    context: RequestContext, number: int, *, wrong: Exception | None = None
) -> Response:
    history = service.find_history(context.connection, number)
    order = history.order
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
    due = order.due and order.due.astimezone(ZoneInfo(context.instance.timezone))
    return render(
        context,
        "intervention.html",
        status_code=_status_of(wrong),
        wrong=refusal(wrong) if wrong else "",
        order=order,
        events=history.events,
        closing=history.closing,
        acts={act.value for act in order.list_acts()},
        radio=[act for act in _BY_RADIO if act in order.list_acts()],
        due=f"{due:%Y-%m-%dT%H:%M}" if due else "",
        may=service.may_dispatch(context, order.commune),
        names=names,
        photos={
            photo.number: photo
            for photo in queries_photos.list_photos(context.connection, [number])
        },
        **_words(context),
    )


_BY_RADIO = (OrderAct.ACCEPT, OrderAct.DEPART, OrderAct.ARRIVE)


def _status_of(wrong: Exception | None) -> int:
    if wrong is None:
        return 200
    return 409 if isinstance(wrong, ChangedError) else 422


def _words(context: RequestContext) -> Mapping[str, Any]:
    return {
        "v": views,
        "operator": context.person.may(Duty.OPERATE),
        "is_overdue": lambda order: order.is_overdue(context.now()),
        "teams": queries_teams.list_titles(context.connection),
    }
