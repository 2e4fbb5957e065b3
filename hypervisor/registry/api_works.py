"""Routes of planned works: list, announce, change, end."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from hypervisor.access.context import Context, RequestContext
from hypervisor.registry import service_works
from hypervisor.registry.schemas_works import (
    WorksDetailBody,
    WorksEndPost,
    WorksListBody,
    WorksPut,
)
from hypervisor.registry.works import NAME, Works
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, read_mark, tag
from hypervisor.web.problems import responses
from hypervisor.web.times import text

router = APIRouter(prefix="/works", tags=["works"])
Name = Annotated[str, Path(max_length=100, pattern=NAME, examples=["rd446-2024"])]


@router.get("", responses=responses())
@costs(ROWS)
def list_works_page(
    context: Context,
    page: Page,
    *,
    over: Annotated[bool, Query(description="Include finished works.")] = False,
) -> WorksListBody:
    """Current and upcoming works at places that you may see."""
    everything = service_works.load_all(context).values()
    all_works = [works for works in everything if over or works.state != "over"]
    page_works, following = page.cut(all_works, lambda works: (text(works.begins), works.name))
    return WorksListBody(mode=context.mode, works=page_works, next=following)


@router.get("/{name}", responses=responses(404))
def get_works(context: Context, response: Response, name: Name) -> WorksDetailBody:
    """One window of works."""
    return _answer(context, response, service_works.find_visible(context, name))


@router.put("/{name}", responses=responses(404, 412, 428))
def put_works(
    context: Context, response: Response, name: Name, post: WorksPut, if_match: IfMatch = None
) -> WorksDetailBody:
    """Announce works, or change existing ones (If-Match): time, place, reason."""
    service_works.store(context, name, post, seen=read_mark(if_match))
    return _answer(context, response, service_works.find_visible(context, name))


@router.post("/{name}/end", responses=responses(404, 412, 428))
def end_works_now(
    context: Context, response: Response, name: Name, post: WorksEndPost, if_match: IfMatch = None
) -> WorksDetailBody:
    """End works; those not begun yet are cancelled and returned as they were."""
    before = service_works.find_visible(context, name)
    service_works.close(context, name, post, seen=read_mark(if_match))
    return _answer(context, response, service_works.load_all(context).get(name, before))


def _answer(context: RequestContext, response: Response, works: Works) -> WorksDetailBody:
    tag(response, service_works.mark_works(works))
    return WorksDetailBody(mode=context.mode, works=works)
