"""Hours without a recipient, reported when routes are applied."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisor.base.instants import micros
from hypervisor.notifications.hours import Hours
from hypervisor.notifications.on_call import describe_gaps
from hypervisor.notifications.route_file import Vocabulary
from hypervisor.notifications.routes import EVENTS, Channel, Route, Routes

NOW = micros(datetime(2024, 5, 13, 10, 7, 31, tzinfo=UTC))  # a Monday, 12:07 in Paris
FLOOD = Vocabulary(domains=frozenset({"flood"}))
NOBODY = "no one is on call for a critical alarm of flood: "


def route(**given: Any) -> Route:
    words: dict[str, Any] = {k: frozenset(v) if isinstance(v, set) else v for k, v in given.items()}
    return Route(
        name="duty", channels=(Channel(name="1", kind="mqtt", fields={"target": "x"}),), **words
    )


def gaps(*routes: Route, now: int | None = NOW) -> list[str]:
    return describe_gaps(Routes(routes=routes), FLOOD, now)


@pytest.mark.parametrize(
    ("given", "covers"),
    [
        ({}, True),
        ({"domains": {"flood"}}, True),
        ({"domains": {"lighting"}}, False),
        ({"categories": {"hazard", "maintenance"}}, True),
        ({"categories": {"maintenance"}}, False),
        ({"areas": {"91"}}, False),
        ({"sites": {"orge"}}, False),
        ({"rules": {"flood-level"}}, False),
        ({"labels": {("crew", "north")}}, False),
        ({"only_escalated": True}, False),
        ({"events": set(EVENTS) - {"raised"}}, False),
        ({"severity": "critical"}, True),
    ],
)
def test_what_covers_a_domain_for_sure(given: dict[str, Any], *, covers: bool) -> None:
    expected = [] if covers else ["no route takes every critical alarm of flood"]
    assert gaps(route(**given)) == expected


def but(day: str, begins: int, ends: int) -> tuple[Hours, ...]:
    """Always, but for some minutes of a weekday."""
    others = frozenset({"mon", "tue", "wed", "thu", "fri", "sat", "sun"}) - {day}
    return (
        Hours(days=others),
        Hours(days=frozenset({day}), ends=begins),
        Hours(days=frozenset({day}), begins=ends),
    )


def test_a_span_is_told_by_its_beginning_and_its_end_to_the_quarter() -> None:
    assert gaps(route(hours=but("fri", 600, 615))) == [
        NOBODY + "Fri 17 May 10:00 to Fri 10:15, Fri 24 May 10:00 to Fri 10:15"
    ]


def test_what_one_leaves_another_covers() -> None:
    first, second = route(hours=but("fri", 600, 660)), route(hours=but("sat", 600, 660))
    assert gaps(first, second) == []


def test_five_are_told_and_that_there_are_more() -> None:
    mornings = (
        Hours(days=frozenset({"mon", "tue", "wed", "thu", "fri", "sat", "sun"}), begins=360),
    )
    spans = ", ".join(
        f"{day} {number} May 00:00 to {day} 06:00"
        for day, number in (("Tue", 14), ("Wed", 15), ("Thu", 16), ("Fri", 17), ("Sat", 18))
    )
    assert gaps(route(hours=mornings)) == [f"{NOBODY}{spans}, …"]


def test_what_is_open_now_and_what_is_open_at_the_end_are_told() -> None:
    mondays = (Hours(days=frozenset({"tue", "wed", "thu", "fri", "sat", "sun"})),)
    assert gaps(route(hours=mondays)) == [
        NOBODY + "Mon 13 May 12:00 to Tue 00:00, Mon 20 May 00:00 to Tue 00:00,"
        " Mon 27 May 00:00 to Mon 12:15"
    ]


def test_where_the_scenario_has_not_begun_a_fortnight_is_taken() -> None:
    (said,) = gaps(route(hours=but("tue", 600, 615)), now=None)
    assert said == NOBODY + "Tue 02 Jan 10:00 to Tue 10:15, Tue 09 Jan 10:00 to Tue 10:15"


def test_domains_one_after_the_other() -> None:
    both = Vocabulary(domains=frozenset({"weather", "flood"}))
    assert [line.split()[-1] for line in describe_gaps(Routes(), both, NOW)] == ["flood", "weather"]
