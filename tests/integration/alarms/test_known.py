"""The log as known at a time is what was then to be read."""

import random
from typing import Any

import pytest

from hypervisor.alarms import queries_lifecycle
from hypervisor.alarms.errors import RefusedError
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.queries_timeline import list_alarms_as_known
from hypervisor.base.instants import moment
from tests.integration.alarms.conftest import WALL, Desk
from tests.integration.evaluation.world import us

pytestmark = pytest.mark.integration

SAME = ("id", "rule", "subject", "since", "began", "ended", "severity", "stale", "end_reason")


def _now(desk: Desk) -> list[dict[str, Any]]:
    """The log as it is to be read now."""
    clock = queries_lifecycle.read_clock(desk.connection, WALL)
    alarms = queries_lifecycle.list_handled(desk.connection, Selection(), clock)
    desk.connection.commit()
    names = {*SAME, "state", "assignee"}
    return [alarm.model_dump(mode="json", include=names) for alarm in alarms]


@pytest.mark.parametrize("seed", range(2))
def test_at_every_time_what_was_then_to_be_read(desk: Desk, seed: int) -> None:
    dice = random.Random(seed)
    read: dict[int, list[dict[str, Any]]] = {}
    sent: list[float] = []
    for minute in range(0, 200, 5):
        if dice.random() < 0.75:
            desk.measure((minute, dice.choice((2.0, 3.1, 3.2, 4.3))))
            sent.append(minute)
        elif sent:  # a correction or a late reading changes the past
            at = dice.choice(sent) + dice.choice((0, 2.5))
            desk.measure((at, dice.choice((2.0, 3.2, 4.3))), received=minute)
        for number, state in desk.states().items():
            kind = dice.choice(("acknowledge", "unacknowledge", "assign", "comment"))
            if state != "withdrawn" and dice.random() < 0.3:
                try:
                    desk.act(kind, number, assignee=dice.choice(("anne", "bruno")))
                except RefusedError:
                    desk.connection.rollback()
        read[minute] = _now(desk)

    assert any(read.values())
    for minute, then in read.items():
        found = list_alarms_as_known(desk.connection, moment(us(minute)))
        assert [{name: one[name] for name in (*SAME, "state", "assignee")} for one in found] == then
