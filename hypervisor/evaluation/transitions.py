"""The transitions of an alarm, and the latest value of its series."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypervisor.alarms.log import Alarm, Transition, as_text
from hypervisor.base.instants import text, text_if
from hypervisor.evaluation.evaluate import Evaluated
from hypervisor.evaluation.judged_value import find_judged_values
from hypervisor.evaluation.rule_histories import first_series
from hypervisor.evaluation.territory import Territory
from rules._inputs import SeriesColumns
from rules._reconcile import Change, ChangeKind
from rules._rule import Rule
from rules._rule_state import Episode
from sensors._errors import Message
from sensors._quantity import Quantity
from sensors._row import believed

_HOUR = 3_600_000_000

LastValue = dict[str, Any]
TransitionParts = tuple[str, int, str]  # kind, event time (µs), reason


def list_transitions(
    alarm: Alarm, before: Alarm | None, change: Change, *, cause: str, now: int
) -> list[Transition]:
    """The transitions that a change makes, in the order of their event times."""
    snapshot = as_text(alarm)
    return [
        Transition(
            alarm=alarm.id,
            kind=kind,
            event=event,
            noticed=now,
            reason=reason,
            snapshot=snapshot,
            other=change.into,
        )
        for kind, event, reason in _kinds(change, before.episode if before else None, cause)
    ]


def _kinds(change: Change, before: Episode | None, cause: str) -> list[TransitionParts]:
    episode = change.episode
    match change.kind:
        case ChangeKind.WITHDRAWN if before is not None:
            return [("withdrawn", before.began, cause or "the readings no longer show it")]
        case ChangeKind.MERGED if before is not None:
            return [
                (
                    "merged",
                    before.began,
                    _because(Message("merged into alarm {number}", change.into), cause),
                )
            ]
        case ChangeKind.SPLIT if episode is not None:
            return [
                (
                    "split",
                    episode.began,
                    _because(Message("split from alarm {number}", change.into), cause),
                )
            ]
        case ChangeKind.REVISED if episode is not None and before is not None:
            return [
                (
                    "revised",
                    _first_difference(before, episode),
                    _because(_revised(before, episode), cause),
                )
            ]
        case ChangeKind.RETROSPECTIVE if episode is not None and cause:
            return [("retrospective", episode.began, cause)]
    return (
        sorted(_steps(before, episode), key=lambda transition: transition[1])
        if episode is not None
        else []
    )


def _steps(before: Episode | None, episode: Episode) -> Iterator[TransitionParts]:
    """How an alarm continued."""
    if before is None:
        yield "raised", episode.began, episode.severity[0][1]
    severity = episode.severity[len(before.severity) if before else 1 :]
    for at, name in severity:
        yield "severity", at, name
    stale_before = before.stale if before else ()
    for since, until in episode.stale:
        if since not in {start for start, _ in stale_before}:
            yield "stale", since, "its inputs are unknown"
        if until is not None and until != episode.ended and (since, until) not in stale_before:
            yield "fresh", until, "its inputs are known again"
    if episode.ended is not None and (before is None or before.ended is None):
        yield "cleared", episode.ended, episode.reason or ""


def _revised(before: Episode, episode: Episode) -> str:
    """How the recorded past differs now, in words."""
    differences: list[str] = []
    if (before.since, before.began) != (episode.since, episode.began):
        differences.append(
            Message("began {time} instead of {time2}", text(episode.began), text(before.began))
        )
    if before.ended != episode.ended:
        differences.append(_explain_end(before.ended, episode.ended))
    if before.severity != episode.severity:
        differences.append("its severity steps changed")
    if before.stale != episode.stale:
        differences.append("its stale spans changed")
    return ", ".join(differences) or "its reason changed"


def _explain_end(before: int | None, now: int | None) -> Message:
    if now is None:
        return Message("ongoing instead of ended {time}", text_if(before))
    if before is None:
        return Message("ended {time} instead of ongoing", text(now))
    return Message("ended {time} instead of ended {time2}", text(now), text(before))


def _first_difference(before: Episode, episode: Episode) -> int:
    """The earliest event time at which the two episodes differ."""
    times = {before.since, before.began} ^ {episode.since, episode.began}
    times |= {at for at, _ in set(before.severity) ^ set(episode.severity)}
    times |= {at for at, _ in set(before.stale) ^ set(episode.stale)}
    times |= {at for at in {before.ended} ^ {episode.ended} if at is not None}
    return min(times, default=episode.began)


def _because(what: str, cause: str) -> str:
    return f"{what}: {cause}" if cause else what


@dataclass(frozen=True, kw_only=True)
class ShownValue:
    """What is to be shown of an alarm: the value at its end (µs), or the latest; its severity."""

    evaluated: Evaluated
    severity: str
    until: int | None


def last_values(territory: Territory, shown: Sequence[ShownValue]) -> list[LastValue | None]:
    """The latest value of the series shown with one rule, and its trend, for each alarm.

    `per_hour`: the change since the reading an hour before, or the oldest at hand within it.
    `judged`: what the rule compares at this severity, if that is not the value itself.
    """
    values: list[LastValue | None] = [None] * len(shown)
    alike: dict[tuple[int, int, str], list[tuple[int, Rule, Quantity, int]]] = {}
    for number, each in enumerate(shown):
        task, columns = each.evaluated.task, each.evaluated.subject.series
        rule = territory.rules[task.pair[0]].at(task.horizon)
        name = first_series(rule)
        if name is None or name not in columns:
            continue
        quantity = territory.subjects[task.pair[1]].series[name].quantity
        last = _last_reading(name, columns[name], quantity, each.until)
        if last is not None:
            values[number], time = last
            key = id(rule), id(quantity), each.severity
            alike.setdefault(key, []).append((number, rule, quantity, time))
    for (_, _, severity), some in alike.items():
        _, rule, quantity, _ = some[0]
        looks = [(shown[number].evaluated.subject, time) for number, _, _, time in some]
        judged = find_judged_values(rule, quantity, severity, looks)
        for (number, *_), value in zip(some, judged, strict=True):
            values[number] = {**(values[number] or {}), "judged": value}
    return values


def _last_reading(
    name: str, columns: SeriesColumns, quantity: Quantity, until: int | None
) -> tuple[LastValue, int] | None:
    """The latest good reading (up to a time, µs) as it is shown, and its time."""
    good = believed(columns.value, columns.quality)
    if until is not None:
        good &= columns.time <= until
    at = np.flatnonzero(good)
    if not len(at):
        return None
    time, value = columns.time[at], columns.value[at]
    hour = int(np.searchsorted(time, time[-1] - _HOUR))
    span = int(time[-1] - time[hour])
    per_hour = round(float(value[-1] - value[hour]) * _HOUR / span, 6) if span else None
    last: LastValue = {
        "quantity": name,
        "value": float(value[-1]),
        "unit": quantity.unit,
        "time": text(int(time[-1])),
        "trend": _trend(per_hour, quantity.resolution),
        "per_hour": per_hour,
    }
    return last, int(time[-1])


def _trend(per_hour: float | None, resolution: float) -> str | None:
    if per_hour is None:
        return None
    if abs(per_hour) < resolution:
        return "steady"
    return "rising" if per_hour > 0 else "falling"
