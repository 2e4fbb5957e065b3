"""What people do to readings: observe with their own eyes, invalidate, take either back."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.database import audit
from hypervisor.readings import corrections
from hypervisor.readings.api_dead_letters import settings_of
from hypervisor.readings.corrections import UNDONE_KINDS, CorrectionResult, Done, Said
from hypervisor.readings.schemas import InvalidationPost, ObservationPost, ReadingActBody, UndoPost
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.model import Series
from hypervisor.web.problems import responses

router = APIRouter(tags=["readings"])


@router.post("/series/{device}/{quantity}/observations", status_code=201, responses=responses(404))
def observe(
    context: Context, request: Request, device: str, quantity: str, body: ObservationPost
) -> ReadingActBody:
    """Store what a person saw, marked `manual`. It is no sign of life of the device."""
    _series(context, device, quantity)
    told = CorrectionResult(
        series=f"{device}/{quantity}",
        value=body.value,
        unit=body.unit,
        time=body.time,
        force=body.force,
    )
    with context.writing() as connection:
        seen = corrections.checked(registry_queries.load(connection), context.catalogue, told)
        done = corrections.observe(
            connection,
            seen,
            _said(context, body.reason),
            ahead=timedelta(seconds=settings_of(request).ahead_seconds),
        )
    return _told(context, done)


@router.post("/series/{device}/{quantity}/invalidations", status_code=201, responses=responses(404))
def invalidate(
    context: Context, device: str, quantity: str, body: InvalidationPost
) -> ReadingActBody:
    """Let no condition believe the readings of a span; what was judged by them is judged anew."""
    series = _series(context, device, quantity)
    with context.writing() as connection:
        done = corrections.invalidate(
            connection, series, body.first, body.last, _said(context, body.reason)
        )
    return _told(context, done)


@router.post("/readings/acts/{number}/undo", status_code=201, responses=responses(404))
def undo(
    context: Context,
    number: Annotated[int, Path(ge=1, le=2**63 - 1, examples=[12])],
    body: UndoPost,
) -> ReadingActBody:
    """Take an observation or invalidation back: what it replaced stands again."""
    act = audit.get_act(context.connection, number)
    if act is None or act.kind not in UNDONE_KINDS:
        raise NotFoundError(f"no act {number} on readings; the audit lists them")
    context.require(Duty.OPERATE, subject=f"device/{act.subject.partition('/')[0]}")
    with context.writing() as connection:
        done = corrections.undo(
            connection, registry_queries.load(connection), number, _said(context, body.reason)
        )
    return _told(context, done)


def _series(context: RequestContext, device: str, quantity: str) -> Series:
    """One that the person sees and may act on."""
    context.require(Duty.OPERATE, subject=f"device/{device}")
    found = registry_queries.load(context.connection).series.get((device, quantity))
    if found is None:
        raise NotFoundError(f"device {device!r} has no series {quantity!r}")
    return found


def _said(context: RequestContext, reason: str) -> Said:
    return Said(reason=reason, author=context.person.name)


def _told(context: RequestContext, done: Done) -> ReadingActBody:
    return ReadingActBody(mode=context.mode, act=done.number, rows=done.rows, skipped=done.skipped)
