"""The operators' load after EEMUA 191: rates, time to acknowledge, rules to improve."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from hypervisor.access.context import Context
from hypervisor.alarms import views_load as view
from hypervisor.alarms import views_load_chart
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
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
    answer = fragment if wants_fragment(request) else render
    return answer(
        context,
        "load.html#main" if wants_fragment(request) else "load.html",
        sheet=sheet,
        chart=views_load_chart.draw_load(sheet, reader.zone) if sheet else None,
        geometry=views_load_chart,
        chosen=chosen,
        spans=view.SPANS,
        shifted=ends is not None,
        AVERAGE=view.AVERAGE,
        PEAK=view.PEAK,
    )
