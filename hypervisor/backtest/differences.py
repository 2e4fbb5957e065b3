"""Differences between the alarms of two sets of rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.alarms.log import Pair
from hypervisor.backtest.model import RaisedAlarm
from rules._rule import SEVERITIES

_FOREVER = 2**62


@dataclass(frozen=True, kw_only=True)
class Change:
    """An alarm that differs. `before` None: new; `after` None: gone.

    `words`: new, gone; earlier or later, by how much (µs); longer or shorter; more or less severe.
    """

    before: RaisedAlarm | None
    after: RaisedAlarm | None
    words: tuple[tuple[str, int | None], ...]

    @property
    def alarm(self) -> RaisedAlarm:
        alarm = self.after or self.before
        assert alarm is not None  # noqa: S101  one of them is there
        return alarm


def compare(before: Sequence[RaisedAlarm], after: Sequence[RaisedAlarm]) -> list[Change]:
    """By beginning. Overlapping alarms of one rule and subject are the same alarm."""
    pairs: dict[Pair, tuple[list[RaisedAlarm], list[RaisedAlarm]]] = {}
    for side, alarms in enumerate((before, after)):
        for alarm in alarms:
            pairs.setdefault(alarm.pair, ([], []))[side].append(alarm)
    changes = [change for old, new in pairs.values() for change in _changes(old, new)]
    return sorted(changes, key=lambda change: (change.alarm.episode.began, change.alarm.pair))


def _changes(old: Sequence[RaisedAlarm], new: Sequence[RaisedAlarm]) -> list[Change]:
    changes: list[Change] = []
    rest = list(new)
    for alarm in old:
        other = next((two for two in rest if _overlap(alarm, two)), None)
        if other is None:
            changes.append(Change(before=alarm, after=None, words=(("gone", None),)))
            continue
        rest.remove(other)
        words = _words(alarm, other)
        if words:
            changes.append(Change(before=alarm, after=other, words=words))
    changes += [Change(before=None, after=alarm, words=(("new", None),)) for alarm in rest]
    return changes


def _overlap(alarm: RaisedAlarm, other: RaisedAlarm) -> bool:
    return alarm.episode.began <= _end(other) and other.episode.began <= _end(alarm)


def _end(alarm: RaisedAlarm) -> int:
    return _FOREVER if alarm.episode.ended is None else alarm.episode.ended


def _words(old: RaisedAlarm, new: RaisedAlarm) -> tuple[tuple[str, int | None], ...]:
    words: list[tuple[str, int | None]] = []
    moved = new.episode.began - old.episode.began
    if moved:
        words.append(("later" if moved > 0 else "earlier", abs(moved)))
    if (old.episode.ended is None) != (new.episode.ended is None):
        words.append(("longer" if new.episode.ended is None else "shorter", None))
    elif old.episode.ended is not None:
        lasted = (_end(new) - new.episode.began) - (_end(old) - old.episode.began)
        if lasted:
            words.append(("longer" if lasted > 0 else "shorter", abs(lasted)))
    rank = SEVERITIES.index(new.highest) - SEVERITIES.index(old.highest)
    if rank:
        words.append(("more severe" if rank > 0 else "less severe", None))
    return tuple(words)
