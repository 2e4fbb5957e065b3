"""Actions on a site: acknowledge, enter a reading, set readings aside, undo."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.reader import reading
from hypervisor.overview import views_site_forms as acting
from hypervisor.overview import views_site_page
from hypervisor.overview.views_site_page import ChartQuery, parse_chart_query
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter()
PAGE: Page | None = None


@router.post("/sites/{name}/acknowledge")
def acknowledge(
    context: Context, name: str, alarm: Annotated[int, Form()], version: Annotated[int, Form()]
) -> Response:
    """Acknowledge the alarm at the version that was displayed."""
    refused = acting.acknowledge(context, name, alarm, version)
    if not wants_fragment() and refused is None:
        return RedirectResponse(f"/sites/{name}", status_code=303)
    with views_site_page.facts_for_reader(context, name) as site_facts:
        values = {**views_site_page.head_values(context, site_facts), "refused": refused}
    if wants_fragment():
        return fragment(context, "site_head.html", **values)
    return views_site_page.render_page(context, name, parse_chart_query(), refused=refused)


@router.get("/sites/{name}/observe")
def show_observation_form(context: Context, name: str) -> HTMLResponse:
    return _render_form(context, name, "site_observe.html", acting.blank_observation)


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
    """Store a manual reading."""
    context.require(Duty.OPERATE, site=name)
    observation = acting.Observation(series=series, value=value, at=at, reason=reason, force=force)
    with reading(reader_of(context)):
        problem, asks_force = acting.observe(context, name, observation)
    if problem is None:
        return _done(name, "observed")
    filled = {"series": series, "value": value, "at": at, "reason": reason}
    return _render_form(
        context,
        name,
        "site_observe.html",
        lambda _facts: {**filled, "force_asked": asks_force},
        problem=problem,
    )


@router.get("/sites/{name}/aside")
def show_aside_form(
    context: Context, name: str, look: Annotated[ChartQuery, Depends(parse_chart_query)]
) -> HTMLResponse:
    return _render_form(
        context,
        name,
        "site_aside.html",
        lambda site_facts: acting.blank_aside(site_facts, look.first, look.last),
    )


@router.post("/sites/{name}/aside")
def set_aside(  # noqa: PLR0913, PLR0917  the fields of a form
    context: Context,
    name: str,
    series: Annotated[str, Form()] = "",
    first: Annotated[str, Form()] = "",
    last: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Set a span of readings aside, so that no rule uses it."""
    context.require(Duty.OPERATE, site=name)
    with reading(reader_of(context)):
        problem = acting.set_aside(
            context, name, acting.Span(series=series, first=first, last=last, reason=reason)
        )
    if problem is None:
        return _done(name, "aside")
    filled = {"series": series, "first": first, "last": last, "reason": reason}
    return _render_form(context, name, "site_aside.html", lambda _facts: filled, problem=problem)


@router.post("/sites/{name}/undo")
def undo(
    context: Context,
    name: str,
    act: Annotated[int, Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Undo a correction of readings."""
    context.require(Duty.OPERATE, site=name)
    with reading(reader_of(context)):
        problem = acting.undo(context, name, act, reason)
    if problem is None:
        return _done(name, "undone")
    return views_site_page.render_page(context, name, parse_chart_query(), refused=problem)


def _done(name: str, what: str) -> Response:
    """Redirect to the page with a confirmation."""
    address = f"/sites/{name}?{urlencode({'done': what})}"
    if wants_fragment():
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


def _render_form(
    context: RequestContext, name: str, template: str, blank: Any, problem: str | None = None
) -> HTMLResponse:
    """A form, as a fragment or on the page of its site."""
    context.require(Duty.OPERATE, site=name)
    with views_site_page.facts_for_reader(context, name) as site_facts:
        values = {
            **views_site_page.head_values(context, site_facts),
            **acting.fields(context, site_facts),
            "filled": {"force_asked": False, **blank(site_facts)},
            "problem": problem,
        }
        if not wants_fragment():
            values |= {
                **views_site_page.chart_values(context, site_facts, parse_chart_query()),
                **views_site_page.side_values(context, site_facts),
                **views_site_page.history_values(context, site_facts),
                "notice": None,
                "form": template,
            }
    return (
        fragment(context, template, **values)
        if wants_fragment()
        else render(context, "site.html", **values)
    )
