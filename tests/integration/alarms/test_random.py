"""Random acts and random news: no alarm ever leaves the table."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms import queries_acts
from hypervisor.alarms.errors import AlarmError, RefusedError
from hypervisor.alarms.lifecycle import TABLE, ActKind, AlarmState, BaseState, Hold, SystemEvent
from hypervisor.alarms.log import Alarm
from hypervisor.alarms.service import Act, perform
from hypervisor.base.instants import moment
from hypervisor.database.connect import connect
from rules._rule import SEVERITIES
from tests.integration.alarms.conftest import WALL, Desk
from tests.integration.evaluation.world import us

pytestmark = pytest.mark.integration


def _news(before: Alarm, after: Alarm, acknowledged: str | None) -> list[SystemEvent]:
    """What the watch brought, read off the log alone."""
    batches: list[SystemEvent] = []
    if after.withdrawn is not None:
        return [SystemEvent.WITHDRAWN] if before.withdrawn is None else []
    if before.episode.ended is None and after.episode.ended is not None:
        batches.append(SystemEvent.RETURNS)
    if before.episode.ended is not None and after.episode.ended is None:
        batches.append(SystemEvent.RESUMES)
    stands = after.episode.severity[-1][1]
    if (
        after.active
        and acknowledged is not None
        and SEVERITIES.index(stands) > SEVERITIES.index(acknowledged)
    ):
        batches.append(SystemEvent.STEPS_UP)
    return batches


@dataclass(kw_only=True)
class Model:
    """What the table says of every alarm; held is a rule at a subject."""

    desk: Desk
    bases: dict[int, BaseState] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    seen: dict[int, Alarm] = field(default_factory=dict)

    def state(self, number: int) -> AlarmState:
        rule = self.seen[number].episode.rule
        return AlarmState(base=self.bases[number], hold=self.holds.get(rule, Hold.NONE))

    def measure(self, at: float, value: float, minute: float) -> None:
        before = {number: self.desk.handled(number) for number in self.bases}
        self.desk.measure((at, value), received=minute)
        every = self.desk.world.alarms(withdrawn=True)
        unseen = {one.id for one in every if before.get(one.id) and not before[one.id].acknowledged}
        for alarm in every:
            now = self.desk.handled(alarm.id)
            if alarm.id in self.bases:
                base = self._after(alarm, before[alarm.id].acknowledged)
                joined = [n for n in unseen if self.desk.handled(n).merged_into == alarm.id]
                if joined and base in (BaseState.ACKNOWLEDGED, BaseState.NORMAL):
                    base = {BaseState.ACKNOWLEDGED: BaseState.UNACKNOWLEDGED}.get(
                        base, BaseState.RETURNED
                    )
                assert now.state is base
            self.bases[alarm.id], self.seen[alarm.id] = now.state, alarm
        for alarm in every:  # time ends what is shelved, and nothing else
            state = self.state(alarm.id)
            now = self.desk.handled(alarm.id)
            assert now.lifecycle in (state, TABLE[state, SystemEvent.EXPIRES])
            self.holds[alarm.episode.rule] = now.lifecycle.hold

    def _after(self, alarm: Alarm, acknowledged: str | None) -> BaseState:
        state = self.state(alarm.id)
        for news in _news(self.seen[alarm.id], alarm, acknowledged):
            after = TABLE[state, news]
            assert isinstance(after, AlarmState)
            state = after
        return state.base

    def act(self, kind: ActKind, number: int, until: datetime) -> bool:
        """Do it; False: it was refused, as the table says."""
        expected = TABLE[self.state(number), kind]
        if isinstance(expected, str):
            with pytest.raises(RefusedError, match=expected):
                self.desk.act(kind, number, until=until, assignee="x")
            self.desk.connection.rollback()
            return False
        done = self.desk.act(kind, number, until=until, assignee="x")
        assert done.lifecycle == self.desk.handled(number).lifecycle == expected
        self.bases[number] = expected.base
        self.holds[self.seen[number].episode.rule] = expected.hold
        return True


@pytest.mark.parametrize("seed", range(2))
def test_what_becomes_of_every_alarm_stands_in_the_table(desk: Desk, seed: int) -> None:
    dice = random.Random(seed)
    model = Model(desk=desk)
    done: list[bool] = []
    for minute in range(0, 150, 5):
        late = minute > 20 and dice.random() < 0.3
        at = dice.randrange(0, minute, 5) if late else minute
        model.measure(at, dice.choice((2.0, 2.0, 3.1, 3.2, 4.3)), minute)
        until = moment(us(minute + 10))
        done += [model.act(dice.choice(list(ActKind)), number, until) for number in model.bases]
    assert done.count(True) > 10
    assert done.count(False) > 10


def test_acts_while_the_watch_writes(desk: Desk) -> None:
    over = Event()

    def operator(name: str) -> int:
        dice, done = random.Random(name), 0
        with closing(connect(desk.world.url, autocommit=True)) as own:
            while not over.is_set():
                alarms = alarm_queries.list_alarms(own, alarm_queries.Selection(withdrawn=True))
                if not alarms:
                    continue
                kind = dice.choice(
                    (ActKind.ACKNOWLEDGE, ActKind.UNACKNOWLEDGE, ActKind.ASSIGN, ActKind.CLOSE)
                )
                what = Act(
                    alarm=dice.choice(alarms).id, kind=kind, author=name, reason="r", assignee=name
                )
                try:
                    perform(own, what, now=WALL)
                    done += 1
                except AlarmError:
                    pass
        return done

    with ThreadPoolExecutor(2) as beside:
        operators = [beside.submit(operator, name) for name in ("anne", "bruno")]
        dice = random.Random(4)
        try:
            for minute in range(0, 200, 5):
                desk.measure((minute, dice.choice((2.0, 3.1, 3.2, 4.3))))
                if minute > 60 and dice.random() < 0.3:
                    at = dice.randrange(0, minute, 5)
                    desk.measure((at, dice.choice((2.0, 4.3))), received=minute)
        finally:
            over.set()
        done = sum(one.result() for one in operators)

    every = [alarm.id for alarm in desk.world.alarms(withdrawn=True)]
    acts = queries_acts.list_acts(desk.connection, every)
    assert sum(one.author != "system" for one in acts) == done
    assert done > 5
    by_alarm: dict[int, list[int]] = {}
    for one in acts:
        assert BaseState(one.state)
        by_alarm.setdefault(one.alarm, []).append(one.version)
    for versions in by_alarm.values():
        assert versions == sorted(set(versions))  # each act was the only one of its version
    desk.world.settle()
    log = desk.world.log()
    desk.world.restart()
    desk.world.settle()
    assert desk.world.log() == log
