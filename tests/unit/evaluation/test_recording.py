"""What one judgement makes of the journal, the alarms and when to look again."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hypervisor.alarms.log import Alarm
from hypervisor.evaluation import recording
from hypervisor.evaluation.evaluate import Evaluated, Task
from hypervisor.evaluation.memory import Standing
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.recording import Findings
from hypervisor.evaluation.setbacks import Setbacks
from rules._reconcile import ChangeKind
from rules._rule_state import Episode, Phase, StateChange, Truth, Verdict
from tests.unit.evaluation.test_schedule import Desk, at

PAIR, OTHER = ("flood-x", "ford"), ("flood-x", "mill")


def inactive(minute: float, **more: Any) -> StateChange:
    return StateChange(
        **{
            "time": at(minute),
            "phase": Phase.INACTIVE,
            "when": Truth.FALSE,
            "clear": Truth.TRUE,
            **more,
        }
    )


def active(minute: float, *, since: float | None = None, severity: str = "major") -> StateChange:
    began = at(minute if since is None else since)
    return StateChange(
        time=at(minute),
        phase=Phase.ACTIVE,
        when=Truth.TRUE,
        clear=Truth.FALSE,
        since=began,
        began=began,
        severity=severity,
    )


def alarm(began: float, ended: float | None = None, *, number: int = 7) -> Alarm:
    episode = Episode(
        rule="flood-x",
        subject="ford",
        since=at(began),
        began=at(began),
        ended=None if ended is None else at(ended),
        severity=((at(began), "major"),),
        stale=(),
    )
    return Alarm(
        id=number,
        site=1,
        place="ford",
        domain="flood",
        category="hazard",
        episode=episode,
        title="",
        advice="",
        last_value=None,
        withdrawn=None,
        noticed=0,
        changed=0,
    )


class Watching:
    """A rule at two gauges, and where it stands at them."""

    def __init__(self, *states: StateChange, alarms: tuple[Alarm, ...] = ()) -> None:
        desk = Desk()
        self.plan = desk.plan
        self.setbacks = Setbacks()
        self.standing = Standing(open=[*states], alarms=[*alarms])
        self.closed: int | None = None
        self.memory: Any = SimpleNamespace(
            plans={"flood-x": desk.plan},
            standings={PAIR: self.standing, OTHER: Standing()},
            stats=desk.stats,
            watermark=SimpleNamespace(floor=at(99)),
            setbacks=self.setbacks,
            closing_after=lambda _pair, _time: self.closed,
            territory=SimpleNamespace(rules={"flood-x": desk.plan.rule}),
        )
        self.findings = Findings(now=at(100))

    def judge(
        self, *moments: StateChange, start: float = 0, seen: float = 0, due: int | None = None
    ) -> Findings:
        """From a minute on, up to minute 60."""
        states = self.standing.open
        task = Task(
            pair=PAIR,
            number=0,
            start=at(start),
            horizon=at(60),
            seen=at(seen),
            kept=tuple(each for each in states if each.time < at(start)),
            replaced=tuple(each for each in states if each.time >= at(start)),
        )
        verdict = Verdict(subject="ford", moments=moments, due=due)
        subject: Any = SimpleNamespace(series={})
        self.findings.add(self.memory, [Evaluated(task=task, verdict=verdict, subject=subject)])
        return self.findings


def unknown(minute: float) -> StateChange:
    return inactive(minute, when=Truth.UNKNOWN, clear=Truth.UNKNOWN)


def test_where_there_is_nothing_to_tell_the_journal_says_up_to_when_it_was_judged() -> None:
    watching = Watching()
    findings = watching.judge()
    assert findings.moments == [(PAIR, (unknown(60),))]
    assert (findings.erase, findings.outcomes, findings.evaluated) == ({}, [], 1)
    assert watching.standing.open == [unknown(60)]


def test_what_is_judged_again_with_nothing_to_tell_changes_nothing() -> None:
    watching = Watching(unknown(30))
    findings = watching.judge(start=10)
    assert (findings.moments, findings.erase) == ([], {})
    assert watching.standing.open == [unknown(30)]
    more = Watching(unknown(30), active(40)).judge(start=10)
    assert more.moments == [(PAIR, (unknown(60),))]
    assert more.erase == {PAIR: at(10)}
    kept = Watching(inactive(5)).judge(start=10)
    assert kept.moments == []


def test_a_new_alarm_is_a_change_with_its_reason_and_the_journal_goes_on() -> None:
    watching = Watching(inactive(5))
    watching.plan.causes[0] = "late reading"
    findings = watching.judge(active(20), start=10)
    assert findings.moments == [(PAIR, (active(20),))]
    assert findings.erase == {}
    (outcome,) = findings.outcomes
    assert outcome.evaluation.task.pair == PAIR
    assert (outcome.change.kind, outcome.change.identity) == (ChangeKind.RAISED, None)
    assert (outcome.cause, outcome.value) == ("late reading", None)
    assert watching.standing.open == [inactive(5), active(20)]
    assert watching.plan.causes == {}


def test_the_journal_in_memory_begins_with_the_last_inactive_moment() -> None:
    watching = Watching(inactive(5), active(10))
    findings = watching.judge(active(20, since=10), inactive(30), active(40), start=15)
    assert watching.standing.open == [inactive(30), active(40)]
    assert findings.erase == {}
    lasting = Watching(active(2))
    lasting.judge(active(30, since=2, severity="minor"), start=15)
    assert lasting.standing.open == [active(2), active(30, since=2, severity="minor")]


def test_what_was_seen_before_stands_and_an_alarm_that_goes_on_is_no_revision() -> None:
    watching = Watching(inactive(5), active(20), alarms=(alarm(20),))
    findings = watching.judge(inactive(50), start=45, seen=40)
    assert [outcome.change.kind for outcome in findings.outcomes] == [ChangeKind.PROGRESSED]
    past = Watching(inactive(5), active(20), alarms=(alarm(20),)).judge(
        *(active(20), inactive(30)), start=10, seen=40
    )
    assert [outcome.change.kind for outcome in past.outcomes] == [ChangeKind.REVISED]
    again = Watching(inactive(5), active(20), inactive(50), alarms=(alarm(20, 50),)).judge(
        *(active(20), inactive(45)), start=10, seen=0
    )
    assert [outcome.change.kind for outcome in again.outcomes] == [ChangeKind.REVISED]


def test_alarms_before_the_journal_in_memory_are_let_go() -> None:
    watching = Watching(inactive(5), active(10), alarms=(alarm(10),))
    watching.findings.outcomes.clear()
    watching.standing.alarms = [alarm(40, number=9), alarm(30, 35, number=8), alarm(5, number=1)]
    watching.standing.open = [inactive(5)]
    recording._settle(watching.standing)  # noqa: SLF001  as after each write
    assert [each.id for each in watching.standing.alarms] == [8, 9]
    watching.standing.open = [active(35)]
    recording._settle(watching.standing)  # noqa: SLF001
    assert [each.id for each in watching.standing.alarms] == [8, 9]
    watching.standing.open = [inactive(30)]
    recording._settle(watching.standing)  # noqa: SLF001
    assert [each.id for each in watching.standing.alarms] == [9]
    watching.standing.open = []
    recording._settle(watching.standing)  # noqa: SLF001
    assert [each.id for each in watching.standing.alarms] == [9]


@pytest.mark.parametrize(
    ("due", "closed", "soonest"),
    [(None, None, LATER), (5, None, 5), (None, 6, 6), (5, 6, 5), (7, 6, 6)],
)
def test_it_is_due_again_by_time_or_when_somebody_closed_it(
    due: int | None, closed: int | None, soonest: int
) -> None:
    watching = Watching(inactive(5))
    watching.closed = closed
    watching.plan.calm[:] = False
    watching.judge(active(20), start=10, due=due)
    assert watching.plan.due[0] == soonest
    assert not watching.plan.calm[0]
    calm = Watching(inactive(5), active(10))
    calm.plan.calm[:] = False
    calm.judge(inactive(20), start=15)
    assert calm.plan.calm[0]


def test_what_was_set_aside_and_is_judged_is_set_aside_no_more() -> None:
    watching = Watching(inactive(5))
    watching.setbacks.put(PAIR, at(1), ValueError("x"))
    watching.judge(active(20), start=10)
    assert watching.setbacks.now == {}


def test_a_judgement_that_cannot_be_taken_is_set_aside_and_nothing_of_it_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError("no words")

    monkeypatch.setattr(recording, "last_values", fail)
    watching = Watching(inactive(5), active(10), alarms=(alarm(10),))
    watching.plan.causes[0] = "late reading"
    findings = watching.judge(inactive(20), start=15)
    assert (findings.moments, findings.outcomes, findings.before) == ([], [], {})
    assert watching.standing.open == [inactive(5), active(10)]
    assert watching.plan.causes == {0: "late reading"}
    assert watching.setbacks.now[PAIR].since == at(15)
    assert watching.setbacks.now[PAIR].problem == "ValueError: no words"


def test_an_open_alarm_says_what_its_series_say_now(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: dict[str, Any] = {"value": 5.0}
    monkeypatch.setattr(recording, "last_values", lambda _, shown: [spoken for _ in shown])
    lasting, over = alarm(10), alarm(1, 2, number=6)
    gone = replace(alarm(30, number=5), withdrawn=3)
    watching = Watching(inactive(0), active(10), alarms=(over, lasting, gone))
    assert watching.judge(start=15).values == {7: (PAIR, spoken)}
    same = Watching(inactive(0), active(10), alarms=(replace(lasting, last_value=spoken),))
    assert same.judge(start=15).values == {}
    monkeypatch.setattr(recording, "last_values", lambda _, shown: [None for _ in shown])
    assert Watching(inactive(0), active(10), alarms=(lasting,)).judge(start=15).values == {}


def test_findings_of_some_are_without_those_of_others() -> None:
    watching = Watching(inactive(5))
    findings = watching.judge(active(20), start=1)
    findings.erase[OTHER] = 5
    findings.moments.append((OTHER, ()))
    findings.values = {1: (PAIR, {}), 2: (OTHER, {})}
    mine, others = findings.of([PAIR]), findings.of({OTHER})
    assert (mine.erase, [pair for pair, _ in mine.moments]) == ({PAIR: at(1)}, [PAIR])
    assert (len(mine.outcomes), list(mine.values)) == (1, [1])
    assert (others.erase, [pair for pair, _ in others.moments]) == ({OTHER: 5}, [OTHER])
    assert (len(others.outcomes), list(others.values)) == (0, [2])


def test_what_could_not_be_written_stands_as_before_it_was_judged() -> None:
    watching = Watching(inactive(5))
    watching.setbacks.trying.clear()
    findings = watching.judge(active(20), start=10)
    findings.undo(watching.memory, PAIR, ValueError("out of range"))
    assert watching.memory.standings[PAIR].open == [inactive(5)]
    assert watching.plan.due[0] == at(10)
    assert watching.plan.must[0]
    assert watching.setbacks.now[PAIR].since == at(10)
