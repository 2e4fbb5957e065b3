"""Now: the first thirty seconds of a shift."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from hypervisor.api.access import Access, Asked
from hypervisor.console import visits
from hypervisor.console.page import Page
from hypervisor.console.rendering import fragment, render, wants_fragment
from hypervisor.console.views import now as view
from hypervisor.console.views import now_words, worsening
from hypervisor.console.words import mark
from hypervisor.instance import Mode
from hypervisor.store.pages import now as store

router = APIRouter()
PAGE = Page(key="now", title=mark("Now"), address="/now", order=10, shortcut="m")
_ROWS, _MOST = 6, 7  # what fits 900 px
_LATELY = timedelta(hours=12)


@router.get("/")
def root() -> RedirectResponse:
    return RedirectResponse("/now", status_code=303)


@router.get("/now")
def now(asked: Asked) -> Response:
    """What worsens, what waits, what is blind."""
    visit = visits.last(asked.now(), asked.clock())
    if wants_fragment():
        return fragment(asked, "now_live.html", **_shown(asked, visit))
    answer = render(asked, "now.html", **_shown(asked, visit))
    visits.remember(answer, asked.now(), asked.clock())
    return answer


def _shown(asked: Access, visit: visits.Visit | None) -> dict[str, Any]:
    look = view.look(asked)
    exercise = asked.instance.mode is Mode.EXERCISE
    clock, wall = asked.now(), asked.clock()
    since = visit.since if visit else clock - _LATELY
    return {
        "look": look,
        "visit": visit,
        "changes": store.changes(
            asked.connection,
            since=since,
            wall=visit.wall if visit else wall - _LATELY,
            now=clock,
        ),
        "drawn": [
            worsening.sparkline(one, view.since(look, one.gauge, clock)) for one in look.worsening
        ],
        "rows": _ROWS,
        "most": _MOST - exercise,  # its banner takes the room of one
        **now_words.words(asked, look),
    }
