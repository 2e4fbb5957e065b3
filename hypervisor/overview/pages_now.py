"""Now: the situation at a glance, or the first steps; the wall; the status bar of every page."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.instance import Mode
from hypervisor.base.translation import mark
from hypervisor.overview import queries, views_bar, views_now, views_rivers, views_start, views_wall
from hypervisor.overview.views_now_words import template_words
from hypervisor.overview.views_start import Start
from hypervisor.web import once, visits
from hypervisor.web.page import Page
from hypervisor.web.panes import draw_panes
from hypervisor.web.rendering import fragment, render, wants_fragment
from hypervisor.web.request import get_settings

router = APIRouter()
PAGE = Page(key="now", title=mark("Now"), address="/now", order=10, shortcut="m")
_ROWS, _MOST, _WALL_ROWS = 6, 7, 5  # what fits 900 px
_LATELY = timedelta(hours=12)


@router.get("/")
def redirect_to_now() -> RedirectResponse:
    return RedirectResponse("/now", status_code=303)


@router.get("/now")
def show_now(context: Context) -> Response:
    """What is getting worse, what to acknowledge, which sensors are blind; at first, what to do."""
    visit = visits.last(context.now(), context.clock())
    start = views_start.load_start(context, get_settings())
    values = _values(context, visit, start)
    if wants_fragment():
        return fragment(context, "now_live.html", **values)

    def make_page(secret: Mapping[str, str]) -> Response:
        words = views_start.template_words(context, get_settings())
        return render(context, "now.html", start=start, secret=secret, **words, **values)

    answer = once.page(context, make_page)
    visits.remember(answer, context.now(), context.clock())
    return answer


@router.get("/now/waiting")
def show_waiting(context: Context) -> Response:
    """Whether the first reading arrived: then the steps change and the page fetches itself."""
    start = views_start.load_start(context, get_settings())
    words = views_start.template_words(context, get_settings())
    if start is not None and start.waits:
        return fragment(context, "start_waiting.html", start=start, **words)
    answer = fragment(context, "start.html", start=start, **words) if start else Response()
    answer.headers["HX-Retarget"] = "#start"
    answer.headers["HX-Reswap"] = "outerHTML"
    answer.headers["HX-Trigger"] = "hypervisor:refresh"
    return answer


def _values(
    context: RequestContext, visit: visits.Visit | None, start: Start | None
) -> dict[str, Any]:
    look = views_now.load_now(context)
    exercise = context.instance.mode is Mode.EXERCISE
    clock = context.now()
    since = visit.since if visit else clock - _LATELY
    wall = visit.wall if visit else context.clock() - _LATELY
    return {
        "look": look,
        "bare": start is not None and start.empty and not look.standing,
        "visit": visit,
        "offers": draw_panes(context, "now-offers"),
        "panes": draw_panes(context, "now"),
        "publishes": context.person.may(Duty.OPERATE),
        "changes": queries.count_changes(context.connection, since=since, wall=wall, now=clock),
        "drawn": [
            views_rivers.draw_sparkline(row, look.readings.get(row.gauge, ()))
            for row in look.worsening
        ],
        "rows": _ROWS,
        "most": _MOST - exercise,  # the exercise banner takes one row
        **template_words(context, look),
    }


@router.get("/wall")
def show_wall(context: Context) -> Response:
    """The wall display of a control room, or its live part."""
    wall = views_wall.build_wall(context)
    values = {
        "wall": wall,
        "look": wall.look,
        "rows": _WALL_ROWS,
        "forced_theme": "dark",
        **template_words(context, wall.look),
    }
    if wants_fragment():
        return fragment(context, "wall_live.html", bar=views_bar.build_bar(context), **values)
    return render(context, "wall.html", **values)


@router.get("/bar")
def show_bar(context: Context) -> HTMLResponse:
    """The parts of the status bar that change."""
    return fragment(context, "parts/bar.html", bar=views_bar.build_bar(context))
