"""The search: a page of results, and the same as suggestions below the box of every page."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.reader import reading
from hypervisor.overview import search
from hypervisor.web.page import Page
from hypervisor.web.rendering import fragment, reader_of, render, wants_fragment

router = APIRouter()
PAGE: Page | None = None


@router.get("/search")
def show_results(
    context: Context,
    request: Request,
    q: Annotated[str, Query(max_length=search.LONGEST)] = "",
) -> Response:
    """What the words are about, by kind; without scripts a page of its own."""
    with reading(reader_of(context)):
        groups = search.search(context, q, _list_pages(context, request))
    template = "search_hits.html" if wants_fragment() else "search.html"
    show = fragment if wants_fragment() else render
    return show(context, template, groups=groups, searched=q)


def _list_pages(context: RequestContext, request: Request) -> list[Page]:
    """Those of the person's rail, which the application knows."""
    shell: dict[str, Any] = request.app.state.shell(context)
    return [link.page for link in shell["rail"]]
