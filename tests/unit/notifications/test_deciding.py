"""What becomes of an event: a case a line, by what is so when it is looked at."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from hypervisor.base.instants import micros
from hypervisor.notifications.decision import (
    Decision,
    Drop,
    Facts,
    Hold,
    Send,
    decide,
)
from hypervisor.notifications.hours import Hours
from hypervisor.notifications.queries_alarms import AlarmContext
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.routes import EVENTS, Channel, Route, Routes

NOON = micros(datetime(2024, 10, 9, 12, 0, tzinfo=UTC))  # 14:00 in Paris
MINUTE = 60_000_000
LATER = NOON + 10_000_000  # ten seconds of the instance's clock
CHANNELS = (Channel(name="1", kind="webhook", fields={"target": "https://town.example"}),)
NIGHT = (Hours(days=frozenset({"wed"}), begins=18 * 60, ends=23 * 60),)


def route(name: str, **given: Any) -> Route:
    return Route(name=name, channels=CHANNELS, **given)


def routes(*given: Route) -> Routes:
    return Routes(routes=given)


DUTY = routes(route("duty"))


def entry(event: str, *, held: str | None = None, **body: str) -> Entry:
    return Entry(
        id=7, alarm=1, event=event, key="k", at=NOON - MINUTE, body=body, due=NOON, held=held
    )


def alarm(**given: Any) -> dict[str, Any]:
    standing = {
        "active": True,
        "withdrawn": None,
        "domain": "flood",
        "category": "hazard",
        "site": "orge",
        "rule": "flood-level",
        "severity": [["2024-10-09T11:00:00Z", "minor"], ["2024-10-09T11:30:00Z", "major"]],
    }
    return {**standing, **given}


def decided(event: str, given: Routes = DUTY, /, **facts: Any) -> Decision:
    held, body = facts.pop("held", None), facts.pop("body", {})
    known = alarm(**facts.pop("alarm", {}))
    names = ("areas", "acknowledged", "raise_pending")
    context = {name: facts.pop(name) for name in names if name in facts}
    facts["context"] = AlarmContext(**facts.pop("notified", {}), **context)
    whole = Facts(entry=entry(event, held=held, **body), alarm=known, now=NOON, **facts)
    return decide(whole, given, _no_holiday)


def _no_holiday(_day: date) -> bool:
    return False


def sent_to(decision: Decision) -> list[str]:
    assert isinstance(decision, Send)
    return [each.name for each in decision.routes]


HEARD = {"notified": frozenset({"duty"}), "notified_active": True}
OVER = {"active": False}


@pytest.mark.parametrize("event", ["raised", "severity", "stale", "revised"])
def test_news_goes_to_every_route_that_fits(event: str) -> None:
    both = routes(route("duty"), route("panel"), route("dry", domains=frozenset({"lighting"})))
    assert sent_to(decided(event, both)) == ["duty", "panel"]


@pytest.mark.parametrize("event", ["severity", "stale", "revised"])
def test_news_before_its_raising_is_dropped(event: str) -> None:
    expected = Drop(why="included in the raised notification, which waits")
    assert decided(event, raise_pending=True) == expected
    assert sent_to(decided(event, raise_pending=False)) == ["duty"]
    assert sent_to(decided("raised", raise_pending=True)) == ["duty"]


@pytest.mark.parametrize(
    ("event", "facts", "expected"),
    [
        ("raised", {"grace": 2 * MINUTE}, Hold(until=NOON + MINUTE, why="")),
        ("raised", {"grace": MINUTE}, Send(routes=DUTY.routes)),
        ("severity", {"grace": 2 * MINUTE}, Send(routes=DUTY.routes)),
        ("raised", {"suppressed": "shelved"}, Hold(until=LATER, why="shelved")),
        ("raised", {"alarm": OVER}, Send(routes=DUTY.routes)),
        ("raised", {"alarm": OVER, "grace": 1}, Drop(why="it was over before it could be sent")),
        ("raised", {"alarm": OVER, "held": "x"}, Drop(why="it was over before it could be sent")),
        (
            "raised",
            {"alarm": OVER, "suppressed": "x"},
            Drop(why="it was over before it could be sent"),
        ),
        (
            "raised",
            {"alarm": {"withdrawn": "2024-10-09T11:59:00Z"}},
            Drop(why="it was withdrawn before anybody was notified"),
        ),
        (
            "severity",
            {"alarm": {"withdrawn": "2024-10-09T11:59:00Z"}},
            Drop(why="it was withdrawn before anybody was notified"),
        ),
        ("revised", {"alarm": {"withdrawn": "2024-10-09T11:59:00Z"}}, Send(routes=DUTY.routes)),
        ("cleared", {"notified": HEARD, "alarm": OVER}, Send(routes=DUTY.routes)),
        ("cleared", {"notified": HEARD, "suppressed": "shelved"}, Send(routes=DUTY.routes)),
        ("cleared", {}, Drop(why="no one was notified of it")),
        ("withdrawn", {}, Drop(why="no one was notified of it")),
        ("revised", {"notified": HEARD, "alarm": OVER}, Send(routes=DUTY.routes)),
        (
            "revised",
            {"notified": {"notified": frozenset({"duty"})}, "alarm": OVER},
            Drop(why="it is over, and no one was notified of it"),
        ),
        ("reminder", {"body": {"to": "duty"}}, Send(routes=DUTY.routes)),
        ("reminder", {"body": {"to": "duty"}, "alarm": OVER}, Drop(why="it is over")),
        (
            "reminder",
            {"body": {"to": "duty"}, "acknowledged": True},
            Drop(why="it was acknowledged"),
        ),
        ("escalation", {"body": {"to": "duty"}, "suppressed": "shelved"}, Drop(why="shelved")),
        (
            "escalation",
            {"body": {"to": "chief"}},
            Drop(why="the route 'chief' no longer exists", no_route=True),
        ),
    ],
)
def test_what_becomes_of_it(event: str, facts: dict[str, Any], expected: Decision) -> None:
    found = decided(event, **facts)
    if isinstance(expected, Hold) and not expected.why:
        expected = Hold(until=expected.until, why="grace period of an inhibitable rule")
    assert found == expected


def test_the_end_goes_to_those_who_were_told_and_want_it() -> None:
    known = routes(
        route("duty"),
        route("panel", events=frozenset(EVENTS) - {"cleared"}),
        route("never", severity="info"),
    )
    heard = {"notified": frozenset({"duty", "panel"}), "notified_active": True}
    assert sent_to(decided("cleared", known, notified=heard, alarm=OVER)) == ["duty"]
    alone = {"notified": frozenset({"panel"}), "notified_active": True}
    assert decided("cleared", known, notified=alone, alarm=OVER) == Drop(
        why="no route notified before takes cleared"
    )
    gone = {"notified": frozenset({"gone"}), "notified_active": True}
    assert decided("cleared", known, notified=gone, alarm=OVER) == Drop(
        why="the routes notified before no longer exist", no_route=True
    )


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"domains": {"flood"}}, True),
        ({"domains": {"lighting"}}, False),
        ({"categories": {"maintenance"}}, False),
        ({"sites": {"orge", "yvette"}}, True),
        ({"sites": {"yvette"}}, False),
        ({"rules": {"flood-rain"}}, False),
        ({"areas": {"91021"}}, True),
        ({"areas": {"Versailles"}}, False),
        ({"labels": {("crew", "north")}}, True),
        ({"labels": {("crew", "north"), ("shift", "b")}}, False),
    ],
)
def test_a_route_takes_what_all_its_filters_fit(given: dict[str, set[Any]], *, fits: bool) -> None:
    narrow = routes(route("duty", **{key: frozenset(value) for key, value in given.items()}))
    facts = {"areas": frozenset({"91021", "Arpajon"}), "labels": frozenset({("crew", "north")})}
    found = decided("raised", narrow, **facts)
    assert found == (
        Send(routes=narrow.routes) if fits else Drop(why="no route matches", no_route=True)
    )


@pytest.mark.parametrize(("least", "fits"), [("minor", True), ("major", True), ("critical", False)])
def test_the_severity_that_stands_counts(least: str, *, fits: bool) -> None:
    found = decided("raised", routes(route("duty", severity=least)))
    assert isinstance(found, Send if fits else Drop)


def test_what_only_another_route_passes_on_is_not_told_otherwise() -> None:
    chief = routes(route("chief", only_escalated=True))
    assert decided("raised", chief) == Drop(why="no route matches", no_route=True)
    assert sent_to(decided("escalation", chief, body={"to": "chief"})) == ["chief"]


def test_by_night_only() -> None:
    """It waits for the hour, but for a reminder, which is dropped, and an end, which is told."""
    night = routes(route("night", hours=NIGHT))
    heard = {"notified": frozenset({"night"}), "notified_active": True}
    assert decided("raised", night) == Hold(until=LATER, why="no one is on call")
    assert decided("raised", night, alarm=OVER) == Drop(
        why="it was over before anybody was on call", no_route=True
    )
    assert decided("reminder", night, body={"to": "night"}) == Drop(
        why="no one is on call for this route"
    )
    assert sent_to(decided("escalation", night, body={"to": "night"})) == ["night"]
    assert sent_to(decided("cleared", night, notified=heard, alarm=OVER)) == ["night"]
    assert sent_to(decided("revised", night, notified=heard)) == ["night"]
    assert decided("severity", night, notified=heard) == Hold(until=LATER, why="no one is on call")


def test_a_route_on_call_that_does_not_want_it() -> None:
    quiet = routes(route("quiet", events=frozenset({"cleared"})))
    assert decided("raised", quiet) == Drop(why="no route on call takes raised")


def test_an_alarm_of_a_home_goes_only_where_its_domain_is_named() -> None:
    given = routes(route("duty"), route("care", domains=frozenset({"flood"})))
    home = {"personal": True}
    assert decided("raised", given, notified=home) == Send(routes=(given.routes[1],))
    assert isinstance(decided("raised", routes(route("duty")), notified=home), Drop)
    told = {**home, "notified": frozenset({"duty", "care"}), "notified_active": True}
    assert decided("revised", given, notified=told) == Send(routes=(given.routes[1],))
    for event in ("reminder", "escalation"):
        assert isinstance(decided(event, given, notified=home, body={"to": "duty"}), Drop)
        sent = decided(event, given, notified=home, body={"to": "care"})
        assert sent == Send(routes=(given.routes[1],))
