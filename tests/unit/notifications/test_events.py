"""Which transitions are told."""

from dataclasses import replace
from typing import Any

import pytest

from hypervisor.alarms.log import Alarm, Transition, as_text
from hypervisor.base.failures import wait_after
from hypervisor.base.instants import text
from hypervisor.notifications.decision import grace_period, parse_span
from hypervisor.notifications.events import build_events, current_severity
from rules._rule_state import Episode

MINUTE = 60_000_000


def alarm(number: int = 1, *steps: str, ended: int | None = None) -> Alarm:
    severity = tuple((k * MINUTE, name) for k, name in enumerate(steps or ("major",)))
    episode = Episode(
        rule="flood-level",
        subject="orge",
        since=0,
        began=0,
        ended=ended,
        severity=severity,
        stale=(),
    )
    return Alarm(
        id=number,
        site=1,
        place="orge",
        domain="flood",
        category="hazard",
        episode=episode,
        title="high",
        advice="",
        last_value=None,
        withdrawn=None,
        noticed=0,
        changed=0,
    )


def became(one: Alarm, kind: str, event: int = 0, reason: str = "") -> Transition:
    snapshot: dict[str, Any] = as_text(one)
    return Transition(
        alarm=one.id, kind=kind, event=event, noticed=event, reason=reason, snapshot=snapshot
    )


def told(*transitions: Transition) -> list[str]:
    alarms = [alarm(number) for number in {one.alarm for one in transitions}]
    return [event.event for event in build_events(transitions, alarms)]


def test_raised_cleared_revised_withdrawn_are_told() -> None:
    one = alarm()
    for kind in ("raised", "cleared", "revised", "withdrawn"):
        assert told(became(one, kind)) == [kind]


def test_what_was_found_late_and_was_over_is_not() -> None:
    assert told(became(alarm(ended=MINUTE), "retrospective")) == []


def test_merged_is_withdrawn_for_who_was_told_and_a_piece_that_lasts_is_new() -> None:
    assert told(became(alarm(), "merged")) == ["withdrawn"]
    assert told(became(alarm(), "split")) == ["raised"]
    assert told(became(alarm(ended=MINUTE), "split")) == []


def test_severity_is_told_when_it_rises() -> None:
    one = alarm(1, "minor", "critical", "major", "critical")
    steps = [became(one, "severity", k * MINUTE, one.episode.severity[k][1]) for k in (1, 2, 3)]
    found = build_events(steps, [one])
    assert [event.body["event_time"] for event in found] == [MINUTE, 3 * MINUTE]


def test_a_rise_that_comes_with_the_raising_is_told_by_it() -> None:
    one = alarm(1, "minor", "critical")
    assert told(became(one, "raised"), became(one, "severity", MINUTE, "critical")) == ["raised"]


@pytest.mark.parametrize(("severity", "expected"), [("critical", ["stale"]), ("major", [])])
def test_silence_is_told_while_critical(severity: str, expected: list[str]) -> None:
    assert told(became(alarm(1, severity), "stale")) == expected
    assert told(became(alarm(1, severity, ended=1), "stale")) == []
    assert told(became(alarm(1, severity), "fresh")) == []


def test_an_event_holds_the_alarm_as_it_then_stood() -> None:
    one = replace(alarm(), title="as it was")
    [event] = build_events([became(one, "cleared", 5 * MINUTE, "out of service")], [one])
    assert event.body["alarm"]["title"] == "as it was"
    assert event.body["reason"] == "out of service"
    assert text(event.at) == "1970-01-01T00:05:00Z"


def test_grace_is_as_long_as_what_inhibits_takes() -> None:
    rules: dict[str, dict[str, Any]] = {
        "supply": {"inhibits": ["lamp", "door"], "for": "10 min", "when": "x > 1"},
        "cabinet": {"inhibits": ["lamp"], "when": "silent(device, 30 min) and x"},
        "lamp": {"when": "x"},
        "door": {"when": "x", "grace": "2 min"},
    }
    assert grace_period("lamp", rules, interval=5 * MINUTE) == 35 * MINUTE
    rules["cabinet"]["when"] = "silent(power, 3 intervals) and silent(power, 30 min)"
    assert grace_period("lamp", rules, interval=5 * MINUTE) == 35 * MINUTE
    assert grace_period("lamp", rules, interval=60 * MINUTE) == 240 * MINUTE
    assert grace_period("door", rules, interval=5 * MINUTE) == 2 * MINUTE
    assert grace_period("supply", rules, interval=5 * MINUTE) == 0


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    assert [wait_after(failed, first=5, longest=900) for failed in (1, 2, 3, 8, 9, 1000)] == [
        5,
        10,
        20,
        640,
        900,
        900,
    ]


def test_grace_where_a_rule_has_but_one_or_writes_none() -> None:
    rules: dict[str, dict[str, Any]] = {
        "alone": {"inhibits": "lamp", "when": "silent( x.y , 90 s ) or silent(z, 2 min)"},
        "other": {"inhibits": None, "for": "9 h"},
        "odd": {"inhibits": ["gate"], "for": "soon"},
        "gate": {"grace": "later"},
        "lamp": {},
    }
    assert grace_period("lamp", rules, interval=0) == 2 * MINUTE
    assert grace_period("gate", rules, interval=MINUTE) == 0
    del rules["gate"]
    assert grace_period("gate", rules, interval=MINUTE) == MINUTE
    assert grace_period("nosuch", rules, interval=MINUTE) == 0
    assert [parse_span(one) for one in ("30 s", "0 s", "30", "", None)] == [
        30_000_000,
        0,
        None,
        None,
        None,
    ]


def test_an_event_has_a_key_that_no_number_changes() -> None:
    one = replace(alarm(7, "minor"), episode=replace(alarm().episode, subject="a b/c:d"))
    [event] = build_events([became(one, "raised", MINUTE)], [one])
    assert (event.alarm, event.event, event.at, event.numbered) == (7, "raised", MINUTE, True)
    assert event.key == "flood-level:a%20b/c%3Ad:1970-01-01T00:00:00Z:raised"
    assert (event.body["transition"], event.body["event_time"]) == ("raised", MINUTE)


def test_what_concerns_no_alarm_of_the_batch_is_not_told() -> None:
    assert build_events([became(alarm(1), "raised")], [alarm(2)]) == []


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("minor", "major"), ["severity"]),
        (("major", "minor"), []),
        (("major", "major"), []),
        (("major",), ["severity"]),
    ],
)
def test_only_a_rise_is_told(steps: tuple[str, ...], expected: list[str]) -> None:
    one = alarm(1, *steps)
    assert told(became(one, "severity", (len(steps) - 1) * MINUTE, steps[-1])) == expected


def test_the_severity_that_stands_is_the_last_and_info_where_there_is_none() -> None:
    assert current_severity({"severity": [["", "critical"], ["", "minor"]]}) == "minor"
    assert current_severity({"severity": []}) == current_severity({}) == "info"


def test_a_step_that_its_alarm_no_longer_knows_is_told() -> None:
    assert told(became(alarm(1, "major"), "severity", 5 * MINUTE, "minor")) == ["severity"]
