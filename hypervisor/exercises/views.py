"""Values and texts of the exercise pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.reader import current
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.base.words import title_of_rule
from hypervisor.exercises import queries_injects
from hypervisor.exercises.model import INJECT_KINDS, INJECT_STATES, Inject, Run, RunState, Skip
from hypervisor.interventions import views as order_views
from hypervisor.readings import queries_latest
from hypervisor.web.filters import NBSP, number

FRESH = timedelta(minutes=30)  # scenario time that a message stays in the banner
SPEEDS = (1.0, 10.0, 60.0, 600.0, 3600.0)
REASONS = (  # of an interruption, see hypervisor.exercises.conductor
    mark("the player stopped or lost its database"),
    mark("the player was stopped"),
)
OUTCOMES: Mapping[str, str] = {
    "open": mark("still open"),
    "done": mark("done"),
    "partly": mark("partly"),
    "not": mark("not done"),
}
FAILURES: Mapping[str, str] = {  # of actuators, see simulators._orders
    "stuck": mark("acknowledge and do not move"),
    "refused": mark("refuse"),
    "unanswered": mark("do not answer"),
}
ACTS: Mapping[str, str] = {
    "acknowledge": mark("acknowledged"),
    "unacknowledge": mark("unacknowledged"),
    "assign": mark("assigned"),
    "comment": mark("commented"),
    "shelve": mark("shelved"),
    "unshelve": mark("unshelved"),
    "out-of-service": mark("out of service"),
    "return-to-service": mark("back in service"),
    "close": mark("closed by hand"),
}


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A mark on the axis. `at`, `end`: per cent of its length."""

    at: float
    kind: str
    text: str
    end: float | None = None


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Time axis of a run. `done`: per cent; `days`: midnights."""

    done: float
    days: Sequence[Tick]
    ticks: Sequence[Tick]
    skips: Sequence[Tick]


def draw_axis(run: Run, injects: Sequence[Inject] = (), skips: Sequence[Skip] = ()) -> Axis:
    """The time axis of a run."""
    return Axis(
        done=percent_of_run(run, run.clock or run.begins),
        days=_day_ticks(run),
        ticks=[
            Tick(
                at=percent_of_run(run, inject.fired_scenario or inject.planned or run.begins),
                kind=inject.state,
                text=inject.title,
            )
            for inject in injects
            if inject.planned or inject.fired_scenario
        ],
        skips=[
            Tick(
                at=percent_of_run(run, skip.from_at),
                end=percent_of_run(run, skip.to_at),
                kind="skip",
                text="",
            )
            for skip in skips
        ],
    )


def percent_of_run(run: Run, at: datetime) -> float:
    """Position of a time, per cent of the run."""
    return round(100 * run.share_at(at), 2)


def _day_ticks(run: Run) -> list[Tick]:
    """Midnights in the instance's time zone, at most about seven."""
    zone = current().zone
    first = run.begins.astimezone(zone)
    at = first.replace(hour=0, minute=0, second=0, microsecond=0)
    midnights: list[datetime] = []
    while at < run.ends:
        if at >= run.begins:
            midnights.append(at)
        at = (at + timedelta(days=1)).replace(tzinfo=zone)
    step = max(1, round(len(midnights) / 7))
    return [
        Tick(at=percent_of_run(run, midnight), kind="day", text=midnight.isoformat())
        for midnight in midnights[::step]
    ]


def format_speed(speed: float | None) -> str:
    """A speed factor with its sign, or as fast as possible."""
    return (
        _("as fast as possible")
        if speed is None
        else f"\N{MULTIPLICATION SIGN}{format_number(speed)}"
    )


def format_number(speed: float) -> str:
    """A speed without needless decimals."""
    return str(number(speed, 0 if speed == round(speed) else 1))


def short_title(title: str) -> str:
    """A title without its part after a comma or parenthesis."""
    return title.split(" (", maxsplit=1)[0].split(",", maxsplit=1)[0]


def format_banner(context: RequestContext, run: Run | None) -> str:
    """Text of the exercise banner."""
    parts = [] if run is None else [short_title(run.name(current().language)), format_state(run)]
    if run is not None and run.clock is not None:
        parts += _recent_messages(context, run.id, run.clock)
    return f"{NBSP}· ".join(parts or [context.instance.name])


def _recent_messages(context: RequestContext, run: int, clock: datetime) -> list[str]:
    """The latest message, while it is fresh: shown on every page."""
    messages = queries_injects.list_messages(context.connection, run)[:1]
    fresh = [message for message in messages if clock - message.scenario_at <= FRESH]
    return [f"{_(INJECT_KINDS[message.kind])}{_(': ')}{message.title}" for message in fresh]


def format_state(run: Run) -> str:
    """Speed, or state if not running."""
    if run.state is not RunState.RUNNING:
        return f"{_('scenario')} {_(run.state.words)}"
    return _("jumping ahead") if run.jump_to else f"{_('scenario')} {format_speed(run.speed)}"


def localized_title(entry: Mapping[str, Any]) -> str:
    """The text of a timeline entry in the reader's language."""
    return str((entry.get("fr") if current().language == "fr" else "") or entry["text"])


def parse_time(text: str | None) -> datetime | None:
    """A time of a debrief."""
    return None if not text else datetime.fromisoformat(text)


def is_same_event(previous: Any, chain: Mapping[str, Any]) -> bool:
    """Whether two rows are about the same event."""
    return isinstance(previous, Mapping) and (previous["what"], previous["at"]) == (
        chain["what"],
        chain["at"],
    )


def load_rule_titles(context: RequestContext) -> dict[str, str]:
    """Titles of the rules in force in the reader's language, by id."""
    rules = queries_latest.list_rules(context.connection, context.now())
    return {key: title_of_rule(rule, key) for key, rule, _since in rules}


def template_values() -> dict[str, Any]:
    """Values and functions for the templates."""
    return {
        "KINDS": INJECT_KINDS,
        "INJECT_STATES": INJECT_STATES,
        "OUTCOMES": OUTCOMES,
        "ACTS": ACTS,
        "FAILURES": FAILURES,
        "ORDER_ACTS": order_views.DONE,
        "SPEEDS": SPEEDS,
        "format_speed": format_speed,
        "short_title": short_title,
        "localized_title": localized_title,
        "parse_time": parse_time,
        "is_same_event": is_same_event,
    }
