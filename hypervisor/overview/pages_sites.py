"""The list of sites; the page of a site, its parts, and what people do on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.forecast.views_arrival import arrival_words
from hypervisor.overview import views_map, views_site, views_site_alarms
from hypervisor.overview import views_site_forms as forms
from hypervisor.overview.views_bulletins import list_site_bulletins, show_bulletin
from hypervisor.overview.views_site_chart import build_chart
from hypervisor.overview.views_site_experts import build_experts, find_asset_arrivals
from hypervisor.overview.views_site_facts import Facts, load_facts
from hypervisor.overview.views_site_forecast import build_forecast
from hypervisor.overview.views_site_list import SiteFilter, search_sites
from hypervisor.overview.views_site_traces import SPANS, ChartSpan, build_table, resolve_span
from hypervisor.overview.views_site_upstream import build_upstream
from hypervisor.registry import queries_site
from hypervisor.web.budget import SPAN, costs
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.web.request import current_request
from hypervisor.web.times import Instant

router = APIRouter()
Typed = Annotated[str, Query(max_length=5_000)]
PAGE = Page(key="sites", title=mark("Sites"), address="/sites", order=13, shortcut="s")
_WIDE = 884.0
_LABELS = {"12h": "12 h", "48h": "48 h", "7d": mark("7 d"), "30d": mark("30 d"), "1y": mark("1 y")}
_NOTICES = {
    "observed": mark("Stored. The rules evaluate it within a second."),
    "aside": mark("Set aside. Affected alarms are re-evaluated. To undo, see below the chart."),
    "undone": mark("Undone. The previous values apply again."),
}


class ChartQuery(BaseModel):
    """The requested chart. `also`: further quantities; `width` in px; `issued`: of a forecast."""

    span: str | None = None
    first: Instant | None = Field(default=None, alias="from")
    last: Instant | None = Field(default=None, alias="to")
    width: float = Field(default=_WIDE, alias="w", ge=200, le=4_000)
    also: list[str] = []
    issued: Instant | None = None


ChartOf = Annotated[ChartQuery, Query()]


@router.get("/sites")
def list_sites(context: Context, site_filter: Annotated[SiteFilter, Query()]) -> HTMLResponse:
    """All sites, filtered and paged."""
    with reading(reader_of(context)):
        results = search_sites(context, site_filter)
    return _respond(
        context, "sites_rows.html", "sites.html", results=results, site_filter=site_filter
    )


@router.get("/sites/{name}")
@costs(SPAN)
def show_site(context: Context, name: str, look: ChartOf) -> HTMLResponse:
    """The page of a site."""
    notice = _NOTICES.get(current_request().query_params.get("done", ""))
    return _render_page(context, name, look, notice=_(notice) if notice else None)


@router.get("/sites/{name}/head")
def show_head(context: Context, name: str) -> HTMLResponse:
    return _part(context, name, "site_head.html", lambda _facts: {})


@router.get("/sites/{name}/chart")
@costs(SPAN)
def show_chart(context: Context, name: str, look: ChartOf) -> HTMLResponse:
    """The chart and the upstream gauges, drawn for a width in pixels."""
    return _part(
        context, name, "site_chart.html", lambda facts: _chart_values(context, facts, look)
    )


@router.get("/sites/{name}/forecast")
@costs(SPAN)
def show_forecast(context: Context, name: str, look: ChartOf) -> HTMLResponse:
    """The latest forecast, or one as it was issued."""
    return _part(
        context,
        name,
        "site_forecast.html",
        lambda facts: {"forecast": build_forecast(context, facts, look.issued)},
    )


@router.get("/sites/{name}/table")
@costs(SPAN)
def show_table(context: Context, name: str, look: ChartOf) -> HTMLResponse:
    """The data of the chart as a table."""
    with _load(context, name) as facts:
        values = _head_values(context, facts) | _chart_values(context, facts, look)
        columns, rows = build_table(values["chart"].traces)
    values |= {"columns": columns, "rows": rows}
    return _respond(context, "site_table.html", "site_table_page.html", **values)


@router.get("/sites/{name}/side")
def show_side(context: Context, name: str) -> HTMLResponse:
    return _part(context, name, "site_side.html", lambda facts: _side_values(context, facts))


@router.get("/sites/{name}/history")
def show_history(context: Context, name: str) -> HTMLResponse:
    return _part(context, name, "site_history.html", lambda facts: _history_values(context, facts))


@router.get("/site-names")
def list_names(
    context: Context, *, site: Typed = "", places: Typed = "", device: Typed = ""
) -> HTMLResponse:
    """Suggestions for a site field; each form names the field in its own way."""
    typed = (site or places or device).strip()
    return fragment(
        context, "site_names.html", sites=queries_site.suggest_sites(context.connection, typed)
    )


@router.post("/sites/{name}/acknowledge")
def acknowledge(
    context: Context, name: str, alarm: Annotated[int, Form()], version: Annotated[int, Form()]
) -> Response:
    """Acknowledge the alarm at the version that was displayed."""
    problem = forms.acknowledge(context, alarm, version)
    if wants_fragment():
        return _part(context, name, "site_head.html", lambda _facts: {"refused": problem})
    if problem is None:
        return RedirectResponse(f"/sites/{name}", status_code=303)
    return _render_page(context, name, ChartQuery(), refused=problem)


@router.get("/sites/{name}/observe")
def show_observation_form(context: Context, name: str) -> HTMLResponse:
    return _render_form(context, name, "site_observe.html", forms.blank_observation)


@router.post("/sites/{name}/observe")
def observe(context: Context, name: str, form: Annotated[forms.Observation, Form()]) -> Response:
    """Store a manual reading."""
    context.require(Duty.OPERATE, site=name)
    problem, asks_force = forms.observe(context, name, form)
    if problem is None:
        return _done(name, "observed")
    filled = {**form.model_dump(), "force_asked": asks_force}
    return _render_form(context, name, "site_observe.html", lambda _facts: filled, problem)


@router.get("/sites/{name}/aside")
@costs(SPAN)
def show_aside_form(context: Context, name: str, look: ChartOf) -> HTMLResponse:
    return _render_form(
        context,
        name,
        "site_aside.html",
        lambda facts: forms.blank_aside(facts, look.first, look.last),
    )


@router.post("/sites/{name}/aside")
def set_aside(context: Context, name: str, form: Annotated[forms.Span, Form()]) -> Response:
    """Set a span of readings aside, so that no rule uses it."""
    context.require(Duty.OPERATE, site=name)
    problem = forms.set_aside(context, name, form)
    if problem is None:
        return _done(name, "aside")
    return _render_form(context, name, "site_aside.html", lambda _facts: form.model_dump(), problem)


@router.post("/sites/{name}/undo")
def undo(
    context: Context, name: str, act: Annotated[int, Form()], reason: Annotated[str, Form()] = ""
) -> Response:
    """Undo a correction of readings."""
    context.require(Duty.OPERATE, site=name)
    problem = forms.undo(context, name, act, reason)
    if problem is None:
        return _done(name, "undone")
    return _render_page(context, name, ChartQuery(), refused=problem)


def _done(name: str, what: str) -> Response:
    """Redirect to the page with a confirmation."""
    address = f"/sites/{name}?{urlencode({'done': what})}"
    if wants_fragment():
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


@contextmanager
def _load(context: RequestContext, name: str) -> Iterator[Facts]:
    """The facts of a site, with texts in the reader's language."""
    with reading(reader_of(context)):
        yield load_facts(context, name)


def _respond(context: RequestContext, part: str, page: str, **values: Any) -> HTMLResponse:
    """The part alone where htmx asks for it, else its page."""
    return (
        fragment(context, part, **values) if wants_fragment() else render(context, page, **values)
    )


def _part(
    context: RequestContext, name: str, template: str, values: Callable[[Facts], dict[str, Any]]
) -> HTMLResponse:
    """A part of the page of a site."""
    with _load(context, name) as facts:
        parts = _head_values(context, facts) | values(facts)
    return fragment(context, template, **parts)


def _render_page(
    context: RequestContext, name: str, look: ChartQuery, **values: str | None
) -> HTMLResponse:
    with _load(context, name) as facts:
        parts = _page_values(context, facts, look) | values
    return render(context, "site.html", **parts)


def _render_form(
    context: RequestContext,
    name: str,
    template: str,
    blank: Callable[[Facts], dict[str, Any]],
    problem: str | None = None,
) -> HTMLResponse:
    """A form, as a fragment or on the page of its site."""
    context.require(Duty.OPERATE, site=name)
    with _load(context, name) as facts:
        if wants_fragment():
            values = _head_values(context, facts)
        else:
            values = _page_values(context, facts, ChartQuery()) | {"form": template}
        values |= forms.fields(context, facts)
        values |= {"filled": {"force_asked": False, **blank(facts)}, "problem": problem}
    return _respond(context, template, "site.html", **values)


def _page_values(context: RequestContext, facts: Facts, look: ChartQuery) -> dict[str, Any]:
    return {
        **_head_values(context, facts),
        **_chart_values(context, facts, look),
        "forecast": build_forecast(context, facts, look.issued),
        "experts": build_experts(context, facts, look.issued),
        **_side_values(context, facts),
        **_history_values(context, facts),
        "form": None,
        "notice": None,
    }


def _head_values(context: RequestContext, facts: Facts) -> dict[str, Any]:
    return {
        "facts": facts,
        "head": views_site.build_head(context, facts),
        "may_operate": context.may(Duty.OPERATE, site=facts.place.name),
        "refused": None,
    }


def _chart_values(context: RequestContext, facts: Facts, look: ChartQuery) -> dict[str, Any]:
    span = resolve_span(look.span, look.first, look.last, facts.now)
    chart = build_chart(context, facts, span, width=look.width, also=look.also)
    return {
        "chart": chart,
        "upstream": build_upstream(context, facts, span, width=chart.drawing.width),
        "chart_query": _write_query(look, span),
        "also_query": "".join(f"&also={name}" for name in look.also if name.isidentifier()),
        "spans": [(key, _(label)) for key, label in _LABELS.items() if key in SPANS],
    }


def _write_query(look: ChartQuery, span: ChartSpan) -> str:
    first, last = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in span.bounds)
    params = [("span", span.name)] if span.name else [("from", first), ("to", last)]
    params += [("also", name) for name in look.also]
    if look.width != _WIDE:
        params.append(("w", f"{look.width:.0f}"))
    return urlencode(params)


def _side_values(context: RequestContext, facts: Facts) -> dict[str, Any]:
    return {
        "limit_rows": views_site.build_limit_rows(context, facts),
        "devices": views_site.list_health(context, facts)[:6],
        "states": views_site.device_states(),
        "quality": views_site.format_quality,
        "situation": views_map.build_site_map(context, facts),
        "expert_arrivals": find_asset_arrivals(context, facts),
        "bulletins": list_site_bulletins(context, facts.place.name),
        "bulletin_of": show_bulletin,
        **arrival_words(),
    }


def _history_values(context: RequestContext, facts: Facts) -> dict[str, Any]:
    alarms = views_site_alarms.list_history(facts.alarms, facts.place.title, facts.now)
    return {
        "history": alarms,
        "acts": views_site_alarms.list_corrections(context, facts.channels),
    }
