"""What a rule compares with a threshold, at each reading of a span, and how far it came."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hypervisor.backtest import edits
from hypervisor.backtest.draft import Draft, Edit, prepare
from hypervisor.backtest.sources import CachedSource, Source
from hypervisor.backtest.strip import ComparedValues
from hypervisor.backtest.trial_side import Side, Spell
from tests.unit.backtest.making import HOUR, at
from tests.unit.backtest.river import CATALOGUE, LEVEL, Noting, fact, recorded, registry, rules

RATE = LEVEL.replace("level > threshold.attention", "change(level, 2 h) > threshold.attention")
SILENT = LEVEL.replace(
    "level > threshold.attention",
    "level > threshold.attention and silent(level, 5 h)",
)
PART = LEVEL.replace("level > threshold.attention", "level > threshold.attention * 0.5 + 1 m")
PER_DEVICE = LEVEL.replace("severity: minor", "per: device\n  severity: minor", 1)


def desk(
    pack: str = LEVEL, *, owner: str = "pont", span: tuple[float, float] = (0, 9), **more: Any
) -> Draft:
    edit = Edit(
        owner=owner,
        since=at(span[0]),
        until=at(span[1]),
        **{"threshold": "attention", "value": "2 m", **more},
    )
    return prepare(registry(pack), edit, CATALOGUE)


def look(lying: Draft, source: Source) -> ComparedValues | None:
    return edits._see(lying, CachedSource(source), CATALOGUE)  # noqa: SLF001  what lies on the desk


def values(seen: ComparedValues | None) -> list[tuple[float, float]]:
    assert seen is not None
    hours = ((seen.time - at(0)) / HOUR).tolist()
    return list(zip(hours, seen.value.tolist(), strict=True))


def test_each_good_reading_of_the_span_is_seen_both_ends_included() -> None:
    source = recorded(pont=(1, 2, 3, np.nan, 5, 6, 7), moulin=(9, 9, 9))
    assert values(look(desk(span=(1, 5)), source)) == [(1, 2), (2, 3), (4, 5), (5, 6)]
    assert values(look(desk(span=(1.5, 4.5)), source)) == [(2, 3), (4, 5)]


def test_a_reading_holds_until_the_next_or_its_stale_limit() -> None:
    """Of a word an hour three are missing: it held for three hours of five."""
    seen = look(desk(), recorded(pont=(1, 2, np.nan, np.nan, np.nan, np.nan, 6)))
    assert seen is not None
    assert (seen.held / HOUR).tolist() == [1, 3, 0]


def test_what_is_worked_out_of_the_series_is_what_is_seen() -> None:
    seen = look(desk(RATE, span=(2, 9)), recorded(pont=(1, 2, 4, 7)))
    assert values(seen) == [(2, 3), (3, 5)]
    whole = look(desk(RATE), recorded(pont=(1, 2, 4, 7)))
    assert values(whole) == [(2, 3), (3, 5)]  # before, it is not known


def test_where_nothing_can_be_seen_there_is_no_picture() -> None:
    source = recorded(pont=(1, 2, 3))
    assert look(desk(PART), source) is None
    assert look(desk(SILENT), source) is None
    assert look(desk(span=(5, 9)), source) is None
    assert look(desk(), recorded(moulin=(1, 2))) is None
    assert look(desk(), recorded(pont=(np.nan, np.nan))) is None


def test_of_a_device_its_own_readings_are_seen() -> None:
    lying = desk(PER_DEVICE, owner="device/pont")
    assert values(look(lying, recorded(pont=(1, 2)))) == [(0, 1), (1, 2)]


def test_the_very_rows_that_were_judged_are_looked_at() -> None:
    """They are read once: a week, an hour and twice the stale limit before the span."""
    noting = Noting(source=recorded(pont=(1, 2)))
    kept = CachedSource(noting)
    lying = desk(span=(400, 500))
    assert lying.tried is not None
    edits._ask(lying, lying.tried, kept, CATALOGUE, [])  # noqa: SLF001
    edits._see(lying, kept, CATALOGUE)  # noqa: SLF001
    ((series, since, until),) = noting.asked_for
    assert (series, until) == ((2,), at(500))
    assert at(400) - since == pytest.approx(7 * 24 * HOUR + 6 * HOUR, abs=2_000_000)


def test_a_rule_that_is_tried_is_the_one_that_is_seen() -> None:
    (other,) = rules(
        LEVEL.replace("level > threshold.attention", "change(level, 1 h) > threshold.attention")
    )
    lying = desk(threshold=None, value=None, written=other)
    assert values(look(lying, recorded(pont=(1, 2, 4)))) == [(1, 1), (2, 2)]


def test_how_far_it_came_in_each_event_and_each_time_in_alarm() -> None:
    seen = look(desk(), recorded(pont=(1, 2, 5, 3, 8, 4)))
    assert seen is not None
    event = SimpleNamespace(crossed=at(1), until=at(3))
    far = SimpleNamespace(crossed=at(20), until=at(30))

    def spell(began: float, ended: float | None) -> Spell:
        return Spell(
            subject="pont",
            began=at(began),
            ended=None if ended is None else at(ended),
            severity="minor",
            false=None,
        )

    sides: Any = [
        SimpleNamespace(
            outcomes=[SimpleNamespace(event=event), SimpleNamespace(event=far)], spells=[]
        ),
        SimpleNamespace(outcomes=[], spells=[spell(0, 1), spell(3.5, None)]),
    ]
    assert edits._peaks(seen, sides) == {  # noqa: SLF001
        at(1): 5.0,
        at(20): None,
        at(0): 2.0,
        at(3.5): 8.0,
    }


def test_a_side_says_how_long_it_lay_beyond_its_value() -> None:
    lying, source = desk(), recorded(pont=(1, 3, 3, 1, 1))
    seen = look(lying, source)
    assert lying.today is not None
    answer = edits._ask(lying, lying.today, CachedSource(source), CATALOGUE, [])  # noqa: SLF001

    def side(value: float | None, looked: ComparedValues | None) -> Side:
        return edits._side(lying, value, answer, looked, [at(1)])  # noqa: SLF001

    half = side(2.0, seen)
    assert (half.value, half.beyond) == (2.0, 0.5)
    assert half.busiest == 0  # nothing of this rule rang: 3 m are not above 3 m
    assert side(None, seen).beyond is None
    assert side(2.0, None).beyond is None


def test_a_threshold_that_is_withdrawn_at_the_site_is_not_seen() -> None:
    gone = fact("series", "pont/level", None, since=at(-1))
    near = registry(LEVEL, gone)
    lying = replace(desk(), near=near)
    assert look(lying, recorded(moulin=(1, 2))) is None


def test_a_rule_that_is_not_yet_anywhere_is_seen_as_it_is_tried() -> None:
    (new,) = rules(LEVEL.replace("flood-level", "flood-new"))
    lying = desk(threshold=None, value=None, written=new)
    assert lying.today is None
    assert values(look(lying, recorded(pont=(1, 2)))) == [(0, 1), (1, 2)]


def test_a_written_rule_is_drawn_at_the_limit_that_it_writes() -> None:
    """Not at a threshold that only a step names; before, the limit of the rule in force."""
    (fixed,) = rules(LEVEL.replace("level > threshold.attention", "level > 1 m"))
    lying = desk(threshold=None, value=None, written=fixed)
    assert (lying.value, lying.new_value, lying.unit) == (3.0, 1.0, "m")

    (rate,) = rules(RATE)
    lying = desk(threshold=None, value=None, written=rate)
    assert (lying.value, lying.new_value) == (None, 3.0)  # another quantity: no line of today
