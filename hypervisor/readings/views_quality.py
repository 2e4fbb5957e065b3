"""The data quality page: devices that need attention, gaps, and how readings come in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypervisor.access.context import RequestContext
from hypervisor.base.instance import Mode
from hypervisor.base.translation import mark, translate
from hypervisor.database import gaps as ledger
from hypervisor.database.gaps import Gap
from hypervisor.database.progress import Progress, get_progress
from hypervisor.readings import device_health, queries_workers
from hypervisor.readings.device_health import ISSUES, Health, Issue, Recovery
from hypervisor.readings.impact import Dependencies, Impact
from hypervisor.readings.queries_workers import Arrivals, Worker
from hypervisor.registry import queries_devices

SHOWN = 25  # devices at first
DAY = timedelta(days=1)
_SPAN, _STEP = timedelta(hours=3), timedelta(minutes=5)
_MINUTE = timedelta(minutes=1)
_GAPS = 5
_GAP_SPAN = timedelta(days=30)
_FOLDED = 3
_MOSTLY_SUSPECT = 0.5  # of its readings
_LATE = timedelta(seconds=30)  # a healthy worker has a heartbeat every few seconds
WIDTH, HEIGHT = 344, 104  # of the chart
LEFT, RIGHT, TOP, BOTTOM = 4, 304, 10, 82

_CAUSES = {
    "broker-killed": mark("The broker crashed before saving its queue."),
    "machine-died": mark("The machine went down before the broker saved its queue."),
    "session-lost": mark("The broker lost ingest's queue."),
    "broker-dropped": mark("The broker's queue was full."),
    "not-listening": mark("Ingest was down or behind; the broker kept the messages."),
}


def explain_cause(cause: str) -> str:
    """What a gap's cause means."""
    return translate(_CAUSES[cause])


@dataclass(frozen=True, kw_only=True)
class DeviceIssues:
    """A device with issues, and its impact; `others` of its group have the same issues."""

    health: Health
    impact: Impact
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.health.device.name, *self.others)

    @property
    def unusable(self) -> bool:
        """Whether its readings are missing or mostly suspect: not so for a low battery alone."""
        share = self.health.suspect_share or 0
        return "silent" in self.health.issues or share >= _MOSTLY_SUSPECT


@dataclass(frozen=True, kw_only=True)
class DeviceSummary:
    """The devices with an issue, the highest impact first; `excused` apart."""

    total: int
    count: int
    counts: Mapping[Issue, int]
    affected: Sequence[DeviceIssues]
    excused: Sequence[DeviceIssues]
    assets_without_gauge: int


@dataclass(frozen=True, kw_only=True)
class GapRow:
    """A gap, and what came in since; None in an exercise."""

    gap: Gap
    refill: Recovery | None


@dataclass(frozen=True, kw_only=True)
class IngestSummary:
    """How readings come in: rates a minute, delays in s; None: nothing arrived lately."""

    now: datetime
    since: datetime
    arrivals: Sequence[Arrivals]
    per_minute: float | None
    median_s: float | None
    most_s: float | None
    workers: Sequence[Worker]
    gaps: Sequence[Gap]
    progress: Progress
    live: bool

    def is_late(self, worker: Worker) -> bool:
        """Whether a worker's heartbeat is overdue; never in an exercise."""
        heard = worker.heartbeat_at
        return self.live and (heard is None or self.now - heard >= _LATE)


def summarize_devices(context: RequestContext, *, domain: str | None = None) -> DeviceSummary:
    """The health of all devices."""
    now = context.now()
    devices = queries_devices.list_devices(context.connection, now)
    series = queries_devices.list_series(context.connection, now)
    healths = [
        health
        for health in device_health.assess_devices(
            context.connection, context.catalogue, devices, now=now, every=series
        )
        if health.excused != "retired"
    ]
    well = frozenset(
        health.device.name for health in healths if not health.issues and health.excused is None
    )
    dependencies = Dependencies.read(context.connection, devices, series, now)
    rows = sorted(
        (
            DeviceIssues(health=health, impact=dependencies.assess(health.device, well=well))
            for health in healths
            if health.issues and domain in {None, health.device.domain}
        ),
        key=_urgency_key,
    )
    affected = [row for row in rows if row.health.excused is None]
    assets = {title for row in affected if row.unusable for title in row.impact.assets}
    return DeviceSummary(
        total=len(healths),
        count=len(affected),
        counts=Counter(issue for row in affected for issue in row.health.issues),
        affected=_fold_groups(affected),
        excused=_fold_groups([row for row in rows if row.health.excused is not None]),
        assets_without_gauge=len(assets),
    )


def _fold_groups(rows: Sequence[DeviceIssues]) -> list[DeviceIssues]:
    """Three or more of a group with the same issues as one row, such as the lamps of a street."""
    alike: dict[tuple[object, ...], list[DeviceIssues]] = {}
    for row in rows:
        device = row.health.device
        key = (device.site, device.groups, row.health.issues) if device.groups else (device.name,)
        alike.setdefault(key, []).append(row)
    folded = {
        same[0].health.device.name: replace(
            same[0], others=tuple(sorted(other.health.device.name for other in same[1:]))
        )
        for same in alike.values()
        if len(same) >= _FOLDED
    }
    hidden = {name for row in folded.values() for name in row.others}
    return [
        folded.get(row.health.device.name, row)
        for row in rows
        if row.health.device.name not in hidden
    ]


def _urgency_key(row: DeviceIssues) -> tuple[object, ...]:
    """Unusable devices first, then by impact, by issue, and the longest silent first."""
    silent = row.health.silent_for
    return (
        not row.unusable,
        *(-part for part in row.impact.weight),
        min(ISSUES.index(issue) for issue in row.health.issues),
        -(silent.total_seconds() if silent is not None else 1e12),
        row.health.device.name,
    )


def summarize_ingest(context: RequestContext) -> IngestSummary:
    """The last three hours of ingest."""
    now = context.now()
    arrivals = queries_workers.list_arrivals(
        context.connection, since=now - _SPAN, until=now, step=_STEP
    )
    latest = [each for each in arrivals if each.at >= now - 3 * _STEP]
    minutes = 3 * _STEP / _MINUTE
    return IngestSummary(
        now=now,
        since=now - _SPAN,
        arrivals=arrivals,
        per_minute=sum(each.readings for each in latest) / minutes if latest else None,
        median_s=max((each.median_s for each in latest), default=None),
        most_s=max((each.most_s for each in latest), default=None),
        workers=[
            worker
            for worker in queries_workers.list_workers(context.connection)
            if worker.drained_at is None
        ],
        gaps=ledger.latest(context.connection, limit=_GAPS, since=now - _SPAN),
        progress=get_progress(context.connection),
        live=context.instance.mode is Mode.LIVE,
    )


def list_gaps(context: RequestContext) -> list[GapRow]:
    """The latest gaps, live with the devices due in each."""
    latest = ledger.latest(context.connection, limit=_GAPS, since=context.now() - _GAP_SPAN)
    if context.instance.mode is not Mode.LIVE:
        return [GapRow(gap=gap, refill=None) for gap in latest]
    came = device_health.assess_recovery(context.connection, context.catalogue, latest)
    return [GapRow(gap=gap, refill=refill) for gap, refill in zip(latest, came, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Paths in units of the view box. `most`: readings a minute at the top line."""

    bars: str
    gaps: Sequence[tuple[float, float]]
    hours: Sequence[tuple[float, datetime]]
    most: float
    level: float


def draw_arrivals(ingest: IngestSummary, zone: ZoneInfo) -> Drawing:
    """What arrived in each five minutes; now is at the right edge."""
    minutes = _STEP / _MINUTE
    most = max((arrival.readings for arrival in ingest.arrivals), default=0) / minutes

    def x(at: datetime) -> float:
        return round(LEFT + (at - ingest.since) / _SPAN * (RIGHT - LEFT), 1)

    def y(rate: float) -> float:
        return round(BOTTOM - (rate / most if most else 0) * (BOTTOM - TOP), 1)

    wide = max((RIGHT - LEFT) * (_STEP / _SPAN) - 1, 1)
    first = ingest.since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    hours = (first + timedelta(hours=step) for step in range(1, 5))
    return Drawing(
        bars="".join(
            f"M{x(arrival.at):.1f} {BOTTOM}V{y(arrival.readings / minutes):.1f}"
            f"h{wide:.1f}V{BOTTOM}Z"
            for arrival in ingest.arrivals
        ),
        gaps=[
            (x(begins), max(1.0, x(ends) - x(begins)))
            for gap in ingest.gaps
            if (begins := max(gap.begins, ingest.since)) < (ends := min(gap.ends, ingest.now))
        ],
        hours=[(x(at), at) for at in hours if at <= ingest.now],
        most=most,
        level=y(most),
    )
