"""The audit: who did what to the instance, when and why. Append-only."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from hypervisor.access.context import Context
from hypervisor.accounts.schemas import AuditBody, AuditDetailBody, AuditsBody
from hypervisor.base.errors import NotFoundError
from hypervisor.database import audit
from hypervisor.web.budget import ROWS_OF_SPAN, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.times import Instant

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("", responses=responses())
@costs(ROWS_OF_SPAN)
def list_acts(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    *,
    since: Annotated[
        Instant | None, Query(alias="from", description="By the wall's clock.")
    ] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Exclusive.")] = None,
    kind: Annotated[str | None, Query(examples=["invalidate"])] = None,
    subject: Annotated[str | None, Query(examples=["yvette-gif/level"])] = None,
    author: Annotated[str | None, Query(examples=["a.martin"])] = None,
) -> AuditsBody:
    """What people did, the latest first: of what you see."""
    key = page.after(int)
    rows = audit.list_latest(
        context.connection,
        since=since,
        until=until,
        kind=kind,
        subject=subject,
        author=author,
        before=key[0] if key else None,
        limit=page.limit + 1,
    )
    some, following = page.take(rows, lambda row: (row.id,))
    return AuditsBody(
        mode=context.mode, acts=[AuditBody.model_validate(act) for act in some], next=following
    )


@router.get("/{number}", responses=responses(404))
def get_act(
    context: Context, number: Annotated[int, Path(ge=1, le=2**63 - 1, examples=[12])]
) -> AuditDetailBody:
    """One act, and the one that took it back."""
    act = audit.get_act(context.connection, number)
    if act is None:
        raise NotFoundError("no act has the number {number}", number)
    undone_by = audit.find_undoing(context.connection, number)
    body = AuditBody.model_validate(act).model_copy(update={"undone_by": undone_by})
    return AuditDetailBody(mode=context.mode, act=body)
