"""The wall display: Now for a control room, without interaction."""

from fastapi import APIRouter, Response

from hypervisor.access.context import Context
from hypervisor.overview import views_bar, views_now_words, views_wall
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, render, wants_fragment

router = APIRouter()
PAGE: Page | None = None
_ROWS = 5


@router.get("/wall")
def show_wall(context: Context) -> Response:
    """The wall display, or its live part."""
    wall = views_wall.build_wall(context)
    values = {
        "wall": wall,
        "look": wall.look,
        "rows": _ROWS,
        "forced_theme": "dark",
        **views_now_words.template_words(context, wall.look),
    }
    if wants_fragment():
        return fragment(context, "wall_live.html", bar=views_bar.build_bar(context), **values)
    return render(context, "wall.html", **values)
