"""Operator load of a backtest's alarms: a day, in ten minutes, at once; by rule."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

from hypervisor.backtest.model import Evaluation

_MINUTES = 60_000_000
_TEN = 10 * _MINUTES
_DAY = 1_440 * _MINUTES


@dataclass(frozen=True, kw_only=True)
class Load:
    """`busiest`: the day (µs of its midnight, UTC) with most new alarms, and their number.

    `in_ten_minutes`: most new alarms; `standing`: most active at once; `in_alarm`: µs in total.
    """

    alarms: int
    a_day: float
    busiest: tuple[int, int] | None
    in_ten_minutes: int
    standing: int
    in_alarm: int


@dataclass(frozen=True, kw_only=True)
class OfRule:
    """One rule's alarms; `in_alarm`: µs; `part`: its share of the time evaluated."""

    rule: str
    subjects: int
    alarms: int
    in_alarm: int
    part: float
    standing_at_end: int


def load(evaluation: Evaluation) -> Load:
    """Load of all alarms; those active before the period are not new in it."""
    began = sorted(
        alarm.episode.began
        for alarm in evaluation.alarms
        if alarm.episode.began >= evaluation.since
    )
    days = Counter(at // _DAY * _DAY for at in began)
    edges = [(alarm.episode.began, 1) for alarm in evaluation.alarms]
    ends = (alarm.episode.ended for alarm in evaluation.alarms)
    edges += [(ended, -1) for ended in ends if ended is not None]
    standing = most = 0
    for _, change in sorted(edges):  # at the same time, ends come first
        standing += change
        most = max(most, standing)
    return Load(
        alarms=len(evaluation.alarms),
        a_day=len(began) * _DAY / max(evaluation.until - evaluation.since, 1),
        busiest=max(days.items(), key=lambda pair: (pair[1], -pair[0]), default=None),
        in_ten_minutes=most_in_ten_minutes(began, set(began)),
        standing=most,
        in_alarm=sum(
            evaluation.time_in(alarm.episode.began, alarm.episode.ended)
            for alarm in evaluation.alarms
        ),
    )


def by_rule(evaluation: Evaluation) -> list[OfRule]:
    """Each rule, also those without an alarm."""
    subjects = Counter(rule for rule, _ in evaluation.evaluated)
    span = max(evaluation.until - evaluation.since, 1)
    rules: list[OfRule] = []
    for rule in sorted(subjects):
        alarms = [alarm.episode for alarm in evaluation.alarms if alarm.episode.rule == rule]
        in_alarm = sum(evaluation.time_in(alarm.began, alarm.ended) for alarm in alarms)
        of_rule = OfRule(
            rule=rule,
            subjects=subjects[rule],
            alarms=len(alarms),
            in_alarm=in_alarm,
            part=in_alarm / (span * subjects[rule]),
            standing_at_end=sum(alarm.ended is None for alarm in alarms),
        )
        rules.append(of_rule)
    return rules


def most_in_ten_minutes(times: Sequence[int], counted: Container[int]) -> int:
    """The most of these times (ascending) in ten minutes that hold a counted one."""
    most, first = 0, 0
    for last, time in enumerate(times):
        while time - times[first] >= _TEN:
            first += 1
        if last - first + 1 > most and any(at in counted for at in times[first : last + 1]):
            most = last - first + 1
    return most
