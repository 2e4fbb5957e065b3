"""A scenario's truth held against alarms: found where, when and as it says; false where quiet."""

from dataclasses import replace
from typing import Any

from hypervisor.alarms.log import Alarm
from hypervisor.exercises.scoring import format_score, score_alarms
from rules._rule_state import Episode
from simulators._scenarios import load_scenario
from simulators._story import HOUR, SECOND, Truth, Where
from tests.unit.simulators.small import field

STORY = load_scenario("quiet")
BEGINS = int(STORY.begins.timestamp()) * SECOND
TRUTH = Truth(
    what="Lamps are out",
    where=Where(any="cabinet"),
    at=10,
    until=20,
    alarms=("lighting-lamps-out",),
    tolerance=2,
)


def alarm(rule: str, subject: str, began: float, ended: float | None = None, **more: Any) -> Alarm:
    episode = Episode(
        rule=rule,
        subject=subject,
        since=BEGINS + round(began * HOUR),
        began=BEGINS + round(began * HOUR),
        ended=None if ended is None else BEGINS + round(ended * HOUR),
        severity=((BEGINS, "minor"),),
        stale=(),
    )
    usual = Alarm(
        id=1,
        site=1,
        place="x",
        domain="lighting",
        category="hazard",
        episode=episode,
        title="t",
        advice="",
        last_value=None,
        withdrawn=None,
        noticed=0,
        changed=0,
    )
    return replace(usual, **more)


def missed(*alarms: Alarm, truth: Truth = TRUTH) -> bool:
    story = replace(STORY, truth=(truth,), quiet=False)
    return bool(score_alarms(story, field(), 1, alarms).missed)


def test_an_alarm_of_the_group_its_site_or_its_lamps_tells_of_it() -> None:
    rule = "lighting-lamps-out"
    assert missed()
    assert not missed(alarm(rule, "group/lamps", 11))
    assert not missed(alarm(rule, "cabinet", 11))
    assert not missed(alarm(rule, "device/lamp-node-1", 11))
    assert missed(alarm(rule, "at-loop-station-1", 11))
    assert missed(alarm("lighting-door", "cabinet", 11))


def test_it_must_come_in_time() -> None:
    rule = "lighting-lamps-out"
    assert missed(alarm(rule, "cabinet", 13))
    assert not missed(alarm(rule, "cabinet", 13), truth=replace(TRUTH, tolerance=None))
    assert missed(alarm(rule, "cabinet", 21), truth=replace(TRUTH, tolerance=None))
    assert missed(alarm(rule, "cabinet", 2, 9))
    assert not missed(alarm(rule, "cabinet", 2, 12))


def test_a_truth_of_what_is_not_there_is_not_missed() -> None:
    assert not missed(truth=replace(TRUTH, where=Where(any="hospital")))


def test_in_a_quiet_story_a_hazard_is_false_and_maintenance_is_not() -> None:
    hazard = alarm("flood-level", "above", 3, title="Flood")
    care = alarm("flood-level-silent", "above", 3, category="maintenance")
    result = score_alarms(replace(STORY, quiet=True), field(), 1, (hazard, care))
    assert result.false == (hazard,)
    assert list(format_score(result)) == ["FALSE   Flood [flood-level]: no event"]
