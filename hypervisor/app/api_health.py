"""GET /api/v1/health: the state of every part of the system."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from fastapi import APIRouter

from hypervisor.access.context import Context
from hypervisor.base.instance import Mode
from hypervisor.database.progress import Progress, get_progress
from hypervisor.evaluation import queries_setbacks
from hypervisor.evaluation.queries_setbacks import SetAside
from hypervisor.evaluation.setbacks import describe_setback
from hypervisor.notifications import queries_deliveries
from hypervisor.readings import queries_workers
from hypervisor.readings.queries_workers import Worker
from hypervisor.web.problems import responses
from hypervisor.web.schemas import HealthBody, SystemPart

router = APIRouter(tags=["health"])

_LATE = timedelta(seconds=30)  # a healthy part reports every few seconds


@router.get("/health", responses=responses())
def health(context: Context) -> HealthBody:
    """Whether every part works: workers by their heartbeat, evaluation by how far it has come."""
    progress = get_progress(context.connection)
    live = context.instance.mode is Mode.LIVE
    now = context.now()
    parts = [
        SystemPart(name="database", ok=True, detail="answers"),
        *_worker_parts(queries_workers.list_workers(context.connection), now, live=live),
        _evaluation_part(progress, now, live=live),
        _notification_part(queries_deliveries.count_by_state(context.connection)),
        *_rules_part(queries_setbacks.listing(context.connection)),
    ]
    return HealthBody(
        mode=context.mode,
        instance=context.instance.name,
        ok=all(part.ok for part in parts),
        clock=now,
        evaluated_to=progress.evaluated_to,
        watermark=progress.watermark,
        unread=progress.unread,
        parts=parts,
    )


def _worker_parts(workers: Iterable[Worker], now: datetime, *, live: bool) -> Iterator[SystemPart]:
    joined = [worker for worker in workers if worker.drained_at is None]
    if not joined:
        yield SystemPart(name="ingest", ok=False, detail="no worker has joined")
    for worker in joined:
        name, heard = f"ingest {worker.name}", worker.heartbeat_at
        if not live:
            yield SystemPart(name=name, ok=True, detail=f"heartbeat at {heard or 'no time yet'}")
        elif heard is None:
            yield SystemPart(name=name, ok=False, detail="no heartbeat yet")
        else:
            yield SystemPart(name=name, ok=now - heard < _LATE, detail=_format_age(now - heard))


def _evaluation_part(progress: Progress, now: datetime, *, live: bool) -> SystemPart:
    if progress.evaluated_to is None:
        return SystemPart(name="watch", ok=not live, detail="nothing evaluated yet")
    if not live:
        return SystemPart(name="watch", ok=True, detail=f"engine {progress.engine}")
    behind = now - progress.evaluated_to
    waiting = f", {progress.unread} batches wait" if progress.unread else ""
    detail = f"last evaluated {_format_age(behind)}{waiting}"
    return SystemPart(name="watch", ok=behind < _LATE, detail=detail)


def _notification_part(counts: Mapping[str, int]) -> SystemPart:
    """Not ok if a delivery was given up: somebody was not notified."""
    dead, waiting = counts["dead"], counts["waiting"]
    return SystemPart(name="notifications", ok=not dead, detail=f"{waiting} wait, {dead} given up")


def _rules_part(aside: Sequence[SetAside]) -> Iterator[SystemPart]:
    """The rules that cannot be evaluated, if any; the first by name."""
    if aside:
        first = describe_setback((aside[0].rule, aside[0].subject))
        detail = f"{len(aside)} set aside, not evaluated: {first}: {aside[0].problem}"
        yield SystemPart(name="rules", ok=False, detail=detail)


def _format_age(span: timedelta) -> str:
    return f"{max(0, round(span.total_seconds()))} s ago"
