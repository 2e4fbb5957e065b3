"""GET /api/v1/health: how the system itself is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from fastapi import APIRouter

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.instance import Mode
from hypervisor.evaluation import queries_setbacks
from hypervisor.evaluation.queries_setbacks import SetAside
from hypervisor.evaluation.setbacks import describe_setback
from hypervisor.notifications import queries_deliveries
from hypervisor.readings import queries_latest
from hypervisor.readings.queries_latest import Progress
from hypervisor.web.problems import responses
from hypervisor.web.schemas import HealthBody, Part

router = APIRouter(tags=["health"])

_LATE = timedelta(seconds=30)  # a part that is well speaks every few seconds


@router.get("/health", responses=responses())
def health(context: Context) -> HealthBody:
    """Whether every part is at work: workers by their heartbeat, the watch by how far it judged."""
    return look(context)


def look(context: RequestContext) -> HealthBody:
    """The same, for the page."""
    progress = queries_latest.get_progress(context.connection)
    workers = queries_latest.list_workers(context.connection)
    live = context.instance.mode is Mode.LIVE
    now = context.now()
    parts = [
        Part(name="database", ok=True, detail="answers"),
        *_worker_parts(workers, now, live=live),
        _evaluation_part(progress, now, live=live),
        _notification_part(queries_deliveries.count_by_state(context.connection)),
        *_rules_part(queries_setbacks.listing(context.connection)),
    ]
    return HealthBody(
        mode=context.mode,
        instance=context.instance.name,
        ok=all(part.ok for part in parts),
        clock=now,
        judged_to=progress.judged_to,
        heard_to=progress.heard_to,
        unread=progress.unread,
        parts=parts,
    )


def _worker_parts(
    workers: Iterable[tuple[str, datetime | None, bool]], now: datetime, *, live: bool
) -> Iterator[Part]:
    expected = [(name, heard) for name, heard, drained in workers if not drained]
    if not expected:
        yield Part(name="ingest", ok=False, detail="no worker has joined")
    for name, heard in expected:
        if not live:
            yield Part(
                name=f"ingest {name}",
                ok=True,
                detail=f"heard the clock at {heard or 'no time yet'}",
            )
        elif heard is None:
            yield Part(name=f"ingest {name}", ok=False, detail="was never heard")
        else:
            yield Part(
                name=f"ingest {name}", ok=now - heard < _LATE, detail=_format_age(now - heard)
            )


def _evaluation_part(progress: Progress, now: datetime, *, live: bool) -> Part:
    if progress.judged_to is None:
        return Part(name="watch", ok=not live, detail="has judged nothing yet")
    behind = now - progress.judged_to
    waiting = f", {progress.unread} batches wait" if progress.unread else ""
    return Part(
        name="watch",
        ok=not live or behind < _LATE,
        detail=f"judged up to {_format_age(behind)}{waiting}"
        if live
        else f"engine {progress.engine}",
    )


def _notification_part(counts: Mapping[str, int]) -> Part:
    """What was given up: somebody was not told."""
    dead, waiting = counts["dead"], counts["waiting"]
    return Part(name="notifications", ok=not dead, detail=f"{waiting} wait, {dead} given up")


def _rules_part(aside: Sequence[SetAside]) -> Iterator[Part]:
    """What cannot be evaluated, if there is any: the first of it by name."""
    if aside:
        first = describe_setback((aside[0].rule, aside[0].subject))
        detail = f"{len(aside)} set aside, not evaluated: {first}: {aside[0].problem}"
        yield Part(name="rules", ok=False, detail=detail)


def _format_age(span: timedelta) -> str:
    return f"{max(0, round(span.total_seconds()))} s ago"
