"""A scenario's truth held against the alarms that were raised: what was found, missed, made up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypervisor.alarms.queries import Alarm
from simulators._field import Field
from simulators._picking import picked
from simulators._story import HOUR, SECOND, Story, Truth


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Of one rule that a truth names: the alarms that tell of it, none: it was missed."""

    truth: Truth
    rule: str
    alarms: tuple[Alarm, ...]

    @property
    def found(self) -> bool:
        return bool(self.alarms)


@dataclass(frozen=True, kw_only=True)
class Score:
    """`false`: in a quiet story, alarms that are about the world and not our equipment."""

    verdicts: tuple[Verdict, ...]
    false: tuple[Alarm, ...]

    @property
    def missed(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if not verdict.found)


def score(story: Story, field: Field, seed: int, alarms: Sequence[Alarm]) -> Score:
    """What of the truth was told.

    Raises:
        SimulatorError: a truth names what is not there.
    """
    verdicts = [
        Verdict(truth=truth, rule=rule, alarms=tuple(_telling(truth, rule, story, names, alarms)))
        for truth in story.truth
        if (names := _names(truth, field, seed))
        for rule in truth.alarms
    ]
    wrong = [alarm for alarm in alarms if story.quiet and alarm.category == "hazard"]
    return Score(verdicts=tuple(verdicts), false=tuple(wrong))


def told(result: Score) -> Iterator[str]:
    """Line by line, for whoever leads the exercise."""
    for verdict in result.verdicts:
        mark = "found " if verdict.found else "MISSED"
        many = f" ({len(verdict.alarms)} alarms)" if len(verdict.alarms) > 1 else ""
        yield f"{mark}  {verdict.truth.what} [{verdict.rule}]{many}"
    for alarm in result.false:
        yield f"FALSE   {alarm.title} [{alarm.episode.rule}]: nothing happened"


def _names(truth: Truth, field: Field, seed: int) -> frozenset[str]:
    """What an alarm about this may be of: devices, their sites, groups and what these hold."""
    names = set(picked(truth.where, field, seed))
    for group in field.groups:
        if group.name in names:
            names |= {group.site, *group.members}
    names |= {place.site for place in field.places if place.device in names}
    return frozenset(names)


def _telling(
    truth: Truth, rule: str, story: Story, names: frozenset[str], alarms: Sequence[Alarm]
) -> Iterator[Alarm]:
    begins = int(story.begins.timestamp()) * SECOND
    first, last = begins + truth.at * HOUR, begins + truth.until * HOUR
    latest = last if truth.tolerance is None else first + truth.tolerance * HOUR
    for alarm in alarms:
        episode = alarm.episode
        in_time = episode.began <= latest and (episode.ended is None or episode.ended >= first)
        if episode.rule == rule and in_time and episode.subject.rpartition("/")[2] in names:
            yield alarm
