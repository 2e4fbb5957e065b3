"""What one rule's alarms were worth from a severity on, beside what others asked of an operator."""

from dataclasses import replace

from hypervisor.backtest import scoring
from hypervisor.backtest.model import RaisedAlarm
from hypervisor.backtest.service import Answer
from hypervisor.backtest.trial_side import rate
from tests.unit.backtest.making import HOUR, alarm, at, entries, judged

_FLOOD = """
- name: the mill stood in water
  site: pont
  from: 2022-01-02 00:00Z
  to: 2022-01-02 12:00Z
"""


def answer(*found: RaisedAlarm, events: str = "", severity: str | None = None) -> Answer:
    named = entries(events + (f"  severity: {severity}\n" if severity else "")) if events else []
    judgement = judged(*found, sites=("pont",))
    return Answer(evaluation=judgement, scored=scoring.score(named, judgement, []))


def test_a_hit_a_false_alarm_and_the_lead() -> None:
    found = rate(answer(alarm(22, 30), alarm(100, 101), events=_FLOOD), "flood-level", None, [])

    assert (found.hits, found.misses, len(found.false)) == (1, 0, 1)
    assert found.lead == found.shortest == 2 * HOUR
    assert found.in_alarm == 9 * HOUR
    assert [spell.false for spell in found.spells] == [False, True]


def test_only_what_was_severe_enough_counts() -> None:
    climbing = alarm(20, 40, worse=(25, "major"))
    found = rate(answer(climbing, events=_FLOOD, severity="major"), "flood-level", "major", [])

    assert [(spell.began, spell.ended) for spell in found.spells] == [(at(25), at(40))]
    assert found.lead == -1 * HOUR


def test_where_nothing_is_known_to_have_happened_nobody_can_say_what_was_false() -> None:
    found = rate(answer(alarm(22, 30)), "flood-level", None, [])

    assert found.outcomes == ()
    assert found.false == ()
    assert found.spells[0].false is None


def test_the_worst_ten_minutes_are_those_with_an_alarm_of_this_rule() -> None:
    others = [at(22) - 1, at(22) + 1, at(50), at(50), at(50), at(50)]
    found = rate(answer(alarm(22, 30)), "flood-level", None, others)

    assert found.busiest == 3


def test_alarms_exactly_ten_minutes_apart_are_not_within_ten_minutes() -> None:
    ten = round(HOUR / 6)
    apart = rate(answer(alarm(22, 30)), "flood-level", None, [at(22) - ten, at(22) + ten])
    assert apart.busiest == 1
    within = rate(answer(alarm(22, 30)), "flood-level", None, [at(22) - ten + 1])
    assert within.busiest == 2
    without = rate(answer(), "flood-level", None, [at(50), at(50)])
    assert without.busiest == 0


def test_an_alarm_that_was_severe_twice_has_two_spells() -> None:
    one = alarm(20, 60, severity="major")
    steps = ((at(20), "major"), (at(30), "minor"), (at(40), "critical"), (at(50), "minor"))
    twice = replace(one, episode=replace(one.episode, severity=steps))
    found = rate(answer(twice), "flood-level", "major", [])
    assert [(s.began, s.ended, s.severity) for s in found.spells] == [
        (at(20), at(30), "major"),
        (at(40), at(50), "critical"),
    ]
    assert found.in_alarm == 20 * HOUR


def test_time_in_alarm_is_cut_to_what_was_judged() -> None:
    found = rate(answer(alarm(-5, 3), alarm(230, None), alarm(-9, -6)), "flood-level", None, [])
    assert found.in_alarm == (3 + 10) * HOUR
    other = rate(answer(alarm(1, 2, rule="flood-rise")), "flood-level", None, [])
    assert (other.spells, other.in_alarm) == ((), 0)


def test_the_lead_is_the_median_and_the_shortest_the_least() -> None:
    events = "".join(
        f"- {{name: e{day}, site: pont, from: 2022-01-0{day}, to: 2022-01-0{day} 12:00Z}}\n"
        for day in (2, 4, 6)
    )
    alarms = [alarm(23, 30), alarm(67, 75), alarm(118, 130)]
    found = rate(answer(*alarms, events=events), "flood-level", None, [])
    assert [outcome.lead for outcome in found.outcomes] == [HOUR, 5 * HOUR, 2 * HOUR]
    assert (found.lead, found.shortest, found.misses) == (2 * HOUR, HOUR, 0)
    assert [spell.began for spell in found.spells] == [at(23), at(67), at(118)]
    nobody = rate(answer(events=events), "flood-level", None, [])
    assert (nobody.lead, nobody.shortest, nobody.misses) == (None, None, 3)
