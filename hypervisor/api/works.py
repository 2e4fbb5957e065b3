"""Planned works, during which what is there is not to be trusted: announced, changed, ended."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.exceptions import HTTPException

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.api.matching import IfMatch, expected, tag
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.api.times import text
from hypervisor.api.works_shapes import (
    WorksBody,
    WorksDetailBody,
    WorksEndPost,
    WorksListBody,
    WorksPut,
)
from hypervisor.registry.announcing import Works, announced, ended, listed
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.entries import Inventory
from hypervisor.registry.model import Registry
from hypervisor.registry.revising import Stamp
from hypervisor.store.registry import registered

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
    asked: Asked,
    page: Page,
    *,
    over: Annotated[bool, Query(description="Those that are over, too.")] = False,
) -> WorksListBody:
    """Works under way and to come, at anything that you see."""
    found = [one for one in _all(asked).values() if over or one.state != "over"]
    some, following = page.cut(found, lambda one: (text(one.begins), one.name))
    return WorksListBody(mode=asked.mode, works=[body(one) for one in some], next=following)


@router.get("/{name}", responses=responses(404))
def one(asked: Asked, response: Response, name: Name) -> WorksDetailBody:
    """One of them."""
    return _told(asked, response, _found(asked, name))


@router.put("/{name}", responses=responses(404, 412, 428))
def put(
    asked: Asked, response: Response, name: Name, post: WorksPut, if_match: IfMatch = None
) -> WorksDetailBody:
    """Announce works, or change those whose ETag If-Match says: time, place, reason."""
    places = {"sites": post.sites, "devices": post.devices, "groups": post.groups}
    _require(asked, places)
    _match(asked, name, if_match)
    begins = post.begins or asked.now().replace(microsecond=0)
    _write(asked, name, post.reason, lambda _: announced(name, begins, post.ends, places))
    return _told(asked, response, _found(asked, name))


@router.post("/{name}/end", responses=responses(404, 412, 428))
def end(
    asked: Asked, response: Response, name: Name, post: WorksEndPost, if_match: IfMatch = None
) -> WorksDetailBody:
    """Say that they are over; those not begun yet are called off, and answered as they were."""
    before = _found(asked, name)
    _require(asked, before.subjects)
    _match(asked, name, if_match)
    at = post.at or asked.now().replace(microsecond=0)
    _write(asked, name, post.reason, lambda known: ended(known, name, at))
    return _told(asked, response, _all(asked).get(name, before))


def _all(asked: Access) -> Mapping[str, Works]:
    return {
        one.name: one
        for one in listed(registered.revisions(asked.connection, "works"), asked.now())
    }


def _found(asked: Access, name: str) -> Works:
    found = _all(asked).get(name)
    if found is None:
        raise NotFoundError(f"no works are called {name!r}")
    return found


def _require(asked: Access, places: Mapping[str, Iterable[str]]) -> None:
    """Every place of the works is one that the person administers."""
    for kind, before in (("sites", ""), ("devices", "device/"), ("groups", "group/")):
        for each in places.get(kind, ()):
            asked.require(Duty.ADMINISTER, subject=f"{before}{each}")


def _match(asked: Access, name: str, if_match: str | None) -> None:
    """Whoever changes works has seen them as they stand.

    Raises:
        HTTPException: 412, they were changed meanwhile, or are none that the person sees.
    """
    known = _all(asked).get(name)
    mark = expected(if_match, known=known is not None, what=f"works {name!r}")
    if mark is not None and (known is None or mark not in {"*", _mark(known)}):
        raise HTTPException(
            HTTPStatus.PRECONDITION_FAILED,
            f"works {name!r} were changed meanwhile: read them again and compare",
        )


def _write(asked: Access, name: str, reason: str, made: Callable[[Registry], Inventory]) -> None:
    def steps(known: Registry) -> list[Inventory]:
        theirs = {one.name: one for one in listed(known.revisions, None)}.get(name)
        if theirs is not None:  # also where only others see them, whose places are not told
            try:
                _require(asked, theirs.subjects)
            except NotFoundError as error:
                said = f"works {name!r} are of another territory: choose another name"
                raise NotFoundError(said) from error
        return [made(known)]

    with asked.writing() as connection:
        apply_steps(
            connection,
            steps,
            stamp=Stamp(author=asked.person.name, reason=reason, now=asked.now()),
            act=Act(kind="works", subject=name),
        )
    asked.connection.rollback()  # what is read next is what was written


def _mark(one: Works) -> str:
    said = repr((text(one.begins), text(one.ends), sorted(one.subjects.items()), one.reason))
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


def _told(asked: Access, response: Response, found: Works) -> WorksDetailBody:
    tag(response, _mark(found))
    return WorksDetailBody(mode=asked.mode, works=body(found))


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
