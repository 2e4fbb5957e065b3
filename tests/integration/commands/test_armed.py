"""An armed rule over the real broker: it sends once, unless its interlock refuses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.base.settings import Settings
from hypervisor.commands import arming, interlocks, queries, queries_proposals, service
from hypervisor.commands.arming import ArmingOrder
from hypervisor.commands.interlocks import Setting
from hypervisor.commands.model import Command
from hypervisor.commands.queries import CommandFilter
from hypervisor.commands.queries_proposals import NewProposal
from hypervisor.database.connect import Connection, connect
from hypervisor.registry.queries import load
from sensors._domain import catalogue
from tests.actuators import Actuator
from tests.integration.commands.test_proposals import (
    RULE,
    WEIR,
    end_alarm,
    flood,
    revise,
    rule,
)
from tests.integration.commands.test_sending import (
    actuators as actuators,  # noqa: PLC0414  fixtures
)
from tests.integration.commands.test_sending import give, sender, wait_for
from tests.integration.commands.test_sending import secrets as secrets  # noqa: PLC0414  fixtures

pytestmark = pytest.mark.integration

WORDS = catalogue()
DIM = {"command": "dim", "parameters": {"level": "20"}, "target": "device/lamp-1"}


def _list(connection: Connection, alarm: int) -> list[Command]:
    return queries.list_commands(connection, CommandFilter(alarm=alarm))


def test_an_armed_rule_sends_once_whatever_is_killed(
    instance_settings: Settings, actuators: dict[str, Actuator]
) -> None:
    """A sender that was killed after it had proposed; another one; an interlock that refuses."""
    settings, lamp = instance_settings, actuators["lamp-1"]
    with connect(settings.database_url, autocommit=True) as connection:
        connection.execute(WEIR)
        revise(connection, "rule", RULE, rule({**DIM, "automatic": "true"}))
        order = ArmingOrder(
            rule=RULE,
            site="orge",
            ends=datetime.now(UTC) + timedelta(hours=1),
            author="ada",
            reason="test",
        )
        arming.change(connection, load(connection), WORDS, order)
        ordered, other = (
            give(connection, device, author=author)
            for device, author in (("lamp-1", f"rule/{RULE}"), ("lamp-3", "anne"))
        )
        arming.change(connection, load(connection), WORDS, replace(order, ends=None))
        states = {each.id: each.state for each in queries.list_by_id(connection, [ordered, other])}
        assert states == {ordered: "cancelled", other: "queued"}, "what it had ordered is not sent"
        service.cancel(connection, other, who="ada", why="test")
        arming.change(connection, load(connection), WORDS, order)
        number = flood(connection)
        proposal = NewProposal(
            alarm=number,
            rule=RULE,
            kind="dim",
            parameters={"level": 20.0},
            target="device/lamp-1",
            site="orge",
            automatic=True,
        )
        queries_proposals.propose(connection, [proposal])  # and is killed
        for _ in range(2):
            with sender(settings):
                wait_for(lambda: lamp.received, lambda: _list(connection, number))
        (sent,) = _list(connection, number)
        assert [command["key"] for command in lamp.received] == [str(sent.id)]
        end_alarm(connection, number)
        connection.execute(
            "INSERT INTO command_event (command, to_state, at, who, why)"
            " SELECT id, 'superseded', now(), 'test', 'test' FROM command WHERE due_at IS NOT NULL"
        )
        setting = Setting(
            owner="device/lamp-1",
            kind="dim",
            condition="level > 3 m",
            place="weir",
            author="ada",
            reason="test",
        )
        with connection.transaction():
            interlocks.change(connection, load(connection), WORDS, setting)
        again = flood(connection)
        with sender(settings):
            wait_for(
                lambda: [c for c in _list(connection, again) if not c.open],
                lambda: _list(connection, again),
            )
        (refused,) = _list(connection, again)
        assert refused.state == "refused"
    assert len(lamp.received) == 1
