"""The alarm log, folded from the state changes of a rule and subject; its alarms as lines."""

from collections.abc import Mapping, Sequence

from rules._inputs import Subject
from rules._readings import time_text
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


PARTS = ("since", "began", "ended", "severity", "stale", "reason")
OPTIONAL = frozenset({"severity", "reason"})  # told only where a log tells them


def alarm_lines(alarms: Sequence[Episode], parts: frozenset[str]) -> list[str]:
    """One line an alarm."""
    return [alarm_text(_parts(episode), parts) for episode in alarms]


def alarm_text(alarm: Mapping[str, object], parts: frozenset[str]) -> str:
    """One alarm as a line, from the parts that a log writes."""
    shown = [f"since {alarm['since']}", f"began {alarm['began']}"]
    shown.append(f"ended {alarm['ended']}" if alarm.get("ended") else "lasting")
    if "severity" in parts:
        shown.append(f"severity {alarm.get('severity') or []}")
    shown.append(f"stale {alarm.get('stale') or []}")
    if "reason" in parts:
        shown.append(f"reason {alarm.get('reason')}")
    return ", ".join(shown)


def _parts(episode: Episode) -> dict[str, object]:
    return {
        "since": time_text(episode.since),
        "began": time_text(episode.began),
        "ended": None if episode.ended is None else time_text(episode.ended),
        "severity": [f"{time_text(time)} {name}" for time, name in episode.severity],
        "stale": [_span(*span) for span in episode.stale],
        "reason": episode.reason,
    }


def _span(begins: int, ends: int | None) -> str:
    return f"{time_text(begins)} " + ("on" if ends is None else f"to {time_text(ends)}")
