"""Template values of the page of a site, part by part."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime

from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.overview import views_site as view
from hypervisor.overview import views_site_around, views_site_history
from hypervisor.overview.views_site_chart import SiteChart, build_chart
from hypervisor.overview.views_site_facts import Facts, load_facts
from hypervisor.overview.views_site_health import list_health
from hypervisor.overview.views_site_spans import SPANS, ChartSpan, resolve_span
from hypervisor.overview.views_site_upstream import Upstream, build_upstream
from hypervisor.web.rendering import reader_of, render
from hypervisor.web.request import request

_WIDE = 884.0
_LABELS = {"12h": "12 h", "48h": "48 h", "7d": mark("7 d"), "30d": mark("30 d"), "1y": mark("1 y")}


@dataclass(frozen=True, kw_only=True)
class ChartQuery:
    """The requested chart. `also`: further quantities; `width` in px."""

    span: str | None
    first: AwareDatetime | None
    last: AwareDatetime | None
    width: float
    also: tuple[str, ...]


def parse_chart_query(
    span: Annotated[str | None, Query()] = None,
    first: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    last: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    w: Annotated[float, Query(ge=200, le=4_000)] = _WIDE,
    also: Annotated[list[str] | None, Query()] = None,
) -> ChartQuery:
    return ChartQuery(span=span, first=first, last=last, width=w, also=tuple(also or ()))


_NOTICES = {
    "observed": mark("Stored. The rules evaluate it within a second."),
    "aside": mark("Set aside. Affected alarms are re-evaluated. To undo, see below the chart."),
    "undone": mark("Undone. The previous values apply again."),
}


def render_page(
    context: RequestContext, name: str, look: ChartQuery, *, refused: str | None = None
) -> HTMLResponse:
    with facts_for_reader(context, name) as site_facts:
        values = {
            **head_values(context, site_facts),
            **chart_values(context, site_facts, look),
            **side_values(context, site_facts),
            **history_values(context, site_facts),
            "refused": refused,
            "form": None,
            "notice": _(_NOTICES.get(request().query_params.get("done", ""), "")) or None,
        }
    return render(context, "site.html", **values)


@contextmanager
def facts_for_reader(context: RequestContext, name: str) -> Iterator[Facts]:
    """The facts of a site, with texts in the reader's language."""
    with reading(reader_of(context)):
        yield load_facts(context, name)


def head_values(context: RequestContext, site_facts: Facts) -> dict[str, Any]:
    return {
        "facts": site_facts,
        "head": view.build_head(context, site_facts),
        "may_operate": context.may(Duty.OPERATE, site=site_facts.place.name),
        "refused": None,
    }


def chart_values(context: RequestContext, site_facts: Facts, look: ChartQuery) -> dict[str, Any]:
    span: ChartSpan = resolve_span(look.span, look.first, look.last, site_facts.now)
    drawn: SiteChart = build_chart(context, site_facts, span, width=look.width, also=look.also)
    above: Upstream = build_upstream(context, site_facts, span, width=drawn.drawing.width)
    return {
        "chart": drawn,
        "upstream": above,
        "chart_query": _query(look, span),
        "also_query": "".join(f"&also={name}" for name in look.also if name.isidentifier()),
        "spans": [(key, _(label)) for key, label in _LABELS.items() if key in SPANS],
    }


def _query(look: ChartQuery, span: ChartSpan) -> str:
    params: list[tuple[str, str]] = []
    if span.name:
        params.append(("span", span.name))
    else:
        params += [
            (key, f"{at:%Y-%m-%dT%H:%M:%SZ}")
            for key, at in zip(("from", "to"), span.bounds, strict=True)
        ]
    params += [("also", name) for name in look.also]
    if look.width != _WIDE:
        params.append(("w", f"{look.width:.0f}"))
    return urlencode(params)


def side_values(context: RequestContext, site_facts: Facts) -> dict[str, Any]:
    return {
        "limit_rows": view.build_limit_rows(context, site_facts),
        "devices": list_health(context, site_facts)[:6],
        "states": view.device_states(),
        "quality": view.format_quality,
        "situation": views_site_around.build_site_map(context, site_facts),
    }


def history_values(context: RequestContext, site_facts: Facts) -> dict[str, Any]:
    return {
        "history": views_site_history.list_history(site_facts),
        "acts": views_site_history.list_corrections(context, site_facts),
    }
