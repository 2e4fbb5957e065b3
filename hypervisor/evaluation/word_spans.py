"""What the calendar and lighting plans say of many subjects, remembered from turn to turn."""

from collections.abc import Hashable, Sequence

import numpy as np

from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.series_tail import Mask
from rules._calendar import list_steps, turns_within
from rules._inputs import Instants, Values
from rules._vocabulary import PLANNED
from sensors._row import NEVER


class WordSpans:
    """One word at the subjects of a rule; subjects with the same clock or plan are queried once."""

    def __init__(self, word: str, subjects: Sequence[SubjectFacts]) -> None:
        self._word = word
        sources = [_source(word, subject) for subject in subjects]
        numbers = {source: number for number, source in enumerate(dict.fromkeys(sources))}
        self._which = np.array([numbers[source] for source in sources], dtype=np.intp)
        self._subjects = dict(zip(self._which.tolist(), subjects, strict=True))
        size = len(numbers)
        self._begins = np.full(size, LATER, dtype=np.int64)
        self._ends = np.full(size, NEVER, dtype=np.int64)
        self._value = np.full(size, np.nan)

    def between(
        self, since: Instants, upto: Instants, some: Mask
    ) -> tuple[Values, Values, Instants]:
        """Bounds of the word from `since` to `upto` (µs), and when it turns next; of some subjects.

        Of a word that says nothing no comparison is true: its bounds are empty.
        """
        new = some & ~((self._begins[self._which] <= since) & (upto < self._ends[self._which]))
        queried = {int(at): new & (self._which == at) for at in np.unique(self._which[new])}
        steps = {at: self._ask(at, since[mine], upto[mine]) for at, mine in queried.items()}
        low, ends = self._value[self._which], self._ends[self._which]
        high = low.copy()
        for at, mine in queried.items():
            times, values = steps[at]
            first = np.searchsorted(times, since[mine], side="right") - 1
            last = np.searchsorted(times, upto[mine], side="right") - 1
            few = last - first <= 1
            low[mine] = np.where(few, np.fmin(values[first], values[last]), -np.inf)
            high[mine] = np.where(few, np.fmax(values[first], values[last]), np.inf)
            ends[mine] = times[last + 1]
        nothing = np.isnan(low)
        return np.where(nothing, np.inf, low), np.where(nothing, -np.inf, high), ends

    def _ask(self, at: int, since: Instants, upto: Instants) -> tuple[Instants, Values]:
        """Its steps around these times; the last of them is remembered."""
        first, last = int(since.min()), int(upto.max())
        horizon = last + turns_within(self._word)
        subject = self._subjects[at]
        steps = list_steps(self._word, subject.calendar, subject.plan, first, horizon)
        times = np.array([first, horizon]) if steps is None else np.append(steps.at, horizon)
        values = np.full(2, np.nan) if steps is None else np.append(steps.value, np.nan)
        now = int(np.searchsorted(times, last, side="right")) - 1
        self._begins[at], self._ends[at] = times[now], times[now + 1]
        self._value[at] = values[now]
        return times, values


def _source(word: str, subject: SubjectFacts) -> Hashable:
    """Subjects of the same source hear the same of a word."""
    if word in PLANNED:
        return id(subject.plan)
    return subject.calendar if word == "night" else subject.calendar and subject.calendar.zone
