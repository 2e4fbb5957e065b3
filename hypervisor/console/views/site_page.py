"""What the templates of a site are told, part by part, for pages and for forms."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access
from hypervisor.console.asking import request
from hypervisor.console.reader import reading
from hypervisor.console.rendering import reader_of, render
from hypervisor.console.views import site as view
from hypervisor.console.views import site_around, site_past
from hypervisor.console.views.site_chart import SiteChart, build
from hypervisor.console.views.site_facts import Facts, facts
from hypervisor.console.views.site_health import health
from hypervisor.console.views.site_spans import SPANS, Shown, shown
from hypervisor.console.views.site_upstream import Upstream, upstream
from hypervisor.console.words import mark
from hypervisor.console.words import translate as _

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


def page(asked: Access, name: str, look: Look, *, refused: str | None = None) -> HTMLResponse:
    with made(asked, name) as known:
        context = {
            **head(asked, known),
            **chart(asked, known, look),
            **side(asked, known),
            **history(asked, known),
            "refused": refused,
            "form": None,
            "notice": _(_NOTICES.get(request().query_params.get("done", ""), "")) or None,
        }
    return render(asked, "site.html", **context)


@contextmanager
def made(asked: Access, name: str) -> Iterator[Facts]:
    """The facts of a site, while words are made for this reader."""
    with reading(reader_of(asked)):
        yield facts(asked, name)


def head(asked: Access, known: Facts) -> dict[str, Any]:
    return {
        "facts": known,
        "head": view.head(asked, known),
        "may_operate": asked.may(Duty.OPERATE, site=known.place.name),
        "refused": None,
    }


def chart(asked: Access, known: Facts, look: Look) -> dict[str, Any]:
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


def side(asked: Access, known: Facts) -> dict[str, Any]:
    return {
        "limit_rows": view.limit_rows(asked, known),
        "devices": health(asked, known)[:6],
        "states": view.device_states(),
        "quality": view.quality,
        "situation": site_around.around(asked, known),
    }


def history(asked: Access, known: Facts) -> dict[str, Any]:
    return {"history": site_past.history(known), "acts": site_past.acts(asked, known)}
