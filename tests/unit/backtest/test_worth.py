"""What one rule's alarms were worth from a severity on, beside what others asked of an operator."""

from hypervisor.backtest import scoring
from hypervisor.backtest.asking import Answer
from hypervisor.backtest.found import Found
from hypervisor.backtest.worth import worth
from tests.unit.backtest.making import HOUR, alarm, at, entries, judged

_FLOOD = """
- name: the mill stood in water
  site: pont
  from: 2022-01-02 00:00Z
  to: 2022-01-02 12:00Z
"""


def answer(*found: Found, events: str = "", severity: str | None = None) -> Answer:
    named = entries(events + (f"  severity: {severity}\n" if severity else "")) if events else []
    judgement = judged(*found, sites=("pont",))
    return Answer(judgement=judgement, scored=scoring.score(named, judgement, []))


def test_a_hit_a_false_alarm_and_the_lead() -> None:
    found = worth(answer(alarm(22, 30), alarm(100, 101), events=_FLOOD), "flood-level", None, [])

    assert (found.hits, found.misses, len(found.false)) == (1, 0, 1)
    assert found.lead == found.shortest == 2 * HOUR
    assert found.in_alarm == 9 * HOUR
    assert [one.false for one in found.spells] == [False, True]


def test_only_what_was_severe_enough_counts() -> None:
    climbing = alarm(20, 40, worse=(25, "major"))
    found = worth(answer(climbing, events=_FLOOD, severity="major"), "flood-level", "major", [])

    assert [(one.began, one.ended) for one in found.spells] == [(at(25), at(40))]
    assert found.lead == -1 * HOUR


def test_where_nothing_is_known_to_have_happened_nobody_can_say_what_was_false() -> None:
    found = worth(answer(alarm(22, 30)), "flood-level", None, [])

    assert found.outcomes == ()
    assert found.false == ()
    assert found.spells[0].false is None


def test_the_worst_ten_minutes_are_those_with_an_alarm_of_this_rule() -> None:
    others = [at(22) - 1, at(22) + 1, at(50), at(50), at(50), at(50)]
    found = worth(answer(alarm(22, 30)), "flood-level", None, others)

    assert found.busiest == 3
