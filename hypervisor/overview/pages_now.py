"""Now: the situation at a glance, for the start of a shift."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.instance import Mode
from hypervisor.base.translation import mark
from hypervisor.overview import queries_now as store
from hypervisor.overview import views_now as view
from hypervisor.overview import views_now_words, views_worsening
from hypervisor.web import visits
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, render, wants_fragment

router = APIRouter()
PAGE = Page(key="now", title=mark("Now"), address="/now", order=10, shortcut="m")
_ROWS, _MOST = 6, 7  # what fits 900 px
_LATELY = timedelta(hours=12)


@router.get("/")
def redirect_to_now() -> RedirectResponse:
    return RedirectResponse("/now", status_code=303)


@router.get("/now")
def show_now(context: Context) -> Response:
    """What is getting worse, what to acknowledge, which sensors are blind."""
    visit = visits.last(context.now(), context.clock())
    if wants_fragment():
        return fragment(context, "now_live.html", **_values(context, visit))
    answer = render(context, "now.html", **_values(context, visit))
    visits.remember(answer, context.now(), context.clock())
    return answer


def _values(context: RequestContext, visit: visits.Visit | None) -> dict[str, Any]:
    look = view.load_now(context)
    exercise = context.instance.mode is Mode.EXERCISE
    clock, wall = context.now(), context.clock()
    since = visit.since if visit else clock - _LATELY
    return {
        "look": look,
        "visit": visit,
        "changes": store.count_changes(
            context.connection,
            since=since,
            wall=visit.wall if visit else wall - _LATELY,
            now=clock,
        ),
        "drawn": [
            views_worsening.draw_sparkline(
                worsening, view.list_recent_readings(look, worsening.gauge, clock)
            )
            for worsening in look.worsening
        ],
        "rows": _ROWS,
        "most": _MOST - exercise,  # the exercise banner takes one row
        **views_now_words.template_words(context, look),
    }
