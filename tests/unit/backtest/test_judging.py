"""The past of two gauges judged from a record in memory: spans, horizons, blocks and who helps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hypervisor.backtest import evaluate
from hypervisor.backtest.evaluate import Blocks, Inputs, backtest
from hypervisor.backtest.model import Evaluation, Span
from hypervisor.backtest.results import Results, summarize
from hypervisor.backtest.sources import FOREVER, Source
from hypervisor.base.instants import BEGINNING
from hypervisor.registry.model import Registry
from rules._inputs import Closing
from tests.unit.backtest.making import HOUR, START, alarm, at
from tests.unit.backtest.river import (
    CATALOGUE,
    LEVEL,
    LONG,
    RISE,
    SILENT,
    Noting,
    fact,
    recorded,
    registry,
    rules,
    unheard,
)

DAY = 24 * HOUR


def judge(
    whole: Registry,
    source: Source,
    *,
    span: Span | None = None,
    sites: frozenset[str] | None = None,
    closed: bool = True,
    **more: Any,
) -> Evaluation:
    inputs = Inputs(
        registry=whole,
        source=source,
        catalogue=CATALOGUE,
        span=span or Span(),
        places=sites,
        retention=LONG,
        closed=closed,
    )
    return backtest(inputs, **{"tick": lambda *_: None, **more})


def hours(result: Evaluation) -> list[tuple[str, str, float, float | None]]:
    """Rule, place, and from when to when in hours."""
    return [
        (
            each.episode.rule,
            each.episode.subject,
            (each.episode.began - START) / HOUR,
            None if each.episode.ended is None else (each.episode.ended - START) / HOUR,
        )
        for each in result.alarms
    ]


def test_alarms_come_by_when_they_began_with_rule_place_and_words() -> None:
    source = recorded(pont=(1, 1, 3.5, 4.5, 1, 1), moulin=(1, 3.5, 1, 1, 1, 3.5))
    result = judge(registry(LEVEL + RISE), source)
    assert hours(result) == [
        ("flood-level", "moulin", 1, 2),
        ("flood-rise", "moulin", 1, 2),
        ("flood-level", "pont", 2, 4),
        ("flood-rise", "pont", 2, 3),
        ("flood-level", "moulin", 5, None),
        ("flood-rise", "moulin", 5, None),
    ]
    first, rising, second = result.alarms[:3]
    assert (first.title, first.category, first.domain) == ("Moulin high", "hazard", "flood")
    assert rising.category == "maintenance"
    assert (first.place, second.place) == ("moulin", "pont")
    assert second.episode.severity == ((at(2), "minor"), (at(3), "major"))
    assert sorted(result.evaluated) == [
        (rule, site) for rule in ("flood-level", "flood-rise") for site in ("moulin", "pont")
    ]
    assert result.places == {"moulin": "moulin", "pont": "pont"}
    assert result.categories == {"flood-level": "hazard", "flood-rise": "maintenance"}
    assert (result.rows, result.subjects) == (12, 2)
    assert (result.since, result.until) == (START, at(5))


def test_of_a_span_alarms_that_ended_before_it_are_left_out_and_those_that_touch_it_stay() -> None:
    source = recorded(pont=(1, 5, 1, 5, 1, 1, 5, 5, 1, 5, 1))
    answer_to = Span(since=at(4), until=at(7))
    assert hours(judge(registry(), source, span=answer_to)) == [
        ("flood-level", "pont", 3, 4),
        ("flood-level", "pont", 6, None),
    ]
    late = Span(since=at(4) + 1, until=at(20))
    result = judge(registry(), source, span=late)
    assert hours(result) == [("flood-level", "pont", 6, 8), ("flood-level", "pont", 9, 10)]
    assert (result.since, result.until) == (at(4) + 1, at(10))
    early = judge(registry(), source, span=Span(until=at(3)))
    assert hours(early) == [("flood-level", "pont", 1, 2), ("flood-level", "pont", 3, None)]
    assert (early.since, early.until, early.rows) == (START, at(3), 4)


def test_a_span_after_all_that_there_is_is_empty() -> None:
    result = judge(registry(), recorded(pont=(1, 5, 1)), span=Span(since=at(10), until=at(20)))
    assert (result.since, result.until, result.alarms) == (at(2), at(2), ())
    nothing = judge(registry(), unheard(recorded()))
    assert (nothing.since, nothing.until, nothing.rows) == (0, 0, 0)


def test_a_span_is_read_from_a_week_and_the_longest_look_back_before_it() -> None:
    """Of a change over 1 h with a stale limit of 3 h: 1 h, twice the limit, and a tick."""
    source = Noting(source=recorded(pont=(1, 1)))
    judge(
        registry(RISE), source, span=Span(since=at(400), until=at(500)), sites=frozenset({"pont"})
    )
    ((series, since, until),) = source.asked_for
    assert series == (2,)
    assert until == at(500)
    assert at(400) - 7 * DAY - since == pytest.approx(7 * HOUR, abs=2_000_000)
    whole = Noting(source=recorded(pont=(1, 1)))
    judge(registry(RISE), whole)
    assert whole.asked_for == [((1, 2), BEGINNING, FOREVER)]


def test_only_the_sites_asked_for_are_judged() -> None:
    source = Noting(source=recorded(pont=(1, 5), moulin=(1, 5)))
    result = judge(registry(), source, sites=frozenset({"moulin"}))
    assert result.evaluated == (("flood-level", "moulin"),)
    assert (result.subjects, result.rows) == (1, 2)
    assert [series for series, _, _ in source.asked_for] == [(1,)]


def test_silence_is_judged_as_far_as_was_listened_and_values_to_their_newest_row() -> None:
    source = recorded(pont=(1, 5), floor=8)
    result = judge(registry(LEVEL + SILENT), source, sites=frozenset({"pont"}))
    assert hours(result) == [("flood-level", "pont", 1, None), ("flood-silent", "pont", 6, None)]
    assert result.until == at(8)
    assert result.alarms[0].episode.stale == ((at(4), None),)
    short = judge(registry(SILENT), recorded(pont=(1, 5), floor=6), sites=frozenset({"pont"}))
    assert hours(short) == [("flood-silent", "pont", 6, None)]
    shorter = judge(registry(SILENT), recorded(pont=(1, 5), floor=5.99), sites=frozenset({"pont"}))
    assert hours(shorter) == []
    ahead = judge(registry(), recorded(pont=(1, 1, 5), floor=1), sites=frozenset({"pont"}))
    assert hours(ahead) == [("flood-level", "pont", 2, None)]


def test_where_nobody_listened_nobody_was_silent_but_values_are_judged() -> None:
    source = unheard(recorded(pont=(1, 5, 5, 5, 5, 5, 5, 5, 5, 1)))
    result = judge(registry(LEVEL + SILENT), source, sites=frozenset({"pont"}))
    assert hours(result) == [("flood-level", "pont", 1, 9)]
    assert result.evaluated == (("flood-level", "pont"),)
    cut = judge(registry(LEVEL), source, span=Span(until=at(4)))
    assert cut.until == at(4)


def test_what_was_closed_by_hand_ends_there_unless_it_is_not_asked_for() -> None:
    closed = {("flood-level", "pont"): [Closing(at=at(2), reason="closed by anne: a boat")]}
    source = Noting(source=recorded(pont=(1, 5, 5, 5, 1)), closings=closed)
    result = judge(registry(), source)
    assert hours(result) == [("flood-level", "pont", 1, 2)]
    assert result.alarms[0].episode.reason == "closed by anne: a boat"
    assert hours(judge(registry(), source, closed=False)) == [("flood-level", "pont", 1, 4)]


def test_a_title_is_of_the_rule_as_it_was_when_the_alarm_began() -> None:
    (later,) = rules(LEVEL.replace("{site} high", "{site} very high"))
    renamed = fact("rule", "flood-level", later.to_json(), since=at(3))
    whole = registry()
    whole = replace(whole, revisions=(*whole.revisions, renamed))
    result = judge(whole, recorded(pont=(1, 5, 1, 1, 5)))
    assert [each.title for each in result.alarms] == ["Pont high", "Pont very high"]


def test_of_many_series_some_are_read_at_a_time_and_it_is_told_how_many_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Noting(source=recorded(pont=(1, 5), moulin=(1, 5)))
    heard: list[tuple[int, int]] = []
    judge(registry(), source, tick=lambda *now: heard.append(now))
    assert heard == [(0, 2), (2, 2)]
    assert [series for series, _, _ in source.asked_for] == [(1, 2)]
    monkeypatch.setattr(evaluate, "MOST_SERIES", 1)
    heard.clear()
    source.asked_for.clear()
    result = judge(registry(), source, tick=lambda *now: heard.append(now))
    assert heard == [(0, 2), (1, 2), (2, 2)]
    assert [series for series, _, _ in source.asked_for] == [(1,), (2,)]
    assert hours(result) == [
        ("flood-level", "moulin", 1, None),
        ("flood-level", "pont", 1, None),
    ]


class Helping:
    """Takes the second block, and says that it found an alarm in it."""

    def __init__(self) -> None:
        self.called: list[tuple[Inputs, Blocks]] = []

    @contextmanager
    def __call__(self, inputs: Inputs, blocks: Blocks) -> Iterator[Any]:
        self.called.append((inputs, blocks))
        results = Results(
            alarms=[alarm(3, 4)],
            evaluated=[("flood-level", "pont")],
            places={"pont": "pont"},
            rows={9: 40},
            first=at(-2),
            last=at(90),
        )
        yield SimpleNamespace(turns=iter([0]), results=lambda: results)


def test_what_a_helper_found_is_added_where_there_is_much_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluate, "MOST_SERIES", 1)
    source = recorded(moulin=(1, 5, 1))
    helper, heard = Helping(), list[tuple[int, int]]()
    judge(registry(), source, share=helper)
    assert helper.called == []  # two blocks are not many
    monkeypatch.setattr(evaluate, "_MANY", 2)
    whole = registry()
    result = judge(
        whole,
        source,
        span=Span(since=at(-3)),
        share=helper,
        closed=False,
        tick=lambda *now: heard.append(now),
    )
    pairs = [[("flood-level", "moulin")], [("flood-level", "pont")]]
    ((inputs, blocks),) = helper.called
    assert (inputs.registry, inputs.span, inputs.closed) == (whole, Span(since=at(-3)), False)
    assert blocks == pairs
    assert hours(result) == [("flood-level", "moulin", 1, 2), ("flood-level", "pont", 3, 4)]
    assert (result.rows, result.until, result.since) == (43, at(90), at(-3))
    assert heard[-1] == (2, 2)
    everything = judge(whole, source, share=helper)
    assert everything.since == at(-2)


def test_a_helper_is_called_from_six_blocks_on() -> None:
    assert evaluate._MANY == 6  # noqa: SLF001  a start of some seconds is to be worth it


def test_a_part_with_no_rows_moves_no_end() -> None:
    results = Results()
    results.add(Results())
    result = summarize(results, {}, span=Span(), floor=recorded(pont=(1, 2)).floor)
    assert (result.since, result.until) == (at(1), at(1))
