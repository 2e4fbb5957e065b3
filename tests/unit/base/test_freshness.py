"""Calm is said only where each input that could contradict it is present and fresh."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hypervisor.base.freshness import AHEAD, Assessment, Input, Lack, assess, combine, find_gap

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
SPANS = st.timedeltas(min_value=timedelta(days=-800), max_value=timedelta(days=800))
TIMES = st.none() | SPANS.map(lambda span: NOW + span)
FRESH = st.builds(
    Input,
    name=st.sampled_from("abc"),
    worse=st.sampled_from((False,)),
    time=st.timedeltas(min_value=-timedelta(days=9), max_value=AHEAD).map(lambda ago: NOW + ago),
    until=st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=9)).map(
        lambda left: NOW + left
    ),
    lack=st.none(),
)
ANY = st.builds(
    Input,
    name=st.sampled_from("abc"),
    worse=st.none() | st.booleans(),
    time=TIMES,
    until=TIMES,
    lack=st.none() | st.sampled_from(Lack),
)


def supports(each: Input) -> bool:
    """The rule, in other words than the product's."""
    return (
        each.worse is False
        and each.lack is None
        and each.time is not None
        and each.until is not None
        and each.time - NOW <= AHEAD
        and each.until > NOW
    )


@given(st.lists(ANY | FRESH, max_size=8))
def test_calm_needs_every_input(inputs: list[Input]) -> None:
    seen = assess(inputs, NOW)
    assert seen.is_calm == (bool(inputs) and all(supports(each) for each in inputs))
    assert (seen.state == "worsening") == any(each.worse for each in inputs)
    missing = [each for each in inputs if each.worse is not True and not supports(each)]
    named = [(gap.name, gap.since) for gap in seen.gaps]
    assert all((each.name, each.time) in named for each in missing)
    assert not (seen.is_calm and (seen.gaps or seen.worse))


@given(st.lists(FRESH, min_size=1, max_size=8), ANY)
def test_one_bad_input_ends_calm_wherever_it_stands(inputs: list[Input], bad: Input) -> None:
    assert assess(inputs, NOW).is_calm
    if not supports(bad):
        for place in range(len(inputs) + 1):
            assert not assess([*inputs[:place], bad, *inputs[place:]], NOW).is_calm


@given(FRESH, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=20)))
def test_time_alone_never_makes_calm(each: Input, later: timedelta) -> None:
    if find_gap(each, NOW + later) is not None:
        assert find_gap(each, NOW + later + timedelta(days=1)) is not None


@given(st.lists(st.lists(ANY | FRESH, max_size=3), max_size=4))
def test_parts_are_calm_together_only_if_each_is(parts: list[list[Input]]) -> None:
    judged: list[Assessment] = [assess(part, NOW) for part in parts]
    whole = combine(*judged)
    assert whole.is_calm == (bool(judged) and all(part.is_calm for part in judged))
    assert (whole.state == "worsening") == any(part.worse for part in judged)
    assert len(whole.gaps) == sum(len(part.gaps) for part in judged)
