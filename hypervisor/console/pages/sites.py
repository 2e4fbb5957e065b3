"""Sites: the list of them, and the page of each with its chart."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime
from starlette.responses import RedirectResponse, Response

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.console.asking import request
from hypervisor.console.page import Page
from hypervisor.console.reader import reading
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import site as view
from hypervisor.console.views import site_acting as acting
from hypervisor.console.views.site_chart import SiteChart, build
from hypervisor.console.views.site_facts import Facts, facts
from hypervisor.console.views.site_health import health
from hypervisor.console.views.site_list import Wanted, listing
from hypervisor.console.views.site_spans import SPANS, Shown, shown
from hypervisor.console.views.site_table import table
from hypervisor.console.views.site_upstream import Upstream, upstream
from hypervisor.console.words import mark
from hypervisor.console.words import translate as _

router = APIRouter()
PAGE = Page(key="sites", title=mark("Sites"), address="/sites", order=13, shortcut="s")

_WIDE = 884.0
_LABELS = {"12h": "12 h", "48h": "48 h", "7d": mark("7 d"), "30d": mark("30 d"), "1y": mark("1 y")}


@dataclass(frozen=True, kw_only=True)
class Look:
    """What of a site's chart is asked for."""

    span: str | None
    first: AwareDatetime | None
    last: AwareDatetime | None
    width: float
    also: tuple[str, ...]


def looked(
    span: Annotated[str | None, Query()] = None,
    first: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    last: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    w: Annotated[float, Query(ge=200, le=4_000)] = _WIDE,
    also: Annotated[list[str] | None, Query()] = None,
) -> Look:
    return Look(span=span, first=first, last=last, width=w, also=tuple(also or ()))


@router.get("/sites")
def every(  # noqa: PLR0913  one argument a filter
    asked: Asked,
    *,
    q: str = "",
    domain: str = "",
    area: str = "",
    river: str = "",
    state: str = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """All sites, filtered and by pages; along rivers where a river is asked for."""
    wanted = Wanted(q=q.strip(), domain=domain, area=area, river=river, state=state, page=page)
    with reading(reader_of(asked)):
        found = listing(asked, wanted)
    make = fragment if wants_fragment() else render
    name = "sites_rows.html" if wants_fragment() else "sites.html"
    return make(asked, name, found=found, wanted=wanted)


@router.get("/sites/{name}")
def one(asked: Asked, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """One site, whole."""
    return _page(asked, name, look)


@router.get("/sites/{name}/head")
def head(asked: Asked, name: str) -> HTMLResponse:
    with _made(asked, name) as known:
        context = _head(asked, known)
    return fragment(asked, "site_head.html", **context)


@router.get("/sites/{name}/chart")
def chart(asked: Asked, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """The chart and the gauges upstream, drawn for a width."""
    with _made(asked, name) as known:
        context = {**_head(asked, known), **_chart(asked, known, look)}
    return fragment(asked, "site_chart.html", **context)


@router.get("/sites/{name}/table")
def data(asked: Asked, name: str, look: Annotated[Look, Depends(looked)]) -> HTMLResponse:
    """The chart as numbers."""
    with _made(asked, name) as known:
        context = {**_head(asked, known), **_chart(asked, known, look)}
        columns, rows = table(context["chart"])
    make = fragment if wants_fragment() else render
    template = "site_table.html" if wants_fragment() else "site_table_page.html"
    return make(asked, template, columns=columns, rows=rows, **context)


@router.get("/sites/{name}/side")
def side(asked: Asked, name: str) -> HTMLResponse:
    with _made(asked, name) as known:
        context = {**_head(asked, known), **_side(asked, known)}
    return fragment(asked, "site_side.html", **context)


@router.get("/sites/{name}/history")
def past(asked: Asked, name: str) -> HTMLResponse:
    with _made(asked, name) as known:
        context = {**_head(asked, known), **_history(asked, known)}
    return fragment(asked, "site_history.html", **context)


@router.post("/sites/{name}/acknowledge")
def acknowledge(
    asked: Asked, name: str, alarm: Annotated[int, Form()], version: Annotated[int, Form()]
) -> Response:
    """Acknowledge the alarm as it was seen."""
    refused = acting.acknowledge(asked, name, alarm, version)
    if not wants_fragment() and refused is None:
        return RedirectResponse(f"/sites/{name}", status_code=303)
    with _made(asked, name) as known:
        context = {**_head(asked, known), "refused": refused}
    if wants_fragment():
        return fragment(asked, "site_head.html", **context)
    return _page(asked, name, looked(), refused=refused)


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
    return _page(asked, name, looked(), refused=problem)


_NOTICES = {
    "observed": mark("Stored. The rules judge it within a second."),
    "aside": mark(
        "Set aside. What stood on these readings is judged anew; undo it under the chart."
    ),
    "undone": mark("Undone: what was replaced stands again."),
}


def _done(name: str, what: str) -> Response:
    """Back to the page, which says so; htmx follows."""
    address = f"/sites/{name}?{urlencode({'done': what})}"
    if wants_fragment():
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


def _page(asked: Access, name: str, look: Look, *, refused: str | None = None) -> HTMLResponse:
    with _made(asked, name) as known:
        context = {
            **_head(asked, known),
            **_chart(asked, known, look),
            **_side(asked, known),
            **_history(asked, known),
            "refused": refused,
            "form": None,
            "notice": _(_NOTICES.get(request().query_params.get("done", ""), "")) or None,
        }
    return render(asked, "site.html", **context)


def _form(
    asked: Access, name: str, template: str, blank: Any, problem: str | None = None
) -> HTMLResponse:
    """A form as a part, or on the page of its site."""
    asked.require(Duty.OPERATE, site=name)
    with _made(asked, name) as known:
        context = {
            **_head(asked, known),
            **acting.fields(asked, known),
            "said": {"force_asked": False, **blank(known)},
            "problem": problem,
        }
        if not wants_fragment():
            context |= {
                **_chart(asked, known, looked()),
                **_side(asked, known),
                **_history(asked, known),
                "notice": None,
                "form": template,
            }
    return (
        fragment(asked, template, **context)
        if wants_fragment()
        else render(asked, "site.html", **context)
    )


@contextmanager
def _made(asked: Access, name: str) -> Iterator[Facts]:
    """The facts of a site, while words are made for this reader."""
    with reading(reader_of(asked)):
        yield facts(asked, name)


def _head(asked: Access, known: Facts) -> dict[str, Any]:
    return {
        "facts": known,
        "head": view.head(asked, known),
        "may_operate": asked.may(Duty.OPERATE, site=known.place.name),
        "refused": None,
    }


def _chart(asked: Access, known: Facts, look: Look) -> dict[str, Any]:
    found: Shown = shown(look.span, look.first, look.last, known.now)
    drawn: SiteChart = build(asked, known, found, width=look.width, also=look.also)
    above: Upstream = upstream(asked, known, found, width=drawn.drawing.width)
    return {
        "chart": drawn,
        "upstream": above,
        "chart_query": _query(look, found),
        "also_query": "".join(f"&also={name}" for name in look.also if name.isidentifier()),
        "spans": [(key, _(label)) for key, label in _LABELS.items() if key in SPANS],
    }


def _query(look: Look, found: Shown) -> str:
    said: list[tuple[str, str]] = []
    if found.name:
        said.append(("span", found.name))
    else:
        said += [
            (key, f"{at:%Y-%m-%dT%H:%M:%SZ}")
            for key, at in zip(("from", "to"), found.moments, strict=True)
        ]
    said += [("also", name) for name in look.also]
    if look.width != _WIDE:
        said.append(("w", f"{look.width:.0f}"))
    return urlencode(said)


def _side(asked: Access, known: Facts) -> dict[str, Any]:
    return {
        "limit_rows": view.limit_rows(asked, known),
        "devices": health(asked, known)[:6],
        "states": view.device_states(),
        "quality": view.quality,
        "situation": view.around(asked, known),
    }


def _history(asked: Access, known: Facts) -> dict[str, Any]:
    return {"history": view.history(known), "acts": view.acts(asked, known)}
