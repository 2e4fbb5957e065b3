"""Administration: planned works, during which what is there is not to be trusted."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.accounts.service import doer_of
from hypervisor.registry import api_works as api
from hypervisor.registry import queries_names, queries_tables
from hypervisor.registry.announcing import listed
from hypervisor.registry.schemas_works import WorksEndPost, WorksPut
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
Text = Annotated[str, Form(max_length=1_000)]
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


@router.get("/admin/works")
def every(
    context: Context, done: Annotated[str, Query(max_length=20)] = "", *, over: bool = False
) -> Response:
    """Works under way and to come; those that are over, if asked for."""
    return _listed(context, done=done, over=over)


@router.post("/admin/works")
def announce(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    name: Annotated[str, Form(max_length=100)] = "",
    places: Annotated[str, Form(max_length=5_000)] = "",
    begins: Text = "",
    ends: Text = "",
    reason: Text = "",
) -> Response:
    """Announce works."""
    doer_of(context)
    said = {"name": name, "places": places, "begins": begins, "ends": ends, "reason": reason}
    try:
        at: dict[str, list[str]] = {"sites": [], "devices": [], "groups": []}
        for one in places.replace(",", " ").split():
            kind, slash, rest = one.partition("/")
            known = {"device": "devices", "group": "groups"}.get(kind) if slash else "sites"
            at[known or "sites"].append(rest if known and slash else one)
        put = WorksPut(
            begins=_local(context, begins) if begins else None,
            ends=_local(context, ends),
            reason=reason,
            **at,
        )
        if not name.strip().isascii() or not name.strip():
            return _listed(context, wrong="give the works a name: rd446-2024", said=said)
        api.put(context, Response(), name.strip(), put)
    except (TerritoryError, ValueError) as error:
        return _listed(context, wrong=_plain(error), said=said)
    except HTTPException as error:
        return _listed(context, wrong=str(error.detail), said=said)
    return RedirectResponse("/admin/works?done=works", status_code=303)


@router.post("/admin/works/{name}/end")
def end(
    context: Context, name: Annotated[str, Path(max_length=100, pattern=_NAME)], reason: Text = ""
) -> Response:
    """They are over; those not begun are called off."""
    doer_of(context)
    try:
        api.end(context, Response(), name, WorksEndPost(reason=reason or "works end"), if_match="*")
    except HTTPException as error:
        return _listed(context, wrong=str(error.detail))
    return RedirectResponse("/admin/works?done=ended", status_code=303)


def _plain(error: Exception) -> str:
    """Of what pydantic says the problems alone."""
    found = getattr(error, "errors", None)
    if found is None:
        return refusal(error)
    return "; ".join(f"{one['loc'][-1] if one['loc'] else ''}: {one['msg']}" for one in found())


def _local(context: RequestContext, said: str) -> datetime:
    """What a browser's field for day and time says, on the clock of the instance's zone."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError as error:
        raise ValueError(f"expected a day and a time, not {said!r}") from error
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(context.instance.timezone))


def _listed(
    context: RequestContext,
    *,
    done: str = "",
    wrong: str = "",
    over: bool = False,
    said: dict[str, str] | None = None,
) -> Response:
    shared = frame.frame(context, "works", done=done, wrong=wrong)
    every_works = listed(queries_tables.revisions(context.connection, "works"), context.now())
    return render(
        context,
        "admin_works.html",
        status_code=422 if wrong else 200,
        works=[works for works in every_works if over or works.state != "over"],
        ended=sum(works.state == "over" for works in every_works),
        over=over,
        said=said or {},
        sites=queries_names.sites(context.connection),
        **shared,
    )
