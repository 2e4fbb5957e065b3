"""Rules: the list of them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.base.duties import Duty
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.evaluation import queries_setbacks
from hypervisor.rulebook.views_list import listing
from hypervisor.rulebook.views_words import TOOLS
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

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
def every(context: Context, request: Request, q: _Short = "", domain: _Short = "") -> HTMLResponse:
    """The list."""
    with reading(reader_of(context)):
        found = listing(context, request, q, domain)
    name = "rules.html#found" if wants_fragment() else "rules.html"
    make = fragment if wants_fragment() else render
    aside = queries_setbacks.listing(context.connection)
    return make(
        context,
        name,
        found=found,
        q=q,
        domain=domain,
        writes=writes(context),
        set_aside=aside[:_ASIDE_SHOWN],
        **TOOLS,
    )


def writes(context: RequestContext) -> bool:
    """Whether the person may change rules."""
    try:
        context.require(Duty.WRITE_RULES)
    except ForbiddenError:
        return False
    return True
