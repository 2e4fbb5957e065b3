"""What the templates of a site are told, part by part, for pages and for forms."""

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
from hypervisor.overview import views_site_around, views_site_past
from hypervisor.overview.views_site_chart import SiteChart, build
from hypervisor.overview.views_site_facts import Facts, facts
from hypervisor.overview.views_site_health import health
from hypervisor.overview.views_site_spans import SPANS, Shown, shown
from hypervisor.overview.views_site_upstream import Upstream, upstream
from hypervisor.web.rendering import reader_of, render
from hypervisor.web.request import request

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


_NOTICES = {
    "observed": mark("Stored. The rules judge it within a second."),
    "aside": mark(
        "Set aside. What stood on these readings is judged anew; undo it under the chart."
    ),
    "undone": mark("Undone: what was replaced stands again."),
}


def page(
    context: RequestContext, name: str, look: Look, *, refused: str | None = None
) -> HTMLResponse:
    with made(context, name) as known:
        values = {
            **head(context, known),
            **chart(context, known, look),
            **side(context, known),
            **history(context, known),
            "refused": refused,
            "form": None,
            "notice": _(_NOTICES.get(request().query_params.get("done", ""), "")) or None,
        }
    return render(context, "site.html", **values)


@contextmanager
def made(context: RequestContext, name: str) -> Iterator[Facts]:
    """The facts of a site, while words are made for this reader."""
    with reading(reader_of(context)):
        yield facts(context, name)


def head(context: RequestContext, known: Facts) -> dict[str, Any]:
    return {
        "facts": known,
        "head": view.head(context, known),
        "may_operate": context.may(Duty.OPERATE, site=known.place.name),
        "refused": None,
    }


def chart(context: RequestContext, known: Facts, look: Look) -> dict[str, Any]:
    found: Shown = shown(look.span, look.first, look.last, known.now)
    drawn: SiteChart = build(context, known, found, width=look.width, also=look.also)
    above: Upstream = upstream(context, known, found, width=drawn.drawing.width)
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


def side(context: RequestContext, known: Facts) -> dict[str, Any]:
    return {
        "limit_rows": view.limit_rows(context, known),
        "devices": health(context, known)[:6],
        "states": view.device_states(),
        "quality": view.quality,
        "situation": views_site_around.around(context, known),
    }


def history(context: RequestContext, known: Facts) -> dict[str, Any]:
    return {"history": views_site_past.history(known), "acts": views_site_past.acts(context, known)}
