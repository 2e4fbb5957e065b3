"""A gauge on the Orge, watched; and words for what tests do to its alarms."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms import queries_lifecycle
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.model import HandledAlarm
from hypervisor.alarms.service import Act, perform
from hypervisor.database.connect import Connection, connect
from tests.integration.evaluation.world import Sent, World, make_world

WALL = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass(kw_only=True)
class Desk:
    """An operator's desk in a world that is watched."""

    world: World
    heard: float = 0

    @property
    def connection(self) -> Connection:
        return self.world.connection

    def measure(self, *readings: tuple[float, float], received: float | None = None) -> None:
        """Levels of the Orge at minutes of the day, heard of, and judged."""
        for at, value in readings:
            self.world.store([Sent(site="orge", at=at, value=value, received=received)])
            self.heard = max(self.heard, at, received or 0)
            self.world.beat(self.heard)
            self.world.settle()

    def act(self, kind: str, number: int, **said: Any) -> HandledAlarm:
        said = {"author": "anne", "reason": "because", **said}
        done = perform(self.connection, Act(alarm=number, kind=ActKind(kind), **said), now=WALL)
        self.connection.commit()
        return done

    def states(self) -> dict[int, str]:
        """Of every alarm that ever was, the state."""
        every = alarm_queries.Selection(withdrawn=True)
        clock = queries_lifecycle.read_clock(self.connection, WALL)
        handled = queries_lifecycle.list_handled(self.connection, every, clock)
        self.connection.commit()
        return {
            alarm.id: alarm.state.value for alarm in sorted(handled, key=lambda alarm: alarm.id)
        }

    def handled(self, number: int) -> HandledAlarm:
        clock = queries_lifecycle.read_clock(self.connection, WALL)
        alarm = queries_lifecycle.find_handled(self.connection, number, clock)
        self.connection.commit()
        assert alarm is not None
        return alarm

    def of_rule(self, rule: str) -> list[int]:
        """The numbers of a rule's alarms, in the order they came."""
        alarms = alarm_queries.list_alarms(
            self.connection, alarm_queries.Selection(rule=rule, withdrawn=True)
        )
        self.connection.commit()
        return sorted(alarm.id for alarm in alarms)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    world = make_world(database_url, connect(database_url))
    world.register(["orge"])
    world.record_rules()
    world.join()
    yield Desk(world=world)
    world.close()
