"""What can be told of a scenario: to those who train by it, and to those who lead them."""

from collections.abc import Iterator, Sequence

from simulators._scenarios import available, load
from simulators._story import Happening, Story, Truth, Where


def listing() -> Iterator[str]:
    """A line a scenario."""
    for name in available():
        story = load(name)
        yield f"{name:18} {story.hours:>5g} h  {story.title}"


def description(story: Story, *, truth: bool) -> Iterator[str]:
    """For trainees; with `truth` what happens, what fails, and which alarms are to be raised."""
    yield story.title
    yield f"begins {story.begins:%Y-%m-%d %H:%M} UTC, lasts {story.hours:g} h"
    if story.description:
        yield story.description
    if not truth:
        yield "What happens is not told here: --truth, for whoever leads the exercise."
        return
    yield from _section("happens", story.events)
    yield from _section("fails", story.faults)
    yield ""
    if story.quiet:
        yield "quiet: no alarm but of maintenance"
    for each in story.truth:
        yield f"truth: {_truth(each)}"


def _section(title: str, told: Sequence[Happening]) -> Iterator[str]:
    if told:
        yield ""
    for each in told:
        more = ", ".join(f"{name}: {value}" for name, value in each.parameters.items())
        yield (
            f"{title}: {each.kind} {_where(each.where)} {_hours(each.at, each.until)}"
            + (f" ({more})" if more else "")
        )


def _truth(each: Truth) -> str:
    raised = f" -> {', '.join(each.alarms)}" if each.alarms else " -> no alarm"
    late = "" if each.tolerance is None else f", within {each.tolerance:g} h"
    return f"{each.what} {_where(each.where)} {_hours(each.at, each.until)}{raised}{late}"


def _where(where: Where) -> str:
    parts = list(where.names)
    if where.any:
        many = f"{where.count}" if where.share is None else f"{where.share:.0%}"
        near = "" if where.near is None else f" near {where.near[0]:g}, {where.near[1]:g}"
        parts.append(f"{many} of {where.any}{near}")
    return f"at {', '.join(parts)}" if parts else "everywhere"


def _hours(start: float, end: float) -> str:
    return f"from {start:g} h to {end:g} h"
