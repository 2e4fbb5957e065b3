"""Step functions: what holds when, and what it adds up to exactly."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators._steps import SECOND, Steps, combine, constant, indicator, steps_from

spans = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 100)).map(lambda span: (span[0], sum(span))),
    max_size=6,
)


def at(*seconds: float) -> "np.typing.NDArray[np.int64]":
    return (np.array(seconds) * SECOND).astype(np.int64)


def test_a_value_holds_until_the_next() -> None:
    steps = steps_from(at(10, 20), np.array([3.0, 5.0]), before=1.0)
    assert steps.of(at(-5, 9.9, 10, 19, 20, 99)).tolist() == [1, 1, 3, 3, 5, 5]
    assert steps.changes(10 * SECOND, 20 * SECOND).tolist() == at(20).tolist()


def test_an_integral_is_exact() -> None:
    steps = steps_from(at(10, 20), np.array([3.0, 5.0]), before=1.0)
    assert steps.integral(4 * SECOND, at(4, 10, 12.5, 20, 21)).tolist() == [0, 6, 13.5, 36, 41]
    assert constant(2.0).integral(0, at(7)).tolist() == [14]


@given(spans, st.integers(0, 650))
def test_within_is_being_in_a_span(all_spans: list[tuple[int, int]], when: int) -> None:
    inside = any(begins <= when < ends for begins, ends in all_spans)
    assert indicator(all_spans).of(np.array([when], dtype=np.int64)).tolist() == [float(inside)]


@given(spans)
def test_spans_are_found_again_joined(all_spans: list[tuple[int, int]]) -> None:
    steps = indicator(all_spans)
    found = steps.spans(0, 1000)
    assert indicator(found).value.tolist() == steps.value.tolist()
    assert all(one[1] < other[0] for one, other in pairwise(found))
    total = float(steps.integral(0, np.array([1000], dtype=np.int64))[0]) * SECOND
    assert total == pytest.approx(sum(ends - begins for begins, ends in found))


def test_the_first_time_is_within_a_span_or_at_its_beginning() -> None:
    steps = indicator([(10, 20), (40, 50)])
    assert [steps.first(since) for since in (0, 12, 20, 49, 50)] == [10, 12, 40, 49, None]


def test_what_does_not_change_is_no_step() -> None:
    one = steps_from(at(1, 2, 3), np.array([1.0, 0.0, 1.0]))
    both = combine(np.maximum, one, indicator([(2 * SECOND, 3 * SECOND)]))
    assert both.at[1:].tolist() == at(1).tolist()
    assert isinstance(both, Steps)
