"""The status bar of every page: alarms by priority, system health, alarm load, clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypervisor.access.context import RequestContext
from hypervisor.alarms.load import FLOOD_BEGINS
from hypervisor.base.instance import Mode
from hypervisor.evaluation import queries_setbacks
from hypervisor.exercises import views as exercise_views
from hypervisor.exercises.banner import ExerciseStatus, get_status
from hypervisor.overview import queries_bar

EARLY = timedelta(seconds=1)  # a player's clock starts this much before its run
LATE = timedelta(seconds=30)  # a healthy process reports every few seconds


@dataclass(frozen=True, kw_only=True)
class Bar:
    """`tally`: priority -> (to acknowledge, active). `load`: alarms raised in ten minutes.

    `set_aside`: rules and sites whose evaluation failed.
    """

    tally: dict[int, tuple[int, int]]
    unacknowledged: int
    healthy: bool
    per_minute: int
    delay: timedelta | None
    load: int
    load_mark: int
    wall: datetime
    clock: datetime
    exercise_words: str
    set_aside: int

    @property
    def flooded(self) -> bool:
        return self.load > self.load_mark


def build_bar(context: RequestContext) -> Bar:
    """Read the figures of the bar."""
    wall = context.clock()
    seen = queries_bar.read_glance(context.connection, now=context.now(), wall=wall)
    delay = None if seen.judged_to is None else max(context.now() - seen.judged_to, timedelta(0))
    live = context.instance.mode is Mode.LIVE
    late = live and (delay is None or delay > LATE or not seen.workers_heard)
    run = None if live else get_status(context.connection)
    set_aside = queries_setbacks.count(context.connection)
    return Bar(
        tally=seen.tally,
        unacknowledged=sum(count for count, _ in seen.tally.values()),
        healthy=not late and seen.workers > 0 and not set_aside,
        per_minute=seen.readings_per_minute,
        delay=delay,
        load=seen.raised_lately,
        load_mark=FLOOD_BEGINS,
        wall=wall,
        clock=_clock(context.now(), run),
        exercise_words="" if live else exercise_views.format_banner(context, run),
        set_aside=set_aside,
    )


def _clock(now: datetime, run: ExerciseStatus | None) -> datetime:
    """The clock that is shown: of a run that waits at its beginning, the beginning."""
    if run is not None and timedelta(0) < run.begins - now <= EARLY:
        return run.begins
    return now
