"""What would differ: alarms by one set of rules against those by another."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.alarms.queries import Pair
from hypervisor.backtest.model import Found
from rules._rule import SEVERITIES

_FOREVER = 2**62


@dataclass(frozen=True, kw_only=True)
class Change:
    """One alarm that differs. `before` None: it is new; `after` None: it is gone.

    `words`: new, gone; earlier or later, how much (µs); longer or shorter; more or less severe.
    """

    before: Found | None
    after: Found | None
    words: tuple[tuple[str, int | None], ...]

    @property
    def alarm(self) -> Found:
        found = self.after or self.before
        assert found is not None  # noqa: S101  one of them is there
        return found


def compare(before: Sequence[Found], after: Sequence[Found]) -> list[Change]:
    """By when they began. Alarms of one rule and subject that overlap are the same alarm."""
    pairs: dict[Pair, tuple[list[Found], list[Found]]] = {}
    for side, found in enumerate((before, after)):
        for one in found:
            pairs.setdefault(one.pair, ([], []))[side].append(one)
    changes = [change for old, new in pairs.values() for change in _changes(old, new)]
    return sorted(changes, key=lambda one: (one.alarm.episode.began, one.alarm.pair))


def _changes(old: Sequence[Found], new: Sequence[Found]) -> list[Change]:
    changes: list[Change] = []
    rest = list(new)
    for one in old:
        other = next((two for two in rest if _overlap(one, two)), None)
        if other is None:
            changes.append(Change(before=one, after=None, words=(("gone", None),)))
            continue
        rest.remove(other)
        words = _words(one, other)
        if words:
            changes.append(Change(before=one, after=other, words=words))
    changes += [Change(before=None, after=one, words=(("new", None),)) for one in rest]
    return changes


def _overlap(one: Found, other: Found) -> bool:
    return one.episode.began <= _end(other) and other.episode.began <= _end(one)


def _end(one: Found) -> int:
    return _FOREVER if one.episode.ended is None else one.episode.ended


def _words(old: Found, new: Found) -> tuple[tuple[str, int | None], ...]:
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
