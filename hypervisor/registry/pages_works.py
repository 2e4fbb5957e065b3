"""Administration of planned works."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.accounts.service import require_administrator
from hypervisor.base.errors import ConflictError, NotFoundError
from hypervisor.base.translation import translate
from hypervisor.base.versions import ANY
from hypervisor.registry import queries_site, service_works
from hypervisor.registry.schemas_works import WorksEndPost, WorksPut
from hypervisor.registry.works import NAME, load_works
from hypervisor.web import times
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from sensors._errors import Message, TerritoryError

router = APIRouter()
PAGE: Page | None = None
Text = Annotated[str, Form(max_length=1_000)]


@router.get("/admin/works")
def list_works_page(
    context: Context, done: Annotated[str, Query(max_length=20)] = "", *, over: bool = False
) -> Response:
    """Current and upcoming works; with `over`, finished ones too."""
    return _render_list(context, done=done, over=over)


@router.post("/admin/works")
def announce_works(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    name: Annotated[str, Form(max_length=100)] = "",
    places: Annotated[str, Form(max_length=5_000)] = "",
    begins: Text = "",
    ends: Text = "",
    reason: Text = "",
) -> Response:
    """Announce works."""
    require_administrator(context)
    entered = {"name": name, "places": places, "begins": begins, "ends": ends, "reason": reason}
    try:
        subjects: dict[str, list[str]] = {"sites": [], "devices": [], "groups": []}
        for place in places.replace(",", " ").split():
            kind, slash, rest = place.partition("/")
            plural = {"device": "devices", "group": "groups"}.get(kind) if slash else "sites"
            subjects[plural or "sites"].append(rest if plural and slash else place)
        put = WorksPut(
            begins=_parse_local(context, begins) if begins else None,
            ends=_parse_local(context, ends),
            reason=reason,
            **subjects,
        )
        if not name.strip().isascii() or not name.strip():
            wrong = translate("Give the works a name, such as rd446-2024.")
            return _render_list(context, wrong=wrong, entered=entered)
        service_works.store(context, name.strip(), put, seen=None)  # the form is of new works
    except (TerritoryError, ValueError) as error:
        return _render_list(context, wrong=_format_error(error), entered=entered)
    return RedirectResponse("/admin/works?done=works", status_code=303)


@router.post("/admin/works/{name}/end")
def end_works(
    context: Context,
    name: Annotated[str, Path(max_length=100, pattern=NAME)],
    reason: Text = "",
    seen: Text = "",
) -> Response:
    """End works; those not begun are cancelled."""
    require_administrator(context)
    try:
        post = WorksEndPost(reason=reason or "works end")
        service_works.close(context, name, post, seen=seen or ANY)
    except (NotFoundError, ConflictError) as error:
        return _render_list(
            context, wrong=refusal(error), status=409 if isinstance(error, ConflictError) else 422
        )
    return RedirectResponse("/admin/works?done=ended", status_code=303)


def _format_error(error: Exception) -> str:
    """The problems of a pydantic error as one line."""
    list_errors = getattr(error, "errors", None)
    if list_errors is None:
        return refusal(error)
    return "; ".join(
        f"{problem['loc'][-1] if problem['loc'] else ''}: {problem['msg']}"
        for problem in list_errors()
    )


def _parse_local(context: RequestContext, entered: str) -> datetime:
    """A browser's date-time field, in the instance's time zone."""
    at = times.local(entered, context)
    if at is None:
        raise ValueError(Message("expected a day and a time, not {entered!r}", entered))
    return at


def _render_list(  # noqa: PLR0913  what the page may show
    context: RequestContext,
    *,
    done: str = "",
    wrong: str = "",
    status: int = 422,
    over: bool = False,
    entered: dict[str, str] | None = None,
) -> Response:
    shared = frame.admin_context(context, "works", done=done, wrong=wrong)
    all_works = load_works(context.connection, context.now())
    return render(
        context,
        "admin_works.html",
        status_code=status if wrong else 200,
        works=[works for works in all_works if over or works.state != "over"],
        ended=sum(works.state == "over" for works in all_works),
        over=over,
        marks={works.name: service_works.mark_works(works) for works in all_works},
        entered=entered or {},
        sites=queries_site.suggest_sites(context.connection),
        **shared,
    )
