"""Score of alarms against scenario events: detected, missed, false."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypervisor.alarms.log import Alarm
from simulators._field import Field
from simulators._selection import select_names
from simulators._story import HOUR, SECOND, Story, Truth


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One expected rule of a scenario event with its alarms; none: missed."""

    truth: Truth
    rule: str
    alarms: tuple[Alarm, ...]

    @property
    def detected(self) -> bool:
        return bool(self.alarms)


@dataclass(frozen=True, kw_only=True)
class Score:
    """`false`: in a quiet scenario, alarms other than maintenance."""

    verdicts: tuple[Verdict, ...]
    false: tuple[Alarm, ...]

    @property
    def missed(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if not verdict.detected)


def score_alarms(story: Story, field: Field, seed: int, alarms: Sequence[Alarm]) -> Score:
    """Score alarms against the scenario.

    Raises SimulatorError: the scenario names unknown devices or sites.
    """
    verdicts = [
        Verdict(
            truth=truth,
            rule=rule,
            alarms=tuple(_matching_alarms(truth, rule, story, names, alarms)),
        )
        for truth in story.truth
        if (names := _subject_names(truth, field, seed))
        for rule in truth.alarms
    ]
    wrong = [alarm for alarm in alarms if story.quiet and alarm.category == "hazard"]
    return Score(verdicts=tuple(verdicts), false=tuple(wrong))


def format_score(result: Score) -> Iterator[str]:
    """Score as text lines."""
    for verdict in result.verdicts:
        mark = "found " if verdict.detected else "MISSED"
        many = f" ({len(verdict.alarms)} alarms)" if len(verdict.alarms) > 1 else ""
        yield f"{mark}  {verdict.truth.what} [{verdict.rule}]{many}"
    for alarm in result.false:
        yield f"FALSE   {alarm.title} [{alarm.episode.rule}]: no event"


def _subject_names(truth: Truth, field: Field, seed: int) -> frozenset[str]:
    """Possible subjects of an alarm: devices, their sites, groups and members."""
    names = set(select_names(truth.where, field, seed))
    for group in field.groups:
        if group.name in names:
            names |= {group.site, *group.members}
    names |= {place.site for place in field.places if place.device in names}
    return frozenset(names)


def _matching_alarms(
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
