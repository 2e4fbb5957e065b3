"""Routes of planned works: list, announce, change, end."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.inventory import Inventory
from hypervisor.registry.model import Registry
from hypervisor.registry.revisions import Stamp
from hypervisor.registry.schemas_works import (
    WorksDetailBody,
    WorksEndPost,
    WorksListBody,
    WorksPut,
)
from hypervisor.registry.works import Works, announce_works, end_works, list_works, load_works
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, expected, tag
from hypervisor.web.problems import responses
from hypervisor.web.times import text
from sensors._errors import Message

router = APIRouter(prefix="/works", tags=["works"])
Name = Annotated[
    str,
    Path(
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        examples=["rd446-2024"],
    ),
]


@router.get("", responses=responses())
@costs(ROWS)
def list_works_page(
    context: Context,
    page: Page,
    *,
    over: Annotated[bool, Query(description="Include finished works.")] = False,
) -> WorksListBody:
    """Current and upcoming works at places that you may see."""
    all_works = [works for works in _load_all(context).values() if over or works.state != "over"]
    page_works, following = page.cut(all_works, lambda works: (text(works.begins), works.name))
    return WorksListBody(mode=context.mode, works=page_works, next=following)


@router.get("/{name}", responses=responses(404))
def get_works(context: Context, response: Response, name: Name) -> WorksDetailBody:
    """One window of works."""
    return _answer(context, response, _require_works(context, name))


@router.put("/{name}", responses=responses(404, 412, 428))
def put_works(
    context: Context, response: Response, name: Name, post: WorksPut, if_match: IfMatch = None
) -> WorksDetailBody:
    """Announce works, or change existing ones (If-Match): time, place, reason."""
    places = {"sites": post.sites, "devices": post.devices, "groups": post.groups}
    _require_places(context, places)
    _require_match(context, name, if_match)
    begins = post.begins or context.now().replace(microsecond=0)
    _write(context, name, post.reason, lambda _: announce_works(name, begins, post.ends, places))
    return _answer(context, response, _require_works(context, name))


@router.post("/{name}/end", responses=responses(404, 412, 428))
def end_works_now(
    context: Context, response: Response, name: Name, post: WorksEndPost, if_match: IfMatch = None
) -> WorksDetailBody:
    """End works; those not begun yet are cancelled and returned as they were."""
    before = _require_works(context, name)
    _require_places(context, before.subjects)
    _require_match(context, name, if_match)
    at = post.at or context.now().replace(microsecond=0)
    _write(context, name, post.reason, lambda registry: end_works(registry, name, at))
    return _answer(context, response, _load_all(context).get(name, before))


def _load_all(context: RequestContext) -> Mapping[str, Works]:
    return {works.name: works for works in load_works(context.connection, context.now())}


def _require_works(context: RequestContext, name: str) -> Works:
    works = _load_all(context).get(name)
    if works is None:
        raise NotFoundError("no works are called {name!r}", name)
    return works


def _require_places(context: RequestContext, places: Mapping[str, Iterable[str]]) -> None:
    """The user must administer every place of the works."""
    for kind, prefix in (("sites", ""), ("devices", "device/"), ("groups", "group/")):
        for name in places.get(kind, ()):
            context.require(Duty.ADMINISTER, subject=f"{prefix}{name}")


def _require_match(context: RequestContext, name: str, if_match: str | None) -> None:
    """Refuse a change based on an older version of the works.

    Raises HTTPException: 412, they were changed meanwhile, or the user may not see them.
    """
    works = _load_all(context).get(name)
    etag = expected(if_match, exists=works is not None, what=f"works {name!r}")
    if etag is not None and (works is None or etag not in {"*", _etag(works)}):
        raise HTTPException(
            HTTPStatus.PRECONDITION_FAILED,
            Message("works {name!r} were changed meanwhile: read them again and compare", name),
        )


def _write(
    context: RequestContext, name: str, reason: str, make_inventory: Callable[[Registry], Inventory]
) -> None:
    def steps(registry: Registry) -> list[Inventory]:
        current = {works.name: works for works in list_works(registry.revisions, None)}.get(name)
        if current is not None:  # also if only others may see them: their places are not disclosed
            try:
                _require_places(context, current.subjects)
            except NotFoundError as error:
                refused = Message(
                    "works {name!r} are of another territory: choose another name", name
                )
                raise NotFoundError(refused) from error
        return [make_inventory(registry)]

    with context.writing() as connection:
        apply_steps(
            connection,
            steps,
            stamp=Stamp(author=context.person.name, reason=reason, now=context.now()),
            act=Act(kind="works", subject=name),
        )
    context.connection.rollback()  # the next read sees what was written


def _etag(works: Works) -> str:
    content = repr(
        (text(works.begins), text(works.ends), sorted(works.subjects.items()), works.reason)
    )
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def _answer(context: RequestContext, response: Response, works: Works) -> WorksDetailBody:
    tag(response, _etag(works))
    return WorksDetailBody(mode=context.mode, works=works)
