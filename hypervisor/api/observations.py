"""What people do to readings: observe with their own eyes, invalidate, take either back."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.api.dead_letters import settings_of
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.api.reading_shapes import (
    InvalidationPost,
    ObservationPost,
    ReadingActBody,
    UndoPost,
)
from hypervisor.hands import acting
from hypervisor.hands.acting import UNDONE_KINDS, Done, Said, Told
from hypervisor.registry.model import Series
from hypervisor.store import audit
from hypervisor.store.registry import registry

router = APIRouter(tags=["readings"])


@router.post("/series/{device}/{quantity}/observations", status_code=201, responses=responses(404))
def observe(
    asked: Asked, request: Request, device: str, quantity: str, body: ObservationPost
) -> ReadingActBody:
    """Store what a person saw, marked `manual`. It is no sign of life of the device."""
    _series(asked, device, quantity)
    told = Told(
        series=f"{device}/{quantity}",
        value=body.value,
        unit=body.unit,
        time=body.time,
        force=body.force,
    )
    with asked.writing() as connection:
        seen = acting.checked(registry.load(connection), asked.catalogue, told)
        done = acting.observe(
            connection,
            seen,
            _said(asked, body.reason),
            ahead=timedelta(seconds=settings_of(request).ahead_seconds),
        )
    return _told(asked, done)


@router.post("/series/{device}/{quantity}/invalidations", status_code=201, responses=responses(404))
def invalidate(asked: Asked, device: str, quantity: str, body: InvalidationPost) -> ReadingActBody:
    """Let no condition believe the readings of a span; what was judged by them is judged anew."""
    series = _series(asked, device, quantity)
    with asked.writing() as connection:
        done = acting.invalidate(
            connection, series, body.first, body.last, _said(asked, body.reason)
        )
    return _told(asked, done)


@router.post("/readings/acts/{number}/undo", status_code=201, responses=responses(404))
def undo(
    asked: Asked,
    number: Annotated[int, Path(ge=1, le=2**63 - 1, examples=[12])],
    body: UndoPost,
) -> ReadingActBody:
    """Take an observation or invalidation back: what it replaced stands again."""
    act = audit.one(asked.connection, number)
    if act is None or act.kind not in UNDONE_KINDS:
        raise NotFoundError(f"no act {number} on readings; the audit lists them")
    asked.require(Duty.OPERATE, subject=f"device/{act.subject.partition('/')[0]}")
    with asked.writing() as connection:
        done = acting.undo(connection, registry.load(connection), number, _said(asked, body.reason))
    return _told(asked, done)


def _series(asked: Access, device: str, quantity: str) -> Series:
    """One that the person sees and may act on."""
    asked.require(Duty.OPERATE, subject=f"device/{device}")
    found = registry.load(asked.connection).series.get((device, quantity))
    if found is None:
        raise NotFoundError(f"device {device!r} has no series {quantity!r}")
    return found


def _said(asked: Access, reason: str) -> Said:
    return Said(reason=reason, author=asked.person.name)


def _told(asked: Access, done: Done) -> ReadingActBody:
    return ReadingActBody(mode=asked.mode, act=done.number, rows=done.rows, skipped=done.skipped)
