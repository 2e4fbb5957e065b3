"""What calendar and plan say of many subjects: never less than what they say at any moment."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.word_spans import WordSpans
from rules._calendar import list_steps
from rules._inputs import Calendar, Steps
from tests.unit.evaluation import test_rule_histories as book

HOUR = 3_600_000_000
DAY = book.at(0)
PARIS, NOUMEA = (
    Calendar(zone=zone, lon=2.3, lat=48.8) for zone in ("Europe/Paris", "Pacific/Noumea")
)
PLAN = Steps.of([(DAY, 0.0), (DAY + 3 * HOUR, 50.0), (DAY + 9 * HOUR, 100.0)])
SUBJECTS = [
    replace(book.subject(), key="a", calendar=PARIS, plan=PLAN),
    replace(book.subject(), key="b", calendar=NOUMEA),
    replace(book.subject(), key="c", calendar=PARIS, plan=PLAN),
    replace(book.subject(), key="d"),
]
WORDS = ("hour", "weekday", "night", "planned_on", "planned_level", "school_holiday")
EVERYONE = np.ones(len(SUBJECTS), dtype=np.bool_)


def say(word: str, subject: SubjectFacts, at: int) -> float:
    steps = list_steps(word, subject.calendar, subject.plan, at, at)
    return np.nan if steps is None else float(steps.value[0])


@given(
    word=st.sampled_from(WORDS),
    batches=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), min_size=1, max_size=6),
    share=st.floats(0, 1),
)
def test_the_bounds_hold_at_every_moment_and_until_the_next_turn(
    word: str, batches: list[tuple[int, int]], share: float
) -> None:
    spans, now = WordSpans(word, SUBJECTS), DAY
    for after, length in batches:
        since = np.full(len(SUBJECTS), now + after * HOUR // 7)
        upto = since + length * HOUR // 7
        now = int(upto.max())
        low, high, ends = spans.between(since, upto, EVERYONE)
        for number, subject in enumerate(SUBJECTS):
            within = int(since[number] + share * (upto[number] - since[number]))
            before_turn = int(upto[number] + share * (ends[number] - 1 - upto[number]))
            for at in (int(since[number]), within, int(upto[number])):
                value = say(word, subject, at)
                assert np.isnan(value) or low[number] <= value <= high[number]
            assert ends[number] > upto[number]
            assert np.array_equal(
                say(word, subject, before_turn),
                say(word, subject, int(upto[number])),
                equal_nan=True,
            )


def test_of_a_word_that_says_nothing_no_comparison_is_true() -> None:
    spans = WordSpans("planned_on", SUBJECTS)
    low, high, _ = spans.between(np.full(4, DAY), np.full(4, DAY + HOUR), EVERYONE)
    assert low.tolist() == [0, np.inf, 0, np.inf]
    assert high.tolist() == [0, -np.inf, 0, -np.inf]


def test_a_word_is_asked_again_only_where_it_turned() -> None:
    spans = WordSpans("hour", SUBJECTS)
    midnight = -(-BEGINNING // HOUR) * HOUR if BEGINNING > DAY else DAY
    times = np.full(4, midnight)
    _, _, ends = spans.between(times, times + HOUR // 2, EVERYONE)
    assert ends[:3].tolist() == [midnight + HOUR] * 3
    some = np.array([True, False, False, False])
    low, high, ends = spans.between(times + HOUR // 2, times + 3 * HOUR // 2, some)
    assert (high[0] - low[0], ends[0]) == (1, midnight + 2 * HOUR)
    low, high, _ = spans.between(times + HOUR // 2, times + 7 * HOUR // 2, some)
    assert (low[0], high[0]) == (-np.inf, np.inf)
