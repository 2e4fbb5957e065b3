"""Rules: the list of them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hypervisor.accounts.duties import Duty
from hypervisor.accounts.errors import ForbiddenError
from hypervisor.api.access import Access, Asked
from hypervisor.console.page import Page
from hypervisor.console.reader import reading
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views.rules_list import listing
from hypervisor.console.views.rules_words import TOOLS
from hypervisor.console.words import mark
from hypervisor.store.watch import setbacks

router = APIRouter()
PAGE = Page(
    key="rules",
    title=mark("Rules"),
    address="/rules",
    order=20,
    shortcut="r",
    also=("/thresholds",),
)

_ASIDE_SHOWN = 100
_Short = Annotated[str, Query(max_length=200)]


@router.get("/rules")
def every(asked: Asked, request: Request, q: _Short = "", domain: _Short = "") -> HTMLResponse:
    """The list."""
    with reading(reader_of(asked)):
        found = listing(asked, request, q, domain)
    name = "rules.html#found" if wants_fragment() else "rules.html"
    make = fragment if wants_fragment() else render
    aside = setbacks.listing(asked.connection)
    return make(
        asked,
        name,
        found=found,
        q=q,
        domain=domain,
        writes=writes(asked),
        set_aside=aside[:_ASIDE_SHOWN],
        **TOOLS,
    )


def writes(asked: Access) -> bool:
    """Whether the person may change rules."""
    try:
        asked.require(Duty.WRITE_RULES)
    except ForbiddenError:
        return False
    return True
