"""How much the alarms are to bear: how many a day, in ten minutes, at once, for how long."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.backtest.model import Judgement, RaisedAlarm

_MINUTES = 60_000_000
_TEN = 10 * _MINUTES
_DAY = 1_440 * _MINUTES


@dataclass(frozen=True, kw_only=True)
class Load:
    """`busiest`: the day (µs of its midnight, UTC) that began most, and how many.

    `in_ten_minutes`: the most that began so close together; `standing`: the most at once.
    `in_alarm`: µs, of all alarms together.
    """

    alarms: int
    a_day: float
    busiest: tuple[int, int] | None
    in_ten_minutes: int
    standing: int
    in_alarm: int


@dataclass(frozen=True, kw_only=True)
class OfRule:
    """One rule: its alarms, µs in alarm, and which part of the time it was judged that is."""

    rule: str
    subjects: int
    alarms: int
    in_alarm: int
    part: float
    standing_at_end: int


def load(judgement: Judgement) -> Load:
    """Of all alarms; those that stood before the span began are no arrivals in it."""
    began = sorted(
        alarm.episode.began for alarm in judgement.alarms if alarm.episode.began >= judgement.since
    )
    days = Counter(at // _DAY * _DAY for at in began)
    span = max(judgement.until - judgement.since, 1)
    busiest = max(days.items(), key=lambda pair: (pair[1], -pair[0]), default=None)
    return Load(
        alarms=len(judgement.alarms),
        a_day=len(began) * _DAY / span,
        busiest=busiest,
        in_ten_minutes=_most_within(began, _TEN),
        standing=_most_standing(judgement),
        in_alarm=sum(_lasted(alarm, judgement) for alarm in judgement.alarms),
    )


def by_rule(judgement: Judgement) -> list[OfRule]:
    """Rule by rule, those without an alarm too."""
    subjects = Counter(rule for rule, _ in judgement.judged)
    span = max(judgement.until - judgement.since, 1)
    of_rules: list[OfRule] = []
    for rule in sorted(subjects):
        mine = [alarm for alarm in judgement.alarms if alarm.episode.rule == rule]
        lasted = sum(_lasted(alarm, judgement) for alarm in mine)
        of_rules.append(
            OfRule(
                rule=rule,
                subjects=subjects[rule],
                alarms=len(mine),
                in_alarm=lasted,
                part=lasted / (span * subjects[rule]),
                standing_at_end=sum(alarm.episode.ended is None for alarm in mine),
            )
        )
    return of_rules


def _lasted(alarm: RaisedAlarm, judgement: Judgement) -> int:
    """How much of the span it lasted."""
    ended = judgement.until if alarm.episode.ended is None else alarm.episode.ended
    return max(0, min(ended, judgement.until) - max(alarm.episode.began, judgement.since))


def _most_within(times: Sequence[int], width: int) -> int:
    most, first = 0, 0
    for last, time in enumerate(times):
        while time - times[first] >= width:
            first += 1
        most = max(most, last - first + 1)
    return most


def _most_standing(judgement: Judgement) -> int:
    edges = [(alarm.episode.began, 1) for alarm in judgement.alarms]
    edges += [
        (alarm.episode.ended, -1) for alarm in judgement.alarms if alarm.episode.ended is not None
    ]
    standing = most = 0
    for _, change in sorted(edges):  # one that ends as another begins makes room for it
        standing += change
        most = max(most, standing)
    return most
