"""The wall: Now for a big display, without a hand on it."""

from fastapi import APIRouter, Response

from hypervisor.access.context import Context
from hypervisor.overview import bar, views_now_words, views_wall
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, render, wants_fragment

router = APIRouter()
PAGE: Page | None = None
_ROWS = 5


@router.get("/wall")
def show(context: Context) -> Response:
    """All at once, from afar."""
    wall = views_wall.gather(context)
    shown = {
        "wall": wall,
        "look": wall.look,
        "rows": _ROWS,
        "forced_theme": "dark",
        **views_now_words.words(context, wall.look),
    }
    if wants_fragment():
        return fragment(context, "wall_live.html", bar=bar.look(context), **shown)
    return render(context, "wall.html", **shown)
