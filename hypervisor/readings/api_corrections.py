"""Routes of corrections: manual readings, invalidation, undo."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.database import audit
from hypervisor.readings import corrections
from hypervisor.readings.corrections import (
    UNDOABLE_KINDS,
    Attribution,
    CorrectionResult,
    ObservationRequest,
)
from hypervisor.readings.schemas import InvalidationPost, ObservationPost, ReadingActBody, UndoPost
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.model import Series
from hypervisor.web.problems import responses
from hypervisor.web.request import get_settings

router = APIRouter(tags=["readings"])


@router.post("/series/{device}/{quantity}/observations", status_code=201, responses=responses(404))
def observe(
    context: Context, request: Request, device: str, quantity: str, body: ObservationPost
) -> ReadingActBody:
    """Store a manual reading, flagged `manual`. It is no sign of life of the device."""
    _require_series(context, device, quantity)
    requested = ObservationRequest(
        series=f"{device}/{quantity}", **body.model_dump(exclude={"reason"})
    )
    attribution = _attribute(context, body.reason)
    ahead = timedelta(seconds=get_settings(request).ahead_seconds)
    with context.writing() as connection:
        seen = corrections.check_observation(
            registry_queries.load(connection), context.catalogue, requested
        )
        done = corrections.observe(connection, seen, attribution, ahead=ahead)
    return _make_body(context, done)


@router.post("/series/{device}/{quantity}/invalidations", status_code=201, responses=responses(404))
def invalidate(
    context: Context, device: str, quantity: str, body: InvalidationPost
) -> ReadingActBody:
    """Exclude the readings of a span from all rules, which are evaluated again without them."""
    series = _require_series(context, device, quantity)
    attribution = _attribute(context, body.reason)
    with context.writing() as connection:
        done = corrections.invalidate(connection, series, body.first, body.last, attribution)
    return _make_body(context, done)


@router.post("/readings/acts/{number}/undo", status_code=201, responses=responses(404))
def undo(
    context: Context,
    number: Annotated[int, Path(ge=1, le=2**63 - 1, examples=[12])],
    body: UndoPost,
) -> ReadingActBody:
    """Undo a manual reading or an invalidation: what it replaced is restored."""
    act = audit.get_act(context.connection, number)
    if act is None or act.kind not in UNDOABLE_KINDS:
        raise NotFoundError("no act {n} on readings; the audit lists them", number)
    context.require(Duty.OPERATE, subject=f"device/{act.subject.partition('/')[0]}")
    attribution = _attribute(context, body.reason)
    with context.writing() as connection:
        registry = registry_queries.load(connection)
        done = corrections.undo(connection, registry, number, attribution)
    return _make_body(context, done)


def _require_series(context: RequestContext, device: str, quantity: str) -> Series:
    """A series that the person sees and may act on."""
    context.require(Duty.OPERATE, subject=f"device/{device}")
    series = registry_queries.load(context.connection).series.get((device, quantity))
    if series is None:
        raise NotFoundError("device {device!r} has no series {quantity!r}", device, quantity)
    return series


def _attribute(context: RequestContext, reason: str) -> Attribution:
    return Attribution(reason=reason, author=context.person.name)


def _make_body(context: RequestContext, done: CorrectionResult) -> ReadingActBody:
    return ReadingActBody(mode=context.mode, act=done.number, rows=done.rows, skipped=done.skipped)
