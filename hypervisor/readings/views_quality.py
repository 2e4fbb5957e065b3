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
from hypervisor.readings.blinding import Blinds, Ground
from hypervisor.readings.device_health import ISSUES, Health, Issue
from hypervisor.readings.queries_quality import Arrivals, Deaf, Refusals
from hypervisor.readings.queries_workers import Tally
from hypervisor.readings.refilling import Refill, refills
from hypervisor.registry import queries_devices

SHOWN = 25  # devices at first
SPAN, STEP = timedelta(hours=3), timedelta(minutes=5)
_DEAF, _GAPS = 5, 5
GAP_SPAN = timedelta(days=30)
_FOLDED = 3
_DARK = 0.5  # of its readings suspect
_LATE = timedelta(seconds=30)  # a worker that is well speaks every few seconds


@dataclass(frozen=True, kw_only=True)
class Ailing:
    """A device to look at, and what goes dark without it.

    `others`: those of its group that have the same, for it speaks for all of them.
    """

    health: Health
    blinds: Blinds
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.health.device.name, *self.others)


@dataclass(frozen=True, kw_only=True)
class Devices:
    """The devices with an issue, those that blind most first; `excused` apart."""

    total: int
    ill: int
    counts: Mapping[Issue, int]
    ailing: Sequence[Ailing]
    excused: Sequence[Ailing]
    blind_assets: int


@dataclass(frozen=True, kw_only=True)
class Working:
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
    refill: Refill | None


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """How readings come in. Rates a minute, delays in s; None: nothing came within the span."""

    now: datetime
    since: datetime
    arrivals: Sequence[Arrivals]
    per_minute: float | None
    median_s: float | None
    most_s: float | None
    workers: Sequence[Working]
    deaf: Sequence[Deaf]
    unread: int
    judged_to: datetime | None
    live: bool

    @property
    def ok(self) -> bool:
        return bool(self.workers) and all(worker.ok for worker in self.workers)


def devices(context: RequestContext, *, domain: str | None = None) -> Devices:
    """Every device looked at once."""
    now = context.now()
    every = queries_devices.list_devices(context.connection, now)
    healths = health.look(context.connection, context.catalogue, every, now=now, everything=True)
    well = frozenset(one.device.name for one in healths if not one.issues and one.excused is None)
    ground = Ground.read(context.connection, every, now)
    ill = [
        Ailing(health=one, blinds=ground.blinds(one.device, well=well))
        for one in healths
        if one.issues and domain in {None, one.device.domain} and one.excused != "retired"
    ]
    ill.sort(key=_urgency)
    ailing = [one for one in ill if one.health.excused is None]
    dark = {title for one in ailing for title in one.blinds.assets if _is_dark(one.health)}
    return Devices(
        total=sum(one.excused != "retired" for one in healths),
        ill=len(ailing),
        counts=Counter(issue for one in ailing for issue in one.health.issues),
        ailing=_folded(ailing),
        excused=_folded([one for one in ill if one.health.excused is not None]),
        blind_assets=len(dark),
    )


def _is_dark(one: Health) -> bool:
    """Whether it says little that is believed: a low battery darkens nothing yet."""
    return "silent" in one.issues or (one.suspect_share or 0) >= _DARK


def _folded(ill: Sequence[Ailing]) -> list[Ailing]:
    """The lamps of a dark street as one row: three and more of a group with the same issue."""
    alike: dict[tuple[object, ...], list[Ailing]] = {}
    for one in ill:
        device = one.health.device
        alike.setdefault((device.site, device.groups, one.health.issues), []).append(one)
    folded: list[Ailing] = []
    for one in ill:
        device = one.health.device
        same = alike[device.site, device.groups, one.health.issues]
        if not device.groups or len(same) < _FOLDED:
            folded.append(one)
        elif same[0] is one:
            others = tuple(sorted(each.health.device.name for each in same[1:]))
            folded.append(replace(one, others=others))
    return folded


def _urgency(one: Ailing) -> tuple[object, ...]:
    """What cannot be believed now, by what it blinds; of equals the longest silent first."""
    silent = one.health.silent_for
    return (
        not _is_dark(one.health),
        *(-part for part in one.blinds.weight),
        min(ISSUES.index(issue) for issue in one.health.issues),
        -(silent.total_seconds() if silent is not None else 1e12),
        one.health.device.name,
    )


def ingest(context: RequestContext) -> Ingest:
    """The last hours of it."""
    now = context.now()
    since = now - SPAN
    live = context.instance.mode is Mode.LIVE
    found = queries_quality.arrivals(context.connection, since=since, until=now, step=STEP)
    latest = [arrivals for arrivals in found if arrivals.at >= now - 3 * STEP]
    readings = sum(arrivals.readings for arrivals in latest)
    minutes = 3 * STEP / timedelta(minutes=1)
    progress = queries_latest.progress(context.connection)
    return Ingest(
        now=now,
        since=since,
        arrivals=found,
        per_minute=readings / minutes if latest else None,
        median_s=max((arrivals.median_s for arrivals in latest), default=None),
        most_s=max((arrivals.most_s for arrivals in latest), default=None),
        workers=[
            Working(
                name=worker.name,
                heard_at=worker.heard_at,
                done=worker.done,
                ok=not live or (worker.heard_at is not None and now - worker.heard_at < _LATE),
            )
            for worker in workers.every(context.connection)
            if worker.drained_at is None
        ],
        deaf=queries_quality.deaf(context.connection, limit=_DEAF),
        unread=progress.unread,
        judged_to=progress.judged_to,
        live=live,
    )


def gaps(context: RequestContext) -> list[GapRow]:
    """The latest gaps, each with the devices due then; an exercise's devices keep its own time."""
    found = ledger.latest(context.connection, limit=_GAPS, since=context.now() - GAP_SPAN)
    if context.instance.mode is not Mode.LIVE:
        return [GapRow(gap=gap, refill=None) for gap in found]
    came = refills(context.connection, context.catalogue, found)
    return [GapRow(gap=gap, refill=refill) for gap, refill in zip(found, came, strict=True)]


def letters(context: RequestContext) -> list[Refusals]:
    """By reason."""
    return queries_quality.refusals(context.connection, since=context.now() - timedelta(days=1))
