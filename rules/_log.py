"""The alarm log, folded from the moments at which a judgement changed."""

from collections.abc import Sequence

from rules._inputs import Subject
from rules._rule_state import Episode, Phase, StateChange


def episodes(rule_id: str, subject: Subject | str, moments: Sequence[StateChange]) -> list[Episode]:
    """The alarms that these moments (ascending, from the beginning or from an inactive one) tell.

    Args:
        rule_id: the rule's id, repeated in each episode.
        subject: the subject or its key.
        moments: journal rows of this rule and subject.
    """
    key = subject if isinstance(subject, str) else subject.key
    alarms: list[Episode] = []
    alarm: list[StateChange] = []
    for moment in moments:
        # One moment may end an alarm only by being inactive: `when` is false where it ends.
        if moment.phase is Phase.ACTIVE:
            alarm.append(moment)
        elif alarm:
            alarms.append(_episode(rule_id, key, alarm, moment))
            alarm = []
    if alarm:
        alarms.append(_episode(rule_id, key, alarm, None))
    return alarms


def _episode(
    rule_id: str, key: str, alarm: Sequence[StateChange], end: StateChange | None
) -> Episode:
    first = alarm[0]
    assert first.since is not None  # noqa: S101  of every active moment
    assert first.began is not None  # noqa: S101
    return Episode(
        rule=rule_id,
        subject=key,
        since=first.since,
        began=first.began,
        ended=None if end is None else end.time,
        severity=_severities(alarm),
        stale=_stale_spans(alarm, end),
        reason=None if end is None else end.reason,
    )


def _severities(alarm: Sequence[StateChange]) -> tuple[tuple[int, str], ...]:
    steps: list[tuple[int, str]] = []
    for moment in alarm:
        if moment.severity is not None and (not steps or steps[-1][1] != moment.severity):
            steps.append((moment.time, moment.severity))
    return tuple(steps)


def _stale_spans(
    alarm: Sequence[StateChange], end: StateChange | None
) -> tuple[tuple[int, int | None], ...]:
    spans: list[tuple[int, int | None]] = []
    since: int | None = None
    for moment in alarm:
        if moment.stale_since is not None and since is None:
            since = moment.stale_since
        elif not moment.stale and since is not None:
            spans.append((since, moment.time))
            since = None
    if since is not None:
        spans.append((since, None if end is None else end.time))
    return tuple(spans)
