"""What needs no reading: calendar, sun and lighting plan, as facts of a block's subjects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import Axis, Fact
from rules._calendar import between, word_steps
from rules._calendar_words import PLANNED
from rules._inputs import Instants, Steps, Subject


@dataclass(frozen=True, kw_only=True)
class CalendarInput:
    """A word as a fact, and the keys at which it turns: there a rule that names it is judged."""

    fact: Fact
    turns: Instants


def calendar_input(
    word: str, axis: Axis, subjects: Sequence[Subject], spans: Sequence[tuple[int, int]]
) -> CalendarInput:
    """What a word says of each subject, in the span (µs) in which it is asked of that one."""
    steps = [
        _steps(word, subject, span) if span[0] <= span[1] else None
        for subject, span in zip(subjects, spans, strict=True)
    ]
    turns = [
        _EMPTY if part is None else axis.keys(part.at[1:], [len(part.at) - 1]) + i * axis.stride
        for i, part in enumerate(steps)
    ]
    return CalendarInput(fact=Fact(axis, steps), turns=np.concatenate(turns) if turns else _EMPTY)


def _steps(word: str, subject: Subject, span: tuple[int, int]) -> Steps | None:
    if word not in PLANNED:
        return None if subject.calendar is None else word_steps(word, subject.calendar, *span)
    if subject.plan is None:
        return None
    plan = subject.plan
    if word == "planned_on":
        lit = np.where(np.isnan(plan.value), np.nan, plan.value > 0)
        plan = Steps(at=plan.at, value=lit)
    return between(plan, *span)


_EMPTY = np.empty(0, dtype=np.int64)
