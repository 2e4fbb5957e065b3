"""When nobody acknowledges: the latest reminder alone, and the escalation, each once."""

from dataclasses import replace
from typing import Any

import pytest

from hypervisor.notifications.queries_alarms import UnansweredAlarm
from hypervisor.notifications.reminders import list_due
from hypervisor.notifications.routes import Channel, Escalation, Route, Routes

MINUTE = 60_000_000
TOLD = 1_000 * MINUTE
OPEN = UnansweredAlarm(alarm=3, rule="flood-level", route="duty", notified_at=TOLD, news="news")
DUTY = Route(
    name="duty",
    channels=(Channel(name="1", kind="webhook", fields={"target": "https://town.example"}),),
    remind=30 * MINUTE,
    escalate=Escalation(after=45 * MINUTE, to="chief"),
)


def told(minutes: float, route: Route = DUTY, **rule: Any) -> list[tuple[str, str, str]]:
    """(event, to, key) due so long after the news was told."""
    now = TOLD + round(minutes * MINUTE)
    events = list(
        list_due(OPEN, Routes(routes=(route,)), {"flood-level": rule} if rule else {}, now)
    )
    assert all((each.alarm, each.at, each.body["route"]) == (3, now, "duty") for each in events)
    return [(each.event, each.body["to"], each.key) for each in events]


REMINDED = ("reminder", "duty", "news:reminder:duty:1")
ESCALATED = ("escalation", "chief", "news:escalation:duty:chief")


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (29.9, []),
        (30, [REMINDED]),
        (44.9, [REMINDED]),
        (45, [REMINDED, ESCALATED]),
        (59.9, [REMINDED, ESCALATED]),
        (60, [("reminder", "duty", "news:reminder:duty:2"), ESCALATED]),
        (200, [("reminder", "duty", "news:reminder:duty:6"), ESCALATED]),
    ],
)
def test_what_is_due_after_so_long(minutes: float, expected: list[tuple[str, str, str]]) -> None:
    assert told(minutes) == expected


def test_the_rule_comes_before_the_route() -> None:
    assert told(60, remind="2 h", escalate="90 min") == []
    assert told(90, remind="2 h", escalate="90 min") == [ESCALATED]
    assert told(120, remind="2 h", escalate="3 h") == [REMINDED]


def test_a_rule_reminds_where_its_route_does_not_but_names_nobody_to_pass_on_to() -> None:
    plain = replace(DUTY, remind=None, escalate=None)
    assert told(500, plain) == []
    assert told(10, plain, remind="10 min", escalate="5 min") == [REMINDED]


def test_a_route_that_is_no_more_reminds_nobody() -> None:
    assert list(list_due(OPEN, Routes(), {}, TOLD + 500 * MINUTE)) == []
