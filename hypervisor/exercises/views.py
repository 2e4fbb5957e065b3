"""What the pages of exercises show: a run on its axis, what is put in, the truth, the debrief."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.exercises import Standing, queries_injects
from hypervisor.exercises.queries_injects import Inject, Skip
from hypervisor.exercises.queries_runs import Run, RunState
from hypervisor.web.filters import NBSP, number

FRESH = timedelta(minutes=30)  # of the scenario, that what reached the room stands in the banner
SPEEDS = (1.0, 10.0, 60.0, 600.0, 3600.0)
JUMPS = (900, 3600, 6 * 3600)  # s of the scenario
STATES: Mapping[str, str] = {
    "preparing": mark("being prepared"),
    "running": mark("running"),
    "paused": mark("paused"),
    "interrupted": mark("interrupted"),
    "finished": mark("over, played to its end"),
    "stopped": mark("stopped before its end"),
    "failed": mark("failed"),
    "reset": mark("of an earlier exercise"),
}
REASONS = (  # of an interruption, as hypervisor.exercises.conductor says them
    mark("whoever played it was killed or lost its database"),
    mark("the conductor was stopped"),
)
KINDS: Mapping[str, str] = {
    "call": mark("Call"),
    "rumour": mark("Rumour"),
    "message": mark("Message"),
    "reading": mark("Reading"),
    "lost-sensor": mark("Lost sensor"),
}
INJECT_STATES: Mapping[str, str] = {
    "planned": mark("planned"),
    "held": mark("held back"),
    "fired": mark("put in"),
    "done": mark("done"),
    "cancelled": mark("cancelled"),
}
OUTCOMES: Mapping[str, str] = {
    "open": mark("still open"),
    "done": mark("done"),
    "partly": mark("partly"),
    "not": mark("not done"),
}
ACTS: Mapping[str, str] = {
    "acknowledge": mark("acknowledged"),
    "unacknowledge": mark("opened again"),
    "assign": mark("assigned"),
    "comment": mark("commented"),
    "shelve": mark("shelved"),
    "unshelve": mark("unshelved"),
    "out-of-service": mark("out of service"),
    "return-to-service": mark("back in service"),
    "close": mark("closed"),
}


@dataclass(frozen=True, kw_only=True)
class Tick:
    """Something on the axis. `at`: per cent of its length; `end`: where it ends, if it lasts."""

    at: float
    kind: str
    words: str
    end: float | None = None


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A run's span. `done`: per cent; `days`: midnights with their names."""

    done: float
    days: Sequence[Tick]
    ticks: Sequence[Tick]
    skips: Sequence[Tick]


def axis(run: Run, injects: Sequence[Inject] = (), skips: Sequence[Skip] = ()) -> Axis:
    """How a run lies in time."""
    return Axis(
        done=share(run, run.clock or run.begins),
        days=_days(run),
        ticks=[
            Tick(
                at=share(run, inject.fired_scenario or inject.planned or run.begins),
                kind=inject.state,
                words=inject.title,
            )
            for inject in injects
            if inject.planned or inject.fired_scenario
        ],
        skips=[
            Tick(at=share(run, skip.from_at), end=share(run, skip.to_at), kind="skip", words="")
            for skip in skips
        ],
    )


def share(run: Run, at: datetime) -> float:
    """Per cent of the run's span."""
    whole = (run.ends - run.begins).total_seconds()
    gone = (at - run.begins).total_seconds()
    return round(min(100.0, max(0.0, 100 * gone / whole)), 2) if whole > 0 else 100.0


def _days(run: Run) -> list[Tick]:
    """Midnights of the instance's zone; of a long run only some."""
    zone = current().zone
    first = run.begins.astimezone(zone)
    at = first.replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[datetime] = []
    while at < run.ends:
        if at >= run.begins:
            found.append(at)
        at = (at + timedelta(days=1)).replace(tzinfo=zone)
    step = max(1, round(len(found) / 7))
    return [Tick(at=share(run, one), kind="day", words=one.isoformat()) for one in found[::step]]


def speed_words(speed: float | None) -> str:
    """The sign of times and a number; as fast as it is stored."""
    return _("as fast as possible") if speed is None else f"\N{MULTIPLICATION SIGN}{plain(speed)}"


def plain(speed: float) -> str:
    """3 600, without needless decimals."""
    return str(number(speed, 0 if speed == round(speed) else 1))


def short(title: str) -> str:
    """A title without what is said in addition."""
    return title.split(" (", maxsplit=1)[0].split(",", maxsplit=1)[0]


def banner_words(context: RequestContext, now: Standing | None) -> str:
    """What the banner of an exercise says between its two words, but that no real alert is sent."""
    parts = [] if now is None else [short(now.name(current().language)), how(now)]
    if now is not None and now.clock is not None:
        parts += _newest(context, now.run, now.clock)
    return f"{NBSP}· ".join(parts or [context.instance.name])


def _newest(context: RequestContext, run: int, clock: datetime) -> list[str]:
    """What reached the room lately: whatever page is looked at, nobody misses a call."""
    told = queries_injects.told(context.connection, run)[:1]
    fresh = [one for one in told if clock - one.scenario_at <= FRESH]
    return [f"{_(KINDS[one.kind])}{_(': ')}{one.title}" for one in fresh]


def how(now: Standing) -> str:
    """At which speed, or why not."""
    if now.state is RunState.RUNNING:
        return _("it jumps ahead") if now.hurrying else f"{_('scenario')} {speed_words(now.speed)}"
    return f"{_('scenario')} {_(STATES[now.state])}"


def told_title(one: Mapping[str, Any]) -> str:
    """The text of something told, in the reader's language where it has one."""
    return str((one.get("fr") if current().language == "fr" else "") or one["text"])


def moment_of(text: str | None) -> datetime | None:
    """A time of a debrief."""
    return None if not text else datetime.fromisoformat(text)


def same(before: Any, one: Mapping[str, Any]) -> bool:
    """Whether two lines are about one event: it is said once."""
    return isinstance(before, Mapping) and (before["what"], before["at"]) == (
        one["what"],
        one["at"],
    )


def words() -> dict[str, Any]:
    """What the templates call things by."""
    return {
        "STATES": STATES,
        "KINDS": KINDS,
        "INJECT_STATES": INJECT_STATES,
        "OUTCOMES": OUTCOMES,
        "ACTS": ACTS,
        "SPEEDS": SPEEDS,
        "JUMPS": JUMPS,
        "speed_words": speed_words,
        "plain": plain,
        "short": short,
        "told_title": told_title,
        "moment_of": moment_of,
        "share": share,
        "same": same,
    }
