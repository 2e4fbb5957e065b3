"""What happened, as people noted it: alarms of a backtest are held against it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import HTTPException
from pydantic import AwareDatetime

from hypervisor.accounts.duties import Duty
from hypervisor.accounts.errors import ForbiddenError
from hypervisor.api.access import Access, Asked
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.api.times import text
from hypervisor.api.trial_shapes import NotedBody, PastEventBody, PastEventPost, PastEventsBody
from hypervisor.backtest import noted
from hypervisor.backtest.errors import BacktestError
from hypervisor.store.exercise import noted as store
from hypervisor.store.registry import registry

router = APIRouter(prefix="/past-events", tags=["past events"])


@router.get("", responses=responses(404))
def every(
    asked: Asked,
    page: Page,
    site: Annotated[str | None, Query(description="Those there, and along its river.")] = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> PastEventsBody:
    """Events that were noted and not withdrawn."""
    rivers: list[str] = []
    if site is not None:
        asked.require(Duty.READ, site=site)
        river = registry.river_of(asked.connection, site)
        rivers = [river] if river else []
    found = store.standing(
        asked.connection,
        sites=None if site is None else [site],
        rivers=rivers,
        since=since,
        until=until,
    )
    some, following = page.cut(found, lambda one: (text(one.begins), one.id))
    bodies = [PastEventBody.of(one) for one in some]
    return PastEventsBody(mode=asked.mode, events=bodies, next=following)


@router.post("", status_code=201, responses=responses(403, 404, 422))
def note(asked: Asked, body: PastEventPost) -> NotedBody:
    """Note what happened at a site, or along a river, for backtests to come."""
    allow(asked, body.site)
    if body.quantity not in asked.catalogue.quantities:
        raise HTTPException(422, f"there is no quantity {body.quantity!r}")
    try:
        with asked.writing() as connection:
            number = noted.note(
                connection,
                registry.load(connection),
                site=body.site,
                river=body.river,
                kind=body.kind,
                begins=body.begins,
                ends=body.ends,
                peak=body.peak,
                unit=asked.catalogue.quantities[body.quantity].unit,
                note=body.note,
                author=asked.person.name,
            )
            found = store.one(connection, number)
    except BacktestError as error:
        raise HTTPException(422, str(error)) from error
    assert found is not None  # noqa: S101  noted above
    return NotedBody(mode=asked.mode, event=PastEventBody.of(found))


@router.delete("/{number}", responses=responses(403, 404))
def withdraw(
    asked: Asked,
    number: Annotated[int, Path(ge=1, le=2**62)],
    reason: Annotated[str, Query(min_length=1, max_length=2_000)],
) -> NotedBody:
    """Let a note that was wrong count no more; who, when and why stay in the audit."""
    standing = store.one(asked.connection, number)
    if standing is None:
        raise NotFoundError(f"there is no past event {number}")
    allow(asked, standing.site)
    with asked.writing() as connection:
        found = noted.withdraw(connection, number, author=asked.person.name, reason=reason)
    return NotedBody(mode=asked.mode, event=PastEventBody.of(found))


def allow(asked: Access, site: str | None) -> None:
    """Operators and authors of the site may; of a river those of the whole instance.

    Raises:
        ForbiddenError: neither.
    """
    try:
        asked.require(Duty.OPERATE, site=site)
    except ForbiddenError:
        asked.require(Duty.WRITE_RULES, site=site)
