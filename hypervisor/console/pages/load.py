"""The operators' load after EEMUA 191: what was raised, how fast it was answered, what to mend."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from hypervisor.api.access import Asked
from hypervisor.console.page import Page
from hypervisor.console.pages.log import local
from hypervisor.console.reader import reading
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import load as view
from hypervisor.console.views import load_chart
from hypervisor.console.words import mark

router = APIRouter()
PAGE = Page(key="load", title=mark("Load"), address="/load", order=41, shortcut="l")


@router.get("/load")
def load(
    asked: Asked,
    request: Request,
    *,
    span: str = view.USUAL,
    until: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """A day or a week of it."""
    chosen = span if span in view.SPANS else view.USUAL
    ends = local(until, asked)
    reader = reader_of(asked, request)
    with reading(reader):
        found = view.sheet(asked, span=chosen, until=ends)
    answer = fragment if wants_fragment(request) else render
    return answer(
        asked,
        "load.html#main" if wants_fragment(request) else "load.html",
        sheet=found,
        chart=load_chart.drawn(found, reader.zone) if found else None,
        geometry=load_chart,
        chosen=chosen,
        spans=view.SPANS,
        shifted=ends is not None,
        AVERAGE=view.AVERAGE,
        PEAK=view.PEAK,
    )
