"""Page: the list of rules."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.base.duties import Duty
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.evaluation import queries_setbacks
from hypervisor.rulebook import views_list
from hypervisor.rulebook.views_texts import TOOLS
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
def list_rules(
    context: Context, request: Request, q: _Short = "", domain: _Short = ""
) -> HTMLResponse:
    """The list of rules, or its results alone."""
    with reading(reader_of(context)):
        rule_list = views_list.list_rules(context, request, q, domain)
    name = "rules.html#results" if wants_fragment() else "rules.html"
    make = fragment if wants_fragment() else render
    aside = queries_setbacks.listing(context.connection)
    return make(
        context,
        name,
        rule_list=rule_list,
        q=q,
        domain=domain,
        writes=may_write(context),
        set_aside=aside[:_ASIDE_SHOWN],
        **TOOLS,
    )


def may_write(context: RequestContext) -> bool:
    """Whether the user may change rules."""
    try:
        context.require(Duty.WRITE_RULES)
    except ForbiddenError:
        return False
    return True
