"""Planned works, during which what is there is not to be trusted: announced, changed, ended."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.exceptions import HTTPException

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.registry import queries_tables
from hypervisor.registry.announcing import Works, announced, ended, listed
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.entries import Inventory
from hypervisor.registry.model import Registry
from hypervisor.registry.revising import Stamp
from hypervisor.registry.schemas_works import (
    WorksBody,
    WorksDetailBody,
    WorksEndPost,
    WorksListBody,
    WorksPut,
)
from hypervisor.web.paging import Page
from hypervisor.web.preconditions import IfMatch, expected, tag
from hypervisor.web.problems import responses
from hypervisor.web.times import text

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
def every(
    context: Context,
    page: Page,
    *,
    over: Annotated[bool, Query(description="Those that are over, too.")] = False,
) -> WorksListBody:
    """Works under way and to come, at anything that you see."""
    every_works = [works for works in _all(context).values() if over or works.state != "over"]
    some, following = page.cut(every_works, lambda one: (text(one.begins), one.name))
    return WorksListBody(mode=context.mode, works=[body(works) for works in some], next=following)


@router.get("/{name}", responses=responses(404))
def one(context: Context, response: Response, name: Name) -> WorksDetailBody:
    """One of them."""
    return _told(context, response, _found(context, name))


@router.put("/{name}", responses=responses(404, 412, 428))
def put(
    context: Context, response: Response, name: Name, post: WorksPut, if_match: IfMatch = None
) -> WorksDetailBody:
    """Announce works, or change those whose ETag If-Match says: time, place, reason."""
    places = {"sites": post.sites, "devices": post.devices, "groups": post.groups}
    _require(context, places)
    _match(context, name, if_match)
    begins = post.begins or context.now().replace(microsecond=0)
    _write(context, name, post.reason, lambda _: announced(name, begins, post.ends, places))
    return _told(context, response, _found(context, name))


@router.post("/{name}/end", responses=responses(404, 412, 428))
def end(
    context: Context, response: Response, name: Name, post: WorksEndPost, if_match: IfMatch = None
) -> WorksDetailBody:
    """Say that they are over; those not begun yet are called off, and answered as they were."""
    before = _found(context, name)
    _require(context, before.subjects)
    _match(context, name, if_match)
    at = post.at or context.now().replace(microsecond=0)
    _write(context, name, post.reason, lambda known: ended(known, name, at))
    return _told(context, response, _all(context).get(name, before))


def _all(context: RequestContext) -> Mapping[str, Works]:
    return {
        works.name: works
        for works in listed(queries_tables.revisions(context.connection, "works"), context.now())
    }


def _found(context: RequestContext, name: str) -> Works:
    found = _all(context).get(name)
    if found is None:
        raise NotFoundError(f"no works are called {name!r}")
    return found


def _require(context: RequestContext, places: Mapping[str, Iterable[str]]) -> None:
    """Every place of the works is one that the person administers."""
    for kind, before in (("sites", ""), ("devices", "device/"), ("groups", "group/")):
        for each in places.get(kind, ()):
            context.require(Duty.ADMINISTER, subject=f"{before}{each}")


def _match(context: RequestContext, name: str, if_match: str | None) -> None:
    """Whoever changes works has seen them as they stand.

    Raises:
        HTTPException: 412, they were changed meanwhile, or are none that the person sees.
    """
    known = _all(context).get(name)
    mark = expected(if_match, known=known is not None, what=f"works {name!r}")
    if mark is not None and (known is None or mark not in {"*", _mark(known)}):
        raise HTTPException(
            HTTPStatus.PRECONDITION_FAILED,
            f"works {name!r} were changed meanwhile: read them again and compare",
        )


def _write(
    context: RequestContext, name: str, reason: str, made: Callable[[Registry], Inventory]
) -> None:
    def steps(known: Registry) -> list[Inventory]:
        theirs = {works.name: works for works in listed(known.revisions, None)}.get(name)
        if theirs is not None:  # also where only others see them, whose places are not told
            try:
                _require(context, theirs.subjects)
            except NotFoundError as error:
                said = f"works {name!r} are of another territory: choose another name"
                raise NotFoundError(said) from error
        return [made(known)]

    with context.writing() as connection:
        apply_steps(
            connection,
            steps,
            stamp=Stamp(author=context.person.name, reason=reason, now=context.now()),
            act=Act(kind="works", subject=name),
        )
    context.connection.rollback()  # what is read next is what was written


def _mark(works: Works) -> str:
    said = repr(
        (text(works.begins), text(works.ends), sorted(works.subjects.items()), works.reason)
    )
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


def _told(context: RequestContext, response: Response, found: Works) -> WorksDetailBody:
    tag(response, _mark(found))
    return WorksDetailBody(mode=context.mode, works=body(found))


def body(one: Works) -> WorksBody:
    return WorksBody(
        name=one.name,
        begins=one.begins,
        ends=one.ends,
        state=one.state,  # type: ignore[arg-type]  # one of these three
        sites=one.subjects.get("sites", []),
        devices=one.subjects.get("devices", []),
        groups=one.subjects.get("groups", []),
        author=one.author,
        reason=one.reason,
    )
