"""What the page of data quality shows: devices to look at, letters refused, how ingest is doing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.base.instance import Mode
from hypervisor.database import gaps as ledger
from hypervisor.database.gaps import Gap
from hypervisor.readings import device_health as health
from hypervisor.readings import queries_latest, queries_quality
from hypervisor.readings import queries_workers as workers
from hypervisor.readings.blinding import Dependencies, Impact
from hypervisor.readings.device_health import ISSUES, Health, Issue
from hypervisor.readings.queries_quality import Arrivals, IngestGap, Refusals
from hypervisor.readings.queries_workers import Tally
from hypervisor.readings.refilling import Recovery, assess_recovery
from hypervisor.registry import queries_devices

SHOWN = 25  # devices at first
SPAN, STEP = timedelta(hours=3), timedelta(minutes=5)
_DEAF, _GAPS = 5, 5
GAP_SPAN = timedelta(days=30)
_FOLDED = 3
_DARK = 0.5  # of its readings suspect
_LATE = timedelta(seconds=30)  # a worker that is well speaks every few seconds


@dataclass(frozen=True, kw_only=True)
class DeviceIssues:
    """A device to look at, and what goes dark without it.

    `others`: those of its group that have the same, for it speaks for all of them.
    """

    health: Health
    blinds: Impact
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.health.device.name, *self.others)


@dataclass(frozen=True, kw_only=True)
class DeviceSummary:
    """The devices with an issue, those that blind most first; `excused` apart."""

    total: int
    ill: int
    counts: Mapping[Issue, int]
    ailing: Sequence[DeviceIssues]
    excused: Sequence[DeviceIssues]
    blind_assets: int


@dataclass(frozen=True, kw_only=True)
class WorkerStatus:
    """An ingest worker. `ok`: it is heard as it should be; in an exercise it always is.

    `done`: since it first joined.
    """

    name: str
    heard_at: datetime | None
    ok: bool
    done: Tally


@dataclass(frozen=True, kw_only=True)
class GapRow:
    """A gap, and what came in since; None in an exercise."""

    gap: Gap
    refill: Recovery | None


@dataclass(frozen=True, kw_only=True)
class IngestSummary:
    """How readings come in. Rates a minute, delays in s; None: nothing came within the span."""

    now: datetime
    since: datetime
    arrivals: Sequence[Arrivals]
    per_minute: float | None
    median_s: float | None
    most_s: float | None
    workers: Sequence[WorkerStatus]
    deaf: Sequence[IngestGap]
    unread: int
    evaluated_to: datetime | None
    live: bool

    @property
    def ok(self) -> bool:
        return bool(self.workers) and all(worker.ok for worker in self.workers)


def summarize_devices(context: RequestContext, *, domain: str | None = None) -> DeviceSummary:
    """Every device looked at once."""
    now = context.now()
    rows = queries_devices.list_devices(context.connection, now)
    healths = health.assess_devices(
        context.connection, context.catalogue, rows, now=now, everything=True
    )
    well = frozenset(
        device.device.name for device in healths if not device.issues and device.excused is None
    )
    ground = Dependencies.read(context.connection, rows, now)
    ill = [
        DeviceIssues(health=device, blinds=ground.blinds(device.device, well=well))
        for device in healths
        if device.issues and domain in {None, device.device.domain} and device.excused != "retired"
    ]
    ill.sort(key=_urgency_key)
    ailing = [row for row in ill if row.health.excused is None]
    dark = {title for row in ailing for title in row.blinds.assets if _is_dark(row.health)}
    return DeviceSummary(
        total=sum(device.excused != "retired" for device in healths),
        ill=len(ailing),
        counts=Counter(issue for row in ailing for issue in row.health.issues),
        ailing=_fold_groups(ailing),
        excused=_fold_groups([row for row in ill if row.health.excused is not None]),
        blind_assets=len(dark),
    )


def _is_dark(device_health: Health) -> bool:
    """Whether it says little that is believed: a low battery darkens nothing yet."""
    return "silent" in device_health.issues or (device_health.suspect_share or 0) >= _DARK


def _fold_groups(ill: Sequence[DeviceIssues]) -> list[DeviceIssues]:
    """The lamps of a dark street as one row: three and more of a group with the same issue."""
    alike: dict[tuple[object, ...], list[DeviceIssues]] = {}
    for ailing in ill:
        device = ailing.health.device
        alike.setdefault((device.site, device.groups, ailing.health.issues), []).append(ailing)
    folded: list[DeviceIssues] = []
    for ailing in ill:
        device = ailing.health.device
        same = alike[device.site, device.groups, ailing.health.issues]
        if not device.groups or len(same) < _FOLDED:
            folded.append(ailing)
        elif same[0] is ailing:
            others = tuple(sorted(other.health.device.name for other in same[1:]))
            folded.append(replace(ailing, others=others))
    return folded


def _urgency_key(ailing: DeviceIssues) -> tuple[object, ...]:
    """What cannot be believed now, by what it blinds; of equals the longest silent first."""
    silent = ailing.health.silent_for
    return (
        not _is_dark(ailing.health),
        *(-part for part in ailing.blinds.weight),
        min(ISSUES.index(issue) for issue in ailing.health.issues),
        -(silent.total_seconds() if silent is not None else 1e12),
        ailing.health.device.name,
    )


def summarize_ingest(context: RequestContext) -> IngestSummary:
    """The last hours of it."""
    now = context.now()
    since = now - SPAN
    live = context.instance.mode is Mode.LIVE
    arrivals_by_step = queries_quality.list_arrivals(
        context.connection, since=since, until=now, step=STEP
    )
    latest = [arrivals for arrivals in arrivals_by_step if arrivals.at >= now - 3 * STEP]
    readings = sum(arrivals.readings for arrivals in latest)
    minutes = 3 * STEP / timedelta(minutes=1)
    progress = queries_latest.get_progress(context.connection)
    return IngestSummary(
        now=now,
        since=since,
        arrivals=arrivals_by_step,
        per_minute=readings / minutes if latest else None,
        median_s=max((arrivals.median_s for arrivals in latest), default=None),
        most_s=max((arrivals.most_s for arrivals in latest), default=None),
        workers=[
            WorkerStatus(
                name=worker.name,
                heard_at=worker.heard_at,
                done=worker.done,
                ok=not live or (worker.heard_at is not None and now - worker.heard_at < _LATE),
            )
            for worker in workers.list_workers(context.connection)
            if worker.drained_at is None
        ],
        deaf=queries_quality.list_ingest_gaps(context.connection, limit=_DEAF),
        unread=progress.unread,
        evaluated_to=progress.evaluated_to,
        live=live,
    )


def list_gaps(context: RequestContext) -> list[GapRow]:
    """The latest gaps, each with the devices due then; an exercise's devices keep its own time."""
    latest_gaps = ledger.latest(context.connection, limit=_GAPS, since=context.now() - GAP_SPAN)
    if context.instance.mode is not Mode.LIVE:
        return [GapRow(gap=gap, refill=None) for gap in latest_gaps]
    came = assess_recovery(context.connection, context.catalogue, latest_gaps)
    return [GapRow(gap=gap, refill=refill) for gap, refill in zip(latest_gaps, came, strict=True)]


def list_refusals(context: RequestContext) -> list[Refusals]:
    """By reason."""
    return queries_quality.list_refusals(
        context.connection, since=context.now() - timedelta(days=1)
    )
