"""Scenarios as text, for trainees and for leaders."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from simulators._orders import FailingActuator, Failure
from simulators._scenarios import load_scenario, scenario_files
from simulators._story import ScheduledEvent, Story, Truth, Where

FAILS: Mapping[Failure, str] = {
    Failure.STUCK: "that acknowledge and do not move",
    Failure.REFUSED: "that refuse",
    Failure.UNANSWERED: "that do not answer",
}


def list_scenarios() -> Iterator[str]:
    """One line per scenario."""
    for name in scenario_files():
        story = load_scenario(name)
        yield f"{name:18} {story.hours:>5g} h  {story.title}"


def describe_scenario(story: Story, *, truth: bool) -> Iterator[str]:
    """For trainees; with `truth` also events, faults and expected alarms."""
    yield story.title
    yield f"begins {story.begins:%Y-%m-%d %H:%M} UTC, lasts {story.hours:g} h"
    if story.description:
        yield story.description
    if not truth:
        yield "Leaders see the events with --truth."
        return
    yield from _format_section("happens", story.events)
    yield from _format_section("fails", story.faults)
    yield ""
    if story.quiet:
        yield "quiet: no alarm but of maintenance"
    for truth_entry in story.truth:
        yield f"truth: {_format_truth(truth_entry)}"


def format_failing(actuators: Iterable[FailingActuator]) -> Iterator[str]:
    """One line per way of failing: who does not obey."""
    by_failure: dict[Failure, list[str]] = defaultdict(list)
    for actuator in actuators:
        by_failure[actuator.failure].append(actuator.device)
    for failure, devices in sorted(by_failure.items()):
        yield f"actuators {FAILS[failure]}: {', '.join(devices)}"


def _format_section(title: str, happenings: Sequence[ScheduledEvent]) -> Iterator[str]:
    if happenings:
        yield ""
    for happening in happenings:
        more = ", ".join(f"{name}: {value}" for name, value in happening.parameters.items())
        yield (
            f"{title}: {happening.kind} {_format_place(happening.where)}"
            f" {_format_hours(happening.at, happening.until)}" + (f" ({more})" if more else "")
        )


def _format_truth(truth: Truth) -> str:
    raised = f" -> {', '.join(truth.alarms)}" if truth.alarms else " -> no alarm"
    late = "" if truth.tolerance is None else f", within {truth.tolerance:g} h"
    hours = _format_hours(truth.at, truth.until)
    return f"{truth.what} {_format_place(truth.where)} {hours}{raised}{late}"


def _format_place(where: Where) -> str:
    parts = list(where.names)
    if where.any:
        many = f"{where.count}" if where.share is None else f"{where.share:.0%}"
        near = "" if where.near is None else f" near {where.near[0]:g}, {where.near[1]:g}"
        parts.append(f"{many} of {where.any}{near}")
    return f"at {', '.join(parts)}" if parts else "everywhere"


def _format_hours(start: float, end: float) -> str:
    return f"from {start:g} h to {end:g} h"
