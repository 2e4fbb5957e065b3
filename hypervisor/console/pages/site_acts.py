"""What a person does at a site: forms, and what comes of them."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.console.page import Page
from hypervisor.console.reader import reading
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import site_acting as acting
from hypervisor.console.views import site_page
from hypervisor.console.views.site_page import Look, looked

router = APIRouter()
PAGE: Page | None = None


@router.post("/sites/{name}/acknowledge")
def acknowledge(
    asked: Asked, name: str, alarm: Annotated[int, Form()], version: Annotated[int, Form()]
) -> Response:
    """Acknowledge the alarm as it was seen."""
    refused = acting.acknowledge(asked, name, alarm, version)
    if not wants_fragment() and refused is None:
        return RedirectResponse(f"/sites/{name}", status_code=303)
    with site_page.made(asked, name) as known:
        context = {**site_page.head(asked, known), "refused": refused}
    if wants_fragment():
        return fragment(asked, "site_head.html", **context)
    return site_page.page(asked, name, looked(), refused=refused)


@router.get("/sites/{name}/observe")
def observing(asked: Asked, name: str) -> HTMLResponse:
    return _form(asked, name, "site_observe.html", acting.blank_observation)


@router.post("/sites/{name}/observe")
def observe(  # noqa: PLR0913, PLR0917  the fields of a form
    asked: Asked,
    name: str,
    series: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "",
    at: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    force: Annotated[bool, Form()] = False,  # noqa: FBT002  a box that was ticked
) -> Response:
    """Store what a person saw."""
    asked.require(Duty.OPERATE, site=name)
    said = acting.Observation(series=series, value=value, at=at, reason=reason, force=force)
    with reading(reader_of(asked)):
        problem, asks_force = acting.observe(asked, name, said)
    if problem is None:
        return _done(name, "observed")
    filled = {"series": series, "value": value, "at": at, "reason": reason}
    return _form(
        asked,
        name,
        "site_observe.html",
        lambda _known: {**filled, "force_asked": asks_force},
        problem=problem,
    )


@router.get("/sites/{name}/aside")
def asking_aside(asked: Asked, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    return _form(
        asked,
        name,
        "site_aside.html",
        lambda known: acting.blank_aside(known, look.first, look.last),
    )


@router.post("/sites/{name}/aside")
def aside(  # noqa: PLR0913, PLR0917  the fields of a form
    asked: Asked,
    name: str,
    series: Annotated[str, Form()] = "",
    first: Annotated[str, Form()] = "",
    last: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Let no rule believe a span of readings."""
    asked.require(Duty.OPERATE, site=name)
    with reading(reader_of(asked)):
        problem = acting.set_aside(
            asked, name, acting.Span(series=series, first=first, last=last, reason=reason)
        )
    if problem is None:
        return _done(name, "aside")
    filled = {"series": series, "first": first, "last": last, "reason": reason}
    return _form(asked, name, "site_aside.html", lambda _known: filled, problem=problem)


@router.post("/sites/{name}/undo")
def undo(
    asked: Asked,
    name: str,
    act: Annotated[int, Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take an act on readings back."""
    asked.require(Duty.OPERATE, site=name)
    with reading(reader_of(asked)):
        problem = acting.undo(asked, name, act, reason)
    if problem is None:
        return _done(name, "undone")
    return site_page.page(asked, name, looked(), refused=problem)


def _done(name: str, what: str) -> Response:
    """Back to the page, which says so; htmx follows."""
    address = f"/sites/{name}?{urlencode({'done': what})}"
    if wants_fragment():
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


def _form(
    asked: Access, name: str, template: str, blank: Any, problem: str | None = None
) -> HTMLResponse:
    """A form as a part, or on the page of its site."""
    asked.require(Duty.OPERATE, site=name)
    with site_page.made(asked, name) as known:
        context = {
            **site_page.head(asked, known),
            **acting.fields(asked, known),
            "said": {"force_asked": False, **blank(known)},
            "problem": problem,
        }
        if not wants_fragment():
            context |= {
                **site_page.chart(asked, known, looked()),
                **site_page.side(asked, known),
                **site_page.history(asked, known),
                "notice": None,
                "form": template,
            }
    return (
        fragment(asked, template, **context)
        if wants_fragment()
        else render(asked, "site.html", **context)
    )
