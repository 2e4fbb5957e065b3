"""Alarms against events made by hand: what is a hit, a miss, a false alarm, and how long before."""

import pytest

from hypervisor.backtest.model import Evaluation, RaisedAlarm
from hypervisor.backtest.scoring import Score, Scored, score
from tests.unit.backtest.making import HOUR, alarm, at, entries, judged

CROSSINGS = "- {name: above 4 m, site: pont, crossings: level > 4 m, apart: 24 h}"
NAMED = "- {name: the flood, site: pont, from: 2022-01-03, to: 2022-01-05}"


def crossing(
    began: float, ended: float | None, *, site: str = "pont", number: int = 1
) -> RaisedAlarm:
    return alarm(began, ended, rule=f"event:{number}", site=site)


def of(text: str, judgement: Evaluation, *crossings: RaisedAlarm) -> Score:
    """The first score: of all rules together, or the only one."""
    return score(entries(text), judgement, crossings).scores[0]


def test_an_alarm_before_the_crossing_is_a_hit_with_its_lead() -> None:
    found = of(CROSSINGS, judged(alarm(8, 30)), crossing(10, 20))
    assert (found.hits, found.misses, len(found.false)) == (1, 0, 0)
    assert found.lead == 2 * HOUR
    assert (found.pod, found.far, found.csi) == (1.0, 0.0, 1.0)


def test_an_alarm_after_the_crossing_is_a_hit_that_came_late() -> None:
    found = of(CROSSINGS, judged(alarm(13, 30)), crossing(10, 20))
    assert found.hits == 1
    assert found.lead == -3 * HOUR


@pytest.mark.parametrize(
    ("began", "ended"), [(100, 110), (21, 25)], ids=["long after", "once it was over"]
)
def test_an_alarm_at_another_time_is_a_miss_and_a_false_alarm(began: float, ended: float) -> None:
    found = of(CROSSINGS, judged(alarm(began, ended)), crossing(10, 20))
    assert (found.hits, found.misses, len(found.false)) == (0, 1, 1)
    assert (found.pod, found.far, found.csi) == (0.0, 1.0, 0.0)
    assert found.lead is None


def test_an_alarm_that_was_over_longer_than_lead_before_tells_of_something_else() -> None:
    text = "- {name: x, site: pont, crossings: level > 4 m, lead: 6 h}"
    assert of(text, judged(alarm(2, 5)), crossing(10, 20)).hits == 1
    assert of(text, judged(alarm(2, 3)), crossing(10, 20)).hits == 0


def test_alarms_of_other_sites_are_neither() -> None:
    found = of(CROSSINGS, judged(alarm(8, 30, site="moulin")), crossing(10, 20))
    assert (found.hits, found.misses, len(found.false)) == (0, 1, 0)


def test_crossings_closer_than_apart_are_one_event() -> None:
    crossings = [crossing(10, 20), crossing(43, 50), crossing(80, 90)]
    found = of(CROSSINGS, judged(alarm(9, 50)), *crossings)
    assert [outcome.event.crossed for outcome in found.outcomes] == [at(10), at(80)]
    assert found.outcomes[0].event.until == at(50)
    assert (found.hits, found.misses) == (1, 1)
    assert found.pod == 0.5


def test_two_alarms_of_one_event_are_one_hit_and_none_is_false() -> None:
    found = of(CROSSINGS, judged(alarm(8, 11), alarm(15, 30)), crossing(10, 20))
    assert (found.hits, found.misses, len(found.false)) == (1, 0, 0)
    assert found.outcomes[0].counted == at(8)


def test_an_alarm_counts_from_when_it_was_as_severe_as_asked() -> None:
    text = "- {name: x, site: pont, crossings: level > 4 m, severity: major}"
    mild = alarm(100, 110)
    worse = alarm(8, 30, worse=(12, "critical"))
    found = of(text, judged(mild, worse), crossing(10, 20))
    assert (found.hits, found.misses, len(found.false)) == (1, 0, 0)
    assert found.lead == -2 * HOUR


def test_each_rule_is_scored_and_all_together() -> None:
    rules = ("flood-level", "flood-rise")
    alarms = [alarm(11, 30), alarm(7, 9, rule="flood-rise"), alarm(100, 101, rule="flood-rise")]
    scores = score(entries(CROSSINGS), judged(*alarms, rules=rules), [crossing(10, 20)]).scores
    assert [(one.rule, one.hits, len(one.false)) for one in scores] == [
        (None, 1, 1),
        ("flood-level", 1, 0),
        ("flood-rise", 1, 1),
    ]
    assert [one.lead for one in scores] == [3 * HOUR, -HOUR, 3 * HOUR]


def test_alarms_about_our_equipment_count_only_where_they_are_named() -> None:
    rules, alarms = ("flood-level", "flood-silent"), [alarm(100, 101, rule="flood-silent")]
    judgement = judged(*alarms, rules=rules, maintenance=["flood-silent"])
    assert [one.rule for one in _scored(CROSSINGS, judgement, crossing(10, 20)).scores] == [
        "flood-level"
    ]
    text = "- {name: x, site: pont, crossings: level > 4 m, rules: [flood-silent]}"
    found = _scored(text, judgement, crossing(10, 20)).scores
    assert [(one.rule, len(one.false)) for one in found] == [("flood-silent", 1)]


def test_a_named_event_counts_from_its_crossing_at_each_of_its_sites() -> None:
    text = """
- name: the flood
  sites: [pont, moulin]
  from: 2022-01-03
  to: 2022-01-05
  when: level > 4 m
"""
    crossings = [crossing(60, 70), crossing(50, 55, site="moulin"), crossing(200, 210)]
    found = of(text, judged(alarm(49, 80), alarm(40, 80, site="moulin")), *crossings)
    assert {(min(outcome.event.sites or ()), outcome.lead) for outcome in found.outcomes} == {
        ("pont", 11 * HOUR),
        ("moulin", 10 * HOUR),
    }


def test_a_named_event_without_a_condition_counts_from_its_beginning() -> None:
    found = of(NAMED, judged(alarm(47, 80)))
    assert (found.hits, found.lead) == (1, HOUR)


def test_where_nothing_happened_an_alarm_is_false_but_only_then() -> None:
    text = f"""
{NAMED}
- {{name: no flood, site: moulin, from: 2022-01-08, to: 2022-01-09, expect: nothing}}
"""
    alarms = [alarm(50, 80), alarm(20, 30, site="moulin"), alarm(170, 171, site="moulin")]
    found = of(text, judged(*alarms))
    assert (found.hits, found.misses) == (1, 0)
    assert [one.episode.began for one in found.false] == [at(170)]


def test_what_cannot_be_scored_is_said_and_is_no_miss() -> None:
    late = "- {name: later, site: pont, from: 2023-01-03, to: 2023-01-05}"
    never = "- {name: never, site: pont, from: 2022-01-03, to: 2022-01-05, when: level > 9 m}"
    scored = _scored(f"{late}\n{never}\n{CROSSINGS}", judged())
    assert not scored.scores
    assert len(scored.notes) == 3
    assert "outside the period evaluated" in scored.notes[1]


def test_crossings_that_overlap_end_with_the_last_of_them() -> None:
    """Two gauges at one place; the one that began later is over first."""
    crossings = [crossing(10, 50), crossing(20, 30), crossing(60, 70)]
    found = of(CROSSINGS, judged(alarm(9, 20)), *crossings)
    assert [(outcome.event.crossed, outcome.event.until) for outcome in found.outcomes] == [
        (at(10), at(70))
    ]


def test_crossings_exactly_apart_are_two_events() -> None:
    two = of(CROSSINGS, judged(), crossing(10, 20), crossing(44, 50))
    assert [outcome.event.crossed for outcome in two.outcomes] == [at(10), at(44)]
    one = of(CROSSINGS, judged(), crossing(10, 20), crossing(43.99, 50))
    assert [event.event.crossed for event in one.outcomes] == [at(10)]


def test_a_crossing_that_lasts_ends_with_what_was_judged() -> None:
    found = of(CROSSINGS, judged(alarm(8, None), hours=100), crossing(10, None))
    assert found.outcomes[0].event.until == at(100)
    assert found.hits == 1


@pytest.mark.parametrize(
    ("began", "ended", "hits"),
    [(1, 4, 1), (1, 3.99, 0), (20, 21, 1), (20.01, 21, 0)],
    ids=["ends as the lead begins", "ends before", "begins as it is over", "begins after"],
)
def test_an_alarm_that_touches_an_event_is_of_it(began: float, ended: float, hits: int) -> None:
    text = "- {name: x, site: pont, crossings: level > 4 m, lead: 6 h}"
    found = of(text, judged(alarm(began, ended)), crossing(10, 20))
    assert (found.hits, len(found.false)) == (hits, 1 - hits)


def test_what_touches_a_named_event_is_of_it() -> None:
    text = "- {name: x, site: pont, from: 2022-01-03, to: 2022-01-05, when: level > 4 m}"
    before = of(text, judged(), crossing(40, 48))
    assert [outcome.event.crossed for outcome in before.outcomes] == [at(48)]
    after = of(text, judged(), crossing(96, 99))
    assert [outcome.event.crossed for outcome in after.outcomes] == [at(96)]
    first = of(text, judged(), crossing(50, 52), crossing(60, 62))
    assert [(outcome.event.crossed, outcome.event.until) for outcome in first.outcomes] == [
        (at(50), at(96))
    ]
    for began, ended in ((40, 47.99), (96.01, 99)):
        assert not _scored(text, judged(), crossing(began, ended)).scores


def test_of_a_time_that_was_just_judged_it_is_scored() -> None:
    text = "- {name: x, site: pont, from: 2022-01-03, to: 2022-01-05}"
    assert _scored(text, judged(hours=48)).scores
    assert not _scored(text, judged(hours=47.99)).scores
    early = "- {name: x, site: pont, from: 2021-12-30, to: 2022-01-01}"
    assert _scored(early, judged()).scores


def test_the_lead_is_the_median_and_what_was_missed_has_none() -> None:
    crossings = [crossing(10, 20), crossing(60, 70), crossing(110, 120), crossing(200, 210)]
    alarms = [alarm(9, 20), alarm(55, 70), alarm(108, 120)]
    found = of(CROSSINGS, judged(*alarms), *crossings)
    assert found.leads == [HOUR, 5 * HOUR, 2 * HOUR]
    assert found.lead == 2 * HOUR
    assert (found.pod, found.csi) == (0.75, 0.75)
    assert found.far == 0.0
    assert of(CROSSINGS, judged(), crossing(10, 20)).far is None


def test_named_events_that_ask_for_the_same_are_scored_together() -> None:
    text = """
- {name: one, site: pont, from: 2022-01-03, to: 2022-01-04}
- {name: two, site: pont, from: 2022-01-06, to: 2022-01-07}
- {name: three, site: pont, from: 2022-01-06, to: 2022-01-07, severity: major}
"""
    found = _scored(text, judged(alarm(48, 50))).scores
    assert [(one.title, one.hits, one.misses) for one in found] == [
        ("named events", 1, 1),
        ("named events, major", 0, 1),
    ]


def test_an_entry_names_its_rules_by_their_beginning() -> None:
    rules = ("flood-level", "flood-level-low", "flood-levels")
    text = "- {name: x, site: pont, crossings: level > 4 m, rules: [flood-level]}"
    found = _scored(text, judged(rules=rules), crossing(10, 20)).scores
    assert [one.rule for one in found] == [None, "flood-level", "flood-level-low"]


def test_a_false_alarm_where_one_knows_of_nothing_is_of_that_time_to_the_moment() -> None:
    text = f"""
{NAMED}
- {{name: no flood, site: moulin, from: 2022-01-08, to: 2022-01-09, expect: nothing}}
"""
    for began, ended, false in ((160, 168, 1), (160, 167.99, 0), (192, 193, 1), (192.01, 193, 0)):
        found = of(text, judged(alarm(began, ended, site="moulin")))
        assert len(found.false) == false, (began, ended)


def test_what_happened_after_a_time_of_nothing_is_scored_as_well() -> None:
    text = f"""
- {{name: no flood, site: pont, from: 2022-01-01, to: 2022-01-01 12:00Z, expect: nothing}}
{NAMED}
"""
    found = of(text, judged(alarm(2, 3), alarm(50, 80)))
    assert (found.hits, found.misses) == (1, 0)
    assert [one.episode.began for one in found.false] == [at(2)]


def _scored(text: str, judgement: Evaluation, *crossings: RaisedAlarm) -> Scored:
    return score(entries(text), judgement, crossings)
