"""Thresholds out of a record: against numbers that can be worked out by hand, and a real flood."""

import os
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hypervisor.rulebook.gauge_alarms import estimate_alarms
from hypervisor.rulebook.gauge_statistics import (
    HOUR,
    MINUTE,
    Record,
    compute_rates,
    exceedance_level,
    make_record,
    return_level,
    round_nicely,
    thin_record,
    yearly_maxima,
)
from hypervisor.rulebook.proposal import (
    Candidate,
    Proposal,
    ProposalOptions,
    format_commands,
    propose,
)
from rules._pack import load_pack
from rules._rule import Rule
from sensors._domain import catalogue

CATALOGUE = catalogue()
LEVEL = CATALOGUE.quantities["level"]
START = 1_136_073_600_000_000  # 2006-01-01
YEAR = 8_766  # h
SHARED = Path(os.environ.get("HYPERVISOR_SHARED", Path(__file__).parents[4] / "shared"))


def hourly(values: np.ndarray, *, step: float = 0.01) -> Record:
    time = START + np.arange(len(values), dtype=np.int64) * HOUR
    return make_record(time, values.astype(float), interval=HOUR, stale=3 * HOUR, step=step)


def proposed(found: Record, rules: Sequence[Rule] | None = None, **standing: float) -> Proposal:
    return propose(
        "orge",
        found,
        LEVEL,
        standing=standing,
        rules=RULES if rules is None else rules,
        catalogue=CATALOGUE,
        options=ProposalOptions(),
    )


def flood_rules() -> list[Rule]:
    text = """
- id: flood-level
  title: t
  when: level > threshold.attention
  clear: level < threshold.attention - 0.10 m
  for: 10 min
  severity: minor
  steps:
    - {severity: major, when: level > threshold.alert, clear: level < threshold.alert - 0.10 m}
  advice: a
  wrong when: w
  tests: []
- id: flood-rising
  title: t
  when: rate(level, 3 h) > threshold.rise
  severity: minor
  advice: a
  wrong when: w
  tests: []
"""
    return list(load_pack(text, file="flood.yaml", domain="flood").rules)


RULES = flood_rules()


def shipped() -> list[Rule]:
    """The rules of floods in the order in which the database gives them."""
    file = Path(__file__).parents[3] / "rules" / "flood.yaml"
    pack = load_pack(file.read_text(encoding="utf-8"), file="flood.yaml", domain="flood")
    return sorted(pack.rules, key=attrgetter("id"))


def of(found: Proposal, name: str, *, chosen: bool = True) -> list[Candidate]:
    return [
        candidate
        for candidate in found.candidates
        if candidate.threshold == name and candidate.chosen is chosen
    ]


def floods(years: int) -> np.ndarray:
    """A level of 1 m with a flood each first of March, a rise of 2 cm/h, higher every year."""
    level = np.full(years * YEAR, 1.0)
    for year in range(years):
        at = year * YEAR + 59 * 24
        top = 100 + 5 * year
        shape = np.concatenate([np.arange(1, top), np.arange(top, 0, -1)]) * 0.02
        level[at : at + len(shape)] += shape
    return level


def test_hours_a_year_are_counted_by_how_long_a_reading_held() -> None:
    found = hourly(np.repeat([1.0, 2.0, 3.0], [2 * YEAR - 300, 200, 100]))
    assert found.years == pytest.approx(2, abs=0.01)
    assert exceedance_level(found, 40) == 3.0
    assert exceedance_level(found, 140) == 2.0
    assert exceedance_level(found, 1000) == 1.0


def test_a_gap_is_no_time_above() -> None:
    time = START + np.array([0, 1, 2, 1000], dtype=np.int64) * HOUR
    found = make_record(time, np.array([1.0, 1, 1, 9]), interval=HOUR, stale=3 * HOUR, step=0.01)
    assert found.hours.tolist() == [1, 1, 3, 1]


def test_a_record_in_longer_steps_than_registered_is_judged_by_its_own() -> None:
    time = START + np.arange(50, dtype=np.int64) * HOUR
    found = make_record(time, np.ones(50), interval=HOUR // 12, stale=HOUR // 4, step=0.01)
    assert (found.interval, found.stale) == (HOUR, 3 * HOUR)


def test_a_long_record_is_thinned_but_not_beyond_a_quarter_of_an_hour() -> None:
    time = START + np.arange(1000, dtype=np.int64) * 5 * MINUTE
    found = make_record(time, np.arange(1000.0), interval=5 * MINUTE, stale=15 * MINUTE, step=0.01)
    assert thin_record(found, most=1000, interval=15 * MINUTE) is found
    few = thin_record(found, most=10, interval=15 * MINUTE)
    assert (len(few.time), few.interval, few.stale) == (334, 15 * MINUTE, 45 * MINUTE)
    assert few.years == pytest.approx(found.years, rel=0.01)


def test_yearly_maxima_are_of_whole_hydrological_years() -> None:
    found = yearly_maxima(hourly(floods(4)))
    assert found.tolist() == pytest.approx([3.10, 3.20, 3.30])  # the first began in January


def test_a_gumbel_law_is_found_again() -> None:
    chance = np.random.default_rng(5)
    maxima = chance.gumbel(loc=2.0, scale=0.5, size=4000)
    assert return_level(maxima, 10) == pytest.approx(2.0 - 0.5 * np.log(-np.log(0.9)), rel=0.02)
    assert return_level(maxima, 2) == pytest.approx(2.0 - 0.5 * np.log(np.log(2)), rel=0.02)


def test_slopes_are_those_of_least_squares_and_steps_make_no_rise() -> None:
    chance = np.random.default_rng(7)
    values = chance.normal(size=60)
    found = hourly(values)
    slope = compute_rates(found, 6 * HOUR).slope
    for end in (6, 20, 59):
        expected = np.polyfit(np.arange(7), values[end - 6 : end + 1], 1)[0]
        assert slope[end - 5] == pytest.approx(expected)

    still = hourly(np.round(1 + 0.004 * np.sin(np.arange(2000)), 2), step=0.01)
    assert len(compute_rates(still, 6 * HOUR).rises) == 0
    time = START + np.arange(200, dtype=np.int64) * HOUR
    time[100:] += 50 * HOUR
    gap = make_record(time, values.repeat(4)[:200], interval=HOUR, stale=3 * HOUR, step=0.01)
    assert len(compute_rates(gap, 6 * HOUR).slope) == 200 - 5 - 5


def test_numbers_that_a_person_would_choose() -> None:
    assert round_nicely(2.376, step=0.01) == 2.38
    assert round_nicely(0.0237) == 0.024
    assert round_nicely(147.3, digits=3) == 147
    assert round_nicely(0) == 0


def test_a_short_record_is_told_and_proposes_no_level() -> None:
    proposal = proposed(hourly(floods(1)[: 60 * 24]), attention=2.0)
    assert not [candidate for candidate in proposal.candidates if candidate.chosen]
    assert any("too short for levels" in note for note in proposal.notes)
    (now,) = [candidate for candidate in proposal.candidates if candidate.basis == "now"]
    assert (now.threshold, now.value) == ("attention", 2.0)


def test_what_each_would_have_meant_is_the_rules_own_judgement() -> None:
    found = proposed(hourly(floods(6)), attention=1.5)
    attention, alert, danger = (of(found, name)[0] for name in ("attention", "alert", "danger"))
    assert attention.value < alert.value < danger.value
    assert attention.hours == pytest.approx(100, rel=0.15)
    (now,) = [candidate for candidate in found.candidates if candidate.basis == "now"]
    assert now.count == 6  # one a flood
    assert any("of the 10 complete years" in note for note in found.notes)
    (rise,) = of(found, "rise")
    assert rise.value == pytest.approx(0.02)
    assert rise.count <= 6 * found.years


def test_a_rate_is_tried_on_the_rule_of_rises_not_on_one_of_jumps_or_silence() -> None:
    rules = shipped()
    record = hourly(floods(3) ** 2)
    found = proposed(record, rules, attention=1.5)
    rises = [candidate for candidate in found.candidates if candidate.threshold == "rise"]
    assert {candidate.rules for candidate in rises} == {("flood-level-rising",)}
    (rule,) = [rule for rule in rules if rule.id == "flood-level-rising"]
    own = estimate_alarms(record, LEVEL, [rule], "rise", [candidate.value for candidate in rises])
    assert [candidate.count for candidate in rises] == [estimate.count for estimate in own]
    assert own[0].count > 0
    (attention,) = of(found, "attention")
    assert attention.rules == ("flood-level",)  # not what looks upstream


def test_a_threshold_that_no_rule_uses_is_tried_plainly() -> None:
    found = proposed(hourly(floods(3)), [])
    assert {candidate.rules for candidate in found.candidates} == {()}
    assert of(found, "attention")[0].count == 3


def flickering(years: int) -> np.ndarray:
    """A small stream: each flood sinks for a week, up and down by half a metre within ten hours."""
    level = np.full(years * YEAR, 1.0)
    sinking = np.linspace(3, 1.5, 200) + 0.25 * np.sin(np.arange(200) * 2 * np.pi / 10)
    for year in range(years):
        at = year * YEAR + 59 * 24
        level[at : at + 200] = sinking
    return level


def test_the_margin_is_as_wide_as_keeps_floods_from_beginning_again() -> None:
    found = proposed(hourly(flickering(3)), shipped())
    now, *wider = found.margins
    assert (now.basis, now.clear) == ("now", "level < threshold.attention - 0.10 m")
    (chosen,) = [margin for margin in wider if margin.chosen]
    assert now.restarts > 0
    assert (chosen.count, chosen.restarts) == (now.count - now.restarts, 0)
    assert chosen is wider[-1]
    assert chosen.clear in "\n".join(format_commands([found]))


def test_a_margin_that_is_wide_enough_is_kept() -> None:
    found = proposed(hourly(floods(3)), shipped())
    assert [(margin.basis, margin.chosen) for margin in found.margins] == [("now", False)]
    assert "clear:" not in "\n".join(format_commands([found]))


def test_a_long_record_has_return_levels() -> None:
    found = proposed(hourly(floods(13)))
    (alert,), (danger,) = of(found, "alert"), of(found, "danger")
    assert alert.basis.startswith("once in 2 years (Gumbel, 12 yearly maxima)")
    assert danger.basis.startswith("once in 10 years")
    assert 3.2 < alert.value < danger.value < 4.5


def test_a_river_that_is_held_is_said_to_be() -> None:
    level = np.round(1 + 0.01 * np.sin(np.arange(2 * YEAR)), 2)
    assert any("hardly differ" in note for note in proposed(hourly(level)).notes)


def test_the_cance_by_its_seven_years() -> None:
    file = SHARED / "data" / "floods" / "cance-2006-2012.hubeau.csv.gz"
    if not file.exists():
        pytest.skip(f"no recorded floods at {file}")
    rows = pd.read_csv(file, sep=";")
    rows = rows[(rows["code_station"] == "V3524010") & (rows["grandeur_hydro"] == "Q")]
    time = pd.to_datetime(rows["date_obs"], utc=True).dt.tz_localize(None)
    micros = time.to_numpy().astype("datetime64[us]").astype(np.int64)
    value = rows["resultat_obs"].to_numpy().astype(float) / 1000
    found = propose(
        "sarras",
        make_record(micros, value, interval=HOUR, stale=3 * HOUR, step=0.001),
        CATALOGUE.quantities["discharge"],
        standing={"flow_attention": 40.0},
        rules=(),
        catalogue=CATALOGUE,
        options=ProposalOptions(),
    )
    chosen = [of(found, name)[0] for name in ("flow_attention", "flow_alert", "flow_danger")]
    assert all(low.value < high.value for low, high in pairwise(chosen))
    assert 85 < chosen[0].hours < 125
    assert [candidate.count for candidate in chosen] == sorted(
        (candidate.count for candidate in chosen), reverse=True
    )
