"""Figures of the status bar: alarms, how far the evaluation is behind, the exercise's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.alarms.load import FLOOD_BEGINS
from hypervisor.base.instance import Mode
from hypervisor.database.instance import watermark
from hypervisor.database.progress import LATE, get_progress
from hypervisor.evaluation import queries_setbacks
from hypervisor.exercises import views as exercise_views
from hypervisor.exercises.model import Run
from hypervisor.exercises.queries_runs import get_latest_run
from hypervisor.overview import queries
from hypervisor.overview.queries import Glance

_EARLY = timedelta(seconds=1)  # a player's clock starts this much before its run


@dataclass(frozen=True, kw_only=True)
class Bar:
    """`load_mark`: alarms in ten minutes that make a flood of alarms.

    `clock`: None in an exercise in which no scenario has begun.
    `set_aside`: rules and sites whose evaluation failed. `late`: so are alarms.
    """

    glance: Glance
    healthy: bool
    delay: timedelta | None
    load_mark: int
    wall: datetime
    clock: datetime | None
    exercise_words: str
    set_aside: int
    late: bool

    @property
    def flooded(self) -> bool:
        return self.glance.raised_lately > self.load_mark

    @property
    def unacknowledged(self) -> int:
        return sum(count for count, _active in self.glance.tally.values())


def build_bar(context: RequestContext) -> Bar:
    """Read the figures of the bar."""
    now, wall = context.now(), context.clock()
    seen = queries.read_glance(context.connection, now=now, wall=wall)
    live = context.instance.mode is Mode.LIVE
    lag = get_progress(context.connection).lag(now, live=live)
    delay = lag if live else measure_delay(seen, now=now)
    late = lag is not None and lag > LATE
    unheard = live and (lag is None or not seen.workers_heard)
    run = None if live else get_latest_run(context.connection)
    set_aside = queries_setbacks.count(context.connection)
    return Bar(
        glance=seen,
        healthy=not late and not unheard and seen.workers > 0 and not set_aside,
        delay=delay,
        load_mark=FLOOD_BEGINS,
        wall=wall,
        clock=now if live else _scenario_clock(context, run),
        exercise_words="" if live else exercise_views.format_banner(context, run),
        set_aside=set_aside,
        late=late,
    )


def measure_delay(seen: Glance, *, now: datetime) -> timedelta | None:
    """How far an exercise's evaluation is behind what its player has sent."""
    if seen.evaluated_to is None:
        return None
    ahead = now if seen.heard_to is None else max(now, seen.heard_to)
    return max(ahead - seen.evaluated_to, timedelta(0))


def _scenario_clock(context: RequestContext, run: Run | None) -> datetime | None:
    """What an exercise's clock shows. Of a run that waits at its beginning: the beginning."""
    stands = watermark(context.connection)
    if stands is None:
        return run.begins if run else None
    return run.begins if run and timedelta(0) < run.begins - stands <= _EARLY else stands
