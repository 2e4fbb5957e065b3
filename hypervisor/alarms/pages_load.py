"""The operators' load after EEMUA 191: rates, time to acknowledge, rules to improve."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from hypervisor.access.context import Context
from hypervisor.alarms import views_load as view
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.readings.calm import assess_period
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.web.times import local

router = APIRouter()
PAGE = Page(key="load", title=mark("Load"), address="/load", order=41, shortcut="l")


@router.get("/load")
def show_load(
    context: Context,
    request: Request,
    *,
    span: str = view.USUAL,
    until: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The load of a day or a week."""
    chosen = span if span in view.SPANS else view.USUAL
    ends = local(until, context)
    reader = reader_of(context, request)
    with reading(reader):
        sheet = view.build_sheet(context, span=chosen, until=ends)
    part = wants_fragment(request)
    return (fragment if part else render)(
        context,
        "load.html#main" if part else "load.html",
        sheet=sheet,
        period=assess_period(context, sheet.ends) if sheet else None,
        chart=view.draw_load(sheet, reader.zone) if sheet else None,
        view=view,
        chosen=chosen,
        shifted=ends is not None,
    )
