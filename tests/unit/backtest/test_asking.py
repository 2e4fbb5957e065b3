"""One question to the past of two gauges, and a recording of them that nobody stored."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hypervisor.backtest.formatting import format_answer
from hypervisor.backtest.model import BacktestError, Span
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.service import Answer, Question, Recording, ask, backtest_recording
from hypervisor.backtest.sources import CachedSource, RecordedSource, Source
from hypervisor.backtest.tables import tables
from hypervisor.base.instants import moment
from hypervisor.registry.model import Registry
from rules._inputs import Closing
from tests.unit.backtest.making import START, at, entries
from tests.unit.backtest.river import (
    CATALOGUE,
    LEVEL,
    LONG,
    RISE,
    SILENT,
    Noting,
    recorded,
    registry,
    rules,
)


def answer_to(
    source: Source,
    *,
    of: Registry | None = None,
    tick: Any = lambda *_: None,
    **more: Any,
) -> Answer:
    question = Question(**{"rules": ("flood-level",), **more})
    return ask(of or registry(LEVEL + RISE), source, CATALOGUE, question, tick, retention=LONG)


def began(each: Answer) -> list[tuple[str, str, float]]:
    return [
        (
            result.episode.rule,
            result.episode.subject,
            (result.episode.began - START) / 3_600_000_000,
        )
        for result in each.evaluation.alarms
    ]


def test_only_the_rules_asked_for_are_judged_at_all_sites_or_those_asked_for() -> None:
    source = recorded(pont=(1, 5, 1), moulin=(1, 1, 5))
    assert began(answer_to(source)) == [("flood-level", "pont", 1), ("flood-level", "moulin", 2)]
    here = answer_to(source, sites=("moulin",))
    assert began(here) == [("flood-level", "moulin", 2)]
    assert here.evaluation.evaluated == (("flood-level", "moulin"),)
    assert here.other is None
    assert here.changes == ()


def test_crossings_are_judged_beside_the_rules_and_are_no_alarms() -> None:
    source = recorded(pont=(1, 3.5, 5, 1), moulin=(1, 1, 1, 1))
    events = tuple(entries("- {name: above 4 m, site: pont, crossings: level > 4 m}"))
    result = answer_to(source, events=events)
    assert began(result) == [("flood-level", "pont", 1)]
    assert {rule for rule, _ in result.evaluation.evaluated} == {"flood-level"}
    (score,) = result.scored.scores
    assert [(each.event.crossed, each.lead) for each in score.outcomes] == [(at(2), 3_600_000_000)]


COMMISSIONED = """
- {name: the flood of old, site: pont, from: 2022-01-01 01:00Z, to: 2022-01-01 02:00Z}
- {name: the flood of both, from: 2022-01-01 01:00Z, to: 2022-01-01 02:00Z}
- {name: the new flood, site: pont, from: 2022-01-01 06:00Z, to: 2022-01-01 07:00Z}
"""


def late_at_pont() -> Registry:
    """A registry whose thresholds at the bridge hold from the fifth hour on, as from a gauge's
    commissioning."""
    whole = registry(LEVEL)
    late = tuple(
        replace(fact, effective=moment(at(5))) if fact.key.startswith("pont/") else fact
        for fact in whole.revisions
    )
    return replace(whole, revisions=late)


def test_what_lies_before_a_gauges_commissioning_is_said_and_no_miss() -> None:
    source = recorded(pont=(1, 5, 1, 1, 1, 1, 5, 1), moulin=(1, 5, 1, 1, 1, 1, 1, 1))
    events = tuple(entries(COMMISSIONED))
    result = answer_to(source, of=late_at_pont(), events=events)
    assert began(result) == [("flood-level", "moulin", 1), ("flood-level", "pont", 6)]
    assert result.evaluation.begun == {("flood-level", "pont"): at(5)}
    (score,) = result.scored.scores
    assert (score.hits, score.misses) == (2, 0)
    assert result.scored.notes == (
        "the flood of old: not scored: nothing is evaluated there before 2022-01-01 05:00",
        (
            "not evaluated before the rule, its thresholds and models were in force, by default"
            " from the commissioning on: flood-level at pont 2022-01-01 05:00"
        ),
    )
    assert [line for line in tables(result) if str(line).startswith("note: not evaluated")]
    assert format_answer(result)["begun"] == [
        {"rule": "flood-level", "subject": "pont", "from": "2022-01-01T05:00:00Z"}
    ]


def test_a_period_before_a_gauges_commissioning_is_said_even_without_readings() -> None:
    source = recorded(pont=(1, 1), moulin=(1, 1), since=6)
    begun = {("flood-level", "pont"): at(5)}
    early = answer_to(source, of=late_at_pont(), span=Span(since=at(0), until=at(4)))
    assert early.evaluation.begun == begun
    assert answer_to(source, of=late_at_pont()).evaluation.begun == {}
    tried = answer_to(
        recorded(pont=(1, 5, 1)),
        of=late_at_pont(),
        trial=Trial(thresholds={"pont/attention": "3 m"}),
    )
    assert tried.evaluation.begun == {}  # what is tried holds from the beginning


def test_what_is_tried_is_held_against_what_stands() -> None:
    heard: list[tuple[int, int]] = []
    source = recorded(pont=(1, 3.5, 4.5, 1, 5.5), moulin=(1, 3.5, 1, 1, 1))
    result = answer_to(
        source,
        trial=Trial(thresholds={"moulin/attention": "4 m"}),
        against=Trial(thresholds={"pont/attention": "4 m"}),
        tick=lambda *now: heard.append(now),
    )
    assert began(result) == [("flood-level", "pont", 1), ("flood-level", "pont", 4)]
    assert result.other is not None
    assert began(result.other) == [("flood-level", "pont", 2), ("flood-level", "pont", 4)]
    assert [each.words for each in result.changes] == [
        (("later", 3_600_000_000), ("shorter", 3_600_000_000))
    ]
    assert heard == [(0, 4), (2, 4), (2, 4), (4, 4)]
    heard.clear()
    answer_to(source, tick=lambda *now: heard.append(now))
    assert heard == [(0, 2), (2, 2)]


@pytest.mark.parametrize(("count", "reads"), [(1, 1), (2, 1), (None, 2)])
def test_of_a_few_sites_what_is_held_against_is_judged_over_what_was_read_before(
    count: int | None, reads: int
) -> None:
    source = Noting(source=recorded(pont=(1, 5), moulin=(1, 5)))
    sites = () if count is None else ("pont", "moulin")[:count]
    answer_to(source, sites=sites, against=Trial(thresholds={"pont/attention": "4 m"}))
    assert len(source.asked_for) == reads


def test_what_was_closed_by_hand_counts_only_where_nothing_is_tried() -> None:
    closed = {("flood-level", "pont"): [Closing(at=at(2), reason="closed by anne: a boat")]}
    source = Noting(source=recorded(pont=(1, 5, 5, 5, 1)), closings=closed)

    def ends(**more: Any) -> list[int | None]:
        return [each.episode.ended for each in answer_to(source, **more).evaluation.alarms]

    assert ends() == [at(2)]
    assert ends(trial=Trial(thresholds={"pont/alert": "6 m"})) == [at(4)]
    assert ends(against=Trial(thresholds={"pont/alert": "6 m"})) == [at(4)]


@pytest.mark.parametrize(
    "more",
    [
        {"sites": ("ponts",)},
        {"events": entries("- {name: x, site: ponts, crossings: level > 4 m}")},
    ],
)
def test_a_site_that_is_not_there_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(BacktestError) as caught:
        answer_to(recorded(pont=(1, 2)), **more)
    assert str(caught.value) == "there is no site 'ponts'; did you mean 'pont'?"


def test_a_rule_that_applies_nowhere_is_refused() -> None:
    (danger,) = rules(LEVEL.replace("threshold.attention", "threshold.danger"))
    with pytest.raises(BacktestError) as caught:
        answer_to(recorded(pont=(1, 2)), rules=(), trial=Trial(rules=(danger,)))
    assert str(caught.value) == (
        "none of these rules applies anywhere: no site has their series, thresholds and models"
    )


def test_a_record_gives_each_series_with_the_row_before_and_the_last_instant() -> None:
    source = recorded(pont=(1, 2, 3, 4, 5), moulin=(1, 2))
    result = source.rows([2], at(2), at(3))
    assert {key: each["value"].tolist() for key, each in result.items()} == {2: [2, 3, 4]}
    assert source.rows([2], at(2) + 1, at(3) - 1)[2]["value"].tolist() == [3]
    assert source.rows([2], at(-9), at(0))[2]["value"].tolist() == [1]
    assert source.rows([7], at(0), at(1)) == {}


def test_what_is_kept_is_read_once_for_each_question() -> None:
    noting = Noting(source=recorded(pont=(1, 2)), closings={("a", "b"): []})
    kept = CachedSource(noting)
    assert kept.rows([2], 0, at(5))[2]["value"].tolist() == [1, 2]
    assert kept.rows([2], 0, at(5))[2]["value"].tolist() == [1, 2]
    assert len(noting.asked_for) == 1
    for series, since, until in (([2], 0, at(6)), ([2], 1, at(5)), ([1], 0, at(5))):
        kept.rows(series, since, until)
    assert len(noting.asked_for) == 4
    assert (kept.floor, kept.gaps, kept.closings) == (
        *(noting.floor, noting.gaps),
        {("a", "b"): []},
    )


def write(folder: Path, *lines: str) -> Path:
    """A wide recording whose leading name is the station."""
    file = folder / "pont-2022.csv"
    file.write_text("\n".join(("time,H_mm", *lines)) + "\n", encoding="utf-8")
    return file


HOURLY = [
    f"2022-01-01T0{hour}:00:00Z,{level}"
    for hour, level in enumerate((1000, 3500, 5000, 1000, 1000))
]


def judged(
    file: Path, *, of: Registry | None = None, recording: dict[str, Any] | None = None, **more: Any
) -> tuple[Answer, list[str]]:
    return backtest_recording(
        Recording(file=file, **(recording or {})),
        of or registry(LEVEL + RISE + SILENT),
        Question(**more),
        CATALOGUE,
        lambda *_: None,
    )


def test_a_recording_is_judged_at_the_sites_that_it_is_of(tmp_path: Path) -> None:
    file = write(tmp_path, *HOURLY)
    result, notes = judged(file)
    assert began(result) == [
        ("flood-level", "pont", 1),
        ("flood-rise", "pont", 1),
    ]
    assert {subject for _, subject in result.evaluation.evaluated} == {"pont"}
    assert {rule for rule, _ in result.evaluation.evaluated} == {
        *("flood-level", "flood-rise", "flood-silent"),
    }
    assert notes == []
    assert (result.evaluation.since, result.evaluation.until) == (at(0), at(4))


def test_nothing_is_expected_before_the_first_word_of_a_recording(tmp_path: Path) -> None:
    """Though the gauge was there for three weeks."""
    late = [line.replace("T00", "T10").replace("T01", "T20") for line in HOURLY[:2]]
    result, _ = judged(write(tmp_path, *late), rules=["flood-silent"])
    assert began(result) == [("flood-silent", "pont", 15)]


def test_of_a_recording_rules_sites_and_times_are_chosen(tmp_path: Path) -> None:
    file = write(tmp_path, *HOURLY)
    (higher,) = rules(LEVEL.replace("threshold.attention", "4 m"))
    assert began(judged(file, rules=["flood-rise"], sites=["pont"])[0]) == [
        ("flood-rise", "pont", 1)
    ]
    assert judged(file, span=Span(until=at(0)))[0].evaluation.alarms == ()
    tried = judged(file, trial=Trial(rules=(higher,)))[0]
    assert began(tried) == [("flood-level", "pont", 2)]
    both = judged(file, rules=["flood-rise"], trial=Trial(rules=(higher,)))[0]
    assert began(both) == [("flood-rise", "pont", 1), ("flood-level", "pont", 2)]
    events = entries("- {name: above 4 m, site: pont, crossings: level > 4 m}")
    assert judged(file, events=events)[0].scored.scores[1].rule == "flood-level"


def test_a_changed_pack_is_held_against_what_its_rules_say_now(tmp_path: Path) -> None:
    file = write(tmp_path, *HOURLY)
    (higher,) = rules(LEVEL.replace("threshold.attention", "4 m"))
    (new,) = rules(LEVEL.replace("flood-level", "flood-new"))

    def of(against: Trial, **more: Any) -> list[list[tuple[str, str, float]]]:
        result = judged(file, against=against, **more)[0]
        assert result.other is not None
        return [began(result), began(result.other)]

    now, rise = ("flood-level", "pont", 1), ("flood-rise", "pont", 1)
    assert of(Trial(rules=(higher,))) == [[now], [("flood-level", "pont", 2)]]
    moved = Trial(rules=(higher,), thresholds={"pont/alert": "6 m"})
    assert of(moved) == [[now, rise], [rise, ("flood-level", "pont", 2)]]
    assert of(Trial(thresholds={"pont/attention": "4 m"})) == [
        [now, rise],
        [rise, ("flood-level", "pont", 2)],
    ]
    assert of(Trial(rules=(new,)), rules=["flood-rise"]) == [
        [rise],
        [("flood-new", "pont", 1), rise],
    ]


def test_what_of_a_recording_is_left_out_is_told(tmp_path: Path) -> None:
    file = tmp_path / "pont-2022.csv"
    file.write_text(
        "time,H_mm,Q_m3s\n2022-01-01T00:00:00Z,1000,3\n2022-01-01T01:00:00Z,5000,4\n",
        encoding="utf-8",
    )
    _, notes = judged(file)
    assert notes == ["2 rows: 'pont' has no 'discharge' in the inventory; it has level"]
    other = tmp_path / "weir-2022.csv"
    other.write_text(
        file.read_text(encoding="utf-8").replace("Q_m3s", "Q_m3s_lock"), encoding="utf-8"
    )
    with pytest.raises(BacktestError) as caught:
        judged(other)
    assert str(caught.value) == (
        f"{other}: 2 rows: no device 'weir' in the inventory; expected one of moulin, pont;"
        " 2 rows: no device 'lock' in the inventory; expected one of moulin, pont"
    )
    other.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    result, _ = judged(other, recording={"stations": ["pont"]})
    assert began(result)[0] == ("flood-level", "pont", 1)


def test_a_recording_that_holds_nothing_of_a_site_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, *HOURLY)
    with pytest.raises(BacktestError) as caught:
        judged(file, sites=["moulin"])
    assert str(caught.value) == f"{file} holds nothing of moulin"


def test_columns_of_a_recording_may_be_explained(tmp_path: Path) -> None:
    file = tmp_path / "pont-2022.csv"
    file.write_text("time,H\n2022-01-01T00:00:00Z,1\n2022-01-01T01:00:00Z,5\n", encoding="utf-8")
    result, _ = judged(file, recording={"columns": ["H=level[m]"]})
    assert began(result)[0] == ("flood-level", "pont", 1)


def test_a_record_was_heard_from_its_first_word_to_its_last() -> None:
    """Rows come in any order, and arrive when they were measured."""
    times = pd.to_datetime([moment(at(hour)) for hour in (2, 0, 1)]).astype("datetime64[us, UTC]")
    table = pd.DataFrame(
        {
            "time": times,
            "device": "pont",
            "quantity": "level",
            "unit": "m",
            "value": [3.0, 1.0, 2.0],
            "status": "ok",
        }
    )
    result = RecordedSource.of(table, registry(), CATALOGUE)
    (own,) = result.by_series.values()
    assert own["value"].tolist() == [1, 2, 3]
    assert own["received"].tolist() == own["time"].tolist() == [at(0), at(1), at(2)]
    assert result.floor == at(2)
    assert [until for _, until in result.gaps] == [at(0)]
    empty = RecordedSource.of(table[:0], registry(), CATALOGUE)
    assert (empty.by_series, empty.gaps) == ({}, ())
    assert empty.floor == int(np.iinfo(np.int64).min)
