"""What a person does at a site: forms, and what comes of them."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.reader import reading
from hypervisor.overview import views_site_acting as acting
from hypervisor.overview import views_site_page
from hypervisor.overview.views_site_page import Look, looked
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter()
PAGE: Page | None = None


@router.post("/sites/{name}/acknowledge")
def acknowledge(
    context: Context, name: str, alarm: Annotated[int, Form()], version: Annotated[int, Form()]
) -> Response:
    """Acknowledge the alarm as it was seen."""
    refused = acting.acknowledge(context, name, alarm, version)
    if not wants_fragment() and refused is None:
        return RedirectResponse(f"/sites/{name}", status_code=303)
    with views_site_page.made(context, name) as known:
        values = {**views_site_page.head(context, known), "refused": refused}
    if wants_fragment():
        return fragment(context, "site_head.html", **values)
    return views_site_page.page(context, name, looked(), refused=refused)


@router.get("/sites/{name}/observe")
def observing(context: Context, name: str) -> HTMLResponse:
    return _form(context, name, "site_observe.html", acting.blank_observation)


@router.post("/sites/{name}/observe")
def observe(  # noqa: PLR0913, PLR0917  the fields of a form
    context: Context,
    name: str,
    series: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "",
    at: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    force: Annotated[bool, Form()] = False,  # noqa: FBT002  a box that was ticked
) -> Response:
    """Store what a person saw."""
    context.require(Duty.OPERATE, site=name)
    observation = acting.Observation(series=series, value=value, at=at, reason=reason, force=force)
    with reading(reader_of(context)):
        problem, asks_force = acting.observe(context, name, observation)
    if problem is None:
        return _done(name, "observed")
    filled = {"series": series, "value": value, "at": at, "reason": reason}
    return _form(
        context,
        name,
        "site_observe.html",
        lambda _known: {**filled, "force_asked": asks_force},
        problem=problem,
    )


@router.get("/sites/{name}/aside")
def asking_aside(
    context: Context, name: str, look: Annotated[Look, Depends(looked)]
) -> HTMLResponse:
    return _form(
        context,
        name,
        "site_aside.html",
        lambda known: acting.blank_aside(known, look.first, look.last),
    )


@router.post("/sites/{name}/aside")
def aside(  # noqa: PLR0913, PLR0917  the fields of a form
    context: Context,
    name: str,
    series: Annotated[str, Form()] = "",
    first: Annotated[str, Form()] = "",
    last: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Let no rule believe a span of readings."""
    context.require(Duty.OPERATE, site=name)
    with reading(reader_of(context)):
        problem = acting.set_aside(
            context, name, acting.Span(series=series, first=first, last=last, reason=reason)
        )
    if problem is None:
        return _done(name, "aside")
    filled = {"series": series, "first": first, "last": last, "reason": reason}
    return _form(context, name, "site_aside.html", lambda _known: filled, problem=problem)


@router.post("/sites/{name}/undo")
def undo(
    context: Context,
    name: str,
    act: Annotated[int, Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take an act on readings back."""
    context.require(Duty.OPERATE, site=name)
    with reading(reader_of(context)):
        problem = acting.undo(context, name, act, reason)
    if problem is None:
        return _done(name, "undone")
    return views_site_page.page(context, name, looked(), refused=problem)


def _done(name: str, what: str) -> Response:
    """Back to the page, which says so; htmx follows."""
    address = f"/sites/{name}?{urlencode({'done': what})}"
    if wants_fragment():
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


def _form(
    context: RequestContext, name: str, template: str, blank: Any, problem: str | None = None
) -> HTMLResponse:
    """A form as a part, or on the page of its site."""
    context.require(Duty.OPERATE, site=name)
    with views_site_page.made(context, name) as known:
        values = {
            **views_site_page.head(context, known),
            **acting.fields(context, known),
            "said": {"force_asked": False, **blank(known)},
            "problem": problem,
        }
        if not wants_fragment():
            values |= {
                **views_site_page.chart(context, known, looked()),
                **views_site_page.side(context, known),
                **views_site_page.history(context, known),
                "notice": None,
                "form": template,
            }
    return (
        fragment(context, template, **values)
        if wants_fragment()
        else render(context, "site.html", **values)
    )
