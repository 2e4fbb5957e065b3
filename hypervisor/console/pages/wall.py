"""The wall: Now for a big display, without a hand on it."""

from fastapi import APIRouter, Response

from hypervisor.api.access import Asked
from hypervisor.console import bar
from hypervisor.console.page import Page
from hypervisor.console.rendering import fragment, render, wants_fragment
from hypervisor.console.views import now_words, wall

router = APIRouter()
PAGE: Page | None = None
_ROWS = 5


@router.get("/wall")
def show(asked: Asked) -> Response:
    """All at once, from afar."""
    found = wall.gather(asked)
    shown = {
        "wall": found,
        "look": found.look,
        "rows": _ROWS,
        "forced_theme": "dark",
        **now_words.words(asked, found.look),
    }
    if wants_fragment():
        return fragment(asked, "wall_live.html", bar=bar.look(asked), **shown)
    return render(asked, "wall.html", **shown)
