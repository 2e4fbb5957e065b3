"""Alarms of a log as lines that a person compares."""

from collections.abc import Mapping, Sequence

from rules._readings import time_text
from rules._rule_state import Episode

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
