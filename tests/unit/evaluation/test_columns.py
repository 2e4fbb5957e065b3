"""Readings of a subject as the engine wants them: what memory holds, spliced and cut."""

from dataclasses import replace
from typing import Any

import numpy as np

from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation import columns
from hypervisor.evaluation.columns import ColumnQuery, merge_queries
from hypervisor.evaluation.facts import Source, UpstreamFacts
from hypervisor.evaluation.series_tail import SeriesTail
from rules._inputs import Steps
from sensors._row import NEVER, ROW, Rows
from tests.unit.evaluation import test_rule_histories as book

NOBODY: Any = None  # no database: memory holds it all


def rows(number: int, *times: int) -> Rows:
    return np.array([(number, at, at + 1, float(at), 0) for at in times], dtype=ROW)


def tails(**times: tuple[int, ...]) -> dict[int, SeriesTail]:
    made = {}
    for name, some in times.items():
        number = int(name.removeprefix("s"))
        made[number] = SeriesTail(keep=10**15)
        if some:
            made[number].append(rows(number, *some))
    return made


LEVEL, RAIN = book.measured(1, "level"), book.measured(2, "catchment_rain")
SUBJECT = replace(book.subject(), series={"level": LEVEL, "rain": RAIN})


def times(needed: ColumnQuery, given: dict[int, SeriesTail]) -> dict[str, list[int]]:
    result = columns.load_subjects(NOBODY, given, [needed])["orge"]
    return {name: each.time.tolist() for name, each in result.series.items()}


def test_of_what_is_wanted_there_is_what_lies_after_and_the_last_good_row_before() -> None:
    given = tails(s1=(10, 20, 30), s2=(5,))
    assert times(ColumnQuery(subject=SUBJECT, since={1: 25}), given) == {"level": [20, 30]}
    assert times(ColumnQuery(subject=SUBJECT, since={1: 25, 2: 0}), given) == {
        "level": [20, 30],
        "rain": [5],
    }
    assert times(ColumnQuery(subject=SUBJECT, since={1: 25}, all_rows=True), given) == {
        "level": [10, 20, 30]
    }


def test_columns_tell_all_that_is_known_of_a_series() -> None:
    limit = Steps.of([(0, 1.0)])
    each = replace(
        LEVEL,
        sources=(
            Source(id=1, device="old", since=BEGINNING),
            Source(id=3, device="new", since=15),
        ),
        breaks=(15,),
        withdrawn=limit,
        longest=9.0,
    )
    subject = replace(SUBJECT, series={"level": each})
    given = tails(s1=(10, 15, 20), s3=(12, 15, 30))
    needed = ColumnQuery(subject=subject, since={1: NEVER, 3: NEVER})
    result = columns.load_subjects(NOBODY, given, [needed])["orge"].series["level"]
    assert result.time.tolist() == [10, 15, 30]
    assert result.value.tolist() == [10.0, 15.0, 30.0]
    assert result.received_at.tolist() == [11, 16, 31]
    assert result.quality.tolist() == [0, 0, 0]
    assert (result.device, result.earlier) == ("new", (("old", 15),))
    assert result.breaks.tolist() == [15]
    assert result.withdrawn is limit
    assert (result.interval, result.stale_after) == (each.interval, each.stale_after)
    assert (result.kind, result.reporting) == (each.quantity.kind, each.reporting)
    assert result.nonnegative == each.quantity.nonnegative


def test_a_subject_has_its_facts_and_what_is_upstream_of_it() -> None:
    lag = Steps.of([(0, 60.0)])
    above = UpstreamFacts(
        site="up",
        lag=lag,
        series={"level": book.measured(5, "level", "up"), "rain": book.measured(6, "level", "up")},
        devices={},
        thresholds={"alert": lag},
    )
    subject = replace(SUBJECT, upstream=(above,), plan=lag, group={"w": ("level",)})
    given = tails(s1=(10,), s5=(7, 8), s6=())
    result = columns.load_subjects(
        NOBODY, given, [ColumnQuery(subject=subject, since={1: 0, 5: 8})]
    )["orge"]
    assert result.plan is lag
    assert (result.group, result.thresholds) == (subject.group, subject.thresholds)
    (upstream,) = result.upstream
    assert (upstream.site, upstream.lag, upstream.thresholds) == ("up", lag, {"alert": lag})
    assert {name: each.time.tolist() for name, each in upstream.series.items()} == {"level": [7, 8]}


def test_what_several_rules_want_is_read_from_the_earliest_on() -> None:
    first = ColumnQuery(subject=SUBJECT, since={1: 20, 2: 5})
    assert merge_queries([first]) is first
    second = ColumnQuery(subject=SUBJECT, since={1: 10, 2: 9, 3: 7})
    both = merge_queries([first, second, ColumnQuery(subject=SUBJECT, since={1: 15})])
    assert (both.since, both.all_rows) == ({1: 10, 2: 5, 3: 7}, False)
    assert merge_queries([first, replace(second, all_rows=True)]).all_rows
